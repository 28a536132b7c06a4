// explain: which rule applies to whom, and what would follow.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "ctl/command.h"
#include "ctl/envelope.h"
#include "ctl/input.h"
#include "ctl/json.h"
#include "ctl/output.h"
#include "gateway/case.h"
#include "gateway/recipient_certificates.h"
#include "gateway/snapshot.h"
#include "policy/decide.h"

namespace ctl
{
namespace
{

using policy::Match;
using policy::Plan;
using policy::RecipientTrace;

const char* name(Match m)
{
    switch (m) {
        case Match::no: return "no";
        case Match::yes: return "yes";
        case Match::maybe: return "maybe";
    }
    return "no";
}

const char* name(policy::OnTemporary t) { return t == policy::OnTemporary::accept ? "accept" : "tempfail"; }

// The same rules come out the same way; the reasons name the recipient.
bool same_trace(const RecipientTrace& a, const RecipientTrace& b)
{
    return a.rule == b.rule &&
           std::equal(a.tried.begin(), a.tried.end(), b.tried.begin(), b.tried.end(),
                      [](const auto& x, const auto& y) { return x.rule == y.rule && x.match == y.match; });
}

// The certificate that would sign for the author, or why none can.
std::string signer_for(const gateway::Case& c, base::Time now)
{
    const auto choice = gateway::choose_signer(c, now);
    if (choice.identity == nullptr) return choice.reason;
    const auto& certificate = choice.identity->certificate;
    return fmt::format("{} serial {}, {}, valid until {}", choice.identity->file, certificate.serial(),
                       describe_key(certificate), base::iso8601(certificate.not_after()).substr(0, 10));
}

struct Item {
    std::string label, text;
};

// What becomes of mail that is signed already, and of winmail.dat.
void add_treatment(const Plan& plan, std::vector<Item>& items)
{
    if (plan.already_signed != policy::AlreadySigned::keep)
        items.push_back({"signed", std::string("already_signed ") + policy::name(plan.already_signed)});
    if (plan.eightbit_signed != policy::EightBitSigned::pass)
        items.push_back({"signed", std::string("eightbit_signed ") + policy::name(plan.eightbit_signed)});
    if (!plan.keep_signed_reason.empty()) items.push_back({"signed", plan.keep_signed_reason});
    if (plan.convert_tnef)
        items.push_back({"tnef", "winmail.dat is made ordinary MIME"});
    else if (!plan.no_tnef_reason.empty())
        items.push_back({"tnef", "no: " + plan.no_tnef_reason});
}

// What the plan comes to, in the words of the configuration.
using Considered = std::vector<gateway::RecipientCertificates::Considered>;

// `considered`: the certificates to encrypt to, and those passed over.
std::vector<Item> plan_items(const gateway::Case& c, const gateway::World& world, Considered& considered)
{
    using Kind = gateway::SignOutlook::Kind;
    const Plan& plan = c.plan();
    const auto now = world.clock->now();
    std::vector<Item> items;
    if (c.decision.refusal) items.push_back({"refused", *c.decision.refusal});
    if (plan.dry_run) items.push_back({"dry run", "nothing is changed, the log says what would have been"});
    if (plan.sign_rule != nullptr && plan.sign != policy::SignForm::no) {
        items.push_back({"sign", fmt::format("{}{} by [rule {}]", policy::name(plan.sign),
                                             plan.sign_required ? ", required," : "", plan.sign_rule->name)});
        items.push_back({"authority", (plan.authority.granted ? "yes: " : "no: ") + plan.authority.why});
        const auto outlook = gateway::sign_outlook(c);
        switch (outlook.kind) {
            case Kind::not_wanted: break;
            case Kind::try_it: items.push_back({"certificate", signer_for(c, now)}); break;
            case Kind::leave_unsigned: items.push_back({"unsigned", outlook.reason}); break;
            case Kind::refuse: items.push_back({"refused", "it must be signed: " + outlook.reason}); break;
            case Kind::check_own_signature:
                items.push_back({"unsigned", outlook.reason + "; refused unless that signature is valid"});
                break;
        }
    } else if (!plan.no_sign_reason.empty()) {
        items.push_back({"unsigned", plan.no_sign_reason});
    }
    if (plan.verify) {
        items.push_back({"verify", fmt::format("on_invalid {}, on_untrusted {}, on_temperror {}",
                                               policy::name(plan.on_invalid), policy::name(plan.on_untrusted),
                                               name(plan.on_temperror))});
        const std::string reason = plan.no_strip_reason.empty() ? "" : " (" + plan.no_strip_reason + ")";
        items.push_back({"strip", policy::name(plan.strip) + reason});
        if (plan.require_signature) items.push_back({"require", "a signature that passes, else 550"});
    }
    add_treatment(plan, items);
    if (plan.encrypt != policy::Encrypt::no)
        items.push_back(
            {"encrypt",
             fmt::format("{} by [rule {}]{}{}", policy::name(plan.encrypt), plan.encrypt_rule->name,
                         plan.encrypt_request.empty() ? "" : ", asked for: " + plan.encrypt_request,
                         plan.may_split ? ", may be split" : "")});
    else if (!plan.no_encrypt_reason.empty())
        items.push_back({"in clear", plan.no_encrypt_reason});
    if (plan.encrypt != policy::Encrypt::no) {
        const auto found = gateway::recipient_certificates(c, world);
        items.push_back({"encrypt to", found.missing.empty() ? "a certificate for every recipient"
                                                             : "none for " + found.names_missing()});
        if (!found.missing.empty() && plan.encrypt == policy::Encrypt::mandatory)
            items.push_back({"refused", "it must be encrypted, and cannot be for " + found.names_missing()});
        considered = found.considered;
    }
    if (plan.decrypt)
        items.push_back({"decrypt", c.snapshot.keys.entitled(c.envelope.recipients).empty()
                                        ? "no key that each of its recipients may use"
                                        : "what is encrypted to a key of all recipients"});
    else if (!plan.no_decrypt_reason.empty())
        items.push_back({"as it is", plan.no_decrypt_reason});
    if (items.empty())
        items.push_back({"nothing", plan.rule == nullptr ? "no rule applies" : "the rule asks for nothing"});
    return items;
}

std::string text_of(const gateway::Case& c, const std::vector<Item>& items, const Considered& considered)
{
    const auto& facts = c.facts;
    const auto line = [](std::string_view label, std::string_view text) {
        return fmt::format("{:<12}{}\n", label, display(text));
    };
    std::string out;
    out += line("author", facts.author.status == mime::AuthorStatus::ok ? facts.author.address()
                                                                        : describe(facts.author.status));
    out += line("mail from", "<" + facts.mail_from + ">");
    if (!facts.client.empty()) out += line("client", facts.client);
    if (!facts.login.empty()) out += line("login", facts.login);
    if (!facts.listener.empty()) out += line("listener", facts.listener);
    out +=
        line("direction", policy::name(c.decision.direction.direction) + (": " + c.decision.direction.why));

    const auto& recipients = c.decision.recipients;
    for (auto trace = recipients.begin(); trace != recipients.end(); ++trace) {
        out += "\nto " + display(trace->recipient) + "\n";
        const auto like =
            std::find_if(recipients.begin(), trace, [&](const auto& r) { return same_trace(r, *trace); });
        if (like != trace) {
            out += "  as for " + display(like->recipient) + "\n";
            continue;
        }
        for (const auto& tried : trace->tried)
            out += fmt::format("  {:<6}[rule {}] {}\n", tried.match == Match::yes ? "YES" : name(tried.match),
                               tried.rule->name, display(tried.why));
        if (trace->undecided)
            out += "  the size of the message decides: name a MESSAGE\n";
        else if (trace->rule == nullptr)
            out += "  no rule applies\n";
    }
    out += "\nwhat would happen\n";
    for (const auto& item : items) out += fmt::format("  {:<12}{}\n", item.label, display(item.text));
    for (const auto& one : considered)
        out += fmt::format("  {:<12}{}: {}{}\n", one.why_not.empty() ? "used" : "not used",
                           display(one.recipient), display(one.what),
                           one.why_not.empty() ? "" : ": " + display(one.why_not));
    return out;
}

Json json_of(const gateway::Case& c, const std::vector<Item>& items, const Considered& considered)
{
    Json recipients = Json::array();
    for (const auto& trace : c.decision.recipients) {
        Json tried = Json::array();
        for (const auto& t : trace.tried)
            tried.push_back(
                {{"rule", t.rule->name}, {"where", t.rule->at()}, {"match", name(t.match)}, {"why", t.why}});
        recipients.push_back({{"recipient", trace.recipient},
                              {"rule", trace.rule == nullptr ? Json() : Json(trace.rule->name)},
                              {"undecided", trace.undecided},
                              {"tried", tried}});
    }
    Json plan = Json::object();
    for (const auto& item : items) {
        auto& text = plan[item.label];
        text = text.is_null() ? item.text : text.get<std::string>() + "; " + item.text;
    }
    Json certificates = Json::array();
    for (const auto& one : considered)
        certificates.push_back({{"recipient", one.recipient},
                                {"what", one.what},
                                {"used", one.why_not.empty()},
                                {"why_not", one.why_not}});
    return {{"author", c.facts.author.address()},
            {"mail_from", c.facts.mail_from},
            {"direction", policy::name(c.decision.direction.direction)},
            {"direction_why", c.decision.direction.why},
            {"recipients", recipients},
            {"certificates", certificates},
            {"plan", plan}};
}

struct ExplainOptions {
    EnvelopeOptions envelope;
    bool json = false;
    std::optional<std::string> message, at;
};

base::Result<int> run_explain(const ExplainOptions& options, const Global& global)
{
    const auto message = message_for(options.envelope, options.message);
    if (!message) return base::fail(message.error());
    const auto at = time_of(options.at);
    if (!at) return base::fail(at.error());
    const auto now = *at;
    std::vector<base::Problem> problems;
    const auto snapshot =
        gateway::load_snapshot(global.config, now, problems, {gateway::Credentials::if_available});
    report(problems, snapshot != nullptr);
    if (snapshot == nullptr) return static_cast<int>(base::Code::configuration);

    std::optional<std::uint64_t> size;
    if (options.message) size = message->size();
    const gateway::Case c(message->envelope, message->fields(), *snapshot, size, policy::Trace::full);
    base::FixedClock clock(now);
    store::Sources sources(clock);
    gateway::World world;
    world.clock = &clock;
    world.sources = &sources;
    Considered considered;
    const auto items = plan_items(c, world, considered);
    const auto written =
        options.json ? write_json(json_of(c, items, considered)) : write_out(text_of(c, items, considered));
    if (!written) return base::fail(written.error());
    const auto& recipients = c.decision.recipients;
    const bool any = std::any_of(recipients.begin(), recipients.end(),
                                 [](const RecipientTrace& r) { return r.rule != nullptr || r.undecided; });
    return any ? exit_yes : exit_no;
}

}  // namespace

Run explain(Options& options, const Global& global)
{
    auto o = std::make_shared<ExplainOptions>();
    add_envelope_options(options, o->envelope);
    options.flag("--json", o->json, "one JSON object");
    options.value("--at", o->at, "TIME", "as if it were then: 2026-11-23T12:00:00Z or @SECONDS");
    options.optional_argument("MESSAGE", o->message, "file, or - for standard input");
    return [o, &global] { return run_explain(*o, global); };
}

}  // namespace ctl
