#include "gateway/rewrite.h"

#include <algorithm>
#include <map>

#include "base/ascii.h"

namespace gateway
{
namespace
{

using Kind = HeaderEdit::Kind;

// The edits that leave exactly one "MIME-Version: 1.0".
void mime_version(const std::vector<mime::Field>& fields, std::vector<HeaderEdit>& changes,
                  std::vector<HeaderEdit>& removals, std::vector<HeaderEdit>& additions)
{
    constexpr std::string_view name = "MIME-Version";
    int count = 0;
    for (const auto& field : fields) {
        if (!base::iequals(field.name, name)) continue;
        if (++count == 1 && mime::unfold(field.value) != "1.0")
            changes.push_back({Kind::change, std::string(name), 1, "1.0"});
    }
    if (count == 0) additions.push_back({Kind::append, std::string(name), 1, "1.0"});
    for (int i = count; i > 1; --i) removals.push_back({Kind::remove, std::string(name), i, ""});
}

}  // namespace

bool is_content_field(std::string_view name) { return base::istarts_with(name, "Content-"); }

std::string field_value(base::Octets value)
{
    if (value.starts_with(' ')) value.remove_prefix(1);
    std::string out;
    for (const char c : value)
        if (c != '\r' && c != '\0') out += c;
    return out;
}

std::vector<HeaderEdit> content_edits(const std::vector<mime::Field>& fields,
                                      const std::vector<ContentField>& content)
{
    struct Name {
        std::string spelling;
        int before = 0;
        int after = 0;
    };
    std::map<std::string, Name> names;
    for (const auto& field : fields) {
        if (!is_content_field(field.name)) continue;
        Name& n = names[base::to_lower(field.name)];
        n.spelling = std::string(field.name);
        ++n.before;
    }
    std::vector<HeaderEdit> changes, removals, additions;
    mime_version(fields, changes, removals, additions);
    for (const auto& field : content) {
        Name& n = names[base::to_lower(field.name)];
        const int index = ++n.after;
        if (index <= n.before)
            changes.push_back({Kind::change, field.name, index, field.value});
        else
            additions.push_back({Kind::append, field.name, index, field.value});
    }
    for (const auto& [lower, n] : names)
        for (int i = n.before; i > n.after; --i) removals.push_back({Kind::remove, n.spelling, i, ""});

    changes.insert(changes.end(), removals.begin(), removals.end());
    changes.insert(changes.end(), additions.begin(), additions.end());
    return changes;
}

}  // namespace gateway
