// reencapsulate: from a clear signature to an opaque one, by hand.
#include "gateway/reencapsulate.h"

#include <memory>

#include "ctl/command.h"
#include "ctl/input.h"
#include "ctl/output.h"

namespace ctl
{
namespace
{

struct ReencapsulateOptions {
    bool if_fragile = false;
    std::string message;
};

base::Result<int> run_reencapsulate(const ReencapsulateOptions& options)
{
    const auto message = read_message(options.message);
    if (!message) return base::fail(message.error());
    gateway::Outcome outcome;
    int status = exit_yes;
    if (!gateway::claims_clear_signature(message->fields())) {
        remark("not converted: the message is not clear-signed");
        status = exit_not_applicable;
    } else if (options.if_fragile && !gateway::fragile_signed_part(*message)) {
        remark("not converted: nothing on the way would break this signature");
    } else if (auto rewrite = gateway::reencapsulate(*message)) {
        outcome.header = std::move(rewrite->header);
        outcome.replace_body = true;
        outcome.body = std::move(rewrite->body);
    } else {
        remark("not converted: " + rewrite.error());
        status = exit_no;
    }
    if (auto ok = write_out(gateway::render(*message, outcome)); !ok) return base::fail(ok.error());
    return status;
}

}  // namespace

Run reencapsulate(Options& options, const Global& global)
{
    static_cast<void>(global);  // needs no configuration
    auto o = std::make_shared<ReencapsulateOptions>();
    options.flag("--if-fragile", o->if_fragile, "only what a 7-bit path would break");
    options.argument("MESSAGE", o->message, "file, or - for standard input");
    return [o] { return run_reencapsulate(*o); };
}

}  // namespace ctl
