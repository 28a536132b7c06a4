// Delimiter lines of a multipart (RFC 2046 section 5.1.1).
#pragma once

#include "base/octets.h"

namespace mime
{

// Not empty, no control octets, no blank at its end.  Octets outside bcharsnospace
// and more than 70 of them are let pass: they are compared, never interpreted.
[[nodiscard]] bool is_usable_boundary(base::Octets boundary);

struct Delimiter {
    enum class Kind {
        none,    // the line does not begin with "--" and the boundary
        prefix,  // it does, but is no delimiter: readers that compare prefixes disagree with us
        part,
        close,
    };
    Kind kind = Kind::none;
    bool blanks = false;   // between the boundary and the line end
    std::size_t next = 0;  // of part and close: where the next line starts

    [[nodiscard]] bool exact() const { return kind == Kind::part || kind == Kind::close; }
};

// What stands at `at`, the start of a line of `body`.  `dashed` is "--" and the
// boundary.  A delimiter begins at the start of `body` or behind CRLF, and ends
// with CRLF or with `body`: a line start behind a bare LF makes it a prefix.
[[nodiscard]] Delimiter delimiter_at(base::Octets body, std::size_t at, base::Octets dashed);

}  // namespace mime
