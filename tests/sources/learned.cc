// What every database of learned certificates must do, over one that tests/sources has
// made: $SOURCE_CONF is a configuration whose first source learns, and is empty.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <thread>

#include "policy/config.h"
#include "store/harvest.h"
#include "store/sources.h"
#include "unit/store_fixture.h"

namespace
{

using namespace fixture;
using namespace std::chrono_literals;
using store::Harvest;
using store::LearnedState;
using What = store::Judgement::What;

const store::SourceSettings& source()
{
    static const store::SourceSettings once = [] {
        const char* file = getenv("SOURCE_CONF");  // NOLINT(concurrency-mt-unsafe)
        if (file == nullptr) throw std::runtime_error("SOURCE_CONF is not set; see tests/sources");
        std::vector<base::Problem> problems;
        const auto config = policy::load_config(file, problems);
        if (!config || config->certificates.sources.empty()) throw std::runtime_error(text(problems));
        return config->certificates.sources.front();
    }();
    return once;
}

std::unique_ptr<store::LearnedStore> database()
{
    std::vector<base::Problem> problems;
    return must(store::source_kind(source().uri)->open_learned(source(), store::OnDamage::refuse, problems));
}

// As the daemon finds them, with nothing remembered.
std::vector<store::Found> found(const std::string& address)
{
    base::SystemClock clock;
    store::Sources sources(clock);
    return must(sources.ask(source(), address, std::chrono::steady_clock::time_point::max(), {}))->found;
}

cms::Certificate certificate(const std::string& address, base::Time from = start, base::Time to = end,
                             const cms::Identity& issuer = pki().sub)
{
    auto r = request(address, {address});
    r.not_before = from;
    r.not_after = to;
    return must(cms::issue(r, &issuer)).certificate;
}

store::Lesson lesson(const std::string& address, const cms::Certificate& c, base::Time signed_at = now)
{
    return {
        .address = address, .certificate = c, .issuers = {pki().sub.certificate}, .signing_time = signed_at};
}

TEST(Learned, WhatOneLearnsAnotherFinds)
{
    const auto c = certificate("one@example.net");
    auto first = lesson("One@example.net", c);
    first.capabilities = std::vector{cms::Cipher::aes256_gcm, cms::Cipher::aes128_cbc};
    first.preferred = true;
    const auto learning = must(database()->learn(first, Harvest::automatic, now));
    EXPECT_EQ(learning.judgement.what, What::add);
    EXPECT_EQ(learning.fingerprint, c.fingerprint());
    const auto there = found("one@EXAMPLE.net");
    ASSERT_EQ(there.size(), 1U);
    EXPECT_EQ(there[0].certificate, c);
    ASSERT_EQ(there[0].issuers.size(), 1U);
    EXPECT_EQ(there[0].issuers[0], pki().sub.certificate);
    EXPECT_TRUE(there[0].preferred);
    EXPECT_EQ(there[0].capabilities, first.capabilities);
    EXPECT_FALSE(there[0].origin.vouched) << "its path is judged at every use";
    EXPECT_TRUE(found("other@example.net").empty());
    // Again, and newer: nothing is there twice, and what it can do is what it said last.
    auto again = lesson("one@example.net", c, now + 1h);
    EXPECT_EQ(must(database()->learn(again, Harvest::automatic, now + 1h)).judgement.what, What::seen_again);
    ASSERT_EQ(found("one@example.net").size(), 1U);
    EXPECT_FALSE(found("one@example.net")[0].capabilities);
    EXPECT_FALSE(found("one@example.net")[0].preferred);
}

TEST(Learned, WhatWaitsIsUsedWhenItIsApprovedAndNeverWhenItIsRejected)
{
    const std::string address = "waits@example.net";
    const auto good = certificate(address), bad = certificate(address);
    const auto db = database();
    EXPECT_EQ(must(db->learn(lesson(address, good), Harvest::pending, now)).judgement.state,
              LearnedState::pending);
    EXPECT_EQ(must(db->learn(lesson(address, bad, now + 1s), Harvest::pending, now)).judgement.state,
              LearnedState::pending);
    EXPECT_TRUE(found(address).empty());
    std::set<std::string> waiting;
    std::size_t at = 0;
    for (const auto& [entry, c] : must(db->list(LearnedState::pending, at, 1000)))
        if (entry.address == address) {
            waiting.insert(entry.fingerprint);
            EXPECT_EQ(entry.fingerprint, c.fingerprint());
            EXPECT_EQ(entry.not_after, c.not_after());
            EXPECT_FALSE(entry.approved);
            EXPECT_NE(entry.reason, "");
        }
    EXPECT_EQ(waiting, (std::set{good.fingerprint(), bad.fingerprint()}));
    EXPECT_TRUE(must(db->decide(address, good.fingerprint(), LearnedState::used)));
    EXPECT_TRUE(must(db->decide(address, bad.fingerprint(), LearnedState::rejected)));
    EXPECT_FALSE(must(db->decide("nobody@example.net", good.fingerprint(), LearnedState::used)));
    ASSERT_EQ(found(address).size(), 1U);
    EXPECT_EQ(found(address)[0].certificate, good);
    EXPECT_EQ(
        must(database()->learn(lesson(address, bad, now + 1h), Harvest::automatic, now + 1h)).judgement.what,
        What::ignore);
    EXPECT_EQ(found(address).size(), 1U);
}

TEST(Learned, AnotherIssuerForAKnownAddressWaits)  // C05
{
    const std::string address = "known@example.net";
    const auto own = certificate(address);
    const auto rogue = certificate(address, start + 24h, end, pki().root);
    const auto db = database();
    (void)must(db->learn(lesson(address, own), Harvest::automatic, now));
    const auto learning = must(db->learn(lesson(address, rogue, now + 1h), Harvest::automatic, now + 1h));
    EXPECT_EQ(learning.judgement.state, LearnedState::pending);
    EXPECT_TRUE(learning.judgement.unusual);
    ASSERT_EQ(found(address).size(), 1U);
    EXPECT_EQ(found(address)[0].certificate, own);
}

TEST(Learned, OfOneAddressAFewAreKept)
{
    const std::string address = "many@example.net";
    const auto db = database();
    std::vector<cms::Certificate> all;
    for (int i = 0; i < 8; ++i) {
        all.push_back(certificate(address, start + i * 1h));
        (void)must(db->learn(lesson(address, all.back(), now + i * 1h), Harvest::automatic, now + i * 1h));
    }
    const auto there = found(address);
    ASSERT_EQ(there.size(), store::limits::learned_per_address);
    EXPECT_EQ(there.front().certificate, all.back()) << "the newest";
}

TEST(Learned, SeveralWhoLearnAtTheSameTimeLoseAndDoubleNothing)
{
    std::vector<store::Lesson> lessons;
    for (int a = 0; a < 10; ++a)
        for (int c = 0; c < 3; ++c) {
            const std::string address = "busy" + std::to_string(a) + "@example.net";
            lessons.push_back(lesson(address, certificate(address, start + c * 1h), now));
        }
    std::atomic<int> added = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            const auto db = database();
            for (std::size_t i = 0; i < lessons.size(); ++i) {
                auto one = lessons[(i + static_cast<std::size_t>(t) * 7) % lessons.size()];
                // In no order: every mail is as old as the others, or says nothing.
                one.signing_time.reset();
                if (must(db->learn(one, Harvest::automatic, now)).judgement.what == What::add) ++added;
            }
        });
    for (auto& t : threads) t.join();
    std::set<std::pair<std::string, std::string>> there;
    std::size_t entries = 0;
    for (const auto state : {LearnedState::used, LearnedState::pending}) {
        std::size_t at = 0;
        for (const auto& [entry, c] : must(database()->list(state, at, 1000)))
            if (entry.address.starts_with("busy")) {
                ++entries;
                there.emplace(entry.address, entry.fingerprint);
            }
    }
    EXPECT_EQ(there.size(), lessons.size());
    EXPECT_EQ(entries, lessons.size());
    EXPECT_EQ(added, static_cast<int>(lessons.size())) << "each was new to one of them only";
}

}  // namespace
