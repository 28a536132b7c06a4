// One question to whatever holds certificates: which one for this address, at
// this time, for this purpose?
//
// Backends (the keys of [keys], directories of files, later databases) implement
// CertificateStore; tests/unit/store_contract_test.cc is what each must pass.
// A store is safe to use from several threads and does not change while it is
// part of a snapshot.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/octets.h"
#include "base/result.h"
#include "cms/certificate.h"
#include "cms/encrypt.h"
#include "cms/private_key.h"

namespace store
{

enum class Purpose {
    sign,     // with its private key, usable now
    encrypt,  // to the address, usable now; no private key needed
    decrypt,  // with its private key, whatever became of the certificate since
    verify,   // a candidate for a signer; judging it is the verifier's business
};

// Where a certificate comes from, for the log and for smimectl.
struct Provenance {
    enum class Kind {
        own_key,   // beside its private key
        file,      // an administrator put it there
        pinned,    // an administrator vouches for it, for one address
        learned,   // it came with mail that was verified
        ldap,      // a directory service has it
        dns,       // signed DNS has it (SMIMEA)
        database,  // a database on a server has it
    };
    Kind kind = Kind::file;
    std::string file;      // or what else says where: the source's name, and the place in it
    bool vouched = false;  // by the source, for the address that was asked for

    // No path to an anchor is asked of such a certificate; its revocation still counts.
    [[nodiscard]] bool needs_no_path() const
    {
        return kind == Kind::own_key || kind == Kind::pinned || vouched;
    }
    [[nodiscard]] std::string text() const;  // "file /etc/.../alice.pem", "ldap partners: uid=alice"
};
[[nodiscard]] const char* word(Provenance::Kind k);  // "key", "file", "pinned", "learned", "ldap", ...

struct Found {
    cms::Certificate certificate;
    cms::PrivateKeyHandle key;  // for sign and decrypt; else null
    Provenance origin;
    std::vector<cms::Certificate> issuers{};  // came with it; help to build its path
    bool preferred = false;                   // by its owner (RFC 8551 section 2.5.3)
    // What the owner's mail program said it can decrypt (RFC 8551 section 2.5.2).
    std::optional<std::vector<cms::Cipher>> capabilities{};
};

class CertificateStore
{
public:
    // Answers to one question at most: whoever puts more into a store gets these.
    static constexpr std::size_t most_found = 64;

    CertificateStore() = default;
    CertificateStore(const CertificateStore&) = default;
    CertificateStore& operator=(const CertificateStore&) = default;
    CertificateStore(CertificateStore&&) = default;
    CertificateStore& operator=(CertificateStore&&) = default;
    virtual ~CertificateStore() = default;

    // Those that serve the purpose, best first (better_than()); empty when there
    // is none.  Addresses compare as mime::same_address().  An error means that
    // the store could not answer, which is not the same as "none".
    [[nodiscard]] virtual base::Result<std::vector<Found>> find(std::string_view address, base::Time at,
                                                                Purpose purpose) const = 0;

    // How a CMS structure names a certificate (RFC 5652 sections 5.3, 6.2).
    // `issuer`: the Name in DER, compared octet by octet; `serial` as
    // Certificate::serial().  Several keys may share an identifier.
    [[nodiscard]] virtual base::Result<std::vector<Found>> by_subject_key_id(base::Octets id) const = 0;
    [[nodiscard]] virtual base::Result<std::vector<Found>> by_issuer_and_serial(
        base::Octets issuer, std::string_view serial) const = 0;
    // SHA-256 of the DER, lower-case hex.
    [[nodiscard]] virtual base::Result<std::optional<Found>> by_fingerprint(std::string_view hex) const = 0;
};

// Several stores as one, asked in their order; a certificate is given once, by
// the first that has it.  What one could not answer is an error, unless an
// earlier one had a certificate for the address.
class CombinedStore final : public CertificateStore
{
public:
    explicit CombinedStore(std::vector<std::shared_ptr<const CertificateStore>> stores)
        : stores_(std::move(stores))
    {
    }
    [[nodiscard]] base::Result<std::vector<Found>> find(std::string_view address, base::Time at,
                                                        Purpose purpose) const override;
    [[nodiscard]] base::Result<std::vector<Found>> by_subject_key_id(base::Octets id) const override;
    [[nodiscard]] base::Result<std::vector<Found>> by_issuer_and_serial(
        base::Octets issuer, std::string_view serial) const override;
    [[nodiscard]] base::Result<std::optional<Found>> by_fingerprint(std::string_view hex) const override;

private:
    std::vector<std::shared_ptr<const CertificateStore>> stores_;
};

// Why it does not serve the purpose at that time, private key or not aside;
// nullopt when it does (semantics A.9.6).
[[nodiscard]] std::optional<std::string> unfit_for(Purpose purpose, const cms::Certificate& certificate,
                                                   base::Time at);

// Newest first: by notBefore, then notAfter, then any order that is always the same.
[[nodiscard]] bool better_than(const cms::Certificate& a, const cms::Certificate& b);

}  // namespace store
