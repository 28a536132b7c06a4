// Helpers of the tests of the 7-bit transform: the entity it makes, and what
// both forms say to a reader.
#pragma once

#include <optional>
#include <string>

#include "base/ascii.h"
#include "mime/codec.h"
#include "mime/transform.h"
#include "mime_support.h"

namespace mime_test
{

struct Transformed {
    std::string octets;  // header, empty line, body
    std::string reason;  // of a refusal
    bool changed = false;
    int encoded = 0;

    [[nodiscard]] bool ok() const { return reason.empty(); }
};

inline Transformed seven_bit(const Parsed& message)
{
    auto made = mime::to_seven_bit(message.structure());
    if (!made) return {"", made.error()};
    Transformed out{made->header, "", made->changed, made->encoded};
    for (const auto& piece : made->body) out.octets += mime::octets_of(piece);
    return out;
}

inline Transformed seven_bit(std::string octets) { return seven_bit(Parsed(std::move(octets))); }

// The octets a reader gets from a part; what cannot be decoded stays as it is.
inline std::string content_of(const mime::Part& part)
{
    return mime::decode(part.encoding, part.body).value_or(std::string(part.body));
}

// "" when both trees have the same parts with the same contents, else the first difference.
inline std::string difference(const Parsed& before, const Parsed& after)
{
    if (before.outline() != after.outline()) return before.outline() + " became " + after.outline();
    for (std::size_t i = 0; i < before.size(); ++i) {
        // Of a multipart without parts there is only text that a delimiter may follow.
        const bool empty = before[i].defects.has(mime::Defect::no_parts);
        const auto text = [](base::Octets octets) {
            return octets.substr(0, octets.find_last_not_of("\r\n") + 1);
        };
        if (empty && text(before[i].preamble) != text(after[i].preamble))
            return "the text of part \"" + before[i].section + "\" changed";
        if (empty) continue;
        const bool leaf = i + 1 == before.size() || before[i + 1].parent != static_cast<int>(i);
        if (leaf && content_of(before[i]) != content_of(after[i]))
            return "the content of part \"" + before[i].section + "\" changed";
        if (before[i].header.fields.size() > after[i].header.fields.size())
            return "a header field of part \"" + before[i].section + "\" was lost";
    }
    return "";
}

// Everything the transform promises, whatever it is given.  "" or what is broken.
inline std::string broken_promise(const Parsed& before)
{
    const Transformed once = seven_bit(before);
    if (!once.ok()) return "";
    if (!once.changed && once.octets != before.octets()) return "changed, and says it was not";
    const Parsed after(once.octets);
    if (auto what = difference(before, after); !what.empty()) return what;
    const Transformed twice = seven_bit(after);
    if (!twice.ok()) return "refused the second time: " + twice.reason;
    if (twice.changed || twice.octets != once.octets) return "changed again the second time";
    return "";
}

}  // namespace mime_test
