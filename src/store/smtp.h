// Handing a message to an MTA (RFC 5321), by libcurl.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace store
{

struct SmtpRequest {
    std::string server;  // "host:port", "[::1]:25"
    std::string from, to;
    std::string octets;  // CRLF throughout; dots are doubled here
    std::string user;    // "": no login
    std::optional<base::Secret> password;
};

struct SmtpReply {
    bool accepted = false;
    std::string text;  // the last reply of the server: "250 2.0.0 Ok: queued as 4bX"
};

// TLS is used where the server offers it, its certificate is not judged: this is for
// trying out one's own server.  A login goes to this very machine, or over TLS to a
// server whose certificate the system trusts.  Waits a minute at most.  Code::unavailable when there was no conversation.
[[nodiscard]] base::Result<SmtpReply> smtp_send(const SmtpRequest& request);

}  // namespace store
