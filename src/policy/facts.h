// What rules are decided on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mime/address.h"
#include "mime/header.h"

namespace policy
{

struct Facts {
    std::string client;                   // IP address of the SMTP client as text; "" when not known
    std::string login;                    // {auth_authen}, or that of tls_login; "" when there is none
    std::string listener;                 // {daemon_name}
    std::string mail_from;                // without <>, "" is the null sender
    std::vector<std::string> recipients;  // without <>, in envelope order
    mime::Author author;
    const std::vector<mime::Field>* header = nullptr;  // required
    std::optional<std::uint64_t> size;                 // octets of the message; unknown before its body came

    // Of a copy that comes back after its message was split: what was true then.
    bool returned = false;
    bool encryption_requested = false;
    std::optional<bool> relayed;  // whether it had a Received field
};

}  // namespace policy
