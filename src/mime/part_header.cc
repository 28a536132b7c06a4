#include "mime/part_header.h"

#include <algorithm>

#include "base/ascii.h"
#include "mime/transport.h"

namespace mime
{
namespace
{

bool has_long_line(base::Octets text)
{
    while (text.size() > max_line) {
        const std::size_t lf = std::min(text.find('\n'), text.size());
        const std::size_t length = lf < text.size() && text.substr(0, lf).ends_with('\r') ? lf - 1 : lf;
        if (length > max_line) return true;
        text.remove_prefix(std::min(lf + 1, text.size()));
    }
    return false;
}

}  // namespace

std::string encoding_of(const Header& header)
{
    const Field* field = header.find("Content-Transfer-Encoding");
    if (field == nullptr) return {};
    const ContentType token = parse_disposition(field->value);
    if (token.valid && token.parameters.empty()) return token.type;
    const std::string whole = base::to_lower(unfold(field->value.substr(0, 100)));
    return whole.empty() ? "?" : whole;
}

bool is_identity_encoding(std::string_view encoding)
{
    return encoding.empty() || encoding == "7bit" || encoding == "8bit" || encoding == "binary";
}

void read_part_header(Part& part, const ContentType& default_type, bool root)
{
    const Header& header = part.header;
    part.content_type = default_type;
    if (const Field* type = header.find("Content-Type")) part.content_type = parse_content_type(type->value);
    part.encoding = encoding_of(header);

    if (!part.content_type.valid || part.content_type.duplicate_parameter)
        part.defects.add(Defect::invalid_type);
    if (header.count("Content-Type") > 1 || header.count("Content-Transfer-Encoding") > 1)
        part.defects.add(Defect::duplicate_type);
    if (!header.terminated) part.defects.add(Defect::unterminated_header);
    if (header.over_limit) part.defects.add(Defect::limit);
    for (const Field& f : header.fields) {
        if (root && !base::istarts_with(f.name, "Content-")) continue;
        if (f.raw.size() > f.name.size() && f.raw[f.name.size()] != ':')
            part.defects.add(Defect::spaced_colon);
        if (has_long_line(f.raw)) part.defects.add(Defect::long_header_line);
    }
}

}  // namespace mime
