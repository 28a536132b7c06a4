// What is believed of what mail teaches.
#include <gtest/gtest.h>

#include "cms/certificate_summary.h"
#include "store/harvest.h"
#include "store_fixture.h"

namespace
{

using namespace fixture;
using namespace std::chrono_literals;
using store::Harvest;
using store::judge;
using store::Learned;
using store::LearnedState;
using store::Lesson;
using store::Memory;
using What = store::Judgement::What;

Lesson lesson(const cms::Identity& who = pki().alice, std::optional<base::Time> t = now)
{
    Lesson l{"alice@example.org", who.certificate, {pki().sub.certificate}};
    l.signing_time = t;
    return l;
}

Learned known(const cms::Certificate& c, LearnedState state = LearnedState::used)
{
    const auto s = must(cms::summarise(c.der()));
    Learned l;
    l.fingerprint = s.fingerprint;
    l.issuer = s.issuer;
    l.state = state;
    l.not_before = s.not_before;
    l.not_after = s.not_after;
    return l;
}

TEST(Harvest, TheFirstCertificateIsUsedOrWaitsAsConfigured)  // C05
{
    const auto used = judge(lesson(), {}, Harvest::automatic, now);
    EXPECT_EQ(used.what, What::add);
    EXPECT_EQ(used.state, LearnedState::used);
    EXPECT_TRUE(used.take_time && used.take_capabilities && used.take_preference);
    const auto waits = judge(lesson(), {}, Harvest::pending, now);
    EXPECT_EQ(waits.what, What::add);
    EXPECT_EQ(waits.state, LearnedState::pending);
    EXPECT_FALSE(waits.take_time || waits.take_capabilities || waits.take_preference || waits.unusual);
    EXPECT_EQ(judge(lesson(), {}, Harvest::off, now).what, What::ignore);
}

TEST(Harvest, ASigningTimeInTheFutureTeachesNothing)  // C05
{
    EXPECT_EQ(judge(lesson(pki().alice, now + 15min), {}, Harvest::automatic, now).what, What::add);
    EXPECT_EQ(judge(lesson(pki().alice, now + 15min + 1s), {}, Harvest::automatic, now).what, What::ignore);
}

TEST(Harvest, CapabilitiesNeedASigningTimeThatIsNewer)  // C05
{
    Memory memory{{known(pki().alice.certificate)}, now, 1};
    EXPECT_FALSE(judge(lesson(pki().alice, now), memory, Harvest::automatic, now).take_capabilities);
    EXPECT_FALSE(judge(lesson(pki().alice, now - 1s), memory, Harvest::automatic, now).take_capabilities);
    EXPECT_FALSE(judge(lesson(pki().alice, std::nullopt), memory, Harvest::automatic, now).take_capabilities);
    EXPECT_TRUE(judge(lesson(pki().alice, now + 1s), memory, Harvest::automatic, now).take_capabilities);
    memory.signing_time.reset();
    EXPECT_FALSE(judge(lesson(pki().alice, std::nullopt), memory, Harvest::automatic, now).take_capabilities);
}

TEST(Harvest, OldMailSentAgainBringsNoOldCertificateBack)  // C05
{
    const auto old = pki().leaf("old");
    const Memory memory{{known(pki().alice.certificate)}, now, 1};
    EXPECT_EQ(judge(lesson(old, now - 24h), memory, Harvest::automatic, now).what, What::ignore);
    EXPECT_EQ(judge(lesson(old, std::nullopt), memory, Harvest::automatic, now).what, What::ignore);
    EXPECT_EQ(judge(lesson(old, now + 1s), memory, Harvest::automatic, now).what, What::add);
}

TEST(Harvest, WhomASourceIsThereForIsNotTakenOverByAFirstMessage)
{
    auto first = lesson(pki().alice);
    first.served_elsewhere = true;
    const auto j = judge(first, {}, Harvest::automatic, now);
    EXPECT_EQ(j.what, What::add);
    EXPECT_EQ(j.state, LearnedState::pending);
    EXPECT_EQ(j.reason, "a source is there for its author");
    EXPECT_FALSE(j.take_capabilities);
}

TEST(Harvest, AnotherIssuerWaitsForSomebodyToLookAtIt)  // C05
{
    const auto other_ca = must(cms::issue(ca_request("Other CA"), nullptr));
    const auto other = must(cms::issue(request("A", {"alice@example.org"}), &other_ca));
    const auto j =
        judge(lesson(other, now + 1s), {{known(pki().alice.certificate)}, now, 1}, Harvest::automatic, now);
    EXPECT_EQ(j.what, What::add);
    EXPECT_EQ(j.state, LearnedState::pending);
    EXPECT_TRUE(j.unusual);
    EXPECT_NE(j.reason.find("another issuer than before: CN=Other CA"), std::string::npos) << j.reason;
    EXPECT_FALSE(j.take_time || j.take_capabilities || j.take_preference);
    // One that is only pending is nobody's word.
    EXPECT_EQ(
        judge(lesson(other, now + 1s), {{known(pki().alice.certificate, LearnedState::pending)}, now, 1},
              Harvest::automatic, now)
            .state,
        LearnedState::used);
    auto from_file = lesson(other);
    from_file.known_issuers = {must(cms::summarise(pki().alice.certificate.der())).issuer};
    EXPECT_EQ(judge(from_file, {}, Harvest::automatic, now).state, LearnedState::pending);
}

TEST(Harvest, ASuccessorByTheSameIssuerIsUsedAtOnce)  // C05
{
    const auto j = judge(lesson(pki().leaf("next"), now + 1s), {{known(pki().alice.certificate)}, now, 1},
                         Harvest::automatic, now);
    EXPECT_EQ(j.what, What::add);
    EXPECT_EQ(j.state, LearnedState::used);
}

TEST(Harvest, WhatWasRejectedStaysRejected)  // C05
{
    const Memory memory{{known(pki().alice.certificate, LearnedState::rejected)}, {}, 1};
    EXPECT_EQ(judge(lesson(), memory, Harvest::automatic, now).what, What::ignore);
}

TEST(Harvest, WhatIsPendingStaysSoUntilSomebodyDecides)  // C05
{
    const Memory memory{{known(pki().alice.certificate, LearnedState::pending)}, {}, 1};
    const auto j = judge(lesson(), memory, Harvest::automatic, now);
    EXPECT_EQ(j.what, What::seen_again);
    EXPECT_FALSE(j.take_time || j.take_capabilities || j.take_preference);
}

TEST(Harvest, FiveForAnAddressAndTheOldestMakesRoom)  // C05
{
    Memory memory;
    for (int i = 0; i < 5; ++i)
        memory.certificates.push_back(
            known(pki().leaf("k", [&](auto& r) { r.not_before = start + i * 24h; }).certificate));
    memory.certificates[3].not_after = now - 1h;
    auto j = judge(lesson(), memory, Harvest::automatic, now);
    EXPECT_EQ(j.what, What::add);
    EXPECT_EQ(j.forget, std::vector{memory.certificates[3].fingerprint}) << "what has ended goes first";
    memory.certificates[3].not_after = end;
    memory.certificates[4].state = LearnedState::pending;
    EXPECT_EQ(judge(lesson(), memory, Harvest::automatic, now).forget,
              std::vector{memory.certificates[4].fingerprint});
    memory.certificates[4].state = LearnedState::used;
    EXPECT_EQ(judge(lesson(), memory, Harvest::automatic, now).forget,
              std::vector{memory.certificates[0].fingerprint});
    for (auto& c : memory.certificates) c.approved = true;
    EXPECT_EQ(judge(lesson(), memory, Harvest::automatic, now).what, What::ignore)
        << "what somebody has approved makes no room";
}

TEST(Harvest, OnlyWhatFitsTheAddressAndTheLimits)  // C05
{
    auto l = lesson();
    l.address = "bob@example.org";
    EXPECT_EQ(judge(l, {}, Harvest::automatic, now).what, What::ignore);
    EXPECT_EQ(judge(lesson(), {}, Harvest::automatic, end + 1h).what, What::ignore);
    auto many = request("Many", {"alice@example.org"});
    for (int i = 0; i < 1000; ++i) many.addresses.push_back("u" + std::to_string(i) + "@example.org");
    EXPECT_EQ(judge(lesson(must(cms::issue(many, &pki().sub))), {}, Harvest::automatic, now).what,
              What::ignore);
    EXPECT_TRUE(judge(lesson(), {{}, {}, 100'000}, Harvest::automatic, now).purge);
    EXPECT_FALSE(judge(lesson(), {{}, {}, 99'999}, Harvest::automatic, now).purge);
}

}  // namespace
