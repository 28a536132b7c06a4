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

// The first bare CR or LF or long line.
LineFault line_fault(base::Octets octets, LineScan& scan)
{
    const auto fault = scan.take(octets);
    return fault == LineFault::none ? scan.finish() : fault;
}

// Measured with Postfix 3.7 and Sendmail 8.17, signed entities included:
// Sendmail takes multiparts and messages apart on delivery and writes their
// delimiters and part headers anew (an mbox "From " line there is lost).
// `limit` because nobody looked further.
constexpr std::array repaired{Defect::spaced_colon, Defect::unterminated_header, Defect::limit};

}  // namespace

std::string place(const Part& part) { return part.section.empty() ? "the body" : "part " + part.section; }

LineFault LineScan::take(base::Octets octets)
{
    if (cr_ && !octets.empty()) {
        if (octets.front() != '\n') return LineFault::bare_cr;
        octets.remove_prefix(1);
        cr_ = false;
        line_ = 0;
    }
    while (!octets.empty()) {
        // Very short lines: two searches for each would take longer than all else.
        constexpr std::size_t shortest = 8;
        std::size_t near = 0;
        while (near < octets.size() && near < shortest && octets[near] != '\r' && octets[near] != '\n')
            ++near;
        if (line_ == 0 && near + 1 < octets.size() && octets[near] == '\r' && octets[near + 1] == '\n') {
            octets.remove_prefix(near + 2);
            continue;
        }
        const std::size_t lf = octets.find('\n');
        const bool ended = lf != npos;
        const base::Octets line = octets.substr(0, lf);
        octets.remove_prefix(ended ? lf + 1 : line.size());
        const std::size_t cr = line.find('\r');
        if (cr != npos && cr + 1 != line.size()) return LineFault::bare_cr;
        if (cr == npos && ended) return LineFault::bare_lf;
        line_ += line.size() - (cr == npos ? 0 : 1);
        if (line_ > max_line) return LineFault::long_line;
        // What ends in CR may go on with LF in the next piece.
        cr_ = cr != npos && !ended;
        if (ended) line_ = 0;
    }
    return LineFault::none;
}

LineFault LineScan::finish() const { return cr_ ? LineFault::bare_cr : LineFault::none; }

std::optional<std::string> octet_hazard(base::Octets octets)
{
    if (const auto at = first_eight_bit(octets); at < octets.size()) return "8-bit octets";
    if (const auto at = octets.find('\0'); at != npos) return "a NUL octet";
    LineScan scan;
    switch (line_fault(octets, scan)) {
        case LineFault::bare_cr: return "a bare CR";
        case LineFault::bare_lf: return "a bare LF";
        case LineFault::long_line: return "a line of " + std::to_string(scan.line()) + " octets";
        case LineFault::none: break;
    }
    return std::nullopt;
}

bool travels_as_eight_bit(base::Octets octets)
{
    LineScan scan;
    return octets.find('\0') == npos && line_fault(octets, scan) == LineFault::none;
}

bool HazardScan::take(base::Octets octets)
{
    return first_eight_bit(octets) == octets.size() && octets.find('\0') == npos &&
           lines_.take(octets) == LineFault::none;
}

bool HazardScan::finish() const { return lines_.finish() == LineFault::none; }

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
