// When memory runs out: nobody waits for ever, nothing that was half done stays behind,
// and no verdict means that there was none.
#include "scarce_memory.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/carry_on.h"
#include "base/lru_cache.h"
#include "cms/certificate_cache.h"
#include "cms/library.h"
#include "gateway_site.h"
#include "main/answering.h"
#include "store/answer_cache.h"
#include "store/domain_turns.h"
#include "store/sources.h"
#include "store_fixture.h"

namespace
{

using namespace fixture;
using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;
using Whose = ScarceMemory::Whose;

const std::string long_name(200, 'x');  // needs memory of its own

TEST(ScarceMemory, AMapOfRecentThingsIsAsBeforeOrHasOneMore)
{
    base::LruCache<std::string> cache(2);
    cache.insert(long_name + "1", long_name);
    int i = 0;
    EXPECT_TRUE(one_by_one(Whose::this_thread, [&] {
        const std::size_t before = cache.size();
        try {
            cache.insert(long_name + std::to_string(++i), long_name);
        } catch (const std::bad_alloc&) {
            EXPECT_EQ(cache.size(), before);
        }
    }));
    for (int n = 0; n < 4; ++n) cache.insert(std::to_string(n), "value");
    EXPECT_EQ(cache.size(), 2U);
    EXPECT_EQ(cache.find("3"), "value");
}

TEST(ScarceMemory, AnswersThatCouldNotBeKeptAreNotCounted)
{
    const store::Sources::Bounds bounds;
    store::AnswerCache cache(bounds);
    store::SourceSettings source;
    const auto answer = std::make_shared<const store::Answer>();
    int i = 0;
    EXPECT_TRUE(one_by_one(Whose::this_thread, [&] {
        try {
            cache.keep(long_name + std::to_string(++i), source, answer, now);
        } catch (const std::bad_alloc&) {
            EXPECT_EQ(cache.none(), 0U);
            EXPECT_EQ(cache.octets(), 0U);
        }
        ScarceMemory::end();
        cache.forget(long_name + std::to_string(i));
        EXPECT_EQ(cache.octets(), 0U);
    }));
}

// Answers any address.
class Kind final : public store::CertificateSource
{
public:
    base::Result<store::SourceAnswer> find(std::string_view, const store::Patience&) override
    {
        store::SourceAnswer answer;
        answer.certificates.push_back({pki().alice.certificate.der(), {}, false, false, "uid=x"});
        return answer;
    }
};

base::Result<std::unique_ptr<store::CertificateSource>> open_kind(const store::SourceSettings&)
{
    return std::make_unique<Kind>();
}

TEST(ScarceMemory, AQuestionToASourceHasAnEndAndTheNextAnAnswer)
{
    (void)pki();
    const base::FixedClock clock(now);
    EXPECT_TRUE(one_by_one(Whose::other_threads, [&] {
        store::Sources sources(clock, {}, {}, open_kind);
        store::SourceSettings settings;
        settings.name = "partners";
        settings.uri = "smimea:";  // which has turns for each domain
        settings.timeout = 5;
        const auto ask = [&] { return sources.ask(settings, "alice@example.org", Steady::now() + 5s, {}); };
        const auto first = ask();
        EXPECT_EQ(first ? "out of memory" : first.error().what, "out of memory");
        // The answer comes before it is remembered: what fails then fails the next question.
        const auto second = ask();
        const auto third = second ? second : ask();
        ASSERT_TRUE(third) << third.error().text();
        EXPECT_EQ((*third)->found.size(), 1U);
    }));
}

TEST(ScarceMemory, ATurnThatWasTakenIsGivenBack)
{
    store::DomainTurns turns(1);
    EXPECT_TRUE(one_by_one(Whose::this_thread, [&] {
        try {
            turns.begin(long_name);
        } catch (const std::bad_alloc&) {
            EXPECT_TRUE(turns.free(long_name));
            return;
        }
        EXPECT_FALSE(turns.free(long_name));
        EXPECT_FALSE(turns.end(long_name, std::nullopt, now));
        EXPECT_TRUE(turns.free(long_name));
    }));
}

TEST(ScarceMemory, ASourceThatIsNoLongerWantedIsWhollyThereOrGone)
{
    const base::FixedClock clock(now);
    store::SourceSettings settings;
    settings.name = "partners";
    settings.uri = "smimea:";
    settings.timeout = 5;
    EXPECT_TRUE(one_by_one(Whose::this_thread, [&] {
        std::optional<store::Sources> there;
        try {
            there.emplace(clock, store::Sources::Tell(), store::Sources::Bounds(), open_kind);
        } catch (const std::bad_alloc&) {
            return;
        }
        auto& sources = *there;  // at its end it waits for its threads
        const auto ask = [&](const std::string& address) {
            return sources.ask(settings, address, Steady::now() + 5s, {});
        };
        try {
            (void)ask("alice@example.org");
            sources.keep_only({});
        } catch (const std::bad_alloc&) {
            // Asked again below.
        }
        ScarceMemory::end();
        const auto answer = ask("carol@example.org");
        EXPECT_TRUE(answer) << answer.error().text();
    }));
}

TEST(ScarceMemory, ARevokedCertificateIsRevokedOrNothingIsSaid)
{
    const auto crl = make_crl(pki().sub, {pki().alice.certificate}, now - 1h, now + 1h);
    const auto root_crl = make_crl(pki().root, {}, now - 1h, now + 1h);
    cms::PathOptions options;
    options.at = now;
    options.crl = cms::CrlMode::soft;
    std::optional<cms::Trust> trust;
    const auto judge = [&] {
        // A path that is known already needs no memory.
        trust = must(cms::Trust::make({{pki().root.certificate}, {pki().sub.certificate}, {crl, root_crl}}));
        return trust->validate(pki().alice.certificate, {}, options).findings;
    };
    ASSERT_TRUE(judge().has(cms::Finding::revoked));
    EXPECT_TRUE(one_by_one(Whose::this_thread, [&] {
        trust.reset();
        cms::forget_want_of_memory();
        try {
            EXPECT_TRUE(judge().has(cms::Finding::revoked));
        } catch (const std::bad_alloc&) {
            // Nothing was said.
        } catch (const std::runtime_error&) {
            return;  // of must(): there is no Trust
        }
        ScarceMemory::end();
        cms::forget_want_of_memory();
        if (!trust) return;
        EXPECT_TRUE(
            trust->validate(pki().alice.certificate, {}, options).findings.has(cms::Finding::revoked));
    }));
}

// Mail as it is and as it would be with memory; and the next message is as ever.
void mail_is_never_judged_without_memory(const Site& site, const std::string& octets,
                                         const gateway::Envelope& envelope, std::string_view wanted)
{
    const auto usual = site.run(octets, envelope);
    ASSERT_TRUE(usual.says(wanted)) << usual.log;
    std::size_t postponed = 0;
    EXPECT_TRUE(one_by_one(Whose::this_thread, [&] {
        try {
            EXPECT_EQ(site.run(octets, envelope).log, usual.log);
        } catch (const std::bad_alloc&) {
            ++postponed;  // what the daemon makes of it
        }
        ScarceMemory::end();
        EXPECT_EQ(site.run(octets, envelope).log, usual.log) << "the next message";
    }));
    EXPECT_GT(postponed, 0U);
}

TEST(ScarceMemory, ASignatureIsFoundGoodOrTheMessageIsPostponed)
{
    Site site;
    site.configure("[rule in]\ndirection = incoming\nverify = yes\n");
    const std::string inner = "Content-Type: text/plain\r\n\r\nLunch?\r\n";
    const auto octets = "From: alice@example.org\r\n" + clear_signed(inner);
    mail_is_never_judged_without_memory(site, octets, Site::from_outside({"bob@example.org"}), "status=pass");
}

TEST(ScarceMemory, AMessageIsSignedOrPostponed)
{
    Site site;
    site.configure("[rule out]\nsender = *@example.org\nsign = clear\n");
    mail_is_never_judged_without_memory(site, head + "\r\nLunch?\r\n", Site::from_alice({"bob@example.net"}),
                                        "action=sign");
}

TEST(ScarceMemory, AMessageIsEncryptedOrPostponed)
{
    Site site;
    site.knows(carol());
    site.configure("[rule out]\nsender = *@example.org\nencrypt = opportunistic\n");
    mail_is_never_judged_without_memory(site, head + "\r\nLunch?\r\n",
                                        Site::from_alice({"carol@partner.example"}), "action=encrypt");
}

// Fails as often as it is told to.
class BrokenLog final : public base::Log
{
public:
    void write(base::Level, std::string_view line) override
    {
        if (failing) throw std::bad_alloc();
        lines.emplace_back(line);
    }
    bool failing = false;
    std::vector<std::string> lines;
};

TEST(ScarceMemory, WorkThatFailsIsReportedWhereThatIsPossible)
{
    BrokenLog log;
    EXPECT_TRUE(base::carry_on(log, "reload", [] {}));
    EXPECT_FALSE(base::carry_on(log, "reload", [] { throw std::bad_alloc(); }));
    EXPECT_FALSE(base::carry_on(log, "reload", [] { throw std::runtime_error("odd\n"); }));
    EXPECT_EQ(log.lines, (std::vector<std::string>{"reload: out of memory", "reload: odd\\x0a"}));
    log.failing = true;
    EXPECT_FALSE(base::carry_on(log, "reload", [] { throw std::bad_alloc(); }));
}

// One question over a socket of its own; what is answered until the end.
std::string ask(const sockaddr_un& address, const std::string& question)
{
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return "no socket";
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::send(fd, question.data(), question.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(question.size()));
    std::string answer;
    char octets[256];
    for (ssize_t n = 0; (n = ::recv(fd, octets, sizeof octets, 0)) > 0;)
        answer.append(octets, static_cast<std::size_t>(n));
    ::close(fd);
    return answer;
}

TEST(ScarceMemory, WhoIsNotAnsweredIsDismissedAndTheNextIsAnswered)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = "smime-milter-test-" + std::to_string(::getpid());
    std::copy(name.begin(), name.end(), address.sun_path + 1);  // an abstract one
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ASSERT_GE(listener, 0);
    ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener, 8), 0);
    BrokenLog log;
    int ticks = 0;
    daemon_main::Answering answering(log);
    const daemon_main::Answering::Limits limits{100, 8, 60s, 60s};
    const auto started = answering.start(listener, limits,
                                         {[](std::string_view so_far) { return so_far.ends_with('\n'); },
                                          [](std::string_view question) {
                                              if (question == "hard\n") throw std::bad_alloc();
                                              return "to " + std::string(question);
                                          },
                                          [&ticks]() -> std::chrono::milliseconds {
                                              if (++ticks == 1) throw std::bad_alloc();
                                              return 1h;
                                          }});
    ASSERT_TRUE(started) << started.error().text();
    EXPECT_EQ(ask(address, "easy\n"), "to easy\n");
    const auto began = Steady::now();
    EXPECT_EQ(ask(address, "hard\n"), "");
    EXPECT_LT(Steady::now() - began, 30s) << "it was kept waiting";
    EXPECT_EQ(ask(address, "easy\n"), "to easy\n");
    answering.stop();
    ::close(listener);
    EXPECT_EQ(log.lines, std::vector<std::string>(2, "answering questions: out of memory"));
}

}  // namespace
