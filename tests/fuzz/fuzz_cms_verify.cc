// CMS SignedData from a stranger: judged without a crash, and never good.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cms/verify.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view der(reinterpret_cast<const char*>(data), size);
    static const cms::Trust trust;  // no anchor: whatever passes is a bug
    cms::VerifyOptions options;
    options.trust = &trust;
    const base::Octets content[] = {"Content-Type: text/plain\r\n", "\r\nHello\r\n"};
    static_cast<void>(cms::content_kind(der));
    for (const auto& verdict :
         {cms::verify_detached(der, content, options), cms::verify_opaque(der, options)}) {
        if (verdict.certificates_only && verdict.findings.empty()) continue;
        cms::Findings all = verdict.findings;
        for (const auto& signer : verdict.signers) all.add(signer.findings);
        if (all.empty()) std::abort();
    }
    return 0;
}
