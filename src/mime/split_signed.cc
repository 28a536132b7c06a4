#include <array>

#include "mime/boundary.h"
#include "mime/structure.h"

namespace mime
{
namespace
{

constexpr auto npos = base::Octets::npos;

// Some readers take a bare CR for a line end; to them this would be a delimiter.
bool behind_bare_cr(base::Octets body, base::Octets dashed)
{
    for (std::size_t cr = body.find('\r'); cr != npos; cr = body.find('\r', cr + 1))
        if (body.substr(cr + 1).starts_with(dashed)) return true;
    return false;
}

SplitResult failure(SplitError error)
{
    SplitResult out;
    out.error = error;
    return out;
}

}  // namespace

SplitResult split_signed(base::Octets body, std::string_view boundary)
{
    if (!is_usable_boundary(boundary)) return failure(SplitError::boundary);
    const std::string dashed = "--" + std::string(boundary);

    struct Line {
        std::size_t at, next;
    };
    std::array<Line, 3> lines{};  // of the first part, the second part and the close delimiter
    std::size_t count = 0;
    bool in_order = true;
    for (std::size_t at = 0; at < body.size();) {
        const Delimiter found = delimiter_at(body, at, dashed);
        if (found.kind == Delimiter::Kind::prefix) return failure(SplitError::ambiguous);
        if (found.exact()) {
            if (count < lines.size()) {
                if ((found.kind == Delimiter::Kind::close) != (count == 2)) in_order = false;
                lines[count] = {at, found.next};
            }
            ++count;
            at = found.next;
            continue;
        }
        const std::size_t lf = body.find("\n--", at);
        if (lf == npos) break;
        at = lf + 1;
    }
    if (behind_bare_cr(body, dashed)) return failure(SplitError::ambiguous);
    if (!in_order || count != lines.size()) return failure(SplitError::parts);

    // Each later delimiter owns the CRLF before it, which must not be the one
    // that ends the delimiter before (RFC 2046: CRLF is part of the delimiter).
    const auto [first, second, close] = lines;
    if (second.at < first.next + 2 || close.at < second.next + 2) return failure(SplitError::parts);
    SplitResult out;
    out.ok = true;
    out.parts.preamble = body.substr(0, first.at >= 2 ? first.at - 2 : 0);
    out.parts.content = body.substr(first.next, second.at - 2 - first.next);
    out.parts.signature = body.substr(second.next, close.at - 2 - second.next);
    out.parts.epilogue = body.substr(close.next);
    return out;
}

}  // namespace mime
