// What is said about certificates that end, and when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/expiry.h"
#include "store_fixture.h"

namespace
{

using namespace fixture;
using namespace std::chrono_literals;
using std::chrono::days;
using store::Kept;

Kept key_until(base::Time until, const std::string& eku = "", const std::string& usage = "",
               const std::string& name = "")
{
    static int serial = 0;
    const auto who = pki().leaf("ending-" + std::to_string(++serial), [&](auto& r) {
        r.not_after = until;
        if (!eku.empty()) r.extended_key_usage = eku;
        if (!usage.empty()) r.key_usage = usage;
    });
    return {"key", name, "k" + std::to_string(serial) + ".p12", who.certificate};
}

std::string listed(const std::vector<Kept>& kept, days within = days(30))
{
    std::string out;
    for (const Kept* k : store::ending(kept, now, within)) out += k->file + " ";
    return out;
}

std::string told(const std::vector<Kept>& kept, base::Time since, base::Time until)
{
    return text(store::expiry_notices(kept, since, until).due);
}

TEST(Expiry, ListsWhatEndsSoonestFirst)
{
    const auto late = key_until(now + days(20)), early = key_until(now + days(3)), gone = key_until(now - 1h),
               far = key_until(now + days(90));
    auto other = key_until(now + days(90));
    EXPECT_EQ(listed({late}), late.file + " ");
    EXPECT_EQ(listed({far}), "");
    EXPECT_EQ(listed({far}, days(100)), far.file + " ");
    EXPECT_EQ(listed({gone}, days(0)), gone.file + " ");
    // All of Alice: the one that outlives the others is the only one to care about.
    EXPECT_EQ(listed({gone, late, early}), late.file + " ");
    EXPECT_EQ(listed({gone, late, early, far}), "");
    other.name = "sales";
    EXPECT_EQ(listed({late, other}), late.file + " ") << "[key sales] does not sign for Alice";
}

TEST(Expiry, ASuccessorHasToDoTheSame)
{
    const auto both = key_until(now + days(3)), signs = key_until(now + days(300), "", "digitalSignature"),
               decrypts = key_until(now + days(300), "", "keyAgreement"),
               server = key_until(now + days(300), "serverAuth");
    EXPECT_EQ(listed({both, signs}), both.file + " ") << "nobody could encrypt to Alice any more";
    EXPECT_EQ(listed({both, decrypts}), both.file + " ");
    EXPECT_EQ(listed({both, signs, decrypts}), "");
    EXPECT_EQ(listed({both, server}), both.file + " ");
    auto future = both;
    future.file = "future";
    const auto not_yet = pki().leaf("not-yet", [&](auto& r) {
        r.not_before = now + 24h;
        r.not_after = end;
    });
    EXPECT_EQ(listed({both, {"key", "", "f.p12", not_yet.certificate}}), both.file + " ") << "not valid yet";
}

TEST(Expiry, KindsAreJudgedApart)
{
    auto correspondent = key_until(now + days(3));
    correspondent.kind = "file";
    EXPECT_EQ(listed({correspondent, key_until(end)}), correspondent.file + " ");
    const Kept anchor{"anchor", "", "", pki().root.certificate};
    EXPECT_EQ(store::ending({anchor}, end - days(2), days(30)).size(), 1U);
}

TEST(Expiry, NoticesComeAt30And14And7And1DaysAndAtTheEnd)  // C11
{
    const auto until = now + days(31);
    const std::vector<Kept> kept{key_until(until)};
    const auto at = [&](days before) { return told(kept, until - before - 1s, until - before); };
    EXPECT_THAT(at(days(30)), testing::HasSubstr("in 30 days, and there is no other"));
    EXPECT_THAT(at(days(14)), testing::HasSubstr("notice"));
    EXPECT_THAT(at(days(7)), testing::HasSubstr("warning"));
    EXPECT_THAT(at(days(1)), testing::HasSubstr("alice@example.org: the certificate of serial"));
    EXPECT_THAT(at(days(1)), testing::HasSubstr("in 1 day, and"));
    EXPECT_THAT(at(days(0)), testing::HasSubstr("has expired on"));
    for (const days quiet : {days(31), days(29), days(13), days(2)}) EXPECT_EQ(at(quiet), "");
    // A daemon that slept tells the latest only, and the same thing never twice.
    EXPECT_THAT(told(kept, now, until - days(6)), testing::HasSubstr("in 7 days"));
    EXPECT_EQ(told(kept, until - days(6), until - days(5)), "");
    EXPECT_EQ(told(kept, until, until + days(400)), "");
}

TEST(Expiry, TheNextNoticeIsKnown)
{
    const auto until = now + days(31);
    const std::vector<Kept> kept{key_until(until)};
    EXPECT_EQ(store::expiry_notices(kept, now, now).next, until - days(30));
    EXPECT_EQ(store::expiry_notices(kept, now, until - days(30)).next, until - days(14));
    EXPECT_EQ(store::expiry_notices(kept, now, until - 1h).next, until);
    EXPECT_EQ(store::expiry_notices(kept, now, until + 1h).next, std::nullopt);
}

}  // namespace
