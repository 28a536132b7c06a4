// Who is connected and who writes to whom, as the MTA tells it.
#pragma once

#include <string>
#include <string_view>

#include "gateway/message.h"
#include "milter/mta.h"

struct sockaddr;

namespace milter
{

// "" for anything but IPv4 and IPv6 (a local client has no address).
[[nodiscard]] std::string address_text(const sockaddr* address);

// An address out of a macro: "192.0.2.1", "IPv6:2001:db8::1" (Sendmail); "" for
// what is no address.
[[nodiscard]] std::string address_text(std::string_view macro);

// One pair of angle brackets goes.  Postfix hands the addresses of mail that did
// not come by SMTP without them, and the null sender as an empty string.
[[nodiscard]] std::string_view without_brackets(std::string_view address);

// The envelope of a message that begins, without recipients.  `client` is what
// the connect callback saw; the macro counts only where that saw no address.
// Where both name one and they differ, libmilter has overlooked a CONNECT (it does
// so behind an "accept" at end-of-header), and client and login are those of
// somebody else: then nobody is known.
[[nodiscard]] gateway::Envelope begin_envelope(const std::string& client, const std::string& client_name,
                                               std::string_view mail_from, const Mta& mta);

}  // namespace milter
