#include "cms/der.h"
#include "cms/key_material.h"

namespace cms
{
namespace
{

constexpr std::uint64_t most_rounds = 10'000'000;

int nid_of(base::Octets oid_body)
{
    const std::string der = der::wrap(der::object_identifier, oid_body);
    const unsigned char* at = ossl::bytes(der);
    const std::unique_ptr<ASN1_OBJECT, ossl::Free<ASN1_OBJECT_free>> object(
        d2i_ASN1_OBJECT(nullptr, &at, static_cast<long>(der.size())));
    return object ? OBJ_obj2nid(object.get()) : NID_undef;
}

// AlgorithmIdentifier: which one, and its parameters.
struct Identified {
    int nid = NID_undef;
    der::Reader parameters{base::Octets()};
};

Identified identify(base::Octets body)
{
    Identified out;
    der::Reader reader(body);
    const auto oid = reader.next(der::object_identifier);
    if (!oid) return out;
    out.nid = nid_of(oid->body);
    if (const auto p = reader.next(der::sequence)) out.parameters = der::Reader(p->body);
    return out;
}

std::optional<std::uint64_t> next_number(der::Reader& reader)
{
    const auto e = reader.next(der::integer);
    return e ? der::unsigned_value(*e) : std::nullopt;
}

// Rounds of the key derivation of PBES2; scrypt's cost in the same coin.
std::optional<std::uint64_t> derivation_rounds(Identified derivation)
{
    der::Reader& p = derivation.parameters;
    if (!p.next()) return std::nullopt;  // the salt
    if (derivation.nid == NID_id_pbkdf2) return next_number(p);
    if (derivation.nid != NID_id_scrypt) return std::nullopt;
    std::uint64_t product = 1;
    for (int i = 0; i < 3; ++i) {
        const auto n = next_number(p);
        if (!n || *n > most_rounds) return most_rounds + 1;
        product *= *n;
        if (product > most_rounds) return most_rounds + 1;
    }
    return product;
}

}  // namespace

tl::unexpected<base::Error> Opening::damaged(const std::string& what) const
{
    return base::fail(base::Code::data, where, what);
}

tl::unexpected<base::Error> Opening::password_needed() const
{
    return base::fail(base::Code::permission, where, "encrypted, and no password was given",
                      "set password = file:PATH or credential:NAME for it");
}

tl::unexpected<base::Error> Opening::password_wrong() const
{
    return base::fail(base::Code::permission, where, "wrong password",
                      "check the file or credential that holds the password");
}

base::Result<> Opening::spend(std::uint64_t rounds)
{
    if (rounds > most_rounds || rounds > rounds_left)
        return base::fail(base::Code::data, where,
                          "its password is hashed " + std::to_string(rounds) + " times, more than " +
                              std::to_string(most_rounds) + " are refused",
                          "write it anew with fewer iterations");
    rounds_left -= rounds;
    return {};
}

base::Result<PasswordScheme> examine(const X509_ALGOR* algorithm, const Opening& opening)
{
    const std::string der = algorithm != nullptr ? ossl::encode(algorithm, i2d_X509_ALGOR) : std::string();
    const auto outer = der::Reader(der).next(der::sequence);
    if (!outer) return opening.damaged("encryption parameters cannot be read");
    Identified scheme = identify(outer->body);

    PasswordScheme out;
    std::optional<std::uint64_t> rounds;
    if (scheme.nid == NID_pbes2) {
        const auto derivation = scheme.parameters.next(der::sequence);
        const auto cipher = scheme.parameters.next(der::sequence);
        if (!derivation || !cipher) return opening.damaged("encryption parameters cannot be read");
        rounds = derivation_rounds(identify(derivation->body));
        const int nid = identify(cipher->body).nid;
        out.legacy_provider = nid == NID_rc2_cbc || nid == NID_des_cbc;
        out.outdated = out.legacy_provider || nid == NID_des_ede3_cbc;
    } else {
        out.outdated = true;
        out.legacy_provider = scheme.nid != NID_pbe_WithSHA1And3_Key_TripleDES_CBC &&
                              scheme.nid != NID_pbe_WithSHA1And2_Key_TripleDES_CBC;
        if (scheme.parameters.next(der::octet_string)) rounds = next_number(scheme.parameters);
    }
    if (!rounds) return opening.damaged("encryption parameters cannot be read");
    out.rounds = *rounds;
    return out;
}

LegacyContext::~LegacyContext()
{
    if (legacy_ != nullptr) OSSL_PROVIDER_unload(legacy_);
    if (standard_ != nullptr) OSSL_PROVIDER_unload(standard_);
    OSSL_LIB_CTX_free(context_);
}

base::Result<OSSL_LIB_CTX*> LegacyContext::get(const Opening& opening)
{
    if (context_ == nullptr) {
        context_ = OSSL_LIB_CTX_new();
        // Without a context of its own it would go into that of the process.
        if (context_ != nullptr) {
            legacy_ = OSSL_PROVIDER_load(context_, "legacy");
            standard_ = OSSL_PROVIDER_load(context_, "default");
        }
    }
    if (context_ == nullptr || legacy_ == nullptr || standard_ == nullptr)
        return base::fail(base::Code::unavailable, opening.where,
                          "encrypted with an outdated cipher, and OpenSSL's legacy provider is not installed",
                          "convert it: openssl pkcs12 -legacy -in " + opening.where +
                              " -nodes | openssl pkcs12 -export -out NEW.p12");
    return context_;
}

}  // namespace cms
