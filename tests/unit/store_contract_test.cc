// The stores on this machine keep the contract (store_contract.h); and what is
// theirs alone.  A new backend adds a maker and its name to Backends.
#include "store_contract.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "cms/certificate_summary.h"
#include "cms/container.h"
#include "config.h"
#include "store/directory_store.h"
#include "store/key_store.h"
#include "store/sqlite_store.h"
#include "store_fixture.h"

namespace
{

using namespace store_contract;

// Puts identities into a store of its kind.
struct Directory {
    static constexpr bool has_keys = false, indexed = true;
    static std::shared_ptr<const CertificateStore> make(const TemporaryDirectory& d,
                                                        const std::vector<cms::Identity>& with)
    {
        int n = 0;
        for (const auto& who : with) d.put(std::to_string(n++) + ".crt", cms::to_pem(who.certificate), 0644);
        std::vector<base::Problem> problems;
        auto out = store::DirectoryStore::open({d.path()}, problems);
        EXPECT_EQ(text(problems), "");
        return out;
    }
};

struct Keys {
    static constexpr bool has_keys = true, indexed = true;
    static std::shared_ptr<const CertificateStore> make(const TemporaryDirectory& d,
                                                        const std::vector<cms::Identity>& with)
    {
        int n = 0;
        for (const auto& who : with)
            d.put(std::to_string(n++) + ".pem", must(cms::to_pem(*who.key)) + cms::to_pem(who.certificate));
        std::vector<base::Problem> problems;  // expired and the like
        return std::make_shared<store::KeyStore>(
            store::KeyStore::load({{"", d.path(), {}, ""}}, {}, now, problems));
    }
};

struct Combined {
    static constexpr bool has_keys = true, indexed = true;
    static std::shared_ptr<const CertificateStore> make(const TemporaryDirectory& d,
                                                        const std::vector<cms::Identity>& with)
    {
        // All of it twice, with and without keys: nothing may be given twice.
        const TemporaryDirectory files;
        auto certificates = Directory::make(files, with);
        for (const auto& who : with)
            EXPECT_TRUE(must(certificates->by_fingerprint(who.certificate.fingerprint())));
        return std::make_shared<store::CombinedStore>(std::vector<std::shared_ptr<const CertificateStore>>{
            Keys::make(d, with), std::move(certificates)});
    }
};

#ifdef HAVE_SQLITE
struct Learned {
    static constexpr bool has_keys = false, indexed = true;
    static std::shared_ptr<const CertificateStore> make(const TemporaryDirectory& d,
                                                        const std::vector<cms::Identity>& with)
    {
        std::vector<base::Problem> problems;
        auto learned =
            must(store::SqliteLearned::open(d / "certificates.db", store::OnDamage::refuse, problems));
        for (const auto& who : with)
            for (const auto& address : who.certificate.addresses())
                EXPECT_TRUE(learned->put({address, who.certificate, {}}, store::LearnedState::used, now));
        return std::make_shared<store::SqliteStore>(d / "certificates.db");
    }
};

using Backends = testing::Types<Directory, Keys, Combined, Learned>;
#else
using Backends = testing::Types<Directory, Keys, Combined>;
#endif
INSTANTIATE_TYPED_TEST_SUITE_P(OnThisMachine, StoreContract, Backends);

// --- what only directories have ---

std::shared_ptr<const store::DirectoryStore> open(
    const TemporaryDirectory& d, std::vector<base::Problem>& problems,
    store::Provenance::Kind kind = store::Provenance::Kind::file, std::size_t cached = 1024)
{
    return store::DirectoryStore::open({d.path(), kind, cached}, problems);
}

TEST(DirectoryStore, IsReadAgainOnlyWhenSomethingHasChanged)
{
    using Before = std::vector<std::shared_ptr<const store::DirectoryStore>>;
    const TemporaryDirectory d;
    d.put("bad.crt", "none", 0644);
    d.put("alice.crt", cms::to_pem(pki().alice.certificate), 0644);
    std::filesystem::create_symlink("nothing", d / "gone.crt");
    auto now = base::SystemClock().now();
    const auto open = [&](const Before& before) {
        std::vector<base::Problem> problems;
        auto out = store::DirectoryStore::open({d.path()}, problems, {before, now});
        EXPECT_NE(text(problems).find("bad.crt"), std::string::npos);
        return out;
    };
    const auto early = open({});
    EXPECT_NE(open({early}), early) << "a file that has changed just now may change again";

    now += std::chrono::seconds(30);
    const auto first = open({});
    EXPECT_EQ(open({first}), first);
    EXPECT_EQ(open({early, first}), first);
    std::vector<base::Problem> ignored;
    EXPECT_NE(
        store::DirectoryStore::open({d.path(), store::Provenance::Kind::pinned}, ignored, {{first}, now}),
        first);
    d.put("alice.crt", cms::to_pem(pki().bob.certificate), 0644);
    const auto second = open({first});
    EXPECT_NE(second, first);
    d.put("nothing", "none", 0644);
    EXPECT_NE(open({second}), second) << "the link leads somewhere now";
    EXPECT_FALSE(must(second->by_fingerprint(pki().alice.certificate.fingerprint())));
    EXPECT_TRUE(must(second->by_fingerprint(pki().bob.certificate.fingerprint())));
}

TEST(DirectoryStore, KnowsWhoElseMayWriteToItsFilesWithoutASecondLook)
{
    const TemporaryDirectory d;
    const auto file = d.put("alice.crt", cms::to_pem(pki().alice.certificate), 0666);
    d.put("README", "nothing", 0666);
    const auto now = base::SystemClock().now() + std::chrono::seconds(30);
    const auto open = [&](std::vector<std::shared_ptr<const store::DirectoryStore>> before) {
        std::vector<base::Problem> problems;
        return store::DirectoryStore::open({d.path()}, problems, {std::move(before), now});
    };
    const auto first = open({});
    ASSERT_TRUE(first->writers());
    EXPECT_EQ(first->writers()->text(),
              file + ": error: writable by others: whoever changes it is trusted; run: chmod o-w " + file);
    EXPECT_EQ(open({first}), first);
    chmod(file.c_str(), 0644);
    const auto second = open({first});
    EXPECT_NE(second, first);
    EXPECT_FALSE(second->writers());
}

TEST(DirectoryStore, OneBadFileAmongManyIsNamedAndTheOthersLoad)
{
    const TemporaryDirectory d;
    for (int i = 0; i < 100; ++i)
        d.put("good" + std::to_string(i) + ".pem", cms::to_pem(pki().alice.certificate) + "\n", 0644);
    d.put("good.der", pki().bob.certificate.der(), 0644);
    d.put("bad.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", 0644);
    d.put("README", "nothing", 0644);
    std::vector<base::Problem> problems;
    const auto s = open(d, problems);
    ASSERT_EQ(problems.size(), 1U) << text(problems);
    EXPECT_EQ(problems[0].error.where, d / "bad.pem");
    EXPECT_NE(problems[0].error.remedy, "");
    EXPECT_EQ(problems[0].severity, base::Severity::warning);
    EXPECT_EQ(s->size(), 2U) << "a copy is not a second certificate";
}

TEST(DirectoryStore, DerUnderThePemNameAndTheOtherWayRoundWork)
{
    const TemporaryDirectory d;
    d.put("a.pem", pki().alice.certificate.der(), 0644);
    d.put("b.der", cms::to_pem(pki().bob.certificate), 0644);
    std::vector<base::Problem> problems;
    EXPECT_EQ(open(d, problems)->size(), 2U);
    EXPECT_EQ(text(problems), "");
}

TEST(DirectoryStore, APrivateKeyAmongCertificatesIsRefused)
{
    const TemporaryDirectory d;
    d.put("a.pem", cms::to_pem(pki().alice.certificate) + must(cms::to_pem(*pki().alice.key)), 0644);
    std::vector<base::Problem> problems;
    EXPECT_EQ(open(d, problems)->size(), 0U);
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_NE(text(problems).find("a private key among certificates; move it"), std::string::npos);
}

TEST(DirectoryStore, DecodesOnUseAndKeepsABoundedNumber)
{
    const TemporaryDirectory d;
    std::vector<std::string> addresses;
    for (int i = 0; i < 8; ++i) {
        addresses.push_back("user" + std::to_string(i) + "@example.org");
        d.put(std::to_string(i) + ".pem",
              cms::to_pem(must(cms::issue(request("user", {addresses.back()}), &pki().sub)).certificate),
              0644);
    }
    std::vector<base::Problem> problems;
    const auto s = open(d, problems, store::Provenance::Kind::file, 3);
    EXPECT_EQ(s->size(), 8U);
    EXPECT_EQ(s->decoded(), 0U);
    for (int round = 0; round < 2; ++round)
        for (const auto& address : addresses)
            EXPECT_EQ(must(s->find(address, now, Purpose::verify)).size(), 1U) << address;
    EXPECT_EQ(s->decoded(), 3U);
}

TEST(DirectoryStore, AFileThatWasReplacedIsNotFoundAsWhatItWas)
{
    const TemporaryDirectory d;
    d.put("a.pem", cms::to_pem(pki().alice.certificate), 0644);
    std::vector<base::Problem> problems;
    const auto s = open(d, problems);
    d.put("a.pem", cms::to_pem(pki().bob.certificate), 0644);
    const auto found = s->find("alice@example.org", now, Purpose::encrypt);
    ASSERT_FALSE(found) << "it would be sent without encryption";
    EXPECT_EQ(found.error().text(),
              d / "a.pem" + ": error: has changed since it was read; run: smimectl reload");
    EXPECT_FALSE(s->by_fingerprint(pki().alice.certificate.fingerprint()));
    EXPECT_TRUE(must(s->find("bob@example.org", now, Purpose::encrypt)).empty());
    std::filesystem::remove(d / "a.pem");
    EXPECT_TRUE(must(s->find("alice@example.org", now, Purpose::encrypt)).empty()) << "somebody wanted it so";
}

TEST(DirectoryStore, ABrokenFileHidesNoOther)
{
    const TemporaryDirectory d;
    d.put("a.pem", cms::to_pem(pki().alice.certificate), 0644);
    d.put("b.pem", cms::to_pem(pki().alice.certificate) + cms::to_pem(pki().bob.certificate), 0644);
    const auto other = encryptable("alice");
    d.put("c.pem", cms::to_pem(other.certificate), 0644);
    std::vector<base::Problem> problems;
    const auto s = open(d, problems);
    d.put("a.pem", "", 0644);
    EXPECT_EQ(must(s->find("alice@example.org", now, Purpose::encrypt)).size(), 1U);
}

TEST(DirectoryStore, AFileThatIsJustBeingWrittenIsNoReasonToSendWithoutEncryption)
{
    const TemporaryDirectory d;
    const std::string pem = cms::to_pem(pki().alice.certificate);
    d.put("a.pem", pem, 0644);
    std::vector<base::Problem> problems;
    const auto s = open(d, problems);
    for (const std::size_t written : {std::size_t{0}, pem.size() / 2}) {
        d.put("a.pem", pem.substr(0, written), 0644);
        const auto found = s->find("alice@example.org", now, Purpose::encrypt);
        ASSERT_FALSE(found) << written;
        EXPECT_EQ(found.error().where, d / "a.pem");
    }
    d.put("a.pem", pem, 0644);
    EXPECT_EQ(must(s->find("alice@example.org", now, Purpose::encrypt)).size(), 1U);
}

TEST(DirectoryStore, APinIsForTheAddressOfItsFileOnly)
{
    const TemporaryDirectory d;
    d.put("carol@example.net.pem", cms::to_pem(pki().alice.certificate), 0644);
    d.put("nobody.pem", cms::to_pem(pki().bob.certificate), 0644);
    std::vector<base::Problem> problems;
    const auto s = open(d, problems, store::Provenance::Kind::pinned);
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_NE(text(problems).find("nobody.pem: warning: its name is not an address"), std::string::npos);
    EXPECT_EQ(must(s->find("Carol@example.net", now, Purpose::verify)).size(), 1U);
    EXPECT_TRUE(must(s->find("alice@example.org", now, Purpose::verify)).empty());
}

TEST(DirectoryStore, ADomainIsTheSameInBothOfItsForms)
{
    const TemporaryDirectory d;
    d.put(
        "@b\xc3\xbc"
        "cher.example.pem",
        cms::to_pem(pki().bob.certificate), 0644);
    std::vector<base::Problem> problems;
    const auto s = open(d, problems, store::Provenance::Kind::pinned);
    EXPECT_EQ(text(problems), "");
    EXPECT_EQ(must(s->find("@xn--bcher-kva.example", now, Purpose::encrypt)).size(), 1U);
    EXPECT_EQ(must(s->find("@B\xc3\xbc"
                           "cher.example",
                           now, Purpose::encrypt))
                  .size(),
              1U);
    EXPECT_TRUE(must(s->find("@other.example", now, Purpose::encrypt)).empty());
}

TEST(DirectoryStore, WhatFollowsADamagedCertificateIsNotMissingWithoutAWord)
{
    const TemporaryDirectory d;
    d.put("two.pem",
          cms::to_pem(pki().alice.certificate) +
              "-----BEGIN CERTIFICATE-----\n@@@\n-----END CERTIFICATE-----\n" +
              cms::to_pem(pki().bob.certificate),
          0644);
    std::vector<base::Problem> problems;
    const auto s = open(d, problems);
    EXPECT_NE(text(problems).find("two.pem: warning: damaged PEM, block 2"), std::string::npos)
        << text(problems);
}

TEST(DirectoryStore, TenThousandNamesAreNoTrouble)
{
    auto r = request("Many");
    for (int i = 0; i < 10'000; ++i) r.addresses.push_back("u" + std::to_string(i) + "@example.org");
    const auto many = must(cms::issue(r, &pki().sub));
    const TemporaryDirectory d;
    d.put("many.der", many.certificate.der(), 0644);
    std::vector<base::Problem> problems;
    const auto s = open(d, problems);
    EXPECT_EQ(text(problems), "");
    EXPECT_EQ(must(s->find("u9999@example.org", now, Purpose::verify)).size(), 1U);
}

// --- the cheap reading of certificates ---

void expect_same(const cms::Certificate& c)
{
    const auto s = must(cms::summarise(c.der()));
    EXPECT_EQ(s.fingerprint, c.fingerprint());
    EXPECT_EQ(s.addresses, c.addresses()) << c.subject();
    EXPECT_EQ(s.serial, c.serial());
    EXPECT_EQ(s.not_before, c.not_before());
    EXPECT_EQ(s.not_after, c.not_after());
    const ASN1_OCTET_STRING* id = X509_get0_subject_key_id(c.native());
    EXPECT_EQ(s.subject_key_id, id == nullptr
                                    ? std::string()
                                    : std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(id)),
                                                  static_cast<std::size_t>(ASN1_STRING_length(id))));
}

TEST(CertificateSummary, SaysWhatTheCertificateSays)
{
    expect_same(pki().alice.certificate);
    expect_same(pki().root.certificate);
    expect_same(
        must(cms::issue(request("M", {"a@example.org", "müller@example.org", "no address"}), &pki().sub))
            .certificate);
    expect_same(altered(pki().alice.certificate, pki().sub, [](X509* x) {
        X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_pkcs9_emailAddress, V_ASN1_IA5STRING,
                                   reinterpret_cast<const unsigned char*>("x@example.org"), -1, -1, 0);
        while (X509_get_ext_by_NID(x, NID_subject_alt_name, -1) >= 0)
            X509_EXTENSION_free(X509_delete_ext(x, X509_get_ext_by_NID(x, NID_subject_alt_name, -1)));
    }));
    expect_same(altered(pki().alice.certificate, pki().sub, [](X509* x) {  // there twice
        add_extension(x, NID_subject_alt_name, "email:other@example.org");
    }));
    expect_same(altered(pki().alice.certificate, pki().sub,
                        [](X509* x) { ASN1_INTEGER_set_int64(X509_get_serialNumber(x), -5); }));
    expect_same(altered(pki().alice.certificate, pki().sub,
                        [](X509* x) { ASN1_TIME_set_string(X509_getm_notAfter(x), "20991231235959Z"); }));
    EXPECT_FALSE(cms::summarise(""));
    EXPECT_FALSE(cms::summarise("junk"));
    EXPECT_FALSE(cms::summarise(pki().alice.certificate.der() + "x"));
}

TEST(CertificateSummary, EveryTruncationIsAnError)
{
    const std::string& der = pki().alice.certificate.der();
    for (std::size_t n = 0; n < der.size(); ++n)
        EXPECT_FALSE(cms::summarise(std::string_view(der).substr(0, n))) << n;
}

}  // namespace
