// CMS SignedData from a stranger: judged without a crash, never good, and the same way by
// the quick reader as by OpenSSL alone.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "../lib/verdict_text.h"
#include "cms/verify.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view der(reinterpret_cast<const char*>(data), size);
    static const cms::Trust trust;  // no anchor: whatever passes is a bug
    cms::VerifyOptions options;
    options.trust = &trust;
    options.teaches = true;
    cms::VerifyOptions plain = options;
    plain.path.afresh = true;
    const base::Octets content[] = {"Content-Type: text/plain\r\n", "\r\nHello\r\n"};
    static_cast<void>(cms::content_kind(der));
    const auto detached = cms::verify_detached(der, content, options);
    const auto opaque = cms::verify_opaque(der, options);
    if (verdict_text::of(detached) != verdict_text::of(cms::verify_detached(der, content, plain)))
        std::abort();
    if (verdict_text::of(opaque) != verdict_text::of(cms::verify_opaque(der, plain))) std::abort();
    for (const auto* verdict : {&detached, &opaque}) {
        if (verdict->certificates_only && verdict->findings.empty()) continue;
        cms::Findings all = verdict->findings;
        for (const auto& signer : verdict->signers) all.add(signer.findings);
        if (all.empty()) std::abort();
    }
    return 0;
}
