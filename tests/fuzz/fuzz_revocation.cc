// CRLs and OCSP responses from a stranger's server: refused or read, and an object
// is never both.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cms/revocation.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view octets(reinterpret_cast<const char*>(data), size);
    const auto list = cms::RevocationData::parse(cms::RevocationKind::crl, octets);
    const auto response = cms::RevocationData::parse(cms::RevocationKind::ocsp, octets);
    if (list && response) std::abort();
    for (const auto* read : {&list, &response})
        if (*read) static_cast<void>((*read)->next_update());
    return 0;
}
