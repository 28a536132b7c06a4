// process: the daemon's whole policy on a message from a file.
#include "gateway/process.h"

#include <algorithm>
#include <memory>

#include "ctl/command.h"
#include "ctl/envelope.h"
#include "ctl/input.h"
#include "ctl/json.h"
#include "ctl/output.h"
#include "gateway/snapshot.h"

namespace ctl
{
namespace
{

using gateway::Action;
using gateway::HeaderEdit;

const char* name(Action action)
{
    switch (action) {
        case Action::accept: return "accept";
        case Action::reject: return "reject";
        case Action::tempfail: return "tempfail";
        case Action::quarantine: return "quarantine";
    }
    return "accept";
}

const char* name(HeaderEdit::Kind kind)
{
    switch (kind) {
        case HeaderEdit::Kind::insert: return "insert";
        case HeaderEdit::Kind::append: return "append";
        case HeaderEdit::Kind::change: return "change";
        case HeaderEdit::Kind::remove: return "remove";
    }
    return "insert";
}

bool refused(const gateway::Outcome& outcome)
{
    return outcome.action == Action::reject || outcome.action == Action::tempfail;
}

bool wants_signature(const gateway::Snapshot& snapshot, const gateway::Outcome& outcome)
{
    const std::string* rule = outcome.fact("rule");
    const auto& rules = snapshot.config.rules;
    // Without a rule that applies: where some rule signs.
    return std::any_of(rules.begin(), rules.end(), [&](const policy::Rule& r) {
        return r.signs() && (rule == nullptr || r.name == *rule);
    });
}

Json json_of(const gateway::Outcome& outcome)
{
    const auto fact = [&](std::string_view key) {
        const std::string* value = outcome.fact(key);
        return value == nullptr ? std::string() : *value;
    };
    Json edits = Json::array();
    for (const auto& edit : outcome.header)
        edits.push_back(
            {{"edit", name(edit.kind)}, {"name", edit.name}, {"index", edit.index}, {"value", edit.value}});
    Json facts = Json::object();
    for (const auto& f : outcome.facts) {
        if (facts.contains(f.key))
            facts[f.key] = facts[f.key].get<std::string>() + "; " + f.value;
        else
            facts[f.key] = f.value;
    }
    Json reply;
    if (refused(outcome))
        reply = {
            {"code", outcome.reply_code}, {"enhanced", outcome.reply_enhanced}, {"text", outcome.reply_text}};
    return {{"verdict", name(outcome.action)},
            {"rule", fact("rule")},
            {"reason", fact("reason")},
            {"header", edits},
            {"body", outcome.replace_body ? "replaced" : "unchanged"},
            {"quarantine", outcome.quarantine_reason},
            {"reply", reply},
            {"facts", facts}};
}

struct ProcessOptions {
    EnvelopeOptions envelope;
    std::optional<std::string> at;
    bool json = false;
    std::string message;
};

base::Result<int> run_process(const ProcessOptions& options, const Global& global)
{
    const auto at = time_of(options.at);
    if (!at) return base::fail(at.error());
    const auto message = message_for(options.envelope, options.message);
    if (!message) return base::fail(message.error());
    std::vector<base::Problem> problems;
    const auto snapshot =
        gateway::load_snapshot(global.config, *at, problems, {gateway::Credentials::if_available});
    report(problems, false);
    if (snapshot == nullptr) return static_cast<int>(base::Code::configuration);

    const base::FixedClock clock(*at);
    base::SystemRandom random;
    gateway::World world;
    world.clock = &clock;
    world.random = &random;
    store::RevocationFetcher revocation(clock);
    world.revocation = &revocation;
    store::Sources sources(clock);
    world.sources = &sources;
    const auto outcome = gateway::process(*message, *snapshot, world);

    base::Result<> written;
    if (options.json) {
        written = write_json(json_of(outcome));
    } else if (refused(outcome)) {
        remark(outcome.reply_code + " " + outcome.reply_enhanced + " " + outcome.reply_text);
    } else {
        written = write_out(gateway::render(*message, outcome));
        // Who tries a rule out wants to know why nothing came of it.
        const std::string *reason = outcome.fact("reason"), *action = outcome.fact("action");
        if (reason != nullptr && action != nullptr && *action == "none" &&
            wants_signature(*snapshot, outcome))
            remark("not signed: " + *reason);
        if (outcome.action == Action::quarantine) remark("quarantine: " + outcome.quarantine_reason);
    }
    if (!written) return base::fail(written.error());
    return refused(outcome) ? exit_no : exit_yes;
}

}  // namespace

Run process(Options& options, const Global& global)
{
    auto o = std::make_shared<ProcessOptions>();
    add_envelope_options(options, o->envelope);
    options.value("--at", o->at, "TIME", "as if it were then: 2026-11-23T12:00:00Z or @SECONDS");
    options.flag("--json", o->json, "what would be done, as one JSON object");
    options.argument("MESSAGE", o->message, "file, or - for standard input");
    return [o, &global] { return run_process(*o, global); };
}

}  // namespace ctl
