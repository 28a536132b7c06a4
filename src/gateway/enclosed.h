// What a signature or an envelope encloses: the MIME entity that a message's
// Content-* fields and its body are (RFC 8551 section 3.1).
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "gateway/message.h"
#include "mime/transform.h"

namespace gateway
{

// Borrows from the message.
struct Enclosed {
    std::string header;  // with the empty line
    std::vector<mime::Piece> body;
    int encoded = 0;  // parts that were encoded for the journey

    // Views of all of it, in order; valid as long as it stays where it is.
    [[nodiscard]] std::vector<base::Octets> octets() const;
};

// The header of the entity as it is: the Content-* fields but Content-Length,
// octet for octet, and the empty line.  Without a Content-Type it says text/plain
// with the charset found.  `before`: fields that stand in front of them (RFC 9788).
[[nodiscard]] std::string enclosed_header(const Message& message, const std::string& before = {});
// The same before the body is there; nullopt when it depends on that.
[[nodiscard]] std::optional<std::string> enclosed_header(const std::vector<mime::Field>& fields);

// Of an entity whose header enclosed_header() gave: the form of
// mime::to_seven_bit(), or why there is none.
[[nodiscard]] tl::expected<Enclosed, std::string> enclose_for_journey(
    const mime::Structure& structure, mime::Known known = mime::Known::nothing);

}  // namespace gateway
