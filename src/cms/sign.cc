#include "cms/sign.h"

#include <openssl/rsa.h>
#include <time.h>

#include <algorithm>
#include <array>

#include "cms/algorithms.h"
#include "cms/der.h"
#include "cms/openssl.h"
#include "cms/signature.h"

// The SignedData is written here and not by CMS_sign(): OpenSSL 3.0 always adds
// a signingTime, cannot do Ed25519, and offers capabilities down to RC2-40.
// The signature itself is OpenSSL's.

namespace cms
{
namespace
{

using namespace std::string_view_literals;

namespace oid
{
constexpr auto data = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"sv;
constexpr auto signed_data = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"sv;
constexpr auto content_type = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03"sv;
constexpr auto message_digest = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04"sv;
constexpr auto signing_time = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05"sv;
constexpr auto capabilities = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0f"sv;
constexpr auto signing_certificate_v2 = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x2f"sv;
constexpr auto aes128_cbc = "\x60\x86\x48\x01\x65\x03\x04\x01\x02"sv;
constexpr auto aes256_cbc = "\x60\x86\x48\x01\x65\x03\x04\x01\x2a"sv;
constexpr auto sha256 = "\x60\x86\x48\x01\x65\x03\x04\x02\x01"sv;
constexpr auto sha384 = "\x60\x86\x48\x01\x65\x03\x04\x02\x02"sv;
constexpr auto sha512 = "\x60\x86\x48\x01\x65\x03\x04\x02\x03"sv;
constexpr auto rsa = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"sv;
constexpr auto rsa_pss = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"sv;
constexpr auto mgf1 = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"sv;
constexpr auto ecdsa_sha256 = "\x2a\x86\x48\xce\x3d\x04\x03\x02"sv;
constexpr auto ecdsa_sha384 = "\x2a\x86\x48\xce\x3d\x04\x03\x03"sv;
constexpr auto ecdsa_sha512 = "\x2a\x86\x48\xce\x3d\x04\x03\x04"sv;
constexpr auto ed25519 = "\x2b\x65\x70"sv;
}  // namespace oid

struct Algorithm {
    const DigestAlgorithm* digest;
    base::Octets digest_oid, ecdsa_oid;
    unsigned size;
};

Algorithm algorithm_of(Digest d)
{
    switch (d) {
        case Digest::sha384: return {find_digest(NID_sha384), oid::sha384, oid::ecdsa_sha384, 48};
        case Digest::sha512: return {find_digest(NID_sha512), oid::sha512, oid::ecdsa_sha512, 64};
        case Digest::automatic:
        case Digest::sha256: break;
    }
    return {find_digest(NID_sha256), oid::sha256, oid::ecdsa_sha256, 32};
}

std::string object(base::Octets id) { return der::wrap(der::object_identifier, id); }

std::string attribute(base::Octets type, base::Octets value)
{
    return der::wrap(der::sequence, {object(type), der::wrap(der::set, value)});
}

// UTCTime up to 2049 (RFC 5652 section 11.3).
std::string time_value(base::Time t)
{
    struct tm parts{};
    const time_t seconds = t.time_since_epoch().count();
    gmtime_r(&seconds, &parts);
    const bool utc = parts.tm_year >= 50 && parts.tm_year < 150;
    std::array<char, 40> text{};
    strftime(text.data(), text.size(), utc ? "%y%m%d%H%M%SZ" : "%Y%m%d%H%M%SZ", &parts);
    return der::wrap(utc ? der::utc_time : der::generalized_time, base::Octets(text.data()));
}

struct Names {
    std::string issuer, serial;  // DER, as the certificate has them
};

Names names_of(const Certificate& c)
{
    return {ossl::encode(X509_get_issuer_name(c.native()), i2d_X509_NAME),
            ossl::encode(X509_get0_serialNumber(c.native()), i2d_ASN1_INTEGER)};
}

// ESSCertIDv2 with the default hash SHA-256 (RFC 5035 section 4).
std::string signing_certificate(const Certificate& c, const Names& names)
{
    const std::array<base::Octets, 1> der{c.der()};
    ContentDigests digests(der);
    const std::string directory_name = der::wrap(der::context(4), names.issuer);
    const std::string issuer_serial =
        der::wrap(der::sequence, {der::wrap(der::sequence, directory_name), names.serial});
    const std::string id = der::wrap(
        der::sequence, {der::wrap(der::octet_string, digests.of(*find_digest(NID_sha256))), issuer_serial});
    return der::wrap(der::sequence, der::wrap(der::sequence, id));
}

std::vector<std::string> attributes_for(const SignRequest& request, const Names& names, base::Octets digest)
{
    const std::string capabilities =
        der::wrap(der::sequence, {der::wrap(der::sequence, object(oid::aes256_cbc)),
                                  der::wrap(der::sequence, object(oid::aes128_cbc))});
    std::vector<std::string> all{
        attribute(oid::content_type, object(oid::data)),
        attribute(oid::message_digest, der::wrap(der::octet_string, digest)),
        attribute(oid::capabilities, capabilities),
        attribute(oid::signing_certificate_v2, signing_certificate(*request.certificate, names)),
    };
    if (request.signing_time) all.push_back(attribute(oid::signing_time, time_value(*request.signing_time)));
    return all;
}

bool uses_pss(const SignRequest& request)
{
    return request.certificate->key_kind() == KeyKind::rsa_pss ||
           (request.certificate->key_kind() == KeyKind::rsa && request.padding == Padding::pss);
}

std::string signature_algorithm(const SignRequest& request, const Algorithm& a)
{
    const std::string null = der::wrap(der::null, ""sv);
    if (request.certificate->key_kind() == KeyKind::ed25519)
        return der::wrap(der::sequence, object(oid::ed25519));
    if (request.certificate->key_kind() == KeyKind::ec) return der::wrap(der::sequence, object(a.ecdsa_oid));
    if (!uses_pss(request)) return der::wrap(der::sequence, {object(oid::rsa), null});
    const std::string hash = der::wrap(der::sequence, {object(a.digest_oid), null});
    const std::string mask = der::wrap(der::sequence, {object(oid::mgf1), hash});
    return der::wrap(
        der::sequence,
        {object(oid::rsa_pss),
         der::wrap(der::sequence, {der::wrap(der::context(0), hash), der::wrap(der::context(1), mask),
                                   der::wrap(der::context(2), der::small_integer(a.size))})});
}

base::Result<std::string> signature_of(base::Octets message, const SignRequest& request, const Algorithm& a,
                                       EVP_PKEY* key)
{
    const ossl::ErrorScope errors;
    const auto failed = [&](const char* doing) {
        return base::fail(base::Code::internal, request.certificate->subject(),
                          std::string(doing) + ": " + errors.text());
    };
    const EVP_MD* md = implementation(*a.digest);
    const ossl::DigestContextPtr context(EVP_MD_CTX_new());
    const KeyInUse use(key);
    EVP_PKEY_CTX* parameters = nullptr;
    const bool pure = request.certificate->key_kind() == KeyKind::ed25519;
    if (md == nullptr || !context ||
        EVP_DigestSignInit_ex(context.get(), &parameters, pure ? nullptr : a.digest->name, nullptr,
                              use.properties(), key, nullptr) != 1)
        return failed("cannot sign with this key");
    if (uses_pss(request) && (EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) <= 0 ||
                              EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) <= 0 ||
                              EVP_PKEY_CTX_set_rsa_mgf1_md(parameters, md) <= 0))
        return failed("the key does not allow PSS with this digest");
    std::size_t size = 0;
    if (EVP_DigestSign(context.get(), nullptr, &size, ossl::bytes(message), message.size()) != 1)
        return failed("cannot sign");
    std::string out(size, '\0');
    if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                       ossl::bytes(message), message.size()) != 1)
        return failed("cannot sign");
    // OpenSSL 3.0 says that a signature of elliptic curves has 4 GB when there was no memory for it.
    if (size > out.size()) return failed("cannot sign");
    out.resize(size);
    return out;
}

std::string certificate_set(const SignRequest& request)
{
    std::vector<std::string> all{request.certificate->der()};
    if (request.chain != nullptr)
        for (const Certificate& c : *request.chain)
            if (X509_self_signed(c.native(), 0) != 1 &&
                std::find(all.begin(), all.end(), c.der()) == all.end())
                all.push_back(c.der());
    return der::set_of(der::context(0), std::move(all));
}

// ContentInfo around everything; the content goes in without a copy in between.
std::string assemble(base::Octets before, base::Octets after, base::Pieces content, bool detached)
{
    const std::string type = object(oid::data);
    const std::size_t size = base::total_size(content);
    const std::string octets = detached ? std::string() : der::header(der::octet_string, size);
    const std::string wrapper = detached ? std::string() : der::header(der::context(0), octets.size() + size);
    const std::size_t inside = detached ? 0 : wrapper.size() + octets.size() + size;
    const std::string encapsulated = der::header(der::sequence, type.size() + inside);

    const std::size_t body = before.size() + encapsulated.size() + type.size() + inside + after.size();
    const std::string signed_data = der::header(der::sequence, body);
    const std::string explicit_0 = der::header(der::context(0), signed_data.size() + body);
    const std::string info_type = object(oid::signed_data);
    const std::size_t all = info_type.size() + explicit_0.size() + signed_data.size() + body;
    std::string out = der::header(der::sequence, all);
    out.reserve(out.size() + all);
    for (base::Octets o :
         {base::Octets(info_type), base::Octets(explicit_0), base::Octets(signed_data), before,
          base::Octets(encapsulated), base::Octets(type), base::Octets(wrapper), base::Octets(octets)})
        out += o;
    if (!detached)
        for (base::Octets p : content) out += p;
    out += after;
    return out;
}

}  // namespace

base::Result<SignResult> sign(base::Pieces content, const SignRequest& request)
{
    const ossl::ErrorScope errors;
    if (request.certificate == nullptr || request.key == nullptr)
        return base::fail(base::Code::internal, "", "signing needs a certificate and a key");
    const auto digest = digest_for(*request.certificate, request.digest);
    if (!digest) return base::fail(digest.error());
    const auto key = request.key->native();
    if (!key) return base::fail(key.error());
    const auto belongs = request.key->matches(*request.certificate);
    if (!belongs) return base::fail(belongs.error());
    if (!*belongs)
        return base::fail(base::Code::configuration, request.certificate->subject(),
                          "the private key is not that of the certificate");

    const Algorithm a = algorithm_of(*digest);
    const std::string content_digest =
        request.content_digest ? *request.content_digest : ContentDigests(content).of(*a.digest);
    if (content_digest.size() != a.size)
        return base::fail(base::Code::internal, "", "no " + std::string(a.digest->name));

    const Names names = names_of(*request.certificate);
    const auto attributes = attributes_for(request, names, content_digest);
    const auto signature = signature_of(der::set_of(der::set, attributes), request, a, key->get());
    if (!signature) return base::fail(signature.error());

    const std::string version = der::small_integer(1);
    const std::string digest_algorithm = der::wrap(der::sequence, object(a.digest_oid));
    const std::string signer =
        der::wrap(der::sequence, {version, der::wrap(der::sequence, {names.issuer, names.serial}),
                                  digest_algorithm, der::set_of(der::context(0), attributes),
                                  signature_algorithm(request, a), der::wrap(der::octet_string, *signature)});
    const std::string before = version + der::wrap(der::set, digest_algorithm);
    const std::string after = certificate_set(request) + der::wrap(der::set, signer);
    return SignResult{assemble(before, after, content, request.detached), {name(*digest), content_digest}};
}

base::Result<Digest> digest_for(const Certificate& certificate, Digest wanted)
{
    const auto refuse = [&](const std::string& why) {
        return base::fail(base::Code::configuration, certificate.subject(),
                          describe_key(certificate) + " cannot sign here: " + why,
                          "use an RSA key of 2048 to 8192 bits, EC P-256, P-384 or P-521, or Ed25519");
    };
    switch (certificate.key_kind()) {
        case KeyKind::rsa:
        case KeyKind::rsa_pss:
            if (certificate.key_bits() < 2048) return refuse("too short");
            if (must_not_compute(certificate)) return refuse("too large, or a strange exponent");
            return wanted == Digest::automatic ? Digest::sha256 : wanted;
        case KeyKind::ec:
            if (certificate.curve() == "P-256") return wanted == Digest::automatic ? Digest::sha256 : wanted;
            if (certificate.curve() == "P-384") return wanted == Digest::automatic ? Digest::sha384 : wanted;
            if (certificate.curve() == "P-521") return wanted == Digest::automatic ? Digest::sha512 : wanted;
            return refuse("other curves are not understood by receivers");
        case KeyKind::ed25519: return Digest::sha512;  // the only one (RFC 8419 section 3)
        case KeyKind::ed448:
        case KeyKind::x25519:
        case KeyKind::dsa:
        case KeyKind::other: break;
    }
    return refuse("this kind of key is not supported");
}

const char* micalg(Digest d)
{
    switch (d) {
        case Digest::sha384: return "sha-384";
        case Digest::sha512: return "sha-512";
        case Digest::automatic:
        case Digest::sha256: break;
    }
    return "sha-256";
}

const char* name(Digest d) { return algorithm_of(d).digest->name; }

}  // namespace cms
