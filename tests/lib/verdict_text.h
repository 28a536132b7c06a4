// All that a verdict says, as text: two that read alike are alike.
#pragma once

#include <string>

#include "gateway/verify.h"

namespace verdict_text
{

inline std::string of(const cms::Findings& findings)
{
    std::string out(cms::name(findings.code()));
    for (const auto finding : findings.list()) out += " " + std::string(cms::word(finding));
    return out;
}

inline std::string of(const cms::SignerVerdict& signer)
{
    std::string out = "signer " + of(signer.findings) + "\n  " + signer.serial + " of " + signer.issuer +
                      "\n  " + signer.signature + " " + signer.digest + "\n";
    if (signer.certificate) out += "  certificate " + signer.certificate->fingerprint() + "\n";
    if (signer.signing_time) out += "  at " + base::iso8601(*signer.signing_time) + "\n";
    for (const auto& comment : signer.comments) out += "  comment " + comment + "\n";
    for (const auto& line : signer.revocation) out += "  revocation " + line + "\n";
    const auto& offer = signer.offer;
    if (offer.certificate)
        out += "  offers " + offer.certificate->fingerprint() + (offer.preferred ? ", preferred" : "") + "\n";
    for (const auto& issuer : offer.issuers) out += "  issued by " + issuer.fingerprint() + "\n";
    if (offer.capabilities)
        for (const auto cipher : *offer.capabilities)
            out += "  capable of " + std::to_string(static_cast<int>(cipher)) + "\n";
    return out;
}

inline std::string of(const cms::SignedDataVerdict& verdict)
{
    std::string out =
        "SignedData " + of(verdict.findings) + (verdict.certificates_only ? ", no signature\n" : "\n");
    for (const auto& signer : verdict.signers) out += of(signer);
    return out + "content " + verdict.content + "\n";
}

inline std::string of(const gateway::Verdict& verdict)
{
    std::string out = std::string("message ") + of(verdict.findings) + ", scope " +
                      gateway::name(verdict.scope) + ", layer " + std::to_string(verdict.deciding) +
                      (verdict.encrypted ? ", encrypted\n" : "\n");
    for (const auto& layer : verdict.layers) {
        out += "layer " + layer.part + " " + gateway::name(layer.form) + " " + of(layer.findings) +
               ", signer " + std::to_string(layer.signer) + " <" + layer.identity + ">\n";
        for (const auto& comment : layer.comments) out += "  comment " + comment + "\n";
        for (const auto& signer : layer.signers) out += of(signer);
        out += "content " + std::string(layer.content) + "\n";
    }
    return out;
}

}  // namespace verdict_text
