// A detached signature from a stranger takes a content in: what was copied is
// there, and a second time is refused.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cms/encapsulate.h"
#include "cms/verify.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view der(reinterpret_cast<const char*>(data), size);
    const base::Octets content[] = {"Content-Type: text/plain\r\n", "\r\nHello\r\n"};
    const auto made = cms::encapsulate(der, content);
    if (!made) return 0;
    if (cms::content_kind(*made) != cms::ContentKind::signed_data || cms::encapsulate(*made, content))
        std::abort();
    static const cms::Trust trust;
    cms::VerifyOptions options;
    options.trust = &trust;
    const auto before = cms::verify_detached(der, content, options);
    const auto after = cms::verify_opaque(*made, options);
    if (before.signers.size() != after.signers.size()) std::abort();
    for (std::size_t i = 0; i < before.signers.size(); ++i)
        if (before.signers[i].findings.list() != after.signers[i].findings.list()) std::abort();
    return 0;
}
