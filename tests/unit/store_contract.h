// What every store of certificates must do, whatever is behind it; instantiated by
// store_contract_test.cc over those on this machine, and by tests/sources over
// servers.  A backend is a type with
//
//   has_keys       whether it has private keys
//   indexed        whether it finds certificates as CMS names them
//   make(directory, identities)   a store that holds these and nothing else; the
//                                 directory is empty and its own
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "cms/certificate_summary.h"
#include "store/certificate_store.h"
#include "store_fixture.h"

namespace store_contract
{

using namespace fixture;
using namespace std::chrono_literals;
using store::CertificateStore;
using store::Purpose;

template <class Backend>
class StoreContract : public testing::Test
{
protected:
    std::shared_ptr<const CertificateStore> make(const std::vector<cms::Identity>& with)
    {
        return Backend::make(directory_, with);
    }
    static std::vector<cms::Certificate> certificates(const std::vector<store::Found>& found)
    {
        std::vector<cms::Certificate> out;
        for (const auto& f : found) out.push_back(f.certificate);
        return out;
    }
    static std::vector<cms::Certificate> find(const CertificateStore& s, std::string_view address,
                                              Purpose purpose = Purpose::encrypt, base::Time t = now)
    {
        return certificates(must(s.find(address, t, purpose)));
    }
    TemporaryDirectory directory_;
};

TYPED_TEST_SUITE_P(StoreContract);

using List = std::vector<cms::Certificate>;

inline cms::Identity encryptable(const char* name, base::Time from = start, base::Time to = end)
{
    return pki().leaf(name, [&](auto& r) {
        r.ec = true;
        r.not_before = from;
        r.not_after = to;
    });
}

TYPED_TEST_P(StoreContract, AnEmptyStoreFindsNothingWithoutAnError)
{
    const auto s = this->make({});
    EXPECT_TRUE(this->find(*s, "alice@example.org").empty());
    EXPECT_TRUE(must(s->by_subject_key_id("abc")).empty());
    EXPECT_TRUE(must(s->by_issuer_and_serial("0", "01")).empty());
    EXPECT_FALSE(must(s->by_fingerprint(std::string(64, '0'))));
}

TYPED_TEST_P(StoreContract, FindsByAddressWithoutRegardToCase)
{
    const auto s = this->make({pki().alice, pki().bob});
    EXPECT_EQ(this->find(*s, "ALICE@Example.ORG", Purpose::verify), List{pki().alice.certificate});
    EXPECT_EQ(this->find(*s, "bob@example.org", Purpose::verify), List{pki().bob.certificate});
    for (const char* nobody : {"", "@", "alice", "alice@example.org.", "alice@example.com", "*@example.org"})
        EXPECT_TRUE(this->find(*s, nobody, Purpose::verify).empty()) << nobody;
}

TYPED_TEST_P(StoreContract, GivesTheNewestFirstAndRollsOverByItself)  // C11
{
    const auto older = encryptable("older"), newer = encryptable("newer", start + 24h);
    const auto future = encryptable("future", now + 24h), expired = encryptable("expired", start, now - 24h);
    const auto s = this->make({older, expired, future, newer});
    EXPECT_EQ(this->find(*s, "alice@example.org"), (List{newer.certificate, older.certificate}));
    EXPECT_EQ(this->find(*s, "alice@example.org", Purpose::encrypt, now + 48h),
              (List{future.certificate, newer.certificate, older.certificate}));
}

TYPED_TEST_P(StoreContract, EncryptsOnlyToWhatAllowsIt)
{
    const auto usage = [](const char* name, const char* ku, const char* eku = "") {
        return pki().leaf(name, [&](auto& r) {
            r.ec = true;
            r.key_usage = ku;
            r.extended_key_usage = eku;
        });
    };
    const auto good = usage("good", "critical,keyAgreement"), open = usage("open", "none", "none");
    const auto s = this->make({good, usage("signs", "critical,digitalSignature"),
                               usage("server", "critical,keyAgreement", "serverAuth"), open});
    auto found = this->find(*s, "alice@example.org");
    EXPECT_EQ(found.size(), 2U);
    for (const auto& c : found) EXPECT_TRUE(c == good.certificate || c == open.certificate) << c.subject();
}

TYPED_TEST_P(StoreContract, KeysAreGivenForSigningAndDecryptingOnly)
{
    const auto expired = encryptable("expired", start, now - 24h);
    const auto s = this->make({pki().alice, expired});
    const auto sign = must(s->find("alice@example.org", now, Purpose::sign));
    const auto decrypt = must(s->find("alice@example.org", now, Purpose::decrypt));
    if (!TypeParam::has_keys) {
        EXPECT_TRUE(sign.empty());
        EXPECT_TRUE(decrypt.empty());
        return;
    }
    ASSERT_EQ(sign.size(), 1U);
    EXPECT_TRUE(must(sign[0].key->matches(pki().alice.certificate)));
    EXPECT_EQ(decrypt.size(), 2U) << "old keys keep decrypting";
}

TYPED_TEST_P(StoreContract, FindsAsCmsNamesThem)
{
    const auto s = this->make({pki().alice, pki().bob});
    EXPECT_TRUE(must(s->by_subject_key_id("")).empty());
    if (!TypeParam::indexed) return;
    const auto summary = must(cms::summarise(pki().bob.certificate.der()));
    EXPECT_EQ(this->certificates(must(s->by_subject_key_id(summary.subject_key_id))),
              List{pki().bob.certificate});
    EXPECT_EQ(this->certificates(must(s->by_issuer_and_serial(summary.issuer, summary.serial))),
              List{pki().bob.certificate});
    EXPECT_TRUE(must(s->by_issuer_and_serial(summary.issuer, "01")).empty());
    const auto found = must(s->by_fingerprint(pki().alice.certificate.fingerprint()));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->certificate, pki().alice.certificate);
    EXPECT_TRUE(found->origin.file.starts_with(this->directory_.path())) << found->origin.file;
}

TYPED_TEST_P(StoreContract, AnswersAreBounded)
{
    std::vector<cms::Identity> many;
    for (int i = 0; i < 70; ++i) many.push_back(encryptable("many", start + i * 1h));
    const auto s = this->make(many);
    const auto found = this->find(*s, "alice@example.org");
    ASSERT_EQ(found.size(), CertificateStore::most_found);
    EXPECT_EQ(found.front(), many.back().certificate) << "the best are kept";
}

TYPED_TEST_P(StoreContract, AddressesBeyondAsciiAreFound)  // C13
{
    const auto who = must(cms::issue(request("Müller", {"müller@example.org"}), &pki().sub));
    const auto s = this->make({who});
    EXPECT_EQ(this->find(*s, "müller@EXAMPLE.org", Purpose::verify), List{who.certificate});
}

TYPED_TEST_P(StoreContract, SeveralThreadsMayAsk)
{
    const auto s = this->make({pki().alice, pki().bob});
    std::vector<std::thread> threads;
    std::atomic<int> right = 0;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 50; ++i)
                right += static_cast<int>(must(s->find("bob@example.org", now, Purpose::verify)).size());
        });
    for (auto& t : threads) t.join();
    EXPECT_EQ(right, 200);
}

REGISTER_TYPED_TEST_SUITE_P(StoreContract, AnEmptyStoreFindsNothingWithoutAnError,
                            FindsByAddressWithoutRegardToCase, GivesTheNewestFirstAndRollsOverByItself,
                            EncryptsOnlyToWhatAllowsIt, KeysAreGivenForSigningAndDecryptingOnly,
                            FindsAsCmsNamesThem, AnswersAreBounded, AddressesBeyondAsciiAreFound,
                            SeveralThreadsMayAsk);

}  // namespace store_contract
