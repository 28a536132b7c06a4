#include "ctl/key_files.h"

#include <algorithm>

#include "base/file.h"
#include "cms/container.h"
#include "cms/trust.h"
#include "ctl/output.h"

namespace ctl
{
namespace
{

using base::Code;

constexpr std::size_t max_key_file = 4U << 20;

base::Result<cms::Container> open(const std::string& file, const base::Secret* password)
{
    const auto octets = base::read_file(file, max_key_file);
    if (!octets) return base::fail(octets.error());
    auto container = cms::open_container(*octets, file, password);
    if (container ||
        (container.error().code != Code::configuration && container.error().code != Code::permission))
        return container;
    // The remedies of the library speak of the configuration, which is not asked here.
    auto error = container.error();
    if (error.what.find("password") != std::string::npos)
        error.remedy = password == nullptr ? "give its password with --password-file FILE"
                                           : "check the file that --password-file names";
    return base::fail(std::move(error));
}

// Certificates without anything that might be a key.
bool holds_no_key(const std::string& octets, const std::string& file)
{
    const auto format = cms::recognise(octets);
    if (format != cms::Format::pem && format != cms::Format::certificate) return false;
    if (octets.find("PRIVATE KEY-----") != std::string::npos) return false;
    const auto container = cms::open_container(octets, file);
    return container && container->keys.empty() && !container->certificates.empty();
}

base::Error nothing_matches(const std::string& file, const cms::Container& keys)
{
    const bool none = keys.keys.empty();
    return {Code::configuration, file,
            none ? "no private key in it" : "no certificate that belongs to its key",
            none ? "name a PFX or PEM file with the key" : "name the certificate with --cert FILE"};
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
            best = store::Identity{"", "", file, file, false, certificate, key, {}};
        }
    }
    if (best) return *best;
    return base::fail(nothing_matches(file, keys));
}

struct Material {
    cms::Container keys;
    std::vector<cms::Certificate> certificates;  // of the key's file, then of --cert
    std::vector<cms::Certificate> candidates;    // may be the identity's: of --cert when it is given
};

base::Result<Material> read_material(const KeyFiles& files)
{
    std::optional<base::Secret> password;
    if (files.password_file) {
        auto read = store::read_password({"file:" + *files.password_file});
        if (!read) return base::fail(read.error());
        password = std::move(*read);
    }
    // A certificate may be readable by all, and is what gets named by mistake.
    if (const auto octets = base::read_file(files.key, max_key_file);
        octets && holds_no_key(*octets, files.key))
        return base::fail(Code::configuration, files.key, "a certificate, not a private key",
                          "give the PFX or PEM file with the key to --key, and this one to --cert");
    // The daemon refuses such a file; who names one by hand has it already, and is told.
    if (const auto secrecy = base::check_secrecy(files.key); !secrecy) {
        const auto& e = secrecy.error();
        remark("warning: " + e.where + ": " + e.what + "; " + e.remedy);
    }
    auto keys = open(files.key, password ? &*password : nullptr);
    if (!keys) return base::fail(keys.error());
    Material out;
    out.certificates = out.candidates = keys->certificates;
    out.keys = std::move(*keys);
    if (files.cert) {
        const auto extra = open(*files.cert, nullptr);
        if (!extra) return base::fail(extra.error());
        out.candidates = extra->certificates;
        out.certificates.insert(out.certificates.end(), out.candidates.begin(), out.candidates.end());
    }
    return out;
}

}  // namespace

void add_key_options(Options& options, KeyFiles& into)
{
    options.required("--key", into.key, "FILE", "private key: PFX or PEM");
    options.value("--cert", into.cert, "FILE", "certificate, when the key's file has none");
    options.value("--password-file", into.password_file, "FILE", "file with the password of the key");
}

base::Result<store::Identity> signing_identity(const KeyFiles& files, const std::string& author,
                                               base::Time now)
{
    const auto material = read_material(files);
    if (!material) return base::fail(material.error());
    auto identity = choose(files.key, material->keys, material->candidates, author, now);
    if (identity) identity->chain = cms::Trust().chain_of(identity->certificate, material->certificates);
    return identity;
}

base::Result<std::vector<store::Identity>> all_identities(const KeyFiles& files)
{
    const auto material = read_material(files);
    if (!material) return base::fail(material.error());
    std::vector<store::Identity> out;
    for (const auto& key : material->keys.keys) {
        for (const auto& certificate : material->candidates) {
            const auto matches = key->matches(certificate);
            if (!matches) return base::fail(matches.error());
            if (*matches) out.push_back({"", "", files.key, files.key, false, certificate, key, {}});
        }
    }
    if (out.empty()) return base::fail(nothing_matches(files.key, material->keys));
    return out;
}

}  // namespace ctl
