#include "mime/transport.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/ascii.h"
#include "mime/part_header.h"

namespace mime
{
namespace
{

constexpr auto npos = base::Octets::npos;

enum class Octet { eight_bit, nul, bare_cr, bare_lf, long_line };
struct Found {
    Octet what;
    std::size_t at;      // offset
    std::size_t length;  // of a long line
};

std::size_t first_eight_bit(base::Octets octets)
{
    std::size_t i = 0;
    for (std::uint64_t word = 0; octets.size() - i >= sizeof word; i += sizeof word) {
        std::memcpy(&word, octets.data() + i, sizeof word);
        if ((word & 0x8080808080808080U) != 0) break;
    }
    while (i < octets.size() && static_cast<unsigned char>(octets[i]) < 0x80) ++i;
    return i;
}

// The first bare CR or LF or long line; a last line without CRLF is a line too.
std::optional<Found> first_line_fault(base::Octets octets)
{
    for (std::size_t at = 0; at < octets.size();) {
        const std::size_t lf = octets.find('\n', at);
        const bool ended = lf != npos;
        const base::Octets line = octets.substr(at, ended ? lf - at : npos);
        const std::size_t cr = line.find('\r');
        if (cr != npos && !(ended && cr + 1 == line.size())) return Found{Octet::bare_cr, at + cr, 0};
        if (ended && cr == npos) return Found{Octet::bare_lf, lf, 0};
        const std::size_t length = cr == npos ? line.size() : cr;
        if (length > max_line) return Found{Octet::long_line, at, length};
        if (!ended) break;
        at = lf + 1;
    }
    return std::nullopt;
}

std::optional<Found> first_fault(base::Octets octets)
{
    if (const auto at = first_eight_bit(octets); at < octets.size()) return Found{Octet::eight_bit, at, 0};
    if (const auto at = octets.find('\0'); at != npos) return Found{Octet::nul, at, 0};
    return first_line_fault(octets);
}

std::string phrase(const Found& found, bool text)
{
    switch (found.what) {
        case Octet::eight_bit: return text ? "8-bit text" : "8-bit octets";
        case Octet::nul: return "a NUL octet";
        case Octet::bare_cr: return "a bare CR";
        case Octet::bare_lf: return "a bare LF";
        case Octet::long_line: return "a line of " + std::to_string(found.length) + " octets";
    }
    return "an unknown fault";
}

std::string place(const Part& part) { return part.section.empty() ? "the body" : "part " + part.section; }

// Entities that are somebody's signature or encryption: not ours to encode, so
// what encoding would cure is no reason not to sign.
bool is_opaque(const ContentType& type)
{
    return type.is("multipart", "signed") || type.is("multipart", "encrypted") ||
           (type.type == "application" &&
            (type.subtype == "pkcs7-mime" || type.subtype == "x-pkcs7-mime" ||
             type.subtype == "pkcs7-signature" || type.subtype == "x-pkcs7-signature"));
}

// Where text would be changed by software on the way (RFC 8551 section 3.1.4,
// RFC 2049 section 3).
const char* fragile_text(base::Octets text)
{
    while (!text.empty()) {
        const std::size_t end = std::min(text.find("\r\n"), text.size());
        const base::Octets line = text.substr(0, end);
        if (!line.empty() && base::is_blank(line.back())) return "trailing blanks";
        if (line.starts_with("From ")) return "a line starting with \"From \"";
        if (line == ".") return "a line that is a lone \".\"";
        text.remove_prefix(std::min(end + 2, text.size()));
    }
    return nullptr;
}

// Measured with Postfix 3.7 and Sendmail 8.17, signed entities included:
// Sendmail takes multiparts and messages apart on delivery and writes their
// delimiters and part headers anew (an mbox "From " line there is lost).
// `limit` because nobody looked further.
constexpr std::array repaired{Defect::missing_close,    Defect::blank_delimiter,     Defect::spaced_colon,
                              Defect::long_header_line, Defect::unterminated_header, Defect::limit};

std::optional<std::string> repair(const Structure& structure)
{
    for (const Defect d : repaired) {
        if (!structure.defects.has(d)) continue;
        const auto part = std::find_if(structure.parts.begin(), structure.parts.end(),
                                       [d](const Part& p) { return p.defects.has(d); });
        return std::string(describe(d)) + " in " + place(*part);
    }
    return std::nullopt;
}

// The innermost part that holds the octet; parts are in preorder.
const Part& holder(const Structure& structure, const char* octet)
{
    const Part* found = &structure.parts.front();
    for (const Part& p : structure.parts)
        if (p.parent >= 0 && octet >= p.whole.data() && octet < p.whole.data() + p.whole.size()) found = &p;
    return *found;
}

}  // namespace

std::optional<std::string> octet_hazard(base::Octets octets)
{
    if (const auto found = first_fault(octets)) return phrase(*found, false);
    return std::nullopt;
}

std::optional<std::string> transport_hazard(const Structure& structure, Fragile fragile)
{
    const Part& root = structure.parts.front();
    for (const Field& f : root.header.fields)
        if (base::istarts_with(f.name, "Content-"))
            if (const auto hazard = octet_hazard(f.raw))
                return *hazard + " in the field " + std::string(f.name);
    if (const auto found = first_fault(root.body)) {
        const Part& part = holder(structure, root.body.data() + found->at);
        return phrase(*found, part.content_type.type == "text") + " in " + place(part);
    }
    if (auto reason = repair(structure)) return reason;
    if (fragile == Fragile::allowed) return std::nullopt;

    std::vector<bool> opaque(structure.parts.size());
    for (std::size_t i = 0; i < structure.parts.size(); ++i) {
        const Part& part = structure.parts[i];
        opaque[i] = (part.parent >= 0 && opaque[static_cast<std::size_t>(part.parent)]) ||
                    is_opaque(part.content_type);
        if (opaque[i] || part.content_type.type != "text" || !is_identity_encoding(part.encoding)) continue;
        if (const char* reason = fragile_text(part.body)) return std::string(reason) + " in " + place(part);
    }
    return std::nullopt;
}

}  // namespace mime
