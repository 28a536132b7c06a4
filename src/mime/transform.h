// An entity that survives any journey: 7-bit, short lines, nothing that software
// on the way would change (semantics A.2; RFC 8551 section 3.1.3).
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

#include "mime/structure.h"

namespace mime
{

// Octets of the original, or new ones.
using Piece = std::variant<base::Octets, std::string>;
[[nodiscard]] base::Octets octets_of(const Piece& piece);

struct SevenBit {
    std::string header;       // of the root, with its empty line
    std::vector<Piece> body;  // borrows from the octets that `structure` was parsed from
    int encoded = 0;          // parts that were quoted or put into base64
    bool changed = false;     // anything at all, labels included
};

// Changes only what needs it, octet range by octet range; everything else stays
// as it is:
//
//   text                  quoted-printable, or base64 where that is much shorter,
//                         when it is 8-bit, has NUL, bare CR or LF or long lines,
//                         or is fragile_text()
//   other leaves,         base64, for the same reasons but the last
//   message/global
//   multipart, message    entered; "8bit" and "binary" become "7bit", also where a
//                         leaf says so and is not: Postfix re-encodes by the label
//   preamble, epilogue    emptied when they do not travel: they carry no content
//   parameters in UTF-8   (file names above all) RFC 2231, descriptions RFC 2047
//   long header lines     folded, of parts
//   base64                wrapped anew when its lines are too long or oddly ended
//   quoted-printable      raw 8-bit octets in it, and nothing else, are escaped
//   Structure::repairable repaired, as MTAs do on delivery and break a signature by it
//
// A part decodes to the same octets as before.  Never changed: other encoded
// parts, signed or encrypted parts, message/partial, reports and other messages.
// A structure that readers may see differently is not entered, but kept when it
// travels as it is.
//
// The error is the reason why that cannot be done faithfully, one lower-case
// phrase: "8-bit octets in part 2, which is signed or encrypted".
//
// Of the root's header all fields are kept, but only Content-* fields are looked
// at: the others never become part of a signed entity.  Doing it twice changes
// nothing the second time.  Linear time, no recursion.
//
// `known`: what octet_hazard() would say of the body of the root, which then need not be
// looked at again.
enum class Known { nothing, no_hazard };
[[nodiscard]] tl::expected<SevenBit, std::string> to_seven_bit(const Structure& structure,
                                                               Known known = Known::nothing);

}  // namespace mime
