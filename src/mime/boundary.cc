#include "mime/boundary.h"

#include <algorithm>

#include "base/ascii.h"

namespace mime
{
namespace
{

// Blanks and a line end at the start of `rest`; `next` counts from there.
Delimiter line_end(base::Octets rest, Delimiter::Kind kind)
{
    const std::size_t blanks = std::min(rest.find_first_not_of(" \t"), rest.size());
    rest.remove_prefix(blanks);
    if (!rest.empty() && !rest.starts_with("\r\n")) return {};
    return {kind, blanks > 0, blanks + std::min<std::size_t>(rest.size(), 2)};
}

}  // namespace

bool is_usable_boundary(base::Octets boundary)
{
    return !boundary.empty() && !base::is_blank(boundary.back()) &&
           std::none_of(boundary.begin(), boundary.end(), base::is_control);
}

Delimiter delimiter_at(base::Octets body, std::size_t at, base::Octets dashed)
{
    base::Octets rest = body.substr(at);
    if (!rest.starts_with(dashed)) return {};
    rest.remove_prefix(dashed.size());
    Delimiter found;
    if (at == 0 || body.substr(0, at).ends_with("\r\n")) {
        found = line_end(rest, Delimiter::Kind::part);
        found.next += at + dashed.size();
        if (!found.exact() && rest.starts_with("--")) {
            found = line_end(rest.substr(2), Delimiter::Kind::close);
            found.next += at + dashed.size() + 2;
        }
    }
    return found.exact() ? found : Delimiter{Delimiter::Kind::prefix, false, 0};
}

}  // namespace mime
