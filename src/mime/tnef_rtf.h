// The body of a message as Exchange keeps it: RTF, compressed (MS-OXRTFCP), often with
// the HTML or the plain text inside that it was made from (MS-OXRTFEX).
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "base/octets.h"
#include "mime/tnef_charset.h"

namespace mime
{

// The RTF in a PidTagRtfCompressed.  More than `most` octets, a checksum that differs, a
// size that is not the one announced and octets missing are errors, one lower-case
// phrase each.  Linear in what comes in, of which at most nine times as much comes out.
[[nodiscard]] tl::expected<std::string, std::string> decompress_rtf(base::Octets compressed,
                                                                    std::size_t most);

struct RtfBody {
    enum class Kind {
        html,  // encapsulated: the HTML as it was
        text,  // encapsulated: the plain text as it was
        rich,  // made as RTF: its text, without fonts, pictures and the like
    };
    Kind kind = Kind::rich;
    std::string utf8;  // line ends are CRLF
};

// Linear in the octets, without recursion.  An error where a reader would see something
// else than we: octets that are not in their code page, groups that do not close.
[[nodiscard]] tl::expected<RtfBody, std::string> read_rtf(base::Octets rtf, CodePages& pages);

}  // namespace mime
