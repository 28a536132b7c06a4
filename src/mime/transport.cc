#include "mime/transport.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/ascii.h"

namespace mime
{
namespace
{

constexpr auto npos = base::Octets::npos;

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
std::optional<std::string> line_fault(base::Octets octets)
{
    for (std::size_t at = 0; at < octets.size();) {
        // Very short lines: two searches for each would take longer than all else.
        std::size_t near = at;
        while (near < octets.size() && near < at + 8 && octets[near] != '\r' && octets[near] != '\n') ++near;
        if (near + 1 < octets.size() && octets[near] == '\r' && octets[near + 1] == '\n') {
            at = near + 2;
            continue;
        }
        const std::size_t lf = octets.find('\n', at);
        const bool ended = lf != npos;
        const base::Octets line = octets.substr(at, ended ? lf - at : npos);
        const std::size_t cr = line.find('\r');
        if (cr != npos && !(ended && cr + 1 == line.size())) return "a bare CR";
        if (ended && cr == npos) return "a bare LF";
        const std::size_t length = cr == npos ? line.size() : cr;
        if (length > max_line) return "a line of " + std::to_string(length) + " octets";
        if (!ended) break;
        at = lf + 1;
    }
    return std::nullopt;
}

// Measured with Postfix 3.7 and Sendmail 8.17, signed entities included:
// Sendmail takes multiparts and messages apart on delivery and writes their
// delimiters and part headers anew (an mbox "From " line there is lost).
// `limit` because nobody looked further.
constexpr std::array repaired{Defect::spaced_colon, Defect::unterminated_header, Defect::limit};

}  // namespace

std::string place(const Part& part) { return part.section.empty() ? "the body" : "part " + part.section; }

std::optional<std::string> octet_hazard(base::Octets octets)
{
    if (const auto at = first_eight_bit(octets); at < octets.size()) return "8-bit octets";
    if (const auto at = octets.find('\0'); at != npos) return "a NUL octet";
    return line_fault(octets);
}

bool travels_as_eight_bit(base::Octets octets) { return octets.find('\0') == npos && !line_fault(octets); }

bool HazardScan::take(base::Octets octets)
{
    if (first_eight_bit(octets) < octets.size() || octets.find('\0') != npos) return false;
    if (cr_ && !octets.empty()) {
        if (octets.front() != '\n') return false;
        octets.remove_prefix(1);
        cr_ = false;
        line_ = 0;
    }
    while (!octets.empty()) {
        const std::size_t lf = octets.find('\n');
        const bool ended = lf != npos;
        base::Octets line = octets.substr(0, lf);
        octets.remove_prefix(ended ? lf + 1 : line.size());
        // What ends in CR may go on with LF in the next piece.
        const bool cr = line.ends_with('\r');
        if (ended && !cr) return false;
        if (cr) line.remove_suffix(1);
        line_ += line.size();
        if (line_ > max_line || line.find('\r') != npos) return false;
        cr_ = cr && !ended;
        if (ended) line_ = 0;
    }
    return true;
}

bool HazardScan::finish() const { return !cr_; }

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

std::optional<std::string> repair_hazard(const Structure& structure)
{
    for (const Defect d : repaired) {
        if (!structure.defects.has(d)) continue;
        std::vector<bool> repairable(structure.parts.size());
        for (const Repairable& r : structure.repairable)
            if (r.defect == d) repairable[r.part] = true;
        for (std::size_t i = 0; i < structure.parts.size(); ++i)
            if (structure.parts[i].defects.has(d) && !repairable[i])
                return std::string(describe(d)) + " in " + place(structure.parts[i]);
    }
    return std::nullopt;
}

}  // namespace mime
