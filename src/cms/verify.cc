#include "cms/verify.h"

#include <array>

#include "cms/openssl.h"
#include "cms/outline.h"
#include "cms/signed_data.h"
#include "cms/signer.h"

namespace cms
{
namespace
{

// Cheap checks on the octets; true: OpenSSL may parse them.
bool presentable(base::Octets der, bool detached, const VerifyLimits& limits, Outline& outline,
                 Findings& findings)
{
    if (detached && der.size() > limits.detached_octets) {
        findings.add(Finding::limit);
        return false;
    }
    const ContentKind kind = content_kind(der);
    if (kind != ContentKind::signed_data) {
        findings.add(kind == ContentKind::malformed ? Finding::malformed : Finding::type_mismatch);
        return false;
    }
    const auto found = outline_signed_data(der, limits);
    if (!found) {
        findings.add(Finding::malformed);
        return false;
    }
    outline = *found;
    if (outline.size != der.size()) findings.add(Finding::trailing_data);
    if (outline.signers > limits.signers || outline.certificates > limits.certificates ||
        outline.digest_algorithms > limits.signers || outline.revocation_lists > limits.certificates ||
        outline.attributes > limits.attributes || outline.around > limits.detached_octets) {
        findings.add(Finding::limit);
        return false;
    }
    return true;
}

SignedDataVerdict judge(base::Octets der, const base::Pieces* detached_content, const VerifyOptions& options)
{
    const ossl::ErrorScope errors;
    SignedDataVerdict verdict;
    Findings& findings = verdict.findings;
    const bool detached = detached_content != nullptr;

    Outline outline;
    if (!presentable(der, detached, options.limits, outline, findings)) return verdict;

    static const Trust nothing;
    static const std::vector<Certificate> none;
    const Trust& trust = options.trust != nullptr ? *options.trust : nothing;
    std::optional<SignedData> read;
    if (!options.path.afresh)
        read = read_in_parts(der, outline, options.known != nullptr ? *options.known : none,
                             trust.certificate_cache());
    if (!read) read = read_whole(der, outline);
    if (!read) {
        findings.add(Finding::malformed);
        return verdict;
    }

    CMS_ContentInfo* const cms = read->cms.get();
    const bool encapsulated = read->encapsulated;
    if (encapsulated != outline.content_present) findings.add(Finding::malformed);
    if (OBJ_obj2nid(CMS_get0_eContentType(cms)) != NID_pkcs7_data) findings.add(Finding::type_mismatch);
    if (detached && outline.content_present) findings.add(Finding::conflicting_content);
    if (!detached && encapsulated) verdict.content = read->content;

    if (outline.signers == 0) {
        if (!detached && !outline.content_present)
            verdict.certificates_only = true;
        else
            findings.add(Finding::no_signer);
        return verdict;
    }
    if (!detached && !encapsulated) {
        findings.add(Finding::structure);  // a detached signature without what it covers
        return verdict;
    }

    const std::array<base::Octets, 1> own{verdict.content};
    ContentDigests covered(detached ? *detached_content : base::Pieces(own));
    if (options.content_digest)
        if (const auto* algorithm = find_digest(OBJ_txt2nid(options.content_digest->algorithm.c_str())))
            covered.know(*algorithm, options.content_digest->octets);
    SignatureVerifier signatures(cms, covered.content());
    const SignerContext context{CMS_get0_eContentType(cms),
                                outline.algorithms,
                                read->certificates,
                                options,
                                trust,
                                covered,
                                signatures};
    STACK_OF(CMS_SignerInfo)* signers = CMS_get0_SignerInfos(cms);
    for (int i = 0; i < sk_CMS_SignerInfo_num(signers); ++i)
        verdict.signers.push_back(judge_signer(sk_CMS_SignerInfo_value(signers, i), context));
    return verdict;
}

}  // namespace

SignedDataVerdict verify_detached(base::Octets der, base::Pieces content, const VerifyOptions& options)
{
    return judge(der, &content, options);
}

SignedDataVerdict verify_opaque(base::Octets der, const VerifyOptions& options)
{
    return judge(der, nullptr, options);
}

}  // namespace cms
