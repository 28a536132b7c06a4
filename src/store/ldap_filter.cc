#include "store/ldap_filter.h"

#include "base/ascii.h"
#include "mime/address.h"

namespace store
{

std::string escape_for_filter(std::string_view value)
{
    std::string out;
    for (const char c : value) {
        const auto octet = static_cast<unsigned char>(c);
        const bool plain = octet > 0x20 && octet < 0x7f && c != '*' && c != '(' && c != ')' && c != '\\';
        if (plain)
            out += c;
        else
            out += '\\' + base::hex({&c, 1});
    }
    return out;
}

std::string expand_filter(std::string_view pattern, std::string_view address)
{
    mime::Mailbox mailbox;
    const bool parsed = mime::parse_address(address, mailbox);
    const std::string domain = mime::domain_of(address);
    const std::string whole =
        parsed ? std::string(address.substr(0, address.rfind('@'))) + "@" + domain : std::string(address);
    std::string out;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const char what = pattern[i] == '%' && i + 1 < pattern.size() ? pattern[i + 1] : '\0';
        switch (what) {
            case 'a': out += escape_for_filter(whole); break;
            case 'u': out += escape_for_filter(parsed ? mailbox.local : address); break;
            case 'd': out += escape_for_filter(domain); break;
            case '%': out += '%'; break;
            default: out += pattern[i]; continue;
        }
        ++i;
    }
    return out;
}

std::string unfit_filter(std::string_view pattern)
{
    bool names = false;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] != '%') continue;
        const char what = ++i < pattern.size() ? pattern[i] : '\0';
        if (what != 'a' && what != 'u' && what != 'd' && what != '%')
            return "a % that is not %a, %u, %d or %%";
        names = names || what == 'a' || what == 'u';
    }
    return names ? "" : "it asks for everybody alike: neither %a nor %u is in it";
}

}  // namespace store
