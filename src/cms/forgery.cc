#include "cms/forgery.h"

#include <algorithm>
#include <string>

#include "base/ascii.h"
#include "cms/der.h"

namespace cms
{
namespace
{

using namespace std::string_view_literals;

constexpr auto content_type = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03"sv;
constexpr auto message_digest = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04"sv;

std::string first_octets(base::Pieces content, std::size_t most)
{
    std::string out;
    for (base::Octets p : content) {
        if (out.size() >= most) break;
        out += p.substr(0, most - out.size());
    }
    return out;
}

bool is_attribute_set(base::Octets content)
{
    der::Reader whole(content);
    const auto set = whole.next(der::set);
    if (!set || !whole.at_end()) return false;
    bool has_type = false, has_digest = false;
    for (der::Reader attributes(set->body); !attributes.at_end();) {
        const auto attribute = attributes.next(der::sequence);
        if (!attribute) return false;
        der::Reader fields(attribute->body);
        const auto type = fields.next(der::object_identifier);
        if (!type || !fields.next(der::set)) return false;
        has_type = has_type || type->body == content_type;
        has_digest = has_digest || type->body == message_digest;
    }
    return has_type && has_digest;
}

bool begins_like_an_entity(base::Octets content)
{
    if (content.starts_with("\r\n") || content.starts_with('\n')) return true;
    // ftext of RFC 5322 section 3.6.8; blanks before the colon are obsolete syntax.
    const auto name_end =
        std::find_if(content.begin(), content.end(), [](char c) { return c < 33 || c > 126 || c == ':'; });
    const auto colon = std::find_if_not(name_end, content.end(), base::is_blank);
    return name_end != content.begin() && colon != content.end() && *colon == ':';
}

}  // namespace

bool looks_forged(base::Pieces content)
{
    constexpr std::size_t longest_name = 1000;
    const std::string start = first_octets(content, longest_name);
    if (!begins_like_an_entity(start)) return true;
    if (start.front() != static_cast<char>(der::set)) return false;
    return is_attribute_set(first_octets(content, base::total_size(content)));
}

}  // namespace cms
