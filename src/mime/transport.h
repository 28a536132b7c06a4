// What MTAs and other software on the way change in an entity (semantics A.2, A.4).
#pragma once

#include <optional>
#include <string>

#include "mime/structure.h"

namespace mime
{

// The longest line, without CRLF, that neither Postfix (998) nor Sendmail (990)
// touches, with a margin.
inline constexpr std::size_t max_line = 988;

// Octets that do not travel, whatever they mean: 8-bit, NUL, bare CR or LF, a
// line over max_line.  The reason is a lower-case phrase ("a bare CR"); nullopt:
// none.
[[nodiscard]] std::optional<std::string> octet_hazard(base::Octets octets);

// True: there is none, or 8-bit octets alone.
[[nodiscard]] bool travels_as_eight_bit(base::Octets octets);

enum class Hazard { none, eight_bit, nul, bare_cr, bare_lf, long_line };
enum class EightBit { is_hazard, travels };

// The same for octets that come in pieces; a last line without CRLF is a line too.
class HazardScan
{
public:
    explicit HazardScan(EightBit eight_bit = EightBit::is_hazard) : eight_bit_(eight_bit) {}

    // One that there is, not always the first; after it, what comes is of no interest.
    [[nodiscard]] Hazard take(base::Octets octets);
    [[nodiscard]] Hazard finish() const;                      // nothing comes any more
    [[nodiscard]] std::size_t line() const { return line_; }  // its octets, after long_line

private:
    EightBit eight_bit_;
    std::size_t line_ = 0;  // octets of the line that has begun, without a CR at its end
    bool cr_ = false;       // it ends in CR so far
};

// Text that is 7-bit and yet tempts software on the way (RFC 8551 section 3.1.4,
// RFC 2049 section 3): blanks at the end of a line, a line that begins with
// "From ", a line that is a lone ".".  nullptr: none.
[[nodiscard]] const char* fragile_text(base::Octets text);

// A defect that an MTA repairs on delivery, by which a signature over it breaks,
// and that is not among Structure::repairable; and a tree that was not looked at
// to its end.  "no delimiter at all in part 1"; nullopt: none.
[[nodiscard]] std::optional<std::string> repair_hazard(const Structure& structure);

// "part 1.2", or "the body" for the root.
[[nodiscard]] std::string place(const Part& part);

}  // namespace mime
