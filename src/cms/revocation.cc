#include "cms/revocation.h"

#include <algorithm>

#include "base/ascii.h"
#include "cms/container.h"
#include "cms/der.h"
#include "cms/key_material.h"
#include "cms/library.h"
#include "cms/revocation_data.h"
#include "cms/text.h"

namespace cms
{
namespace
{

constexpr std::size_t most_urls = 4;
constexpr std::size_t longest_url = 2048;

template <auto function>
using Owned = ossl::Free<function>;
using OcspResponsePtr = std::unique_ptr<OCSP_RESPONSE, Owned<OCSP_RESPONSE_free>>;
using DistributionPointsPtr = std::unique_ptr<CRL_DIST_POINTS, Owned<CRL_DIST_POINTS_free>>;
using AccessPtr = std::unique_ptr<AUTHORITY_INFO_ACCESS, Owned<AUTHORITY_INFO_ACCESS_free>>;

void take_url(const GENERAL_NAME* name, std::vector<std::string>& out)
{
    if (name == nullptr || name->type != GEN_URI || out.size() >= most_urls) return;
    std::string url(ossl::octets(name->d.uniformResourceIdentifier));
    const bool printable =
        std::all_of(url.begin(), url.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
    if (!printable || url.size() > longest_url || !base::istarts_with(url, "http://")) return;
    if (std::find(out.begin(), out.end(), url) == out.end()) out.push_back(std::move(url));
}

base::Result<> failed(std::string what) { return base::fail(base::Code::data, "", std::move(what)); }

// Without a look at what is in it.
std::optional<std::string> opened_pem(base::Octets octets)
{
    const ossl::BioPtr bio = ossl::memory_bio(octets);
    PemBlock block, more;
    if (!bio || block.read(bio.get()) != PemBlock::Next::block || base::Octets(block.name) != "X509 CRL" ||
        more.read(bio.get()) != PemBlock::Next::end)
        return std::nullopt;
    return std::string(block.octets());
}

base::Result<> read_crl(base::Octets octets, RevocationData::Native& out)
{
    std::string from_pem;
    if (octets.starts_with("-----BEGIN")) {
        auto opened = opened_pem(octets);
        if (!opened) return failed("not one revocation list");
        from_pem = std::move(*opened);
        octets = from_pem;
    }
    // Strangers write them, and OpenSSL makes an object of each element, two octets or more.
    constexpr std::size_t for_each = 48, most = 16, small = 64U << 10;
    const auto elements = der::count_all(octets);
    if (!elements) return failed("not a revocation list, or not in DER");
    out.memory = octets.size() + for_each * *elements;
    if (out.memory > most * octets.size() + small)
        return failed("a revocation list of nothing but small pieces, which would take " +
                      std::to_string(out.memory >> 20) + "M of memory");
    const unsigned char* at = ossl::bytes(octets);
    out.crl.reset(d2i_X509_CRL(nullptr, &at, static_cast<long>(octets.size())));
    if (!out.crl || at != ossl::bytes(octets) + octets.size()) return failed("not a revocation list");
    out.next_update = time_of(X509_CRL_get0_nextUpdate(out.crl.get()));
    return {};
}

base::Result<> read_ocsp(base::Octets octets, RevocationData::Native& out)
{
    const unsigned char* at = ossl::bytes(octets);
    const OcspResponsePtr response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(octets.size())));
    if (!response || at != ossl::bytes(octets) + octets.size()) return failed("not an OCSP response");
    const int status = OCSP_response_status(response.get());
    if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return failed(std::string("the responder says ") + OCSP_response_status_str(status));
    const OcspBasicPtr basic(OCSP_response_get1_basic(response.get()));
    if (!basic) return failed("not a basic OCSP response");
    constexpr int most = 64;
    const int count = OCSP_resp_count(basic.get());
    if (count < 1 || count > most) return failed("an OCSP response for no or too many certificates");
    for (int i = 0; i < count; ++i) {
        ASN1_GENERALIZEDTIME* next = nullptr;
        OCSP_single_get0_status(OCSP_resp_get0(basic.get(), i), nullptr, nullptr, nullptr, &next);
        const auto until = time_of(next);
        if (until && (!out.next_update || *until < *out.next_update)) out.next_update = until;
    }
    out.ocsp = ossl::encode(basic.get(), i2d_OCSP_BASICRESP);
    out.memory = out.ocsp.size();
    return {};
}

}  // namespace

base::Result<RevocationData> RevocationData::parse(RevocationKind kind, base::Octets octets)
{
    const ossl::ErrorScope errors;
    auto native = std::make_shared<Native>();
    native->kind = kind;
    const auto read = kind == RevocationKind::crl ? read_crl(octets, *native) : read_ocsp(octets, *native);
    insist_on_memory();
    if (!read) return base::fail(read.error());
    return RevocationData(std::move(native));
}

RevocationKind RevocationData::kind() const { return native_->kind; }
std::optional<base::Time> RevocationData::next_update() const { return native_->next_update; }
std::size_t RevocationData::memory() const { return native_->memory; }

std::vector<std::string> crl_urls(const Certificate& certificate)
{
    const ossl::ErrorScope errors;
    std::vector<std::string> out;
    for (const int nid : {NID_crl_distribution_points, NID_freshest_crl}) {
        const DistributionPointsPtr points(
            static_cast<CRL_DIST_POINTS*>(X509_get_ext_d2i(certificate.native(), nid, nullptr, nullptr)));
        for (int i = 0; i < sk_DIST_POINT_num(points.get()); ++i) {
            const DIST_POINT_NAME* name = sk_DIST_POINT_value(points.get(), i)->distpoint;
            if (name == nullptr || name->type != 0) continue;
            for (int j = 0; j < sk_GENERAL_NAME_num(name->name.fullname); ++j)
                take_url(sk_GENERAL_NAME_value(name->name.fullname, j), out);
        }
    }
    return out;
}

std::vector<std::string> ocsp_urls(const Certificate& certificate)
{
    const ossl::ErrorScope errors;
    std::vector<std::string> out;
    const AccessPtr access(static_cast<AUTHORITY_INFO_ACCESS*>(
        X509_get_ext_d2i(certificate.native(), NID_info_access, nullptr, nullptr)));
    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access.get()); ++i) {
        const ACCESS_DESCRIPTION* a = sk_ACCESS_DESCRIPTION_value(access.get(), i);
        if (OBJ_obj2nid(a->method) == NID_ad_OCSP) take_url(a->location, out);
    }
    return out;
}

}  // namespace cms
