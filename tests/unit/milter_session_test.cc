// The golden cases through a Session, fed in chunks of every size: the edits
// must be those that process() gives for the message as a whole.
#include <gtest/gtest.h>

#include "gateway/process.h"
#include "golden/golden.h"
#include "milter/session.h"

namespace milter
{
namespace
{

class Lines final : public base::Log
{
public:
    void write(base::Level, std::string_view text) override { all.append(text) += '\n'; }
    std::string all;
};

// Applies edits to a copy of the message, as an Outcome that render() takes.
class Collector final : public Mta
{
public:
    const golden::Case* golden_case = nullptr;
    gateway::Outcome taken;
    std::string body;

    std::string macro(const char* name) const override
    {
        const std::string_view which = name;
        const auto& e = golden_case->envelope;
        if (which == "j") return e.mta_name;
        if (which == "i") return e.queue_id;
        if (which == "{auth_authen}") return e.login;
        if (which == "{daemon_name}") return e.listener;
        return {};
    }
    bool waits = true;
    bool progress() override { return waits; }
    bool insert_field(const std::string& name, const std::string& value) override
    {
        return edit(gateway::HeaderEdit::Kind::insert, name, 1, value);
    }
    bool append_field(const std::string& name, const std::string& value) override
    {
        return edit(gateway::HeaderEdit::Kind::append, name, 1, value);
    }
    bool change_field(const std::string& name, int index, const std::string& value) override
    {
        return edit(gateway::HeaderEdit::Kind::change, name, index, value);
    }
    bool remove_field(const std::string& name, int index) override
    {
        return edit(gateway::HeaderEdit::Kind::remove, name, index, "");
    }
    bool remove_recipient(const std::string&) override { return true; }
    bool change_sender(const std::string&, const std::string&) override { return true; }
    bool quarantine(const std::string&) override
    {
        taken.action = gateway::Action::quarantine;
        return true;
    }
    bool replace_body(base::Octets run) override
    {
        taken.replace_body = true;
        body += run;
        return true;
    }
    bool set_reply(const SmtpReply& reply) override
    {
        taken.reply_code = reply.code;
        return true;
    }

private:
    bool edit(gateway::HeaderEdit::Kind kind, const std::string& name, int index, const std::string& value)
    {
        taken.header.push_back({kind, name, index, value});
        return true;
    }
};

std::string with_line_feeds(base::Octets value)
{
    std::string out;
    for (char c : value)
        if (c != '\r') out += c;
    return out;
}

// What the MTA ends up with: the answer, and the message when it is accepted.
struct Ending {
    Answer answer = Answer::proceed;
    std::string reply, wire;
    bool operator==(const Ending&) const = default;
};

Ending pass(Session& session, const golden::Case& c, const gateway::Message& message, std::size_t chunk,
            bool mta_waits = true)
{
    Collector mta;
    mta.golden_case = &c;
    mta.waits = mta_waits;
    session.mail_from("<" + c.envelope.mail_from + ">", mta);
    for (const auto& recipient : c.envelope.recipients) session.recipient("<" + recipient + ">");
    for (const auto& field : message.fields()) session.field(field.name, with_line_feeds(field.value));
    Ending ending;
    ending.answer = session.end_of_header(mta);
    if (ending.answer == Answer::proceed) {
        for (auto rest = message.body(); !rest.empty(); rest.remove_prefix(std::min(chunk, rest.size())))
            session.body(rest.substr(0, chunk));
        ending.answer = session.end_of_message(mta);
    }
    ending.reply = mta.taken.reply_code;
    if (mta.taken.replace_body) mta.taken.body.emplace_back(mta.body);
    if (ending.answer == Answer::accept) ending.wire = gateway::render(message, mta.taken);
    return ending;
}

class GoldenThroughSession : public testing::TestWithParam<std::string>
{
};

TEST_P(GoldenThroughSession, ChunksOfAnySizeEndAsTheWholeMessageDoes)
{
    const std::string directory = TEST_DATA "/golden";
    const auto c = golden::load_case(directory, GetParam());
    const golden::Workspace workspace(c, directory);
    const base::FixedClock clock(c.at);
    std::vector<base::Problem> problems;
    const auto snapshot = gateway::load_snapshot(workspace.configuration(), c.at, problems);
    ASSERT_NE(snapshot, nullptr);
    const auto octets = golden::read(directory + "/" + GetParam() + "/in.eml");
    const auto message = gateway::message_from_octets(octets, c.envelope);
    ASSERT_TRUE(message);
    // A message whose header ends in a line that is no field reaches a milter otherwise than a file.
    if (message->header().junk) GTEST_SKIP() << "not what an MTA would hand over";

    const auto whole = [&] {
        base::SeededRandom random(c.seed);
        const gateway::World world{&clock, &random, nullptr};
        const auto outcome = gateway::process(*message, *snapshot, world);
        Ending ending;
        const bool refused =
            outcome.action == gateway::Action::reject || outcome.action == gateway::Action::tempfail;
        ending.answer = outcome.action == gateway::Action::reject     ? Answer::reject
                        : outcome.action == gateway::Action::tempfail ? Answer::tempfail
                                                                      : Answer::accept;
        ending.reply = refused ? outcome.reply_code : "";
        if (!refused) ending.wire = gateway::render(*message, outcome);
        return ending;
    }();

    Lines log;
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, std::size_t{65536}}) {
        base::SeededRandom random(c.seed);
        Runtime runtime(log, clock, random, snapshot);
        Session session(runtime);
        session.connect("client.example", c.envelope.client);
        const auto ending = pass(session, c, *message, chunk);
        EXPECT_EQ(ending.answer, whole.answer) << chunk;
        EXPECT_EQ(ending.reply, whole.reply) << chunk;
        EXPECT_EQ(ending.wire, whole.wire) << chunk;
        EXPECT_EQ(runtime.messages, 0) << "nothing of the message is left";
        EXPECT_EQ(runtime.admission.usage().octets, 0U);
    }

    base::SeededRandom random(c.seed);
    Runtime runtime(log, clock, random, snapshot);
    Session session(runtime);
    session.lose_client(Session::Fault::memory);
    EXPECT_EQ(pass(session, c, *message, 65536).answer, Answer::tempfail) << "nobody knows whose it is";
    session.connect("client.example", c.envelope.client);
    EXPECT_EQ(pass(session, c, *message, 65536).answer, whole.answer) << "of the next client";
}

// Postponed under load: why, whose mail it was, and nothing of it is kept.
class Overloaded : public testing::Test
{
protected:
    void SetUp() override
    {
        std::vector<base::Problem> problems;
        const auto snapshot = gateway::load_snapshot(workspace_.configuration(), case_.at, problems);
        ASSERT_NE(snapshot, nullptr);
        runtime_.emplace(log_, clock_, random_, snapshot);
        runtime_->admission.set_limits({0, 1});
        owner_.emplace(runtime_->admission);
        taken_ = runtime_->admission.enter(*owner_, 1, std::chrono::steady_clock::now(), [] { return true; });
        ASSERT_TRUE(taken_);
    }

    Ending pass_one(bool mta_waits)
    {
        const auto octets = golden::read(directory_ + "/sign-clear-plain/in.eml");
        const auto message = gateway::message_from_octets(octets, case_.envelope);
        Session session(*runtime_);
        session.connect("client.example", case_.envelope.client);
        auto ending = pass(session, case_, *message, 65536, mta_waits);
        EXPECT_EQ(runtime_->messages, 0);
        return ending;
    }

    std::string directory_ = TEST_DATA "/golden";
    golden::Case case_ = golden::load_case(directory_, "sign-clear-plain");
    golden::Workspace workspace_{case_, directory_};
    base::FixedClock clock_{case_.at};
    base::SeededRandom random_{case_.seed};
    Lines log_;
    std::optional<Runtime> runtime_;
    std::optional<Admission::Share> owner_;
    Admission::Slot taken_;
};

TEST_F(Overloaded, WhoWaitsInVainForATurnIsPostponed)
{
    runtime_->longest_wait = std::chrono::seconds(0);
    const auto ending = pass_one(true);
    EXPECT_EQ(ending.answer, Answer::tempfail);
    EXPECT_EQ(ending.reply, "451");
    EXPECT_NE(log_.all.find("waited in vain for a turn"), std::string::npos) << log_.all;
    EXPECT_NE(log_.all.find("sender=<" + case_.envelope.mail_from + ">"), std::string::npos) << log_.all;
    EXPECT_EQ(runtime_->admission.usage().waiting, 0U);

    taken_.release();
    owner_->release();
    EXPECT_EQ(pass_one(true).answer, Answer::accept);
    EXPECT_EQ(runtime_->admission.usage().octets, 0U);
}

TEST_F(Overloaded, NobodyWaitsForATurnWhoseAnswerNobodyWaitsFor)
{
    EXPECT_EQ(pass_one(false).answer, Answer::tempfail);
    EXPECT_NE(log_.all.find("the MTA no longer waits for an answer"), std::string::npos) << log_.all;
    EXPECT_EQ(runtime_->admission.usage().waiting, 0U);
}

INSTANTIATE_TEST_SUITE_P(Golden, GoldenThroughSession,
                         testing::ValuesIn(golden::case_names(TEST_DATA "/golden")), [](const auto& param) {
                             std::string name = param.param;
                             for (char& ch : name)
                                 if (ch == '-' || ch == '.') ch = '_';
                             return name;
                         });

}  // namespace
}  // namespace milter
