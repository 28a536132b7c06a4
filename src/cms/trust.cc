#include "cms/trust.h"

#include <algorithm>
#include <unordered_set>

#include "cms/algorithms.h"
#include "cms/openssl.h"
#include "cms/verify_errors.h"

namespace cms
{
namespace
{

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

void set_parameters(X509_VERIFY_PARAM* parameters, const PathOptions& options)
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
        X509_VERIFY_PARAM_add0_policy(parameters, OBJ_nid2obj(NID_any_policy));
        flags |= X509_V_FLAG_POLICY_CHECK;
    }
    if (options.crl != CrlMode::off)
        flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL | X509_V_FLAG_EXTENDED_CRL_SUPPORT |
                 X509_V_FLAG_USE_DELTAS;
    X509_VERIFY_PARAM_set_flags(parameters, flags);
}

}  // namespace

struct Trust::Data {
    Material material;
    ossl::StorePtr store;                     // anchors only
    ossl::CrlStackPtr crls;                   // not in the store: there an indirect CRL is not found
    std::unordered_set<std::string> anchors;  // DER
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
    data->material = std::move(material);
    return Trust(std::move(data));
}

bool Trust::empty() const { return data_->anchors.empty(); }
const Trust::Material& Trust::material() const { return data_->material; }

PathResult Trust::validate(const Certificate& leaf, const std::vector<Certificate>& untrusted,
                           const PathOptions& options) const
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
    set_parameters(X509_STORE_CTX_get0_param(context.get()), options);
    X509_STORE_CTX_set0_crls(context.get(), data_->crls.get());
    PathErrors recorded(options, data_->anchors);
    recorded.attach(context.get());
    const int rc = X509_verify_cert(context.get());
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

std::vector<Certificate> Trust::all_certificates() const
{
    std::vector<Certificate> all = data_->material.intermediates;
    all.insert(all.end(), data_->material.anchors.begin(), data_->material.anchors.end());
    return all;
}

}  // namespace cms
