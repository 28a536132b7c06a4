// Content-Type and Content-Disposition values (RFC 2045 section 5.1, RFC 2183).
#pragma once

#include <string>
#include <vector>

#include "base/octets.h"

namespace mime
{

struct Parameter {
    std::string name;   // lower case
    std::string value;  // quoted-string resolved, case kept
};

struct ContentType {
    std::string type = "text";          // lower case; the default stands when the field is absent
    std::string subtype = "plain";      // lower case; empty for a disposition
    std::vector<Parameter> parameters;  // in order, duplicates kept
    bool present = false;
    bool valid = true;        // false: does not follow the grammar; what could be read is kept
    bool disputable = false;  // within the grammar, but readers are known to differ: a comment,
                              // a quoted-pair, a fold inside quotes, "boundary=" inside another value
    bool duplicate_parameter = false;  // RFC 7103 section 7.5: ambiguous

    [[nodiscard]] bool is(std::string_view type, std::string_view subtype) const;
    [[nodiscard]] bool is_multipart() const { return type == "multipart"; }
    [[nodiscard]] const std::string* parameter(std::string_view name) const;  // first, or nullptr
};

// Value as received (folded or not).  Comments and quoted-strings are
// understood; at most 8 KiB and 64 parameters, more makes it invalid.  A value
// that should have been quoted (boundary=a=b) is kept up to the next ";" and
// makes it invalid; so does a boundary in the pieces of RFC 2231, which readers
// take or leave.  An empty parameter (a final ";") is harmless and allowed.
[[nodiscard]] ContentType parse_content_type(base::Octets value);

// Same grammar for "attachment; filename=..."; `type` holds the disposition.
[[nodiscard]] ContentType parse_disposition(base::Octets value);

}  // namespace mime
