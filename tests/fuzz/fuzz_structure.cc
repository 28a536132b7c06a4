// The tree, the splitter, the hazards and the 7-bit transform over any octets: no
// crash, ranges that lie in the input, and nothing left for a second transform.
#include <cstdint>
#include <cstdlib>

#include "mime/transform.h"
#include "mime/transport.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const base::Octets octets(reinterpret_cast<const char*>(data), size);
    const auto header = mime::parse_header(octets);
    const base::Octets body = octets.substr(header.body);
    const auto structure = mime::parse_structure(header, body);
    const char* end = octets.data() + octets.size();
    for (const auto& part : structure.parts)
        if (part.whole.data() + part.whole.size() > end || part.body.size() > part.whole.size()) std::abort();
    static_cast<void>(mime::repair_hazard(structure));
    if (const auto once = mime::to_seven_bit(structure)) {
        std::string made;
        for (const auto& piece : once->body) made += mime::octets_of(piece);
        const auto twice = mime::to_seven_bit(mime::parse_structure(mime::parse_header(once->header), made));
        if (!twice || twice->changed) std::abort();
    }
    const auto* boundary = structure.parts.front().content_type.parameter("boundary");
    const auto split = mime::split_signed(body, boundary == nullptr ? "b" : *boundary);
    if (split.ok && split.parts.content.size() + split.parts.signature.size() > body.size()) std::abort();
    return 0;
}
