#include "cms/signer.h"

#include <algorithm>

#include "cms/capabilities.h"
#include "cms/der.h"
#include "cms/forgery.h"
#include "cms/signed_attributes.h"
#include "cms/text.h"

namespace cms
{
namespace
{

using namespace std::chrono_literals;

// Certificates with one key identifier are few; more are an attempt to keep us busy.
constexpr std::size_t most_candidates = 16;

std::vector<Certificate> candidates(CMS_SignerInfo* signer, const SignerContext& context)
{
    std::vector<Certificate> found;
    const auto take_from = [&](const std::vector<Certificate>& all) {
        for (const Certificate& c : all)
            if (found.size() < most_candidates && CMS_SignerInfo_cert_cmp(signer, c.native()) == 0)
                found.push_back(c);
    };
    take_from(context.carried);
    if (found.empty()) take_from(context.trust.all_certificates());
    return found;
}

struct Choice {
    std::optional<Certificate> certificate;
    std::optional<Finding> finding;  // why its signature is not good
};

// All certificates that fit the identifier are tried (RFC 8551 section 2.6);
// among those whose key verifies, the one that ESS names wins.
Choice choose(CMS_SignerInfo* signer, Scheme scheme, const std::vector<Certificate>& all,
              const SignerContext& context)
{
    Choice best;
    for (const Certificate& c : all) {
        if (const auto why = must_not_compute(c)) {
            if (!best.certificate) best = {c, why};
            continue;
        }
        if (fits(scheme, c.key_kind()) && context.signatures.verifies(signer, scheme, c)) {
            if (names_certificate(signer, c)) return {c, std::nullopt};
            if (!best.certificate || best.finding) best = {c, std::nullopt};
        } else if (!best.certificate || (best.finding && best.finding != Finding::bad_signature)) {
            best = {c, Finding::bad_signature};
        }
    }
    return best;
}

// Is the digest in digestAlgorithms?  A reader may refuse what is not announced
// there (RFC 5652 section 5.1), and one-pass readers have to.
bool announced(const ASN1_OBJECT* digest, base::Octets algorithms)
{
    const base::Octets wanted = ossl::octets(OBJ_get0_data(digest), OBJ_length(digest));
    for (der::Reader all(algorithms); !all.at_end();) {
        const auto algorithm = all.next();
        if (!algorithm) return false;
        const auto oid = der::Reader(algorithm->body).next(der::object_identifier);
        if (oid && oid->body == wanted) return true;
    }
    return false;
}

void identify(CMS_SignerInfo* signer, SignerVerdict& v)
{
    ASN1_OCTET_STRING* key_id = nullptr;
    X509_NAME* issuer = nullptr;
    ASN1_INTEGER* serial = nullptr;
    if (CMS_SignerInfo_get0_signer_id(signer, &key_id, &issuer, &serial) != 1) return;
    v.issuer = text_of(issuer);
    v.serial = text_of(serial);
}

void judge_content(const SignedAttributes& attributes, const DigestAlgorithm* digest,
                   const SignerContext& context, SignerVerdict& v)
{
    if (!attributes.present) {
        v.findings.add(Finding::missing_attributes);
        if (looks_forged(context.content.content())) v.findings.add(Finding::forgery_pattern);
        return;
    }
    v.signing_time = attributes.signing_time;
    if (attributes.error) {
        v.findings.add(Finding::attribute_error);
        v.comments.push_back("signed attributes: " + attributes.what);
    }
    if (digest == nullptr || attributes.message_digest.empty()) return;
    const std::string& computed = context.content.of(*digest);
    if (computed.empty())
        v.findings.add(Finding::unsupported_algorithm);
    else if (computed != attributes.message_digest)
        v.findings.add(Finding::content_mismatch);
}

void judge_signing_time(const Certificate& certificate, base::Time now, SignerVerdict& v)
{
    if (!v.signing_time) return;
    if (*v.signing_time > now + 24h)
        v.findings.add(Finding::signing_time);
    else if (*v.signing_time > now + 15min)
        v.comments.push_back("signing time lies in the future: " + base::iso8601(*v.signing_time));
    if (!certificate.valid_at(*v.signing_time))
        v.comments.emplace_back("certificate was not valid at the signing time");
}

// Which certificate the signer wants mail encrypted to: the one that is preferred, else the
// signer's own.  What is said of others that came along is nobody's word.
Offer offer_of(const SignedAttributes& attributes, const Certificate& own, const PathResult& own_path,
               const SignerContext& context)
{
    Offer offer;
    if (!attributes.capabilities.empty()) offer.capabilities = capabilities_in(attributes.capabilities);
    PathResult path = own_path;
    const Certificate* certificate = &own;
    if (!attributes.preference.empty()) {
        offer.preferred = true;
        const auto& all = context.carried;
        const auto wanted = std::find_if(
            all.begin(), all.end(), [&](const Certificate& c) { return prefers(attributes.preference, c); });
        if (wanted == all.end() && !prefers(attributes.preference, own)) return offer;
        if (wanted != all.end() && !(*wanted == own)) {
            certificate = &*wanted;
            path = context.trust.validate(*wanted, context.carried, context.options.path);
        }
    }
    if (!path.findings.empty() || path.path.empty() || certificate->is_ca() ||
        !certificate->usage_allows_encryption())
        return offer;
    offer.certificate = *certificate;
    for (std::size_t i = 1; i + 1 < path.path.size(); ++i) offer.issuers.push_back(path.path[i]);
    return offer;
}

void judge_certificate(const Certificate& certificate, const SignedAttributes& attributes,
                       const SignerContext& context, SignerVerdict& v)
{
    if (is_weak_key(certificate)) v.findings.add(Finding::weak_key);
    if (!certificate.usage_allows_signing()) v.findings.add(Finding::key_usage);
    if (!certificate.purpose_allows_email()) v.findings.add(Finding::extended_key_usage);
    if (certificate.is_ca()) {
        v.findings.add(Finding::key_usage);
        v.comments.emplace_back("signed with the certificate of a certification authority");
    }
    judge_signing_time(certificate, context.options.path.at, v);

    PathResult path = context.trust.validate(certificate, context.carried, context.options.path);
    v.findings.add(path.findings);
    if (context.options.teaches && v.findings.empty())
        v.offer = offer_of(attributes, certificate, path, context);
    for (std::string& c : path.comments) v.comments.push_back(std::move(c));
    v.revocation = std::move(path.revocation);
}

}  // namespace

SignerVerdict judge_signer(CMS_SignerInfo* signer, const SignerContext& context)
{
    SignerVerdict v;
    identify(signer, v);

    X509_ALGOR *digest_algorithm = nullptr, *signature_algorithm = nullptr;
    CMS_SignerInfo_get0_algs(signer, nullptr, nullptr, &digest_algorithm, &signature_algorithm);
    const DigestAlgorithm* digest = find_digest(digest_algorithm);
    const Scheme scheme = scheme_of(signature_algorithm);
    const ASN1_OBJECT* digest_object = nullptr;
    X509_ALGOR_get0(&digest_object, nullptr, nullptr, digest_algorithm);
    v.digest = digest != nullptr ? digest->name : text_of(digest_object);
    v.signature = name(scheme);
    if (digest != nullptr && digest->weak && !(digest->nid == NID_sha1 && context.options.allow_sha1))
        v.findings.add(Finding::weak_digest);

    const SignedAttributes attributes = read_signed_attributes(signer, context.content_type);
    judge_content(attributes, digest, context, v);

    if (digest != nullptr && !announced(digest_object, context.digest_algorithms)) {
        v.findings.add(Finding::unsupported_algorithm);
        v.comments.emplace_back("its digest is not among those of the SignedData");
    }

    // Ed25519 over the content itself would have to hash it anew for every
    // certificate tried, and is not for mail (it never passes here).
    const bool computable =
        digest != nullptr && scheme != Scheme::unknown && (attributes.present || scheme != Scheme::ed25519);
    if (!computable) v.findings.add(Finding::unsupported_algorithm);

    const std::vector<Certificate> all = candidates(signer, context);
    if (all.empty()) {
        v.findings.add(Finding::signer_certificate_missing);
        return v;
    }
    // Attributes that are wrong already say that it must not be believed.
    if (attributes.error || !computable) {
        v.certificate = all.front();
    } else {
        Choice choice = choose(signer, scheme, all, context);
        v.certificate = std::move(choice.certificate);
        if (choice.finding) v.findings.add(*choice.finding);
    }
    v.issuer = v.certificate->issuer();
    v.serial = v.certificate->serial();
    if (!attributes.error && !names_certificate(signer, *v.certificate))
        v.findings.add(Finding::certificate_substituted);
    if (context.options.judge_path) judge_certificate(*v.certificate, attributes, context, v);
    return v;
}

}  // namespace cms
