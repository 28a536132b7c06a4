// verify, strip: the verdict, and the message without what was judged.
#include "gateway/verify.h"

#include <fmt/format.h>

#include <memory>

#include "ctl/command.h"
#include "ctl/input.h"
#include "ctl/json.h"
#include "ctl/output.h"
#include "ctl/trust.h"
#include "gateway/strip.h"

namespace ctl
{
namespace
{

using gateway::Layer;
using gateway::Verdict;

std::vector<std::string> words(const cms::Findings& findings)
{
    std::vector<std::string> out;
    for (const auto finding : findings.list()) out.emplace_back(cms::word(finding));
    if (out.empty()) out.emplace_back("ok");
    return out;
}

int exit_status(const Verdict& verdict)
{
    switch (verdict.result()) {
        case cms::Code::pass: return exit_yes;
        case cms::Code::none: return exit_not_applicable;
        default: return exit_no;
    }
}

// --- JSON: the form of smimectl(1), which scripts rely on ---

Json json_of(const cms::SignerVerdict& signer)
{
    Json addresses = Json::array();
    if (signer.certificate)
        for (const auto& address : signer.certificate->addresses()) addresses.push_back(address);
    return {{"addresses", addresses},
            {"serial", signer.serial},
            {"issuer", signer.issuer},
            {"digest", signer.digest},
            {"signature", signer.signature},
            {"signing_time", signer.signing_time ? Json(base::iso8601(*signer.signing_time)) : Json()},
            {"status", words(signer.findings)},
            {"comments", signer.comments},
            {"revocation", signer.revocation}};
}

Json json_of(const std::vector<cms::SignerVerdict>& signers)
{
    Json list = Json::array();
    for (const auto& signer : signers) list.push_back(json_of(signer));
    return list;
}

Json json_of(const Verdict& verdict)
{
    const Layer* decides = verdict.layer();
    Json layers = Json::array();
    for (const auto& layer : verdict.layers)
        layers.push_back({{"part", layer.part},
                          {"form", gateway::name(layer.form)},
                          {"result", cms::name(layer.result())},
                          {"status", words(layer.findings)},
                          {"identity", layer.identity},
                          {"signers", json_of(layer.signers)},
                          {"comments", layer.comments}});
    return {{"result", cms::name(verdict.result())},
            {"reason", verdict.reason()},
            {"status", decides == nullptr ? std::vector<std::string>{} : words(verdict.findings)},
            {"scope", gateway::name(verdict.scope)},
            {"form", gateway::name(decides == nullptr ? gateway::Form::none : decides->form)},
            {"identity", decides == nullptr ? "" : decides->identity},
            {"signers", decides == nullptr ? Json::array() : json_of(decides->signers)},
            {"layers", layers}};
}

// --- text: for people ---

std::string line(std::string_view label, const std::string& text)
{
    return text.empty() ? std::string() : fmt::format("{:<10}{}\n", label, display(text));
}

std::string text_of(const cms::SignerVerdict& signer)
{
    std::string out;
    const bool named = signer.certificate && !signer.certificate->addresses().empty();
    out += line("signer", named ? join(signer.certificate->addresses()) : "(no address)");
    out += line("  serial", signer.serial);
    out += line("  issuer", signer.issuer);
    if (signer.certificate) {
        out += line("  subject", signer.certificate->subject());
        out += line("  valid", base::iso8601(signer.certificate->not_before()) + " to " +
                                   base::iso8601(signer.certificate->not_after()));
        out += line("  key", describe_key(*signer.certificate));
    }
    out += line("  made by", signer.signature + (signer.digest.empty() ? "" : " with " + signer.digest));
    if (signer.signing_time) out += line("  time", base::iso8601(*signer.signing_time));
    out += line("  status", join(words(signer.findings)));
    for (const auto& asked : signer.revocation) out += line("  revocation", asked);
    for (const auto& comment : signer.comments) out += line("  note", comment);
    return out;
}

std::string text_of(const Verdict& verdict)
{
    const Layer* decides = verdict.layer();
    const std::string result(cms::name(verdict.result()));
    const std::string reason = verdict.reason();
    std::string out = line("result", reason.empty() ? result : result + " (" + reason + ")");
    if (decides == nullptr) {
        out += line("note", verdict.encrypted ? "the message is encrypted" : "the message is not signed");
        return out;
    }
    out += line("status", join(words(verdict.findings)));
    out += line("identity", decides->identity.empty() ? "(none)" : decides->identity);
    out += line("scope", gateway::name(verdict.scope) + std::string(", ") + gateway::name(decides->form) +
                             ", part " + decides->part);
    for (const auto& layer : verdict.layers) {
        if (verdict.layers.size() > 1)
            out +=
                "\n" +
                line("layer", fmt::format("part {}, {}: {}{}", layer.part, gateway::name(layer.form),
                                          cms::name(layer.result()), &layer == decides ? " (decides)" : "")) +
                line("status", join(words(layer.findings)));
        for (const auto& comment : layer.comments) out += line("note", comment);
        for (const auto& signer : layer.signers) out += text_of(signer);
    }
    if (verdict.encrypted) out += line("note", "what the signature covers is encrypted");
    return out;
}

struct VerifyOptions {
    TrustOptions trust;
    bool json = false;
    bool any = false;
    std::string message;
};

base::Result<int> run_verify(const VerifyOptions& options, const Global& global)
{
    const auto message = read_message(options.message);
    if (!message) return base::fail(message.error());
    const auto judge = make_judge(options.trust, global);
    if (!judge) return base::fail(judge.error());
    const auto verdict = judge->judge(*message);
    const auto written = options.json ? write_json(json_of(verdict)) : write_out(text_of(verdict));
    if (!written) return base::fail(written.error());
    return exit_status(verdict);
}

base::Result<int> run_strip(const VerifyOptions& options, const Global& global)
{
    const auto message = read_message(options.message);
    if (!message) return base::fail(message.error());
    const auto judge = make_judge(options.trust, global);
    if (!judge) return base::fail(judge.error());
    const auto verdict = judge->judge(*message);

    gateway::Outcome outcome;
    int status = exit_status(verdict);
    if (status == exit_yes || (status == exit_no && options.any)) {
        if (auto rewrite = gateway::strip_signature(*message, verdict, options.any)) {
            outcome.header = std::move(rewrite->header);
            outcome.replace_body = true;
            outcome.body = std::move(rewrite->body);
            status = exit_yes;
        } else {
            remark("not stripped: " + rewrite.error());
            status = exit_no;
        }
    } else if (status == exit_no) {
        remark(fmt::format("not stripped: {} ({})", cms::name(verdict.result()), verdict.reason()));
    }
    if (auto ok = write_out(gateway::render(*message, outcome)); !ok) return base::fail(ok.error());
    return status;
}

}  // namespace

Run verify(Options& options, const Global& global)
{
    auto o = std::make_shared<VerifyOptions>();
    add_trust_options(options, o->trust);
    options.flag("--json", o->json, "one JSON object");
    options.argument("MESSAGE", o->message, "file, or - for standard input");
    return [o, &global] { return run_verify(*o, global); };
}

Run strip(Options& options, const Global& global)
{
    auto o = std::make_shared<VerifyOptions>();
    add_trust_options(options, o->trust);
    options.flag("--any", o->any, "whatever the verdict is");
    options.argument("MESSAGE", o->message, "file, or - for standard input");
    return [o, &global] { return run_strip(*o, global); };
}

}  // namespace ctl
