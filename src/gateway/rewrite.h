// Replacing what a message's body and Content-* fields say, and nothing else.
#pragma once

#include <string>
#include <vector>

#include "gateway/outcome.h"
#include "mime/header.h"

namespace gateway
{

struct ContentField {
    std::string name;
    std::string value;  // without the leading blank; folded with LF and a blank or tab
};

// A new body and the header edits that go with it.
struct Rewrite {
    std::vector<HeaderEdit> header;
    std::vector<BodyPiece> body;
};

// Edits after which the message's Content-* fields are exactly `content` (in
// that order where they are new), with one "MIME-Version: 1.0" outside
// (RFC 2045 section 4).  Content-Length goes.  Changes come before removals,
// removals from the highest index down.
[[nodiscard]] std::vector<HeaderEdit> content_edits(const std::vector<mime::Field>& fields,
                                                    const std::vector<ContentField>& content);

// A field's value as an edit wants it: without the leading blank, folded with LF;
// CR and NUL, which no edit may hold, are dropped.
[[nodiscard]] std::string field_value(base::Octets value);

[[nodiscard]] bool is_content_field(std::string_view name);  // "Content-*", any case

}  // namespace gateway
