// The second half of KeyLoader: keys and certificates become identities.
#include <algorithm>
#include <filesystem>
#include <unordered_map>

#include "base/ascii.h"
#include "cms/certificate_summary.h"
#include "cms/sign.h"
#include "cms/trust.h"
#include "store/key_loader.h"

namespace store
{
namespace
{

std::string base_name(const std::string& path) { return std::filesystem::path(path).filename().string(); }

bool is_retired(const std::string& path)
{
    const std::string name = base::to_lower(base_name(path));
    return name.substr(0, name.rfind('.')).ends_with(retired_mark);
}

}  // namespace

std::string canonical(const std::string& path)
{
    std::error_code failed;
    auto out = std::filesystem::weakly_canonical(path, failed);
    return failed ? path : out.string();
}

std::string stem(const std::string& path)
{
    const auto directory = path.rfind('/') + 1;  // npos + 1 is the beginning
    return path.substr(0, path.find('.', directory));
}

// Judged by names alone: receivers build the path, and will find out the rest.
void KeyLoader::warn_of_missing_issuers(const std::vector<cms::Certificate>& helpers,
                                        const std::vector<cms::Certificate>& authorities,
                                        const std::vector<Identity>& made, std::size_t from)
{
    constexpr int longest = 16;
    std::unordered_map<std::string, std::string> issuer_of;  // Names in DER
    for (const auto* list : {&helpers, &authorities})
        for (const cms::Certificate& c : *list)
            if (const auto summary =
                    c.is_ca() ? cms::summarise(c.der())
                              : base::Result<cms::CertificateSummary>(base::fail(base::Code::data, "", ""));
                summary)
                issuer_of.emplace(summary->subject, summary->issuer);
    for (std::size_t i = from; i < made.size(); ++i) {
        const auto summary = cms::summarise(made[i].certificate.der());
        if (made[i].retired || !summary || summary->issuer == summary->subject) continue;
        std::string wanted = summary->issuer, last;
        for (int n = 0; n < longest && wanted != last; ++n) {
            const auto it = issuer_of.find(wanted);
            if (it == issuer_of.end()) break;
            last = wanted;
            wanted = it->second;
        }
        if (wanted == last) continue;
        const auto chain = made[i].chain.get();
        warn(made[i].file,
             "the certificate of its issuer is not here: " +
                 (chain.empty() ? made[i].certificate : chain.back()).issuer(),
             "add it to the file or to [trust] intermediates, so that receivers can build the path");
    }
}

void KeyLoader::note_retired(Retired& out) const
{
    for (const Key& key : keys_)
        if (is_retired(key.file) && !key.print.empty()) out.emplace(key.print, key.file);
    for (const Held& held : certificates_)
        if (is_retired(held.file) && !held.certificate.is_ca())
            out.emplace(held.certificate.key_fingerprint(), held.file);
}

// Of the copies of a key and of a certificate those that lie together, else those whose
// names belong together, else the first of each.
KeyLoader::Pair KeyLoader::choose(const std::vector<const Key*>& keys, const std::vector<Held*>& certificates)
{
    for (const Key* key : keys)
        for (const Held* held : certificates)
            if (key->file == held->file) return {key, held};
    for (const Key* key : keys)
        for (const Held* held : certificates)
            if (stem(key->file) == stem(held->file)) return {key, held};
    return {keys.front(), certificates.front()};
}

// The same certificate from several files makes one identity.
void KeyLoader::make_identities(const std::vector<const Key*>& keys, const std::vector<Held*>& mates,
                                const Retired& retired, const FindIssuers& issuers, base::Time now,
                                std::vector<Identity>& out)
{
    std::vector<std::vector<Held*>> distinct;
    for (Held* mate : mates) {
        mate->used = true;
        const auto same = std::find_if(distinct.begin(), distinct.end(), [&](const auto& copies) {
            return copies.front()->certificate == mate->certificate;
        });
        if (same == distinct.end())
            distinct.push_back({mate});
        else
            same->push_back(mate);
    }
    for (const auto& copies : distinct) {
        const auto [key, held] = choose(keys, copies);
        const auto mark = retired.find(held->certificate.key_fingerprint());
        Identity identity{source_.name.empty() ? base_name(key->file) : source_.name,
                          source_.name,
                          key->file,
                          held->file,
                          mark != retired.end(),
                          held->certificate,
                          key->key,
                          Chain([issuers, certificate = held->certificate] { return issuers(certificate); })};
        for (const Key* other : keys)
            if (other != key) identity.more_key_files.push_back(other->file);
        for (const Held* other : copies)
            if (other != held) identity.more_certificate_files.push_back(other->file);
        if (!check(identity, now)) continue;
        for (const Key* copy : keys)
            if (identity.retired && !is_retired(copy->file))
                warn(copy->file, "it will not be used for signing: its key is retired by " + mark->second,
                     "if the key is safe, rename that file; else this one goes on decrypting only");
        identity.decrypts_for = source_.decrypts_for;
        out.push_back(std::move(identity));
    }
}

void KeyLoader::pair(const std::vector<cms::Certificate>& helpers, const Retired& retired, base::Time now,
                     std::vector<Identity>& out)
{
    std::unordered_map<std::string, std::vector<Held*>> by_key;
    std::vector<cms::Certificate> authorities;
    for (Held& held : certificates_) {
        by_key[held.certificate.key_fingerprint()].push_back(&held);
        if (held.certificate.is_ca()) authorities.push_back(held.certificate);
    }
    struct Issuers {
        cms::Trust trust;
        std::vector<cms::Certificate> authorities;
    };
    cms::Trust::Material material;
    material.intermediates = helpers;
    const auto known = std::make_shared<const Issuers>(
        Issuers{cms::Trust::make(std::move(material)).value_or(cms::Trust()), authorities});
    const FindIssuers issuers = [known](const cms::Certificate& certificate) {
        return known->trust.chain_of(certificate, known->authorities);
    };
    const std::size_t from = out.size();
    std::unordered_map<std::string, std::vector<const Key*>> copies;  // a file may be there twice
    for (const Key& key : keys_) copies[key.print].push_back(&key);
    for (const Key& key : keys_) {
        std::vector<const Key*> keys{&key};
        std::vector<Held*> mates;
        if (!key.print.empty()) {
            keys = copies[key.print];
            if (keys.front() != &key) continue;  // made already
            if (const auto it = by_key.find(key.print); it != by_key.end()) mates = it->second;
        } else {
            // A token may not tell the public key: its certificates are few, each is tried.
            if (const auto open = key.key->native(); !open) {
                failed_stems_.insert(stem(source_.uri));
                problem(base::Severity::error, open.error());
                continue;
            }
            for (Held& held : certificates_)
                if (!held.certificate.is_ca() && key.key->matches(held.certificate).value_or(false))
                    mates.push_back(&held);
        }
        if (mates.empty())
            explain_lone_key(key);
        else
            make_identities(keys, mates, retired, issuers, now, out);
    }
    warn_of_missing_issuers(helpers, authorities, out, from);
    explain_lone_certificates();
}

void KeyLoader::explain_lone_key(const Key& key)
{
    const auto mate = std::find_if(certificates_.begin(), certificates_.end(), [&](const Held& held) {
        return !held.used && !held.certificate.is_ca() && stem(held.file) == stem(key.file);
    });
    if (mate == certificates_.end() && beside_a_failure(key.file)) return;
    if (mate == certificates_.end())
        return problem(
            base::Severity::error,
            {base::Code::configuration, key.file, "a private key without its certificate",
             "put the certificate into the same file or beside it as " + stem(key.file) + ".crt.pem"});
    mate->used = true;
    const std::string which =
        mate->file == key.file ? "the certificate in it" : "the certificate in " + mate->file;
    problem(base::Severity::error,
            {base::Code::configuration, key.file,
             "the private key does not belong to " + which + " (" + mate->certificate.subject() + ")",
             "export key and certificate together again"});
}

void KeyLoader::explain_lone_certificates()
{
    for (const Held& held : certificates_) {
        if (held.used || held.certificate.is_ca() || beside_a_failure(held.file)) continue;
        const bool beside_a_key =
            std::any_of(certificates_.begin(), certificates_.end(),
                        [&](const Held& other) { return other.used && other.file == held.file; });
        problem(beside_a_key ? base::Severity::warning : base::Severity::error,
                {base::Code::configuration, held.file,
                 "a certificate without its private key: " + held.certificate.subject(),
                 "add the key, or remove the certificate from here"});
    }
}

bool KeyLoader::check(const Identity& identity, base::Time now)
{
    const cms::Certificate& c = identity.certificate;
    if (const auto digest = cms::digest_for(c, cms::Digest::automatic); !digest) {
        base::Error error = digest.error();
        error.what = error.where + ": " + error.what;
        error.where = identity.file;
        problem(base::Severity::error, std::move(error));
        return false;
    }
    if (identity.retired) return true;
    if (const auto why = unfit_for_signing(c, now))
        warn(identity.file,
             c.subject() + ", serial " + c.serial() + ": " + *why + "; it will not be used for signing",
             now < c.not_before() ? "wait for that day, or check the clock of this machine: date -u"
             : now > c.not_after()
                 ? "import its successor: smimectl cert import FILE; this one goes on decrypting"
                 : "ask its issuer for a certificate for e-mail; smimectl cert check " + identity.file);
    if (c.addresses().empty() && source_.name.empty())
        warn(identity.file, c.subject() + " names no e-mail address, so it is never found by sender",
             "name the file in a [key NAME] section, and in a rule certificate = NAME and allow_mismatch = "
             "yes");
    return true;
}

}  // namespace store
