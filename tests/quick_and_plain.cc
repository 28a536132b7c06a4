// tests/quick-and-plain compare [OPTIONS OF smimectl verify] MESSAGE
//
// Judges a message as the daemon does, which reads signatures by parts and
// remembers certificates and paths, and as OpenSSL alone does, everything afresh.
// 0: the verdicts are the same, also the second time, when all is remembered.
#include <cstdio>
#include <memory>

#include "ctl/command.h"
#include "ctl/input.h"
#include "ctl/trust.h"
#include "lib/verdict_text.h"

namespace
{

using ctl::Global;

struct CompareOptions {
    ctl::TrustOptions trust;
    std::string message;
};

base::Result<int> run_compare(const CompareOptions& options, const Global& global)
{
    const auto message = ctl::read_message(options.message);
    if (!message) return base::fail(message.error());
    auto judge = ctl::make_judge(options.trust, global);
    if (!judge) return base::fail(judge.error());
    judge->request.teaches = true;
    judge->request.afresh = true;
    const auto plain = verdict_text::of(judge->judge(*message));
    judge->request.afresh = false;
    for (const char* when : {"the first time", "the second time"}) {
        const auto quick = verdict_text::of(judge->judge(*message));
        if (quick == plain) continue;
        std::printf("%s\n--- plain\n%s--- quick\n%s", when, plain.c_str(), quick.c_str());
        return ctl::exit_no;
    }
    return ctl::exit_yes;
}

ctl::Run compare(ctl::Options& options, const Global& global)
{
    auto o = std::make_shared<CompareOptions>();
    ctl::add_trust_options(options, o->trust);
    options.argument("MESSAGE", o->message, "file, or - for standard input");
    return [o, &global] { return run_compare(*o, global); };
}

constexpr ctl::Command commands[] = {{"compare", "judge a message in both ways", compare}};

}  // namespace

int main(int argc, char** argv)
{
    const auto status = ctl::run_command_line(commands, argc, argv);
    if (status) return *status;
    std::fprintf(stderr, "%s\n", status.error().text().c_str());
    return static_cast<int>(status.error().code);
}
