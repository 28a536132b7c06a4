// RTF as a row of tokens (RTF 1.9.1, "Formal syntax"); nothing is interpreted.
#pragma once

#include <optional>

#include "base/octets.h"

namespace mime
{

struct RtfToken {
    enum class Kind { end, open, close, word, symbol, octet, text };
    Kind kind = Kind::end;
    base::Octets text;  // of a word its letters; of text the run
    std::optional<int> parameter;
    char octet = 0;  // \'hh; of a symbol its character
};

// Line ends between tokens are skipped.  Every call but the last consumes something.
class RtfTokens
{
public:
    explicit RtfTokens(base::Octets rtf) : rest_(rtf) {}

    [[nodiscard]] RtfToken next();
    void skip(std::size_t octets);  // of \bin

private:
    base::Octets taken(std::size_t n);
    RtfToken control();

    base::Octets rest_;
};

}  // namespace mime
