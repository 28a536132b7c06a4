// Asking sources that may be slow, down or lying.  What stands in for a server here
// is told what to do; real ones are asked by tests/sources.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <thread>

#include "store/sources.h"
#include "store_fixture.h"

namespace
{

using namespace fixture;
using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;
using store::SourceAnswer;
using store::Sources;
using store::SourceSettings;

// What the server does with a question; may wait for it.
using Script = std::function<base::Result<SourceAnswer>(const std::string&, const store::Patience&)>;

class Scripted final : public store::CertificateSource
{
public:
    Scripted(Script script) : script_(std::move(script)) {}
    base::Result<SourceAnswer> find(std::string_view address, const store::Patience& patience) override
    {
        return script_(std::string(address), patience);
    }

private:
    Script script_;
};

class MovableClock final : public base::Clock
{
public:
    [[nodiscard]] base::Time now() const override { return base::Time(std::chrono::seconds(seconds_)); }
    void pass(std::chrono::seconds s) { seconds_ += s.count(); }

private:
    std::atomic<std::int64_t> seconds_ = fixture::now.time_since_epoch().count();
};

class Server
{
public:
    explicit Server(Script script, Sources::Bounds bounds = {})
        : script_(std::move(script)),
          sources(
              clock,
              [this](base::Level, const std::string& text) {
                  const std::lock_guard lock(mutex_);
                  told_ += text + "\n";
              },
              bounds, [this](const SourceSettings&) { return open(); })
    {
        settings.name = "partners";
        settings.uri = "ldaps://ldap.example.org/dc=example";
        settings.timeout = 1;
    }

    base::Result<std::shared_ptr<const store::Answer>> ask(const std::string& address,
                                                           const std::function<void()>& progress = {})
    {
        return sources.ask(settings, address, Steady::now() + 10s, progress);
    }
    std::string told()
    {
        const std::lock_guard lock(mutex_);
        return told_;
    }

private:
    base::Result<std::unique_ptr<store::CertificateSource>> open()
    {
        ++opened;
        return std::make_unique<Scripted>([this](const std::string& address, const store::Patience& p) {
            ++asked;
            return script_(address, p);
        });
    }

    Script script_;
    std::mutex mutex_;
    std::string told_;

public:
    std::atomic<int> asked = 0, opened = 0;
    MovableClock clock;
    SourceSettings settings;
    Sources sources;  // its threads end before what they use
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

// Octets of memory that this process holds.
std::size_t resident()
{
    std::ifstream file("/proc/self/statm");
    std::size_t all = 0, pages = 0;
    file >> all >> pages;
    return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

SourceAnswer with(const cms::Certificate& c) { return {{{c.der(), {}, false, false, "uid=x"}}, {}}; }
base::Result<SourceAnswer> down(const std::string&, const store::Patience&)
{
    return base::fail(base::Code::unavailable, "", "connection refused");
}

TEST(Sources, AnAnswerIsRememberedWithWhereItCameFrom)
{
    Server server([](auto&, auto&) { return with(pki().alice.certificate); });
    for (int i = 0; i < 3; ++i) {
        const auto answer = must(server.ask("Alice@example.org"));
        ASSERT_EQ(answer->found.size(), 1U);
        EXPECT_EQ(answer->found[0].certificate, pki().alice.certificate);
        EXPECT_EQ(answer->found[0].origin.text(), "ldap partners: uid=x");
    }
    EXPECT_EQ(server.asked, 1);
    EXPECT_EQ(server.sources.counts().from_cache, 2U);
    server.clock.pass(24h);
    (void)must(server.ask("alice@example.org"));
    EXPECT_EQ(server.asked, 2) << "an answer is kept for a day";
}

TEST(Sources, AnAnswerIsNotKeptLongerThanItsCertificateLasts)
{
    const auto brief = pki().leaf("brief", [](auto& r) { r.not_after = now + 2h; });
    Server server([&](auto&, auto&) { return with(brief.certificate); });
    (void)must(server.ask("alice@example.org"));
    server.clock.pass(2h);
    (void)must(server.ask("alice@example.org"));
    EXPECT_EQ(server.asked, 2);
}

TEST(Sources, NoCertificateIsRememberedForAnHour)
{
    Server server([](auto&, auto&) { return SourceAnswer(); });
    EXPECT_TRUE(must(server.ask("nobody@example.org"))->found.empty());
    server.clock.pass(59min);
    EXPECT_TRUE(must(server.ask("nobody@example.org"))->found.empty());
    EXPECT_EQ(server.asked, 1);
    server.clock.pass(1min);
    EXPECT_TRUE(must(server.ask("nobody@example.org"))->found.empty());
    EXPECT_EQ(server.asked, 2);
}

TEST(Sources, WhatSomebodyHasLearnedMeanwhileIsAskedForAnew)
{
    Server server([](auto&, auto&) { return SourceAnswer(); });
    (void)must(server.ask("carol@example.net"));
    server.sources.forget("Carol@example.net");
    (void)must(server.ask("carol@example.net"));
    EXPECT_EQ(server.asked, 2);
}

TEST(Sources, NothingIsAskedForSomebodyWhoseTimeIsOver)
{
    Server server([](auto&, auto&) { return SourceAnswer(); });
    const auto late = server.sources.ask(server.settings, "alice@example.org", Steady::now(), {});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().what, "no time is left to ask");
    EXPECT_EQ(server.asked, 0);
    EXPECT_EQ(server.sources.counts().refused, 1U);
    (void)must(server.ask("alice@example.org"));
    EXPECT_TRUE(server.sources.ask(server.settings, "alice@example.org", Steady::now(), {}))
        << "what is known takes no time";
}

// forget() cannot reach what a source has said that is out of the configuration for a while.
TEST(Sources, ASourceThatComesBackIsAskedAnew)
{
    Server server([](auto&, auto&) { return SourceAnswer(); });
    (void)must(server.ask("carol@example.net"));
    server.sources.keep_only({});
    server.sources.forget("carol@example.net");
    server.sources.keep_only({server.settings});
    (void)must(server.ask("carol@example.net"));
    EXPECT_EQ(server.asked, 2);
}

TEST(Sources, OneQuestionServesAllWhoWaitForIt)
{
    std::atomic<bool> go = false;
    Server server([&](auto&, auto&) {
        while (!go) std::this_thread::sleep_for(1ms);
        return with(pki().alice.certificate);
    });
    std::vector<std::thread> threads;
    std::atomic<int> right = 0;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&] { right += server.ask("alice@example.org").has_value() ? 1 : 0; });
    std::this_thread::sleep_for(50ms);
    go = true;
    for (auto& t : threads) t.join();
    EXPECT_EQ(right, 8);
    EXPECT_EQ(server.asked, 1);
}

TEST(Sources, NobodyWaitsLongerThanTheTimeout)
{
    Server server([](auto&, const store::Patience& p) -> base::Result<SourceAnswer> {
        while (!p.over()) std::this_thread::sleep_for(5ms);
        return base::fail(base::Code::unavailable, "", "no answer");
    });
    int told_the_mta = 0;
    const auto began = Steady::now();
    const auto answer = server.ask("alice@example.org", [&] { ++told_the_mta; });
    const auto spent = Steady::now() - began;
    EXPECT_FALSE(answer);
    EXPECT_GE(spent, 900ms);
    EXPECT_LT(spent, 2s);
    EXPECT_GE(told_the_mta, 2);
}

TEST(Sources, WhatComesTooLateIsThereForTheNextMessage)
{
    std::atomic<bool> late = false;
    Server server([&](auto&, auto&) {
        std::this_thread::sleep_for(1300ms);
        late = true;
        return with(pki().alice.certificate);
    });
    const auto first = server.ask("alice@example.org");
    ASSERT_FALSE(first);
    EXPECT_EQ(first.error().what, "no answer in time");
    while (!late) std::this_thread::sleep_for(5ms);
    EXPECT_EQ(must(server.ask("alice@example.org"))->found.size(), 1U);
    EXPECT_EQ(server.asked, 1);
}

TEST(Sources, ADeadSourceIsLeftAloneAndTriedAgain)
{
    std::atomic<bool> dead = true;
    Server server([&](const std::string& a, const store::Patience& p) {
        return dead ? down(a, p) : base::Result<SourceAnswer>(with(pki().alice.certificate));
    });
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(server.ask("user" + std::to_string(i) + "@example.org"));
    for (int i = 0; i < 100; ++i) {
        const auto answer = server.ask("alice@example.org");
        ASSERT_FALSE(answer);
        EXPECT_NE(answer.error().what.find("connection refused (not asked until "), std::string::npos);
    }
    EXPECT_EQ(server.asked, 3);
    server.clock.pass(2s);
    EXPECT_FALSE(server.ask("alice@example.org")) << "tried out once";
    EXPECT_FALSE(server.ask("alice@example.org"));
    EXPECT_EQ(server.asked, 4);
    server.clock.pass(2s);
    EXPECT_FALSE(server.ask("alice@example.org")) << "each rest is twice as long";
    EXPECT_EQ(server.asked, 4);
    dead = false;
    server.clock.pass(60s);
    EXPECT_TRUE(server.ask("alice@example.org"));
    EXPECT_TRUE(server.ask("bob@example.org"));
    EXPECT_EQ(server.told(),
              "source partners: connection refused; it is left alone for some seconds at a time\n"
              "source partners: answers again\n");
}

TEST(Sources, ASourceThatLacksItsPasswordFileHasNotAnswered)
{
    Server server([](auto&, auto&) -> base::Result<SourceAnswer> {
        return base::fail(base::Code::no_input, "/etc/secret", "cannot open");
    });
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(server.ask("user" + std::to_string(i) + "@example.org"));
    EXPECT_EQ(server.opened, 3) << "the next time with the file, should it be there again";
    server.sources.stop();  // who has the answer may be quicker than the log
    EXPECT_EQ(server.told(), "source partners: cannot open; it is left alone for some seconds at a time\n");
}

TEST(Sources, WhatIsRememberedServesWhileTheSourceIsDown)
{
    std::atomic<bool> dead = false;
    Server server([&](const std::string& a, const store::Patience& p) {
        return dead ? down(a, p) : base::Result<SourceAnswer>(with(pki().alice.certificate));
    });
    (void)must(server.ask("alice@example.org"));
    dead = true;
    for (int i = 0; i < 5; ++i) EXPECT_FALSE(server.ask("other" + std::to_string(i) + "@example.org"));
    EXPECT_EQ(must(server.ask("alice@example.org"))->found.size(), 1U);
}

TEST(Sources, AFailureThatIsAboutOneAddressDoesNotBlameTheSource)
{
    Server server([](const std::string& address, auto&) -> base::Result<SourceAnswer> {
        if (address.starts_with("bad"))
            return base::fail(base::Code::temporary, "", "its domain does not answer");
        return with(pki().alice.certificate);
    });
    for (int i = 0; i < 20; ++i) EXPECT_FALSE(server.ask("bad" + std::to_string(i) + "@example.net"));
    EXPECT_TRUE(server.ask("alice@example.org"));
    EXPECT_EQ(server.asked, 21);
    EXPECT_FALSE(server.ask("bad1@example.net"));
    EXPECT_EQ(server.asked, 21) << "and is remembered for a minute";
    server.clock.pass(1min);
    EXPECT_FALSE(server.ask("bad1@example.net"));
    EXPECT_EQ(server.asked, 22);
}

// A domain whose servers swallow questions: who writes to others does not wait for it.
TEST(Sources, ASilentDomainTakesNeitherTheThreadsNorTheQueueFromOthers)
{
    std::atomic<int> silent = 0;
    std::atomic<bool> go = false;
    Sources::Bounds bounds;
    bounds.waiting = 8;
    Server server(
        [&](const std::string& address, auto&) -> base::Result<SourceAnswer> {
            if (!address.ends_with("@silent.example")) return SourceAnswer();
            ++silent;
            while (!go) std::this_thread::sleep_for(1ms);
            return base::fail(base::Code::temporary, "", "timeout");
        },
        bounds);
    server.settings.uri = "smimea:";
    server.settings.timeout = 10;
    std::vector<std::thread> threads;
    std::atomic<int> refused = 0;
    const auto ask = [&](int i) {
        threads.emplace_back([&, i] {
            refused += server.ask("user" + std::to_string(i) + "@silent.example").has_value() ? 0 : 1;
        });
    };
    for (int i = 0; i < 2; ++i) ask(i);
    while (silent < 2) std::this_thread::sleep_for(1ms);
    // Two are under way, four may wait; the others need not.
    for (int i = 2; i < 20; ++i) ask(i);
    const auto end = Steady::now() + 10s;
    while (refused < 14 && Steady::now() < end) std::this_thread::sleep_for(1ms);
    EXPECT_EQ(refused, 14);
    for (int i = 0; i < 10; ++i)
        EXPECT_TRUE(server.ask("user" + std::to_string(i) + "@example.net")) << "the others have their turn";
    EXPECT_EQ(silent, 2);
    go = true;
    for (auto& t : threads) t.join();
    EXPECT_EQ(refused, 20);
    EXPECT_LE(silent, 4) << "after two in vain nobody asks, those who were waiting included";
    const auto before = silent.load();
    const auto answer = server.ask("other@silent.example");
    ASSERT_FALSE(answer);
    EXPECT_NE(answer.error().what.find("timeout (not asked there until "), std::string::npos)
        << answer.error().what;
    EXPECT_EQ(silent, before);
    server.clock.pass(1min);
    EXPECT_FALSE(server.ask("other@silent.example"));
    EXPECT_EQ(silent, before + 1);
    EXPECT_EQ(server.told(), "") << "it is not the source that fails";
}

TEST(Sources, AConnectionThatWentAwayWhileItWasIdleIsMadeAnew)
{
    std::atomic<int> left = 1;
    Server server([&](auto&, auto&) -> base::Result<SourceAnswer> {
        if (left-- == 0) return base::fail(base::Code::unavailable, "", "connection closed");
        return with(pki().alice.certificate);
    });
    EXPECT_TRUE(server.ask("alice@example.org"));
    EXPECT_TRUE(server.ask("bob@example.org"));
    EXPECT_EQ(server.opened, 2);
    EXPECT_EQ(server.told(), "");
}

TEST(Sources, CertificatesForAnotherAddressAreNotTaken)
{
    Server server([](auto&, auto&) { return with(pki().bob.certificate); });
    const auto answer = must(server.ask("alice@example.org"));
    EXPECT_TRUE(answer->found.empty());
    ASSERT_EQ(answer->remarks.size(), 1U);
    EXPECT_EQ(answer->remarks[0],
              "certificate " + pki().bob.certificate.serial() + " is for another address");
}

TEST(Sources, WhatALyingServerSendsIsBounded)
{
    SourceAnswer lies;
    for (int i = 0; i < 10'000; ++i) lies.certificates.push_back({"junk", {}, false, false, ""});
    lies.certificates[0].der = std::string(1U << 20, 'x');
    lies.certificates[1].der = pki().alice.certificate.der();
    lies.certificates[1].place = std::string(10'000, '\n');
    lies.certificates[1].issuers.assign(100, pki().sub.certificate.der());
    for (int i = 0; i < 100; ++i) lies.remarks.emplace_back(10'000, '\x1b');
    Server server([&](auto&, auto&) { return lies; });
    const auto answer = must(server.ask("alice@example.org"));
    ASSERT_EQ(answer->found.size(), 1U);
    EXPECT_LE(answer->found[0].issuers.size(), 8U);
    EXPECT_EQ(answer->found[0].origin.text().find('\n'), std::string::npos);
    EXPECT_LT(answer->found[0].origin.file.size(), 500U);
    EXPECT_EQ(answer->remarks.size(), 8U);
    for (const auto& remark : answer->remarks) EXPECT_LT(remark.size(), 500U);
}

TEST(Sources, AHundredThousandStrangersLeaveRoomForCorrespondents)
{
    Sources::Bounds bounds;
    bounds.octets = 8U << 20;
    Server server(
        [](const std::string& address, auto&) {
            return address == "alice@example.org" ? with(pki().alice.certificate) : SourceAnswer();
        },
        bounds);
    (void)must(server.ask("alice@example.org"));
    const auto before = resident();
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 50'000; ++i)
                (void)must(server.ask("u" + std::to_string(i) + "@s" + std::to_string(t) + ".example"));
        });
    for (auto& t : threads) t.join();
    const auto counts = server.sources.counts();
    EXPECT_EQ(counts.asked, 100'001U);
    EXPECT_LE(counts.octets, bounds.octets);
    EXPECT_LE(counts.none, bounds.none);
    EXPECT_LE(counts.threads, 2U);
    // Twice for what malloc(3) makes of it; a sanitizer has an account of its own.
    if (!sanitized) {
        EXPECT_LE(resident(), before + 2 * bounds.octets);
    }
    (void)must(server.ask("alice@example.org"));
    EXPECT_EQ(server.sources.counts().from_cache, 1U) << "correspondents are not pushed out";
}

TEST(Sources, QuestionsBeyondTheQueueFailAtOnce)
{
    Sources::Bounds bounds;
    bounds.waiting = 4;
    std::atomic<bool> go = false;
    Server server(
        [&](auto&, auto&) {
            while (!go) std::this_thread::sleep_for(1ms);
            return SourceAnswer();
        },
        bounds);
    std::atomic<int> refused = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 20; ++i)
        threads.emplace_back([&, i] {
            const auto answer = server.ask("u" + std::to_string(i) + "@example.org");
            if (!answer && answer.error().what == "too many questions are waiting") ++refused;
        });
    // Two are asked and four wait; those that come later find the queue full.
    for (int i = 0; i < 10'000 && refused < 14; ++i) std::this_thread::sleep_for(1ms);
    EXPECT_GE(refused, 14);
    go = true;
    for (auto& t : threads) t.join();
}

TEST(Sources, StoppingEndsWhatIsUnderWay)
{
    Server server([](auto&, const store::Patience& p) -> base::Result<SourceAnswer> {
        while (!p.over()) std::this_thread::sleep_for(1ms);
        return base::fail(base::Code::unavailable, "", "cancelled");
    });
    server.settings.timeout = 30;
    std::atomic<bool> failed = false;
    std::thread waiting([&] { failed = !server.ask("alice@example.org"); });
    while (server.asked == 0) std::this_thread::sleep_for(1ms);
    const auto began = Steady::now();
    server.sources.stop();
    waiting.join();
    EXPECT_LT(Steady::now() - began, 1s);
    EXPECT_TRUE(failed);
    EXPECT_FALSE(server.ask("alice@example.org"));
    EXPECT_EQ(server.asked, 1);
}

TEST(Sources, ThoseThatAreNoLongerConfiguredAreLeftAlone)
{
    Server server([](auto&, auto&) { return SourceAnswer(); });
    (void)must(server.ask("alice@example.org"));
    EXPECT_EQ(server.sources.counts().threads, 1U);
    server.sources.keep_only({server.settings});
    EXPECT_EQ(server.sources.counts().threads, 1U);
    server.sources.keep_only({});
    EXPECT_EQ(server.sources.counts().threads, 0U);
}

TEST(Sources, OnlyAddressesAreAskedFor)
{
    SourceSettings settings;
    for (const char* bad : {"", "alice", "alice@", "@example.org", "a b@example.org", "alice@example.org\n",
                            "<alice@example.org>", "alice@example.org, bob@example.org"})
        EXPECT_TRUE(store::unfit_to_ask(settings, bad)) << bad;
    EXPECT_TRUE(store::unfit_to_ask(settings, std::string(400, 'a') + "@example.org"));
    EXPECT_FALSE(store::unfit_to_ask(settings, "alice@example.org"));
    settings.recipients = {"*@partner.example"};
    EXPECT_TRUE(store::unfit_to_ask(settings, "alice@example.org"));
    EXPECT_FALSE(store::unfit_to_ask(settings, "alice@Partner.example"));
}

}  // namespace
