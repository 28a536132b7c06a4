#include "cms/algorithms.h"

#include <algorithm>
#include <array>

#include "cms/library.h"

namespace cms
{
namespace
{

constexpr std::array digests{
    DigestAlgorithm{NID_sha256, "sha256", false},
    DigestAlgorithm{NID_sha384, "sha384", false},
    DigestAlgorithm{NID_sha512, "sha512", false},
    DigestAlgorithm{NID_sha224, "sha224", false},
    DigestAlgorithm{NID_sha3_256, "sha3-256", false},
    DigestAlgorithm{NID_sha3_384, "sha3-384", false},
    DigestAlgorithm{NID_sha3_512, "sha3-512", false},
    DigestAlgorithm{NID_sha1, "sha1", true},
    DigestAlgorithm{NID_md5, "md5", true},
};

constexpr std::array known_curves{"P-256",           "P-384",           "P-521",
                                  "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1"};

}  // namespace

const DigestAlgorithm* find_digest(int nid)
{
    const auto* found =
        std::find_if(digests.begin(), digests.end(), [&](const auto& d) { return d.nid == nid; });
    return found == digests.end() ? nullptr : found;
}

const DigestAlgorithm* find_digest(const X509_ALGOR* algorithm)
{
    const ASN1_OBJECT* object = nullptr;
    if (algorithm == nullptr) return nullptr;
    X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
    return find_digest(OBJ_obj2nid(object));
}

const EVP_MD* implementation(const DigestAlgorithm& algorithm)
{
    // Never freed: threads may still be in OpenSSL when the process ends.
    static const auto fetched = [] {
        const ossl::ErrorScope errors;
        std::array<const EVP_MD*, digests.size()> all{};
        std::transform(digests.begin(), digests.end(), all.begin(),
                       [](const DigestAlgorithm& d) { return EVP_MD_fetch(nullptr, d.name, nullptr); });
        insist_on_memory();  // the next who asks tries again
        return all;
    }();
    const auto at = std::find_if(digests.begin(), digests.end(),
                                 [&](const DigestAlgorithm& d) { return d.nid == algorithm.nid; });
    return at == digests.end() ? nullptr : fetched[static_cast<std::size_t>(at - digests.begin())];
}

std::string digest_of(base::Pieces content, const DigestAlgorithm& algorithm)
{
    const EVP_MD* md = implementation(algorithm);
    const ossl::DigestContextPtr context(EVP_MD_CTX_new());
    if (md == nullptr || !context || EVP_DigestInit_ex2(context.get(), md, nullptr) != 1) return {};
    for (base::Octets p : content)
        if (EVP_DigestUpdate(context.get(), p.data(), p.size()) != 1) return {};
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned n = 0;
    if (EVP_DigestFinal_ex(context.get(), out.data(), &n) != 1) return {};
    return std::string(ossl::octets(out.data(), n));
}

std::string digest_of(base::Octets content, int nid)
{
    const DigestAlgorithm* algorithm = find_digest(nid);
    return algorithm == nullptr ? std::string() : digest_of({&content, 1}, *algorithm);
}

Scheme scheme_of(const X509_ALGOR* algorithm)
{
    const ASN1_OBJECT* object = nullptr;
    if (algorithm == nullptr) return Scheme::unknown;
    X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
    const int nid = OBJ_obj2nid(object);
    if (nid == NID_ED25519) return Scheme::ed25519;
    if (nid == NID_rsassaPss) return Scheme::rsa_pss;
    // "sha256WithRSAEncryption" names a key type; some put the bare one there.
    int key = NID_undef;
    if (nid == NID_undef || OBJ_find_sigid_algs(nid, nullptr, &key) != 1) key = nid;
    switch (key) {
        case NID_rsaEncryption: return Scheme::rsa_pkcs1;
        case NID_X9_62_id_ecPublicKey: return Scheme::ecdsa;
        case NID_dsa: return Scheme::dsa;
        default: return Scheme::unknown;
    }
}

const char* name(Scheme s)
{
    switch (s) {
        case Scheme::rsa_pkcs1: return "rsa-pkcs1";
        case Scheme::rsa_pss: return "rsa-pss";
        case Scheme::ecdsa: return "ecdsa";
        case Scheme::dsa: return "dsa";
        case Scheme::ed25519: return "ed25519";
        case Scheme::unknown: break;
    }
    return "unknown";
}

bool fits(Scheme s, KeyKind key)
{
    switch (s) {
        case Scheme::rsa_pkcs1: return key == KeyKind::rsa;
        case Scheme::rsa_pss: return key == KeyKind::rsa || key == KeyKind::rsa_pss;
        case Scheme::ecdsa: return key == KeyKind::ec;
        case Scheme::dsa: return key == KeyKind::dsa;
        case Scheme::ed25519: return key == KeyKind::ed25519;
        case Scheme::unknown: break;
    }
    return false;
}

std::optional<Finding> must_not_compute(const Certificate& certificate)
{
    const int bits = certificate.key_bits();
    switch (certificate.key_kind()) {
        case KeyKind::rsa:
        case KeyKind::rsa_pss:
            if (bits > 8192 || !certificate.rsa_exponent_fits()) return Finding::key_size;
            return std::nullopt;
        case KeyKind::dsa: return bits > 4096 ? std::optional(Finding::key_size) : std::nullopt;
        case KeyKind::ec: {
            const bool known = std::find(known_curves.begin(), known_curves.end(), certificate.curve()) !=
                               known_curves.end();
            return known ? std::nullopt : std::optional(Finding::unsupported_algorithm);
        }
        case KeyKind::ed25519: return std::nullopt;
        default: return Finding::unsupported_algorithm;
    }
}

bool is_weak_key(const Certificate& certificate)
{
    switch (certificate.key_kind()) {
        case KeyKind::rsa:
        case KeyKind::rsa_pss: return certificate.key_bits() < 2048;
        case KeyKind::dsa: return true;
        default: return false;
    }
}

}  // namespace cms
