// sign: a signature with a given key; no rules, no authority.
#include "gateway/sign.h"

#include <algorithm>
#include <memory>

#include "base/file.h"
#include "cms/container.h"
#include "cms/trust.h"
#include "ctl/command.h"
#include "ctl/input.h"
#include "ctl/output.h"
#include "mime/address.h"
#include "store/key_store.h"

namespace ctl
{
namespace
{

using base::Code;

constexpr std::size_t max_key_file = 4U << 20;

struct SignOptions {
    std::string key;
    std::optional<std::string> cert;
    std::optional<std::string> password_file;
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

base::Result<cms::Container> open(const std::string& file, base::Secrecy secrecy,
                                  const base::Secret* password)
{
    const auto octets = base::read_file(file, max_key_file, secrecy);
    if (!octets) return base::fail(octets.error());
    auto container = cms::open_container(*octets, file, password);
    if (container || password != nullptr || container.error().code != Code::permission) return container;
    auto error = container.error();
    if (error.remedy.empty()) error.remedy = "give its password with --password-file FILE";
    return base::fail(std::move(error));
}

// Of the certificates that belong to a key here, the one that speaks for
// `author` now; else one that is valid now; else any.
base::Result<store::Identity> choose(const std::string& file, const cms::Container& keys,
                                     const std::vector<cms::Certificate>& certificates,
                                     const std::string& author, base::Time now)
{
    std::optional<store::Identity> best;
    int best_rank = -1;
    for (const auto& key : keys.keys) {
        for (const auto& certificate : certificates) {
            const auto matches = key->matches(certificate);
            if (!matches) return base::fail(matches.error());
            if (!*matches) continue;
            const int rank = (certificate.names(author) ? 2 : 0) + (certificate.valid_at(now) ? 1 : 0);
            const bool newer = best && certificate.not_before() > best->certificate.not_before();
            if (rank < best_rank || (rank == best_rank && !newer)) continue;
            best_rank = rank;
            best = store::Identity{"", file, certificate, key, {}};
        }
    }
    if (best) return *best;
    return base::fail(
        Code::configuration, file,
        keys.keys.empty() ? "no private key in it" : "no certificate that belongs to its key",
        keys.keys.empty() ? "name a PFX or PEM file with the key" : "name the certificate with --cert FILE");
}

base::Result<store::Identity> load_identity(const SignOptions& options, const std::string& author,
                                            base::Time now)
{
    std::optional<base::Secret> password;
    if (options.password_file) {
        auto read = store::read_password({"file:" + *options.password_file});
        if (!read) return base::fail(read.error());
        password = std::move(*read);
    }
    const auto keys = open(options.key, base::Secrecy::secret, password ? &*password : nullptr);
    if (!keys) return base::fail(keys.error());
    std::vector<cms::Certificate> certificates = keys->certificates;
    std::vector<cms::Certificate> candidates = certificates;
    if (options.cert) {
        const auto extra = open(*options.cert, base::Secrecy::open, nullptr);
        if (!extra) return base::fail(extra.error());
        candidates = extra->certificates;
        certificates.insert(certificates.end(), candidates.begin(), candidates.end());
    }
    auto identity = choose(options.key, *keys, candidates, author, now);
    if (identity) identity->chain = cms::Trust().chain_of(identity->certificate, certificates);
    return identity;
}

base::Result<int> run_sign(const SignOptions& options)
{
    const auto message = read_message(options.message);
    if (!message) return base::fail(message.error());
    const base::SystemClock clock;
    const std::string author = options.from.value_or(mime::author_of(message->fields()).address());
    const auto identity = load_identity(options, author, clock.now());
    if (!identity) return base::fail(identity.error());
    const auto& certificate = identity->certificate;
    if (options.from && !certificate.names(author)) {
        remark(options.key + ": the certificate is for " + join(certificate.addresses()) + ", not for " +
               author);
        return exit_no;
    }
    if (const auto unfit = store::unfit_for_signing(certificate, clock.now()))
        remark(options.key + ": warning: " + *unfit);

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
    options.required("--key", o->key, "FILE", "private key: PFX or PEM");
    options.value("--cert", o->cert, "FILE", "certificate, when the key's file has none");
    options.value("--password-file", o->password_file, "FILE", "file with the password of the key");
    options.flag("--opaque", o->opaque, "application/pkcs7-mime instead of multipart/signed");
    options.choice("--digest", o->digest, {"sha256", "sha384", "sha512"}, "default: by the key");
    options.flag("--pss", o->pss, "RSASSA-PSS instead of PKCS#1 v1.5");
    options.value("--from", o->from, "ADDRESS", "refuse unless the certificate is this address's");
    options.argument("MESSAGE", o->message, "file, or - for standard input");
    return [o] { return run_sign(*o); };
}

}  // namespace ctl
