// sign: a signature with a given key; no rules, no authority.
#include "gateway/sign.h"

#include <memory>

#include "ctl/command.h"
#include "ctl/input.h"
#include "ctl/key_files.h"
#include "ctl/output.h"
#include "mime/address.h"
#include "store/key_store.h"

namespace ctl
{
namespace
{

struct SignOptions {
    KeyFiles files;
    bool opaque = false;
    std::string digest;
    bool pss = false;
    std::optional<std::string> from;
    std::string message;
};

cms::Digest digest_of(const std::string& word)
{
    if (word == "sha256") return cms::Digest::sha256;
    if (word == "sha384") return cms::Digest::sha384;
    if (word == "sha512") return cms::Digest::sha512;
    return cms::Digest::automatic;
}

base::Result<int> run_sign(const SignOptions& options)
{
    const auto message = read_message(options.message);
    if (!message) return base::fail(message.error());
    const base::SystemClock clock;
    const std::string author = options.from.value_or(mime::author_of(message->fields()).address());
    const auto identity = signing_identity(options.files, author, clock.now());
    if (!identity) return base::fail(identity.error());
    const auto& certificate = identity->certificate;
    if (options.from && !certificate.names(author)) {
        remark(options.files.key + ": the certificate is for " + join(certificate.addresses()) +
               ", not for " + author);
        return exit_no;
    }
    if (const auto unfit = store::unfit_for_signing(certificate, clock.now()))
        return base::fail(
            base::Code::configuration, options.files.cert.value_or(options.files.key),
            "the certificate " + certificate.subject() + ", serial " + certificate.serial() + ": " + *unfit,
            "nobody would accept the signature: get a new certificate");

    gateway::SignSpec spec;
    spec.identity = &*identity;
    spec.digest = digest_of(options.digest);
    spec.padding = options.pss ? cms::Padding::pss : cms::Padding::pkcs1;
    spec.opaque = options.opaque;
    spec.calendar_requests = true;
    base::SystemRandom random;
    auto made = gateway::sign_message(*message, spec, clock, random);
    if (!made) {
        remark("not signed: " + made.error().reason);
        return exit_no;
    }
    gateway::Outcome outcome;
    outcome.header = std::move(made->rewrite.header);
    outcome.replace_body = true;
    outcome.body = std::move(made->rewrite.body);
    if (auto ok = write_out(gateway::render(*message, outcome)); !ok) return base::fail(ok.error());
    return exit_yes;
}

}  // namespace

Run sign(Options& options, const Global& global)
{
    static_cast<void>(global);  // needs no configuration
    auto o = std::make_shared<SignOptions>();
    add_key_options(options, o->files);
    options.flag("--opaque", o->opaque, "application/pkcs7-mime instead of multipart/signed");
    options.choice("--digest", o->digest, {"sha256", "sha384", "sha512"}, "default: by the key");
    options.flag("--pss", o->pss, "RSASSA-PSS instead of PKCS#1 v1.5");
    options.value("--from", o->from, "ADDRESS", "refuse unless the certificate is this address's");
    options.argument("MESSAGE", o->message, "file, or - for standard input");
    return [o] { return run_sign(*o); };
}

}  // namespace ctl
