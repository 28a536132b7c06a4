#include "cms/trust.h"

#include <algorithm>
#include <unordered_set>

#include "cms/algorithms.h"
#include "cms/certificate_cache.h"
#include "cms/library.h"
#include "cms/openssl.h"
#include "cms/path_cache.h"
#include "cms/revocation_data.h"
#include "cms/verify_errors.h"

namespace cms
{
namespace
{

struct FreeBorrowedCrlStack {
    void operator()(STACK_OF(X509_CRL) * s) const { sk_X509_CRL_free(s); }
};
using BorrowedCrlStackPtr = std::unique_ptr<STACK_OF(X509_CRL), FreeBorrowedCrlStack>;

constexpr int max_depth = 8;
constexpr int auth_level = 2;  // 112 bits: no RSA below 2048, no SHA-1 in the path

// Keys that take long to compute with are left out before OpenSSL sees them.
bool too_large(const Certificate& c) { return must_not_compute(c) == Finding::key_size; }

bool issued_by(const Certificate& subject, const Certificate& issuer)
{
    if (X509_check_issued(issuer.native(), subject.native()) != X509_V_OK) return false;
    if (too_large(issuer)) return false;
    return X509_verify(subject.native(), X509_get0_pubkey(issuer.native())) == 1;
}

// False when `options` cannot be had.
bool set_parameters(X509_VERIFY_PARAM* parameters, const PathOptions& options)
{
    X509_VERIFY_PARAM_set_depth(parameters, max_depth);
    X509_VERIFY_PARAM_set_auth_level(parameters, auth_level);
    X509_VERIFY_PARAM_set_time(parameters, options.at.time_since_epoch().count());
    X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_ANY);
    // A common name that looks like a host is no host here.
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    // An anchor is trusted as it is, self-signed or not: the store holds
    // nothing but anchors, so a partial chain still ends in one of them.
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST;
    if (options.policy_check) {
        // Left empty, the initial set would fail every path with an explicit policy.
        if (options.policies.empty()) X509_VERIFY_PARAM_add0_policy(parameters, OBJ_nid2obj(NID_any_policy));
        for (const std::string& oid : options.policies)
            if (ASN1_OBJECT* policy = OBJ_txt2obj(oid.c_str(), 1);
                policy == nullptr || X509_VERIFY_PARAM_add0_policy(parameters, policy) != 1)
                return false;
        flags |= X509_V_FLAG_POLICY_CHECK;
        if (options.require_policy) flags |= X509_V_FLAG_EXPLICIT_POLICY;
        if (options.inhibit_mapping) flags |= X509_V_FLAG_INHIBIT_MAP;
        if (options.inhibit_any_policy) flags |= X509_V_FLAG_INHIBIT_ANY;
    }
    if (options.crl != CrlMode::off)
        flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL | X509_V_FLAG_EXTENDED_CRL_SUPPORT |
                 X509_V_FLAG_USE_DELTAS;
    return X509_VERIFY_PARAM_set_flags(parameters, flags) == 1;
}

}  // namespace

struct Trust::Data {
    Material material;
    ossl::StorePtr store;                     // anchors only
    ossl::CrlStackPtr crls;                   // not in the store: there an indirect CRL is not found
    std::unordered_set<std::string> anchors;  // DER
    mutable CertificateCache certificates;
    mutable PathCache paths;
};

// What was asked for beside what we hold.
struct Trust::Fetched {
    std::vector<RevocationData> lists;
    std::unordered_set<std::string> good;  // DER of certificates that a responder knows to be good
    Findings findings;
    std::vector<std::string> comments;
    std::vector<std::string> record;
};

Trust::Trust()
{
    auto data = std::make_shared<Data>();
    data->store.reset(X509_STORE_new());
    data_ = std::move(data);
}

base::Result<Trust> Trust::make(Material material)
{
    const ossl::ErrorScope errors;
    auto data = std::make_shared<Data>();
    data->store.reset(X509_STORE_new());
    data->crls.reset(sk_X509_CRL_new_null());
    if (!data->store || !data->crls)
        return base::fail(base::Code::internal, "", "no certificate store: " + errors.text());
    for (const Certificate& anchor : material.anchors) {
        if (!data->anchors.insert(anchor.der()).second) continue;
        if (X509_STORE_add_cert(data->store.get(), anchor.native()) != 1)
            return base::fail(base::Code::internal, anchor.subject(),
                              "cannot be an anchor: " + errors.text());
    }
    for (const std::string& der : material.crls) {
        const unsigned char* at = ossl::bytes(der);
        ossl::CrlPtr crl(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
        if (!crl) return base::fail(base::Code::data, "", "not a revocation list: " + errors.text());
        if (X509_CRL* added = crl.release(); sk_X509_CRL_push(data->crls.get(), added) <= 0) {
            X509_CRL_free(added);
            return base::fail(base::Code::internal, "", "out of memory");
        }
    }
    for (const auto* list : {&material.anchors, &material.intermediates})
        for (const Certificate& c : *list) data->paths.changes_with(c);
    for (int i = 0; i < sk_X509_CRL_num(data->crls.get()); ++i)
        data->paths.changes_with(sk_X509_CRL_value(data->crls.get(), i));
    data->paths.know_all_changes();
    data->material = std::move(material);
    return Trust(std::move(data));
}

bool Trust::empty() const { return data_->anchors.empty(); }
const Trust::Material& Trust::material() const { return data_->material; }

PathResult Trust::validate_with(const Certificate& leaf, const std::vector<Certificate>& untrusted,
                                const PathOptions& options, const Fetched& fetched) const
{
    const ossl::ErrorScope errors;
    PathResult result;
    const auto failed = [&](const char* why) {
        result.findings.add(Finding::path_invalid);
        result.comments.emplace_back(why);
    };

    // What we hold ourselves comes first: OpenSSL takes the first issuer that
    // fits and does not come back, so a message cannot lead it astray.
    std::vector<const Certificate*> helpers;
    for (const auto* list : {&data_->material.intermediates, &untrusted})
        for (const Certificate& c : *list)
            if (!too_large(c)) helpers.push_back(&c);
    const ossl::BorrowedX509StackPtr stack(sk_X509_new_null());
    for (const Certificate* c : helpers)
        if (!stack || sk_X509_push(stack.get(), c->native()) <= 0) {
            failed("out of memory");
            return result;
        }

    const ossl::StoreContextPtr context(X509_STORE_CTX_new());
    if (!context || X509_STORE_CTX_init(context.get(), data_->store.get(), leaf.native(), stack.get()) != 1) {
        failed("path validation could not start");
        return result;
    }
    if (!set_parameters(X509_STORE_CTX_get0_param(context.get()), options)) {
        failed("the policies asked for are no object identifiers");
        return result;
    }
    const BorrowedCrlStackPtr crls(data_->crls ? sk_X509_CRL_dup(data_->crls.get()) : sk_X509_CRL_new_null());
    if (!crls) {
        failed("out of memory");
        return result;
    }
    for (const RevocationData& list : fetched.lists)
        if (sk_X509_CRL_push(crls.get(), list.native().crl.get()) <= 0) {
            failed("out of memory");
            return result;
        }
    X509_STORE_CTX_set0_crls(context.get(), crls.get());
    PathErrors recorded(options, data_->anchors, fetched.good);
    recorded.attach(context.get());
    const int rc = X509_verify_cert(context.get());
    recorded.insist();
    result.findings = recorded.findings();
    result.comments = recorded.take_comments();

    // Pointers of the chain are those that went in.
    const auto known = [&](const X509* x) -> const Certificate* {
        if (x == leaf.native()) return &leaf;
        for (const Certificate* c : helpers)
            if (c->native() == x) return c;
        for (const Certificate& c : data_->material.anchors)
            if (c.native() == x) return &c;
        return nullptr;
    };
    STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context.get());
    for (int i = 0; i < sk_X509_num(chain); ++i)
        if (const Certificate* c = known(sk_X509_value(chain, i))) result.path.push_back(*c);

    // The callback lets OpenSSL go on after each error, so its own result says
    // little: these hold whatever it may have skipped.
    if (rc != 1 && result.findings.empty())
        failed(X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())));
    const bool whole =
        sk_X509_num(chain) > 0 && static_cast<std::size_t>(sk_X509_num(chain)) == result.path.size();
    if (!whole || !data_->anchors.contains(result.path.back().der())) result.findings.add(Finding::untrusted);
    judge_issuers(result);
    return result;
}

Trust::Fetched Trust::ask(const std::vector<Certificate>& path, const PathOptions& options) const
{
    Fetched out;
    std::unordered_set<std::string> asked;
    // One answer for each of the URLs would do: they are copies of one another.
    const auto ask_list = [&](const Certificate& c) {
        for (const std::string& url : crl_urls(c)) {
            if (!asked.insert(url).second) continue;
            auto list = options.source->ask({RevocationKind::crl, url, {}});
            out.record.push_back("CRL " + url + ": " + (list ? "received" : list.error().what));
            if (list && list->kind() == RevocationKind::crl) out.lists.push_back(std::move(*list));
        }
    };
    const auto ask_responder = [&](const Certificate& c, const Certificate& issuer) {
        std::string why = "the certificate names no responder";
        for (const std::string& url : ocsp_urls(c)) {
            const auto answer = options.source->ask({RevocationKind::ocsp, url, ocsp_request(c, issuer)});
            OcspStatus status{OcspStatus::Word::unknown, answer ? "" : answer.error().what};
            if (answer && answer->kind() == RevocationKind::ocsp)
                status = ocsp_status(*answer, c, issuer, options.at);
            why = status.why;
            const std::string word = status.word == OcspStatus::Word::good      ? "good"
                                     : status.word == OcspStatus::Word::revoked ? "revoked"
                                                                                : status.why;
            out.record.push_back("OCSP " + url + ": " + c.subject() + ": " + word);
            if (status.word == OcspStatus::Word::unknown) continue;
            if (status.word == OcspStatus::Word::good) {
                out.good.insert(c.der());
            } else {
                out.findings.add(Finding::revoked);
                out.comments.push_back("certificate revoked: " + c.subject());
            }
            return true;
        }
        // With CRLs, those have the last word on what no responder knows.
        if (options.crl == CrlMode::off) {
            out.comments.push_back("revocation status not available: " + c.subject() + ": " + why);
            if (options.ocsp == CrlMode::hard) out.findings.add(Finding::revocation_unknown);
        }
        return false;
    };
    // From the anchor down, so that the work stops where a CA is revoked.
    for (std::size_t i = path.size(); i-- > 0;) {
        if (i + 1 >= path.size() || out.findings.has(Finding::revoked)) continue;
        const bool known = options.ocsp != CrlMode::off && ask_responder(path[i], path[i + 1]);
        if (!known && options.crl != CrlMode::off && options.fetch_crls) ask_list(path[i]);
    }
    return out;
}

PathResult Trust::validate_alone(const Certificate& leaf, const std::vector<Certificate>& untrusted,
                                 const PathOptions& options) const
{
    if (options.afresh) return validate_with(leaf, untrusted, options, {});
    const std::string question = PathCache::question(leaf, untrusted, options);
    if (auto known = data_->paths.find(question, options.at)) return std::move(*known);
    PathResult result = validate_with(leaf, untrusted, options, {});
    insist_on_memory();
    if (!result.findings.empty()) return result;
    data_->paths.insert(question, leaf, untrusted, options, result);
    for (const Certificate& c : result.path)
        if (!data_->anchors.contains(c.der())) data_->certificates.keep(c);
    return result;
}

PathResult Trust::validate(const Certificate& leaf, const std::vector<Certificate>& untrusted,
                           const PathOptions& options) const
{
    const bool asks = options.ocsp != CrlMode::off || (options.crl != CrlMode::off && options.fetch_crls);
    if (!asks) return validate_alone(leaf, untrusted, options);
    PathOptions without = options;
    without.crl = CrlMode::off;
    PathResult first = validate_alone(leaf, untrusted, without);
    if (!first.findings.empty()) return validate_alone(leaf, untrusted, options);

    class Nobody final : public RevocationSource
    {
    public:
        base::Result<RevocationData> ask(const RevocationQuestion&) override
        {
            return base::fail(base::Code::internal, "", "nobody asks in this place");
        }
    } nobody;
    PathOptions asking = options;
    if (asking.source == nullptr) asking.source = &nobody;
    const Fetched fetched = ask(first.path, asking);
    PathResult result =
        options.crl == CrlMode::off ? std::move(first) : validate_with(leaf, untrusted, options, fetched);
    result.findings.add(fetched.findings);
    result.comments.insert(result.comments.end(), fetched.comments.begin(), fetched.comments.end());
    result.revocation = fetched.record;
    return result;
}

std::vector<Certificate> Trust::chain_of(const Certificate& leaf, const std::vector<Certificate>& more) const
{
    const ossl::ErrorScope errors;
    std::vector<Certificate> chain;
    if (leaf.self_signed()) return chain;
    const Certificate* at = &leaf;
    while (chain.size() < max_depth) {
        const Certificate* best = nullptr;
        for (const auto* list : {&data_->material.anchors, &data_->material.intermediates, &more})
            for (const Certificate& c : *list) {
                if (!issued_by(*at, c)) continue;
                if (c.self_signed()) return chain;
                if (best == nullptr || best->not_after() < c.not_after()) best = &c;
            }
        if (best == nullptr || *best == leaf || std::find(chain.begin(), chain.end(), *best) != chain.end())
            return chain;
        chain.push_back(*best);
        at = best;  // into one of the lists, which do not move
    }
    return chain;
}

CertificateCache& Trust::certificate_cache() const { return data_->certificates; }

std::vector<Certificate> Trust::all_certificates() const
{
    std::vector<Certificate> all = data_->material.intermediates;
    all.insert(all.end(), data_->material.anchors.begin(), data_->material.anchors.end());
    return all;
}

}  // namespace cms
