// Handing a message to an MTA (RFC 5321), by libcurl.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace store
{

struct SmtpRequest {
    std::string server;  // "host:port", "[::1]:25"
    std::string from, to;
    std::string_view octets;  // CRLF throughout; dots are doubled here
    std::string user;         // "": no login
    std::optional<base::Secret> password;
    bool use_tls = true;  // where the server offers it
    std::chrono::seconds patience{60};
    std::function<bool()> go_on;  // asked about once a second, must not throw; false: give up
};

struct SmtpReply {
    bool accepted = false;
    std::string text;  // the last reply of the server: "250 2.0.0 Ok: queued as 4bX"
};

// The server's certificate is not judged: this is for one's own server.  A login goes to
// this very machine, or over TLS to a server whose certificate the system trusts.
// Code::unavailable when there was no conversation, or it broke off; after the last
// octet nobody knows then whether the message was taken.
[[nodiscard]] base::Result<SmtpReply> smtp_send(const SmtpRequest& request);
[[nodiscard]] bool smtp_available();

}  // namespace store
