#include "mime/header.h"

#include <algorithm>

#include "base/ascii.h"

namespace mime
{
namespace
{

// Field names: printable ASCII but the colon (RFC 5322 section 2.2).
std::size_t name_length(base::Octets line)
{
    std::size_t n = 0;
    while (n < line.size() && line[n] > ' ' && line[n] < 0x7f && line[n] != ':') ++n;
    return n;
}

// Where the colon stands in a line that begins a field, else npos.
std::size_t colon_of(base::Octets line)
{
    std::size_t at = name_length(line);
    if (at == 0) return base::Octets::npos;
    while (at < line.size() && base::is_blank(line[at])) ++at;
    return at < line.size() && line[at] == ':' ? at : base::Octets::npos;
}

base::Octets without_line_end(base::Octets text)
{
    if (!text.empty() && text.back() == '\n') {
        text.remove_suffix(1);
        if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    }
    return text;
}

}  // namespace

Header parse_header(base::Octets entity, const HeaderLimits& limits)
{
    Header header;
    std::size_t at = 0;
    std::size_t field = 0;                   // where the current field began
    std::size_t colon = base::Octets::npos;  // of the current field, npos: none yet
    const auto finish_field = [&] {
        if (colon == base::Octets::npos) return;
        const base::Octets raw = entity.substr(field, at - field);
        const base::Octets text = without_line_end(raw);
        const std::size_t value = colon - field + 1;
        header.fields.push_back({raw, raw.substr(0, name_length(raw)), text.substr(value)});
        colon = base::Octets::npos;
    };
    while (at < entity.size()) {
        const std::size_t lf = entity.find('\n', at);
        const std::size_t next = lf == base::Octets::npos ? entity.size() : lf + 1;
        const base::Octets line = entity.substr(at, next - at);
        if (line == "\r\n" || line == "\n") {
            finish_field();
            header.terminated = true;
            header.block = entity.substr(0, at);
            header.body = next;
            return header;
        }
        if (next > limits.octets) {
            header.over_limit = true;
            break;
        }
        if (!base::is_blank(line.front())) {
            finish_field();
            const std::size_t found = colon_of(line);
            if (found == base::Octets::npos) {
                header.junk = true;
                break;
            }
            if (header.fields.size() >= limits.fields) {
                header.over_limit = true;
                break;
            }
            field = at;
            colon = at + found;
        } else if (colon == base::Octets::npos) {
            header.junk = true;
            break;
        }
        at = next;
    }
    finish_field();
    header.block = entity.substr(0, at);
    header.body = at;
    return header;
}

std::size_t Header::count(std::string_view name) const
{
    return static_cast<std::size_t>(std::count_if(
        fields.begin(), fields.end(), [&](const Field& f) { return base::iequals(f.name, name); }));
}

const Field* Header::find(std::string_view name) const { return find_field(fields, name); }

const Field* find_field(const std::vector<Field>& fields, std::string_view name)
{
    for (const Field& f : fields)
        if (base::iequals(f.name, name)) return &f;
    return nullptr;
}

std::string unfold(base::Octets value)
{
    std::string out;
    out.reserve(value.size());
    while (!value.empty()) {
        const std::size_t line_end = value.starts_with("\r\n") ? 2 : value.starts_with('\n') ? 1 : 0;
        if (line_end > 0 && line_end < value.size() && base::is_blank(value[line_end])) {
            value.remove_prefix(line_end);
            continue;
        }
        out += value.front();
        value.remove_prefix(1);
    }
    return std::string(base::trim(out));
}

}  // namespace mime
