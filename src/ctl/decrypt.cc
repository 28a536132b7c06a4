// decrypt: with a given key; no rules.
#include "gateway/decrypt.h"

#include <memory>

#include "ctl/command.h"
#include "ctl/input.h"
#include "ctl/key_files.h"
#include "ctl/output.h"

namespace ctl
{
namespace
{

struct DecryptOptions {
    KeyFiles files;
    std::string message;
};

base::Result<int> run_decrypt(const DecryptOptions& options)
{
    const auto message = read_message(options.message);
    if (!message) return base::fail(message.error());
    const auto identities = all_identities(options.files);
    if (!identities) return base::fail(identities.error());
    gateway::DecryptSpec spec;
    for (const auto& identity : *identities) spec.identities.push_back(&identity);
    spec.any_content = true;
    spec.allow_3des = true;  // of one's own mail, by hand: old mail must stay readable
    auto made = gateway::decrypt_message(*message, spec);
    gateway::Outcome outcome;
    int status = exit_yes;
    using Kind = gateway::Decryption::Kind;
    if (made.kind == Kind::decrypted) {
        outcome.header = std::move(made.rewrite.header);
        outcome.replace_body = true;
        outcome.body = std::move(made.rewrite.body);
        if (made.cipher.starts_with("des3"))
            remark("warning: encrypted with " + made.cipher + ", which is weak");
    } else {
        remark("not decrypted: " +
               (made.kind == Kind::not_encrypted ? "the message is not encrypted" : made.reason));
        status = made.kind == Kind::not_encrypted ? exit_not_applicable : exit_no;
    }
    if (auto ok = write_out(gateway::render(*message, outcome)); !ok) return base::fail(ok.error());
    return status;
}

}  // namespace

Run decrypt(Options& options, const Global& global)
{
    static_cast<void>(global);  // needs no configuration
    auto o = std::make_shared<DecryptOptions>();
    add_key_options(options, o->files);
    options.argument("MESSAGE", o->message, "file, or - for standard input");
    return [o] { return run_decrypt(*o); };
}

}  // namespace ctl
