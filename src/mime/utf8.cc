#include "mime/utf8.h"

#include <algorithm>

namespace mime
{

std::size_t utf8_character(base::Octets text)
{
    if (text.empty()) return 0;
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = at(0);
    if (lead < 0x80) return 1;
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((at(i) & 0xc0U) != 0x80U) return 0;
    const unsigned second = at(1);
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
        (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f))
        return 0;
    return length;
}

bool is_utf8(base::Octets text)
{
    while (!text.empty()) {
        const std::size_t n = utf8_character(text);
        if (n == 0) return false;
        text.remove_prefix(n);
    }
    return true;
}

bool is_ascii(base::Octets text)
{
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace mime
