#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <atomic>
#include <map>
#include <thread>

#include "milter/admission.h"
#include "milter/apply.h"
#include "milter/endpoint.h"
#include "milter/envelope.h"
#include "milter/reply.h"

namespace milter
{
namespace
{

using namespace std::chrono_literals;

// --- admission ---

const std::function<bool()> still_there = [] { return true; };

TEST(Admission, GivesBackWhatADeadMessageHeld)
{
    Admission admission({1 << 20, 1});
    {
        Admission::Share share(admission);
        EXPECT_TRUE(share.grow_to(500'000));
        EXPECT_GE(admission.usage().octets, 500'000U);
    }
    EXPECT_EQ(admission.usage().octets, 0U);
}

TEST(Admission, RefusesWhatIsOverTheCapAndKeepsWhatWasGranted)
{
    Admission admission({1 << 20, 1});
    Admission::Share first(admission), second(admission);
    EXPECT_TRUE(first.grow_to(700'000));
    EXPECT_TRUE(second.grow_to(100'000));
    const auto before = second.held();
    EXPECT_FALSE(second.grow_to(600'000));
    EXPECT_EQ(second.held(), before);
    first.release();
    EXPECT_TRUE(second.grow_to(600'000));
}

TEST(Admission, AMessageThatIsAloneIsNeverTooLarge)
{
    Admission admission({1 << 20, 1});
    Admission::Share alone(admission), late(admission);
    EXPECT_TRUE(alone.grow_to(5 << 20));
    EXPECT_TRUE(alone.grow_to(6 << 20));
    EXPECT_FALSE(late.grow_to(1));
    EXPECT_TRUE(admission.enter(alone, 6 << 20, std::chrono::steady_clock::now(), still_there));
}

TEST(Admission, AShareThatShrinksMakesRoomForOthers)
{
    Admission admission({1 << 20, 1});
    Admission::Share dropped(admission), other(admission);
    EXPECT_TRUE(dropped.grow_to(1'000'000));
    EXPECT_FALSE(other.grow_to(500'000));
    dropped.shrink_to(1'000);
    EXPECT_TRUE(other.grow_to(500'000));
    dropped.shrink_to(900'000);
    EXPECT_LT(dropped.held(), 50'000U) << "shrinking never grows";
}

TEST(Admission, NeverHandsOutMoreSlotsThanThereAre)
{
    Admission admission({1 << 30, 2});
    std::atomic<int> inside = 0, most = 0, granted = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 50; ++n) {
                Admission::Share share(admission);
                auto slot = admission.enter(share, 100, std::chrono::steady_clock::now() + 20s, still_there);
                if (!slot) continue;
                ++granted;
                const int now = ++inside;
                for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) continue;
                std::this_thread::yield();
                --inside;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(granted, 400);
    EXPECT_LE(most, 2);
    EXPECT_EQ(admission.usage().slots, 0U);
    EXPECT_EQ(admission.usage().octets, 0U);
}

TEST(Admission, WhoWaitsForSomebodyElseLendsTheSlotAndKeepsTheOctets)
{
    Admission admission({1 << 20, 1});
    Admission::Share share(admission), other(admission);
    ASSERT_TRUE(share.grow_to(100'000));
    const auto soon = [] { return std::chrono::steady_clock::now() + 20ms; };
    auto slot = admission.enter(share, 600'000, soon(), still_there);
    ASSERT_TRUE(slot);
    slot.pause();
    slot.pause();
    EXPECT_FALSE(slot);
    EXPECT_EQ(admission.usage().slots, 0U);
    EXPECT_FALSE(admission.enter(other, 600'000, soon(), still_there)) << "the octets are still used";
    {
        const auto lent = admission.enter(other, 100'000, soon(), still_there);
        ASSERT_TRUE(lent);
        EXPECT_FALSE(admission.resume(slot, soon(), still_there));
        EXPECT_FALSE(slot);
    }
    EXPECT_TRUE(admission.resume(slot, soon(), still_there));
    EXPECT_TRUE(slot);
    EXPECT_EQ(admission.usage().slots, 1U);
    slot.pause();
    slot.release();
    share.release();
    EXPECT_EQ(admission.usage().slots, 0U);
    EXPECT_EQ(admission.usage().octets, 0U);
}

TEST(Admission, TheWaitForASlotEndsAtItsDeadline)
{
    Admission admission({1 << 20, 1});
    Admission::Share first(admission), second(admission);
    const auto slot = admission.enter(first, 0, std::chrono::steady_clock::now(), still_there);
    ASSERT_TRUE(slot);
    EXPECT_FALSE(admission.enter(second, 0, std::chrono::steady_clock::now() + 20ms, still_there));
}

TEST(Admission, TheWaitForASlotEndsWhenNobodyWantsTheAnswerAnyMore)
{
    Admission admission({1 << 20, 1});
    Admission::Share first(admission), second(admission);
    const auto slot = admission.enter(first, 0, std::chrono::steady_clock::now(), still_there);
    int told = 0;
    EXPECT_FALSE(admission.enter(second, 0, std::chrono::steady_clock::now() + 60s, [&] {
        ++told;
        return false;
    }));
    EXPECT_EQ(told, 1);
}

TEST(Admission, AReloadThatAddsSlotsWakesTheOnesThatWait)
{
    Admission admission({1 << 20, 1});
    Admission::Share first(admission), second(admission);
    const auto slot = admission.enter(first, 0, std::chrono::steady_clock::now(), still_there);
    std::thread reload([&] { admission.set_limits({1 << 20, 2}); });
    EXPECT_TRUE(admission.enter(second, 0, std::chrono::steady_clock::now() + 30s, still_there));
    reload.join();
}

TEST(Admission, WhoHasWaitedLongestIsNext)
{
    Admission admission({1 << 20, 1});
    Admission::Share first(admission);
    auto slot = admission.enter(first, 0, std::chrono::steady_clock::now(), still_there);
    std::mutex mutex;
    std::vector<int> order;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        std::atomic<bool> asks = false;
        threads.emplace_back([&, i, told = &asks] {
            Admission::Share share(admission);
            *told = true;
            const auto mine = admission.enter(share, 0, std::chrono::steady_clock::now() + 60s, still_there);
            const std::lock_guard lock(mutex);
            if (mine) order.push_back(i);
        });
        // The next one comes when this one surely waits.
        while (!asks) std::this_thread::yield();
        std::this_thread::sleep_for(20ms);
    }
    slot.release();
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(Admission, OfThoseWhoGoOnTheFirstIsTheFirst)
{
    Admission admission({1 << 20, 4});
    Admission::Share share(admission);
    std::vector<Admission::Slot> slots;
    for (int i = 0; i < 4; ++i) {
        slots.push_back(admission.enter(share, 0, std::chrono::steady_clock::now(), still_there));
        slots.back().pause();
    }
    admission.set_limits({1 << 20, 1});
    auto busy = admission.enter(share, 0, std::chrono::steady_clock::now(), still_there);
    ASSERT_TRUE(busy);
    std::mutex mutex;
    std::vector<int> order;
    std::vector<std::thread> threads;
    const auto waits = [&](int who, auto get) {
        const unsigned before = admission.usage().waiting;
        threads.emplace_back([&, who, get] {
            const Admission::Slot slot = get();
            const std::lock_guard lock(mutex);
            if (slot) order.push_back(who);
        });
        while (admission.usage().waiting == before) std::this_thread::sleep_for(1ms);
    };
    const auto until = std::chrono::steady_clock::now() + 60s;
    waits(9, [&] { return admission.enter(share, 0, until, still_there); });
    for (int i = 0; i < 4; ++i)
        waits(i, [&, slot = &slots[static_cast<std::size_t>(i)]] {
            (void)admission.resume(*slot, until, still_there);
            return std::move(*slot);
        });
    busy.release();
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 9})) << "before who has not begun";
}

TEST(Admission, WhatIsStillUsedAfterTheWorkStaysCounted)
{
    Admission admission({1 << 20, 1});
    Admission::Share one(admission), other(admission);
    ASSERT_TRUE(one.grow_to(16'384));
    auto slot = admission.enter(one, 500'000, std::chrono::steady_clock::now(), still_there);
    slot.finish(200'000);
    EXPECT_EQ(admission.usage().octets, 216'384U);
    auto small = admission.enter(other, 500'000, std::chrono::steady_clock::now(), still_there);
    EXPECT_TRUE(small) << "others compute";
    small.release();
    const auto soon = [] { return std::chrono::steady_clock::now() + 20ms; };
    EXPECT_FALSE(admission.enter(other, 2 << 20, soon(), still_there)) << "but only with what is there";
    slot.release();
    EXPECT_EQ(admission.usage().octets, 16'384U);
    EXPECT_TRUE(admission.enter(other, 2 << 20, soon(), still_there)) << "nobody is at work";
}

TEST(Admission, MessagesThatTogetherHoldAllThereIsDoNotWaitForOneAnother)
{
    Admission admission({1 << 20, 2});
    Admission::Share one(admission), other(admission);
    ASSERT_TRUE(one.grow_to(500'000));
    ASSERT_TRUE(other.grow_to(500'000));
    auto slot = admission.enter(one, 500'000, std::chrono::steady_clock::now(), still_there);
    EXPECT_TRUE(slot);
    // But one at a time.
    EXPECT_FALSE(admission.enter(other, 500'000, std::chrono::steady_clock::now() + 20ms, still_there));
    slot.release();
    EXPECT_TRUE(admission.enter(other, 500'000, std::chrono::steady_clock::now(), still_there));
}

TEST(Admission, WhoGivesUpWaitingLetsTheOthersPass)
{
    Admission admission({1 << 20, 2});
    Admission::Share busy(admission), large(admission), small(admission);
    ASSERT_TRUE(large.grow_to(500'000));
    auto slot = admission.enter(busy, 500'000, std::chrono::steady_clock::now(), still_there);
    ASSERT_TRUE(slot);
    EXPECT_FALSE(admission.enter(large, 500'000, std::chrono::steady_clock::now() + 20ms, still_there));
    EXPECT_TRUE(admission.enter(small, 0, std::chrono::steady_clock::now(), still_there));
}

TEST(Admission, ZeroMeansWhatTheMachineHas)
{
    const auto usage = Admission({0, 0}).usage();
    EXPECT_GT(usage.octet_limit, std::uint64_t{16} << 20);
    EXPECT_GE(usage.slot_limit, 2U);
}

// --- replies ---

TEST(Reply, DoublesPercentSignsBecauseTheMtaTakesTheTextAsAFormat)
{
    EXPECT_EQ(permanent_reply("550", "5.7.1", "100% %s").text, "100%% %%s");
}

TEST(Reply, IsOneLineOfPrintableAscii)
{
    EXPECT_EQ(permanent_reply("550", "5.7.1", "a\r\nb\tc\x7f\xc3\xa9").text, "a  b c ??");
}

TEST(Reply, FitsLibmiltersLimitAlsoAfterDoubling)
{
    EXPECT_EQ(temporary_reply("451", "4.3.2", std::string(5000, 'x')).text.size(), 980U);
    const auto doubled = temporary_reply("451", "4.3.2", "x" + std::string(5000, '%')).text;
    EXPECT_EQ(doubled.size(), 979U);
    EXPECT_EQ(doubled.substr(977), "%%");
}

TEST(Reply, CodesOfTheWrongClassOrShapeAreReplacedByGeneralOnes)
{
    EXPECT_EQ(temporary_reply("550", "5.7.1", "x").code, "451");
    EXPECT_EQ(temporary_reply("550", "5.7.1", "x").enhanced, "4.7.1");
    EXPECT_EQ(permanent_reply("", "", "").code, "550");
    EXPECT_FALSE(permanent_reply("", "", "").text.empty());
    EXPECT_EQ(permanent_reply("5500", "5.7.1", "x").code, "550");
    for (const char* wrong : {"5", "5.", "5.7", "5.7.", "5..1", "5.7.1.1", "5.7777.1", "5.7.x", "15.7.1"})
        EXPECT_EQ(permanent_reply("554", wrong, "x").enhanced, "5.7.1") << wrong;
    EXPECT_EQ(permanent_reply("552", "5.3.4", "x").code, "552");
    EXPECT_EQ(permanent_reply("552", "5.3.4", "x").enhanced, "5.3.4");
    EXPECT_EQ(permanent_reply("552", "5.377.400", "x").enhanced, "5.377.400");
}

// --- an MTA that writes down what is asked of it ---

class Recorder final : public Mta
{
public:
    std::map<std::string, std::string> macros;
    std::string log, last, body;
    std::string fails_at;  // the call that the MTA does not take
    SmtpReply reply;
    int body_calls = 0;

    std::string macro(const char* name) const override
    {
        const auto it = macros.find(name);
        return it == macros.end() ? "" : it->second;
    }
    bool progress() override { return true; }
    bool insert_field(const std::string& name, const std::string& value) override
    {
        return call("insert " + name + "=" + value);
    }
    bool append_field(const std::string& name, const std::string& value) override
    {
        return call("append " + name + "=" + value);
    }
    bool change_field(const std::string& name, int index, const std::string& value) override
    {
        return call("change " + name + "[" + std::to_string(index) + "]=" + value);
    }
    bool remove_field(const std::string& name, int index) override
    {
        return call("remove " + name + "[" + std::to_string(index) + "]");
    }
    bool remove_recipient(const std::string& as_given) override { return call("delrcpt " + as_given); }
    bool change_sender(const std::string& address, const std::string& parameters) override
    {
        return call("chgfrom " + address + " " + parameters);
    }
    bool quarantine(const std::string& reason) override { return call("quarantine " + reason); }
    bool replace_body(base::Octets run) override
    {
        ++body_calls;
        body += run;
        return call("body");
    }
    bool set_reply(const SmtpReply& given) override
    {
        reply = given;
        return call("reply");
    }

private:
    bool call(const std::string& what)
    {
        last = what;
        log += what + "\n";
        return fails_at.empty() || !what.starts_with(fails_at);
    }
};

// --- apply ---

using gateway::HeaderEdit;

gateway::Message message_of(const std::string& wire)
{
    gateway::MessageBuilder builder;
    EXPECT_TRUE(builder.add_field("Subject", " x"));
    EXPECT_TRUE(builder.end_header());
    EXPECT_TRUE(builder.add_body(wire));
    gateway::Envelope envelope;
    envelope.recipients = {"a@x", "B@x"};
    envelope.recipients_as_given = {"<a@x>", "<B@x>"};
    return builder.finish(std::move(envelope));
}

gateway::Outcome full_outcome(const gateway::Message& message)
{
    gateway::Outcome outcome;
    outcome.action = gateway::Action::quarantine;
    outcome.quarantine_reason = "why";
    outcome.header = {{HeaderEdit::Kind::insert, "A", 1, "1"},
                      {HeaderEdit::Kind::change, "B", 2, "2\n folded"},
                      {HeaderEdit::Kind::remove, "C", 3, ""},
                      {HeaderEdit::Kind::append, "D", 1, ""}};
    outcome.remove_recipients = {1};
    outcome.replace_body = true;
    outcome.body.emplace_back(std::string("begin "));
    outcome.body.emplace_back(message.body());
    outcome.body.emplace_back(
        gateway::Generator([](const gateway::Sink& sink) { return sink(" e") && sink("nd"); }));
    return outcome;
}

TEST(Apply, EditsInTheGivenOrderAndTheBodyLastInOneRun)
{
    const auto message = message_of("middle");
    Recorder mta;
    const auto applied = apply(full_outcome(message), message, mta);
    EXPECT_EQ(applied.answer, Answer::accept);
    EXPECT_EQ(applied.failure, "");
    EXPECT_EQ(mta.log,
              "insert A=1\nchange B[2]=2\n folded\nremove C[3]\nappend D=\ndelrcpt <B@x>\nquarantine why\n"
              "body\n");
    EXPECT_EQ(mta.body, "begin middle end");
}

TEST(Apply, ShortPiecesOfABodyTravelTogetherAndLongOnesAsTheyAre)
{
    const auto message = message_of("middle");
    const std::string large(100'000, 'x');
    gateway::Outcome outcome;
    outcome.replace_body = true;
    outcome.body = {std::string("a"), base::Octets("b"), base::Octets(large), std::string("c"),
                    std::string("d")};
    Recorder mta;
    EXPECT_EQ(apply(outcome, message, mta).answer, Answer::accept);
    EXPECT_EQ(mta.log, "body\nbody\nbody\n");
    EXPECT_EQ(mta.body, "ab" + large + "cd");

    mta.fails_at = "body";
    EXPECT_EQ(apply(outcome, message, mta).answer, Answer::tempfail);
    outcome.body = {std::string("a")};
    EXPECT_EQ(apply(outcome, message, mta).answer, Answer::tempfail);
}

TEST(Apply, AnyEditThatIsNotTakenEndsInATemporaryFailureAtOnce)
{
    const auto message = message_of("middle");
    for (const char* step : {"insert", "change", "remove", "append", "delrcpt", "quarantine", "body"}) {
        Recorder mta;
        mta.fails_at = step;
        const auto applied = apply(full_outcome(message), message, mta);
        EXPECT_EQ(applied.answer, Answer::tempfail) << step;
        EXPECT_NE(applied.failure, "") << step;
        EXPECT_TRUE(mta.last.starts_with(step)) << step << " was the last call, not " << mta.last;
    }
}

// Whoever sends a captured message with too many Received fields, or with whatever the
// next host refuses, would get its text in the report of non-delivery.
TEST(Apply, AReportOfFailureDoesNotBringBackWhatWasDecrypted)
{
    auto message = message_of("middle");
    auto outcome = full_outcome(message);
    outcome.confidential = true;
    Recorder nobody;
    EXPECT_EQ(apply(outcome, message, nobody).answer, Answer::accept);
    EXPECT_EQ(nobody.log.find("chgfrom"), std::string::npos) << "the null sender gets no reports";
    message.envelope.mail_from = "eve@evil.example";
    Recorder mta;
    EXPECT_EQ(apply(outcome, message, mta).answer, Answer::accept);
    EXPECT_NE(mta.log.find("delrcpt <B@x>\nchgfrom <eve@evil.example> RET=HDRS\nquarantine"),
              std::string::npos)
        << mta.log;
    Recorder deaf;
    deaf.fails_at = "chgfrom";
    EXPECT_EQ(apply(outcome, message, deaf).answer, Answer::tempfail);
}

TEST(Apply, ValuesThatWouldBreakTheHeaderAreNeverSent)
{
    const auto message = message_of("");
    for (const std::string& value :
         {std::string("a\r\n b"), std::string("a\nBcc: x"), std::string("a\n"), std::string("a\0b", 3)}) {
        gateway::Outcome outcome;
        outcome.header = {{HeaderEdit::Kind::insert, "A", 1, value}};
        Recorder mta;
        EXPECT_EQ(apply(outcome, message, mta).answer, Answer::tempfail);
        EXPECT_EQ(mta.log, "");
    }
    for (const std::string& name :
         {std::string(), std::string("A:"), std::string("A\n"), std::string("A B")}) {
        gateway::Outcome outcome;
        outcome.header = {{HeaderEdit::Kind::append, name, 1, "x"}};
        Recorder mta;
        EXPECT_EQ(apply(outcome, message, mta).answer, Answer::tempfail);
    }
}

TEST(Apply, AGeneratorThatOverlooksAFullSinkDoesNotMakeItASuccess)
{
    const auto message = message_of("");
    gateway::Outcome outcome;
    outcome.replace_body = true;
    outcome.body.emplace_back(gateway::Generator([](const gateway::Sink& sink) {
        (void)sink("x");
        return true;
    }));
    Recorder mta;
    mta.fails_at = "body";
    EXPECT_EQ(apply(outcome, message, mta).answer, Answer::tempfail);
}

TEST(Apply, AnEmptyBodyIsStillAReplacement)
{
    const auto message = message_of("old");
    gateway::Outcome outcome;
    outcome.replace_body = true;
    Recorder mta;
    EXPECT_EQ(apply(outcome, message, mta).answer, Answer::accept);
    EXPECT_EQ(mta.body_calls, 1);
    EXPECT_EQ(mta.body, "");
}

TEST(Apply, ARefusalEditsNothing)
{
    const auto message = message_of("x");
    auto outcome = full_outcome(message);
    outcome.action = gateway::Action::reject;
    outcome.reply_code = "550";
    outcome.reply_enhanced = "5.7.7";
    outcome.reply_text = "50% wrong";
    Recorder mta;
    EXPECT_EQ(apply(outcome, message, mta).answer, Answer::reject);
    EXPECT_EQ(mta.log, "reply\n");
    EXPECT_EQ(mta.reply.enhanced, "5.7.7");
    EXPECT_EQ(mta.reply.text, "50%% wrong");

    outcome.action = gateway::Action::tempfail;
    Recorder other;
    other.fails_at = "reply";
    EXPECT_EQ(apply(outcome, message, other).answer, Answer::tempfail);
    EXPECT_EQ(other.reply.code, "451") << "a code of another class would be ignored";
}

TEST(Apply, ARecipientThatDoesNotExistIsAFailureNotACrash)
{
    const auto message = message_of("x");
    gateway::Outcome outcome;
    outcome.remove_recipients = {2};
    Recorder mta;
    EXPECT_EQ(apply(outcome, message, mta).answer, Answer::tempfail);
}

// --- envelope ---

TEST(Envelope, OnePairOfAngleBracketsGoes)
{
    EXPECT_EQ(without_brackets("<a@b>"), "a@b");
    EXPECT_EQ(without_brackets("a@b"), "a@b");
    EXPECT_EQ(without_brackets("<>"), "");
    EXPECT_EQ(without_brackets(""), "");
    EXPECT_EQ(without_brackets("<<a>>"), "<a>");
    EXPECT_EQ(without_brackets("<"), "<");
    EXPECT_EQ(without_brackets("<a"), "<a");
}

TEST(Envelope, OnlyInternetClientsHaveAnAddress)
{
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(0xc0000201);
    EXPECT_EQ(address_text(reinterpret_cast<const sockaddr*>(&v4)), "192.0.2.1");
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = in6addr_loopback;
    EXPECT_EQ(address_text(reinterpret_cast<const sockaddr*>(&v6)), "::1");
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    EXPECT_EQ(address_text(reinterpret_cast<const sockaddr*>(&local)), "");
    EXPECT_EQ(address_text(static_cast<const sockaddr*>(nullptr)), "");
}

TEST(Envelope, AMacroIsAnAddressOnlyWhenItIsOne)
{
    EXPECT_EQ(address_text(std::string_view("192.0.2.1")), "192.0.2.1");
    EXPECT_EQ(address_text(std::string_view("IPv6:2001:db8::1")), "2001:db8::1");
    EXPECT_EQ(address_text(std::string_view("unknown")), "");
    EXPECT_EQ(address_text(std::string_view("192.0.2.1 x")), "");
    EXPECT_EQ(address_text(std::string_view()), "");
}

TEST(Envelope, TakesWhatTheMacrosSay)
{
    Recorder mta;
    mta.macros = {{"j", "mx.example.org"}, {"{auth_authen}", "alice"}, {"{daemon_name}", "MSA"}};
    const auto envelope = begin_envelope("192.0.2.1", "host.example", "<a@b>", mta);
    EXPECT_EQ(envelope.mta_name, "mx.example.org");
    EXPECT_EQ(envelope.login, "alice");
    EXPECT_EQ(envelope.listener, "MSA");
    EXPECT_EQ(envelope.client, "192.0.2.1");
    EXPECT_EQ(envelope.client_name, "host.example");
    EXPECT_EQ(envelope.mail_from, "a@b");
}

TEST(Envelope, ACertificateCountsOnlyWhenTheMtaHasVerifiedIt)
{
    const auto subject = [](const std::string& verify, const std::string& version) {
        Recorder mta;
        mta.macros = {{"{cert_subject}", "app.example.org"},
                      {"{cert_issuer}", "CA"},
                      {"{verify}", verify},
                      {"v", version}};
        return begin_envelope("192.0.2.1", "host.example", "<a@b>", mta).tls_subject;
    };
    EXPECT_EQ(subject("OK", ""), "app.example.org");
    EXPECT_EQ(subject("", "Postfix 3.7.11"), "app.example.org") << "it names no other";
    EXPECT_EQ(subject("", ""), "");
    EXPECT_EQ(subject("FAIL", ""), "");
    EXPECT_EQ(subject("FAIL", "Postfix 3.7.11"), "");
}

TEST(Envelope, TheMacroNamesTheClientOnlyWhereTheConnectionDidNot)
{
    Recorder mta;
    mta.macros = {{"{client_addr}", "IPv6:2001:db8::7"}};
    EXPECT_EQ(begin_envelope("", "", "", mta).client, "2001:db8::7");
    EXPECT_EQ(begin_envelope("2001:DB8:0::7", "", "", mta).client, "2001:DB8:0::7");
    mta.macros = {{"{client_addr}", "192.0.2.1"}};
    EXPECT_EQ(begin_envelope("::ffff:192.0.2.1", "", "", mta).client, "::ffff:192.0.2.1");
}

TEST(Envelope, AClientThatContradictsItsMacroIsNobody)
{
    Recorder mta;
    mta.macros = {{"{client_addr}", "203.0.113.66"}, {"{auth_authen}", "alice"}, {"j", "mx"}};
    const auto envelope = begin_envelope("192.0.2.10", "shop.example", "<a@b>", mta);
    EXPECT_EQ(envelope.client, "");
    EXPECT_EQ(envelope.client_name, "");
    EXPECT_EQ(envelope.login, "");
    EXPECT_EQ(envelope.mta_name, "mx");
}

// --- endpoint ---

TEST(Endpoint, ReadsTheFormsThatPostfixAndSendmailUse)
{
    for (const char* text :
         {"unix:/run/x/m.sock", "local:/run/x/m.sock", "/run/x/m.sock", "UNIX:/run/x/m.sock"}) {
        const auto endpoint = Endpoint::parse(text);
        ASSERT_TRUE(endpoint) << text;
        EXPECT_EQ(endpoint->spelling, "unix:/run/x/m.sock");
        EXPECT_EQ(endpoint->directory(), "/run/x");
        EXPECT_TRUE(endpoint->local());
    }
    const auto inet = Endpoint::parse("inet:8891@127.0.0.1");
    ASSERT_TRUE(inet);
    EXPECT_EQ(inet->port, 8891);
    EXPECT_EQ(inet->host, "127.0.0.1");
    EXPECT_TRUE(Endpoint::parse("inet6:8891@[::1]"));
    EXPECT_EQ(Endpoint::parse("/m.sock")->directory(), "/");
}

TEST(Endpoint, RefusesWhatLibmilterWouldMisunderstand)
{
    for (const std::string& text :
         {std::string(), std::string("unix:m.sock"), std::string("unix:"), std::string("inet:@h"),
          std::string("inet:x@h"), std::string("inet:70000@h"), std::string("inet:0@h"),
          std::string("inet:25@"), std::string("fd:3"), "unix:/" + std::string(107, 'x')})
        EXPECT_FALSE(Endpoint::parse(text)) << text;
    EXPECT_TRUE(Endpoint::parse("unix:/" + std::string(106, 'x')));
}

TEST(Endpoint, NobodyAnswersWhereThereIsNoSocket)
{
    EXPECT_FALSE(Endpoint::parse("unix:/nonexistent/m.sock")->answers());
}

}  // namespace
}  // namespace milter
