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

class NullLog final : public base::Log
{
public:
    void write(base::Level, std::string_view) override {}
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
    bool progress() override { return true; }
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

Ending pass(Session& session, const golden::Case& c, const gateway::Message& message, std::size_t chunk)
{
    Collector mta;
    mta.golden_case = &c;
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

    NullLog log;
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

INSTANTIATE_TEST_SUITE_P(Golden, GoldenThroughSession,
                         testing::ValuesIn(golden::case_names(TEST_DATA "/golden")), [](const auto& param) {
                             std::string name = param.param;
                             for (char& ch : name)
                                 if (ch == '-' || ch == '.') ch = '_';
                             return name;
                         });

}  // namespace
}  // namespace milter
