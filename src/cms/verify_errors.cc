#include "cms/verify_errors.h"

#include <algorithm>
#include <ctime>
#include <exception>
#include <new>

#include "cms/algorithms.h"
#include "cms/text.h"

namespace cms
{
namespace
{

Finding finding_for(int error)
{
    switch (error) {
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_CERT_UNTRUSTED:
        case X509_V_ERR_CERT_REJECTED: return Finding::untrusted;
        case X509_V_ERR_CERT_HAS_EXPIRED: return Finding::expired;
        case X509_V_ERR_CERT_NOT_YET_VALID: return Finding::not_yet_valid;
        case X509_V_ERR_CERT_REVOKED: return Finding::revoked;
        case X509_V_ERR_EE_KEY_TOO_SMALL:
        case X509_V_ERR_CA_KEY_TOO_SMALL: return Finding::weak_key;
        case X509_V_ERR_CA_MD_TOO_WEAK: return Finding::weak_digest;
        case X509_V_ERR_INVALID_POLICY_EXTENSION:
        case X509_V_ERR_NO_EXPLICIT_POLICY: return Finding::policy_unsatisfied;
        case X509_V_ERR_UNABLE_TO_GET_CRL:
        case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
        case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
        case X509_V_ERR_CRL_SIGNATURE_FAILURE:
        case X509_V_ERR_CRL_NOT_YET_VALID:
        case X509_V_ERR_CRL_HAS_EXPIRED:
        case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
        case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
        case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
        case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
        case X509_V_ERR_DIFFERENT_CRL_SCOPE:
        case X509_V_ERR_CRL_PATH_VALIDATION_ERROR: return Finding::revocation_unknown;
        default: return Finding::path_invalid;  // constraints, names, signatures, critical extensions
    }
}

bool signed_with_sha1(const X509* x)
{
    int digest = NID_undef;
    return x != nullptr &&
           X509_get_signature_info(const_cast<X509*>(x), &digest, nullptr, nullptr, nullptr) == 1 &&
           digest == NID_sha1;
}

}  // namespace

void PathErrors::attach(X509_STORE_CTX* context)
{
    X509_STORE_CTX_set_ex_data(context, 0, this);
    X509_STORE_CTX_set_verify_cb(context, callback);
}

int PathErrors::callback(int ok, X509_STORE_CTX* context) noexcept
{
    if (ok == 1) return 1;
    X509_STORE_CTX* top = context;
    while (X509_STORE_CTX_get0_parent_ctx(top) != nullptr) top = X509_STORE_CTX_get0_parent_ctx(top);
    auto* self = static_cast<PathErrors*>(X509_STORE_CTX_get_ex_data(top, 0));
    if (self == nullptr) return 0;
    try {
        return self->judge(context, top == context);
    } catch (const std::exception&) {
        self->ran_out_ = true;
        return 0;
    }
}

int PathErrors::judge(X509_STORE_CTX* context, bool is_ours)
{
    if (is_ours) {
        record(context);
        return 1;
    }
    // The path of a CRL's own issuer is validated in a context below ours.  That
    // one stops at an error, and ours then reports that the CRL is no use; weak
    // keys and digests count as they do in the path itself.
    const Finding finding = finding_for(X509_STORE_CTX_get_error(context));
    if (finding != Finding::weak_key && finding != Finding::weak_digest) return 0;
    record(context);
    return 1;
}

void PathErrors::insist() const
{
    if (ran_out_) throw std::bad_alloc();
}

void PathErrors::record(X509_STORE_CTX* context)
{
    const int error = X509_STORE_CTX_get_error(context);
    X509* current = X509_STORE_CTX_get_current_cert(context);
    const Finding finding = finding_for(error);
    const std::string subject = current != nullptr ? text_of(X509_get_subject_name(current)) : std::string();

    if (finding == Finding::weak_digest && options_.allow_sha1 && signed_with_sha1(current)) {
        comment("SHA-1 in the certification path: " + subject);
        return;
    }
    if (finding == Finding::expired && current != nullptr) {
        std::time_t earlier = (options_.at - options_.expired_grace).time_since_epoch().count();
        if (X509_cmp_time(X509_get0_notAfter(current), &earlier) > 0) {
            comment("certificate expired, but not for long: " + subject);
            return;
        }
    }
    if (finding == Finding::revocation_unknown) {
        // Nobody above an anchor could revoke it (RFC 5280 section 6.1.1 (d)).
        if (current != nullptr) {
            const std::string der = ossl::encode(current, i2d_X509);
            if (anchors_.contains(der) || known_good_.contains(der)) return;
        }
        comment("revocation status not available: " + subject + ": " + X509_verify_cert_error_string(error));
        if (options_.crl == CrlMode::hard) findings_.add(finding);
        return;
    }
    findings_.add(finding);
    std::string text = X509_verify_cert_error_string(error);
    if (!subject.empty()) text += ": " + subject;
    comment(std::move(text));
}

void PathErrors::comment(std::string text)
{
    constexpr std::size_t most = 32;
    if (comments_.size() < most && std::find(comments_.begin(), comments_.end(), text) == comments_.end())
        comments_.push_back(std::move(text));
}

void judge_issuers(PathResult& result)
{
    for (std::size_t i = 1; i < result.path.size(); ++i) {
        const Certificate& c = result.path[i];
        const bool last = i + 1 == result.path.size();
        if (!last && !c.purpose_allows_email()) {
            result.findings.add(Finding::extended_key_usage);
            result.comments.push_back("issuer may not issue for e-mail: " + c.subject());
        }
        if (is_weak_key(c)) result.findings.add(Finding::weak_key);
        if (c.curve() == "explicit") result.findings.add(Finding::path_invalid);  // RFC 5480 section 2.1.1
    }
}

}  // namespace cms
