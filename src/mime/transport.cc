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

// What there is among octets, wherever they stand.
struct Census {
    bool eight_bit = false;
    bool nul = false;
    std::size_t carriage_returns = 0;
};

// A compiler's own vectors: what the processor has, or several of it.
using Block = unsigned char __attribute__((vector_size(16)));

// Block by block: every octet of a large message comes by here.
Census census(base::Octets octets)
{
    Census found;
    Block any{}, nul{};
    while (octets.size() >= sizeof any) {
        // As many blocks as an octet can count.
        const std::size_t blocks = std::min<std::size_t>(octets.size() / sizeof any, 255);
        Block returns{};
        for (std::size_t i = 0; i < blocks; ++i) {
            Block block;
            std::memcpy(&block, octets.data() + i * sizeof block, sizeof block);
            any |= block;
            nul |= Block(block == '\0');
            returns -= Block(block == '\r');  // where it holds, all bits are set: -1
        }
        for (std::size_t i = 0; i < sizeof returns; ++i) found.carriage_returns += returns[i];
        octets.remove_prefix(blocks * sizeof any);
    }
    for (std::size_t i = 0; i < sizeof any; ++i) {
        if (any[i] >= 0x80) found.eight_bit = true;
        if (nul[i] != 0) found.nul = true;
    }
    for (const char c : octets) {
        if (static_cast<unsigned char>(c) >= 0x80) found.eight_bit = true;
        if (c == '\0') found.nul = true;
        if (c == '\r') ++found.carriage_returns;
    }
    return found;
}

// Very short lines: a search for each would take longer than all else.
std::size_t next_line_feed(base::Octets octets, std::size_t from)
{
    constexpr std::size_t shortest = 8;
    for (const std::size_t near = std::min(from + shortest, octets.size()); from < near; ++from)
        if (octets[from] == '\n') return from;
    return octets.find('\n', from);
}

Hazard whole(base::Octets octets, HazardScan& scan)
{
    const auto hazard = scan.take(octets);
    return hazard == Hazard::none ? scan.finish() : hazard;
}

// Measured with Postfix 3.7 and Sendmail 8.17, signed entities included:
// Sendmail takes multiparts and messages apart on delivery and writes their
// delimiters and part headers anew (an mbox "From " line there is lost).
// `limit` because nobody looked further.
constexpr std::array repaired{Defect::spaced_colon, Defect::unterminated_header, Defect::limit};

}  // namespace

std::string place(const Part& part) { return part.section.empty() ? "the body" : "part " + part.section; }

Hazard HazardScan::take(base::Octets octets)
{
    if (octets.empty()) return Hazard::none;
    if (cr_) {
        if (octets.front() != '\n') return Hazard::bare_cr;
        octets.remove_prefix(1);
        cr_ = false;
        line_ = 0;
    }
    const Census found = census(octets);
    if (found.eight_bit && eight_bit_ == EightBit::is_hazard) return Hazard::eight_bit;
    if (found.nul) return Hazard::nul;
    std::size_t begin = 0, line_ends = 0;
    for (std::size_t lf = 0; (lf = next_line_feed(octets, begin)) != npos; begin = lf + 1) {
        if (lf == 0 || octets[lf - 1] != '\r') return Hazard::bare_lf;
        line_ += lf - 1 - begin;
        if (line_ > max_line) return Hazard::long_line;
        line_ = 0;
        ++line_ends;
    }
    // What ends in CR may go on with LF in the next piece.
    cr_ = octets.ends_with('\r');
    if (found.carriage_returns != line_ends + (cr_ ? 1 : 0)) return Hazard::bare_cr;
    line_ += octets.size() - begin - (cr_ ? 1 : 0);
    return line_ > max_line ? Hazard::long_line : Hazard::none;
}

Hazard HazardScan::finish() const { return cr_ ? Hazard::bare_cr : Hazard::none; }

std::optional<std::string> octet_hazard(base::Octets octets)
{
    HazardScan scan;
    switch (whole(octets, scan)) {
        case Hazard::eight_bit: return "8-bit octets";
        case Hazard::nul: return "a NUL octet";
        case Hazard::bare_cr: return "a bare CR";
        case Hazard::bare_lf: return "a bare LF";
        case Hazard::long_line: return "a line of " + std::to_string(scan.line()) + " octets";
        case Hazard::none: break;
    }
    return std::nullopt;
}

bool travels_as_eight_bit(base::Octets octets)
{
    HazardScan scan(EightBit::travels);
    return whole(octets, scan) == Hazard::none;
}

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
