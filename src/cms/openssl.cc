#include "cms/openssl.h"

#include <openssl/err.h>

#include <climits>

namespace cms::ossl
{

ErrorScope::ErrorScope() { ERR_clear_error(); }
ErrorScope::~ErrorScope() { ERR_clear_error(); }

std::string ErrorScope::text() const
{
    const char* data = nullptr;
    int flags = 0;
    const unsigned long code = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags);
    std::string out;
    if (code != 0) {
        if (const char* reason = ERR_reason_error_string(code); reason != nullptr)
            out = reason;
        else
            out = "error " + std::to_string(code);
        if (data != nullptr && (flags & ERR_TXT_STRING) != 0 && *data != '\0')
            out += std::string(" (") + data + ")";
    }
    ERR_clear_error();
    return out.empty() ? "no reason given" : out;
}

BioPtr memory_bio(base::Octets o)
{
    if (o.size() > static_cast<std::size_t>(INT_MAX)) return nullptr;
    return BioPtr(BIO_new_mem_buf(o.data(), static_cast<int>(o.size())));
}

std::string contents(BIO* memory)
{
    char* data = nullptr;
    const long n = BIO_get_mem_data(memory, &data);
    return n <= 0 ? std::string() : std::string(data, static_cast<std::size_t>(n));
}

}  // namespace cms::ossl
