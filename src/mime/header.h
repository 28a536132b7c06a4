// Header fields as octet ranges (RFC 5322 section 2.2, RFC 2045 section 3).
#pragma once

#include <string>
#include <vector>

#include "base/octets.h"

namespace mime
{

struct Field {
    base::Octets raw;    // name, colon, value and the final CRLF, folding as received
    base::Octets name;   // without the colon and blanks before it
    base::Octets value;  // after the colon up to, not including, the final CRLF
};

struct HeaderLimits {
    std::size_t fields = 10'000;
    std::size_t octets = 4U << 20;
};

// All views point into the octets given to parse_header().
struct Header {
    std::vector<Field> fields;
    base::Octets block;       // all fields, without the empty line
    std::size_t body = 0;     // where the body starts in the octets parsed
    bool terminated = false;  // an empty line ended the block
    bool junk = false;        // a line that is no field (or a first continuation) ended the block;
                              // that line is the first of the body
    bool over_limit = false;

    [[nodiscard]] std::size_t count(std::string_view name) const;
    [[nodiscard]] const Field* find(std::string_view name) const;  // the first one, or nullptr
};

// The first field of that name, or nullptr.
[[nodiscard]] const Field* find_field(const std::vector<Field>& fields, std::string_view name);

// Reads fields up to the empty line.  A line ends at CRLF; a bare LF is taken
// as a line end too, so that a field cannot hide behind one (the caller sees it
// in `raw`).  Linear time, no recursion.
[[nodiscard]] Header parse_header(base::Octets entity, const HeaderLimits& limits = {});

// Folding removed (a line break before a blank goes, the blank stays), trimmed.
[[nodiscard]] std::string unfold(base::Octets value);

}  // namespace mime
