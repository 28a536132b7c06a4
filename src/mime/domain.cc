#include "mime/domain.h"

#include <config.h>

#include "base/ascii.h"
#include "mime/utf8.h"

#ifdef HAVE_LIBIDN2
#include <idn2.h>

#include <cstdlib>
#include <memory>
#endif

namespace mime
{

std::string ascii_domain(std::string_view domain)
{
#ifdef HAVE_LIBIDN2
    constexpr std::size_t longest = 1024;  // octets: four for each letter of a name
    if (!is_ascii(domain) && domain.size() <= longest) {
        char* found = nullptr;
        const int status = idn2_to_ascii_8z(std::string(domain).c_str(), &found, IDN2_NONTRANSITIONAL);
        const std::unique_ptr<char, decltype(&std::free)> owner(found, std::free);
        if (status == IDN2_OK && found != nullptr) return base::to_lower(found);
    }
#endif
    return base::to_lower(domain);
}

}  // namespace mime
