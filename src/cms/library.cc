#include "cms/library.h"

#include <openssl/crypto.h>

#include <tuple>

namespace cms
{

std::string library_version() { return OpenSSL_version(OPENSSL_VERSION); }

bool library_is_current()
{
    return std::make_tuple(OPENSSL_version_major(), OPENSSL_version_minor(), OPENSSL_version_patch()) >=
           std::make_tuple(3U, 0U, 22U);
}

}  // namespace cms
