// Log lines as JSON.  The serializer of nlohmann-json does the escaping; what is ours
// is that a line never grows over its limit and stays a whole object.
#include <algorithm>

#include "base/log.h"

// GCC 12 sees null pointers where its vectors grow.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnull-dereference"
#include <nlohmann/json.hpp>
#pragma GCC diagnostic pop

namespace base
{
namespace
{

std::string json_string(std::string_view text)
{
    using Json = nlohmann::json;
    constexpr bool ascii_only = true;
    return Json(std::string(text)).dump(-1, ' ', ascii_only, Json::error_handler_t::replace);
}

// As much of the text as fits, then "...".
std::string json_string(std::string_view text, std::size_t room)
{
    std::string out = json_string(text);
    while (out.size() > room && !text.empty()) {
        text = text.substr(0, text.size() / 2);
        out = json_string(std::string(text) + "...");
    }
    return out;
}

}  // namespace

std::string LogLine::json_of(const Field& field, std::size_t room)
{
    if (field.kind == Kind::number) return field.value;
    // Words are the only field that can be long.
    return json_string(field.cut ? field.value + "..." : field.value,
                       field.kind == Kind::words ? room : std::string::npos);
}

std::string LogLine::json(Level level, Time time) const
{
    constexpr std::string_view truncated = ",\"truncated\":true";
    const std::size_t most = longest_json - truncated.size() - 1;
    std::string out = R"({"time":")" + iso8601(time) + R"(","level":")" + name(level) + '"';
    if (has_queue_id_) out += ",\"queue_id\":" + json_string(queue_id_);

    bool left_out = false;
    // A key that comes again stands where it came first.
    for (auto field = fields_.begin(); field != fields_.end(); ++field) {
        const auto same = [&](const Field& other) { return other.key == field->key; };
        if (std::find_if(fields_.begin(), field, same) != field) continue;
        const bool several = std::count_if(field, fields_.end(), same) > 1;
        std::string member = ",\"" + field->key + "\":" + (several ? "[" : "");
        bool first = true;
        for (auto other = field; other != fields_.end(); ++other) {
            if (!same(*other)) continue;
            if (!first) member += ',';
            first = false;
            member += json_of(*other, most - std::min(most, out.size() + member.size() + 1));
        }
        if (several) member += ']';
        if (out.size() + member.size() > most)
            left_out = true;
        else
            out += member;
    }
    if (left_out) out += truncated;
    return out + "}";
}

}  // namespace base
