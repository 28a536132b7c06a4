// Asking and judging OCSP (RFC 6960, RFC 5019).
#include "cms/revocation_data.h"
#include "cms/text.h"

namespace cms
{
namespace
{

constexpr std::chrono::seconds skew(300);  // clocks of responders are not better than ours
constexpr std::chrono::hours longest_without_next_update(24 * 7);
constexpr int auth_level = 2;  // as in a path

using RequestPtr = std::unique_ptr<OCSP_REQUEST, ossl::Free<OCSP_REQUEST_free>>;
using IdPtr = std::unique_ptr<OCSP_CERTID, ossl::Free<OCSP_CERTID_free>>;

OcspStatus unknown(std::string why) { return {OcspStatus::Word::unknown, std::move(why)}; }

bool weak_signature(const OCSP_BASICRESP* basic)
{
    int digest = NID_undef;
    const X509_ALGOR* algorithm = OCSP_resp_get0_tbs_sigalg(basic);
    const ASN1_OBJECT* object = nullptr;
    X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
    if (OBJ_find_sigid_algs(OBJ_obj2nid(object), &digest, nullptr) != 1) return true;
    return digest == NID_md5 || digest == NID_sha1 || digest == NID_md2 || digest == NID_md4;
}

// Trusts the issuer and nothing else: a responder has to be the issuer, or one
// it has certified itself.
ossl::StorePtr store_of(const Certificate& issuer, base::Time at)
{
    ossl::StorePtr store(X509_STORE_new());
    if (!store || X509_STORE_add_cert(store.get(), issuer.native()) != 1) return nullptr;
    X509_VERIFY_PARAM* parameters = X509_STORE_get0_param(store.get());
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_time(parameters, at.time_since_epoch().count());
    X509_VERIFY_PARAM_set_auth_level(parameters, auth_level);
    X509_VERIFY_PARAM_set_depth(parameters, 1);
    return store;
}

}  // namespace

std::string ocsp_request(const Certificate& certificate, const Certificate& issuer)
{
    const ossl::ErrorScope errors;
    const RequestPtr request(OCSP_REQUEST_new());
    IdPtr id(OCSP_cert_to_id(EVP_sha1(), certificate.native(), issuer.native()));
    if (!request || !id || OCSP_request_add0_id(request.get(), id.get()) == nullptr) return {};
    [[maybe_unused]] const OCSP_CERTID* const owned_by_request = id.release();
    return ossl::encode(request.get(), i2d_OCSP_REQUEST);
}

OcspStatus ocsp_status(const RevocationData& response, const Certificate& certificate,
                       const Certificate& issuer, base::Time at)
{
    const ossl::ErrorScope errors;
    const std::string& der = response.native().ocsp;
    const unsigned char* octets = ossl::bytes(der);
    const OcspBasicPtr basic(d2i_OCSP_BASICRESP(nullptr, &octets, static_cast<long>(der.size())));
    if (!basic) return unknown("not an OCSP response");
    if (weak_signature(basic.get())) return unknown("the response is signed with a weak digest");

    const ossl::StorePtr store = store_of(issuer, at);
    const ossl::BorrowedX509StackPtr helpers(sk_X509_new_null());
    if (!store || !helpers || sk_X509_push(helpers.get(), issuer.native()) <= 0)
        return unknown("out of memory");
    if (OCSP_basic_verify(basic.get(), helpers.get(), store.get(), OCSP_NOEXPLICIT) != 1)
        return unknown("the response is not signed by the issuer or a responder of its own: " +
                       errors.text());

    const IdPtr id(OCSP_cert_to_id(EVP_sha1(), certificate.native(), issuer.native()));
    int status = 0, reason = 0;
    ASN1_GENERALIZEDTIME *revoked = nullptr, *issued = nullptr, *next = nullptr;
    if (!id || OCSP_resp_find_status(basic.get(), id.get(), &status, &reason, &revoked, &issued, &next) != 1)
        return unknown("the response speaks of another certificate");
    const auto since = time_of(issued);
    if (!since || *since > at + skew) return unknown("the response is not yet valid");
    const auto until = next != nullptr ? time_of(next) : std::optional(*since + longest_without_next_update);
    if (!until || *until + skew < at) return unknown("the response is out of date");
    switch (status) {
        case V_OCSP_CERTSTATUS_GOOD: return {OcspStatus::Word::good, {}};
        case V_OCSP_CERTSTATUS_REVOKED: return {OcspStatus::Word::revoked, {}};
        default: return unknown("the responder does not know the certificate");
    }
}

}  // namespace cms
