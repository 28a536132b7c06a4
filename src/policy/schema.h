// Every configuration key: section, type, default, one line of documentation.
// One table; the loader, smimectl config, "did you mean" and the test that
// holds smime-milter.conf(5) to the code all read it.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace policy
{

struct KeySpec {
    std::string_view section;  // "milter", "keys", "key", "source", "trust", "rule" ...
    std::string_view key;
    std::string_view type;      // "yes|no", "size", "list", "path", "text", "a|b|c", ...
    std::string_view fallback;  // the default, as it would be written; "" for none
    std::string_view summary;   // one line, as in the man page
    bool repeatable = false;
};

[[nodiscard]] std::span<const KeySpec> schema();
// [rule NAME] and the like: there may be several of them.
[[nodiscard]] bool has_names(std::string_view section);
[[nodiscard]] const KeySpec* find_key(std::string_view section, std::string_view key);
// The nearest known key of the section, or "" when none is near.
[[nodiscard]] std::string_view nearest_key(std::string_view section, std::string_view key);
// The nearest of the words known (lower case), or "" when none is near: at most
// three slips, fewer in short words.
[[nodiscard]] std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

}  // namespace policy
