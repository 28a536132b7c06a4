// winmail.dat: what Outlook and Exchange send where others send MIME.
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "base/clock.h"
#include "gateway/message.h"
#include "gateway/rewrite.h"
#include "mime/structure.h"

namespace gateway
{

// application/ms-tnef, or an application/* that is named winmail.dat.
[[nodiscard]] bool is_tnef(const std::vector<mime::Field>& fields, const mime::ContentType& type);

// Does the header leave room for it: is it one, or a multipart that is neither signed
// nor encrypted?
[[nodiscard]] bool may_carry_tnef(const std::vector<mime::Field>& fields);

// The message with every TNEF part of it replaced by what the part says; nullopt when
// it has none.  Parts of signed, encrypted and attached messages are left alone, all
// other parts stay octet for octet.  Where the text of the message stands in a part
// of its own before the TNEF, as Exchange writes it, the HTML joins it there.
//
// The error says why it cannot be done completely, one lower-case phrase.
[[nodiscard]] tl::expected<std::optional<Rewrite>, std::string> convert_tnef(const Message& message,
                                                                             base::Time now,
                                                                             base::Random& random);

}  // namespace gateway
