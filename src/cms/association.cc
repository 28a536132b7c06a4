#include "cms/association.h"

#include <algorithm>

#include "cms/algorithms.h"
#include "cms/openssl.h"
#include "cms/text.h"

namespace cms
{
namespace
{

std::string key_of(const Certificate& certificate)
{
    const ossl::ErrorScope scope;
    unsigned char* der = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.native()), &der);
    const ossl::MemoryPtr<unsigned char> owner(der);
    return size > 0 ? std::string(ossl::octets(der, static_cast<std::size_t>(size))) : std::string();
}

}  // namespace

base::Result<Association> Association::parse(base::Octets rdata)
{
    const auto wrong = [](const std::string& what) { return base::fail(base::Code::data, "", what); };
    if (rdata.size() < 4) return wrong("a record that is too short");
    const auto number = [&](std::size_t i) { return static_cast<unsigned char>(rdata[i]); };
    if (number(0) > 3) return wrong("usage " + std::to_string(number(0)));
    if (number(1) > 1) return wrong("selector " + std::to_string(number(1)));
    if (number(2) > 2) return wrong("matching type " + std::to_string(number(2)));
    Association out;
    out.usage = static_cast<Usage>(number(0));
    out.key_only = number(1) == 1;
    out.matching = static_cast<Matching>(number(2));
    out.data = rdata.substr(3);
    const std::size_t size = out.matching == Matching::sha256 ? 32 : 64;
    if (out.matching != Matching::whole && out.data.size() != size)
        return wrong("a digest of " + std::to_string(out.data.size()) + " octets");
    return out;
}

bool Association::matches(const Certificate& certificate) const
{
    const std::string subject = key_only ? key_of(certificate) : certificate.der();
    if (subject.empty()) return false;
    switch (matching) {
        case Matching::whole: return subject == data;
        case Matching::sha256: return digest_of(subject, NID_sha256) == data;
        case Matching::sha512: return digest_of(subject, NID_sha512) == data;
    }
    return false;
}

std::string Association::text() const
{
    return std::to_string(static_cast<unsigned>(usage)) + (key_only ? " 1 " : " 0 ") +
           std::to_string(static_cast<unsigned>(matching));
}

bool vouched_for(const Certificate& certificate, const std::vector<Association>& associations,
                 const std::vector<Certificate>& issuers, const Trust& trust, const PathOptions& options)
{
    Trust::Material material;
    for (const auto& a : associations) {
        if (a.usage == Association::Usage::dane_leaf && a.matches(certificate)) return true;
        if (a.usage != Association::Usage::dane_ca) continue;
        if (a.is_certificate()) {
            if (auto ca = Certificate::from_der(a.data); ca && ca->is_ca())
                material.anchors.push_back(std::move(*ca));
            continue;
        }
        const auto named = [&](const Certificate& c) { return c.is_ca() && a.matches(c); };
        std::copy_if(issuers.begin(), issuers.end(), std::back_inserter(material.anchors), named);
        const auto known = trust.all_certificates();
        std::copy_if(known.begin(), known.end(), std::back_inserter(material.anchors), named);
    }
    if (material.anchors.empty()) return false;
    material.intermediates = trust.material().intermediates;
    material.crls = trust.material().crls;
    const auto own = Trust::make(std::move(material));
    return own && own->validate(certificate, issuers, options).findings.list().empty();
}

std::string hashed_local_part(base::Octets local) { return sha256_hex(local).substr(0, 56); }

}  // namespace cms
