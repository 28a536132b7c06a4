// cert import: check, then store with safe modes where the configuration says.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/ascii.h"
#include "base/file.h"
#include "ctl/cert.h"
#include "ctl/command.h"
#include "ctl/output.h"
#include "mime/address.h"
#include "store/key_store.h"

namespace ctl
{
namespace
{

using base::Code;

struct ImportOptions {
    std::string file;
    std::optional<std::string> password_file, pin;
    std::string as;
    bool for_decryption = false;
};

bool exists(const std::string& path)
{
    struct stat st{};
    return ::lstat(path.c_str(), &st) == 0;
}

// What a file may be named after: the address and the certificate.
std::string file_stem(const cms::Certificate& c)
{
    std::string name = c.addresses().empty() ? c.subject() : c.addresses().front();
    constexpr std::size_t longest = 100;
    if (name.size() > longest) name.resize(longest);
    for (char& ch : name) {
        const bool plain = base::is_digit(ch) || (base::lower(ch) >= 'a' && base::lower(ch) <= 'z') ||
                           std::string_view("@._+-=").find(ch) != std::string_view::npos;
        if (!plain) ch = '_';
    }
    if (name.empty() || name.front() == '.' || name.front() == '-') name.insert(0, "_");
    return name + "-" + c.fingerprint().substr(0, 8);
}

// Given to the group of the directory, which is how the daemon may read it.
base::Result<> store_file(const std::string& path, const std::string& content, unsigned mode,
                          decltype(&base::create_file) store = base::create_file)
{
    if (auto ok = store(path, content, mode, base::Group::of_directory); !ok) return ok;
    struct stat directory{}, file{};
    if (::stat(path.substr(0, path.rfind('/')).c_str(), &directory) == 0 &&
        ::lstat(path.c_str(), &file) == 0 && directory.st_gid != file.st_gid)
        remark(path + ": warning: its group stays yours; run: chgrp smime-milter " + path);
    return {};
}

class Import
{
public:
    Import(const ImportOptions& options, const gateway::Snapshot& snapshot, const CertificateFile& file)
        : options_(options),
          config_(snapshot.config),
          trust_(snapshot.trust),
          file_(file),
          held_(everything(snapshot))
    {
        request_.now = base::SystemClock().now();
        request_.helpers = &file.content.certificates;
    }

    base::Result<int> run()
    {
        std::string as = options_.as;
        if (options_.pin) {
            if (!as.empty() && as != "correspondent")
                return base::fail(Code::usage, "--pin",
                                  "pins the certificate of a correspondent, not of another kind",
                                  "leave --as out");
            return pin();
        }
        if (as.empty()) {
            const auto& all = file_.content.certificates;
            const bool authorities =
                std::all_of(all.begin(), all.end(), [](const auto& c) { return c.is_ca(); });
            as = !file_.content.keys.empty() ? "key" : authorities ? "" : "correspondent";
        }
        if (as.empty())
            return base::fail(
                Code::usage, file_.name, "only CA certificates in it, and trusting one is a decision",
                "say --as anchor to trust them, or --as intermediate if they only help to build paths");
        if (as == "key") return keys();
        if (as == "correspondent") return correspondents();
        return authorities(as == "anchor");
    }

private:
    // false: refused, and said why.
    bool accept(const cms::Certificate& c, bool only_decrypting = false)
    {
        const auto judged = store::check_certificate(c, request_);
        const auto* failure = judged.first_failure();
        if (failure == nullptr) return true;
        if (only_decrypting && judged.uses.decrypting.empty()) return true;
        remark(fmt::format("{}: refused: {}: {}: {}: {}", file_.name, describe(c), failure->rule,
                           failure->found, failure->meaning));
        if (failure->rule == "validity" && request_.key.value_or(false) && judged.uses.decrypting.empty())
            remark("to keep it for decrypting old mail: cert import --for-decryption " + file_.name);
        else
            remark("to see all of it: smimectl cert check " + file_.name);
        return false;
    }

    base::Result<> put(const std::string& path, const std::string& content, unsigned mode,
                       const cms::Certificate& c)
    {
        if (exists(path)) {
            text_ += path + "  is there already: " + describe(c) + "\n";
            return {};
        }
        if (auto ok = store_file(path, content, mode); !ok) return ok;
        text_ += path + "  " + describe(c) + "\n";
        return {};
    }

    base::Result<int> done()
    {
        if (file_.key_for_others)
            remark(file_.name + ": warning: others may read the private key in it; run: shred -u " +
                   file_.name);
        if (auto ok = write_out(text_ + "\nnext: smimectl reload\n"); !ok) return base::fail(ok.error());
        return exit_yes;
    }

    tl::unexpected<base::Error> no_directory(const char* what, const char* line) const
    {
        return base::fail(Code::configuration, config_.file, std::string("names no directory for ") + what,
                          line);
    }

    base::Result<int> keys()
    {
        const auto source = std::find_if(config_.keys.begin(), config_.keys.end(),
                                         [](const auto& k) { return k.name.empty(); });
        if (source == config_.keys.end() || !base::is_directory(source->path))
            return no_directory("keys",
                                "write path = /etc/smime-milter/keys into [keys] and make it: install -d -m "
                                "0750 -g smime-milter /etc/smime-milter/keys");
        const auto password = store::read_password(source->password);
        if (!password) return base::fail(password.error());
        std::vector<cms::Certificate> own, chain;
        for (const auto& c : file_.content.certificates) {
            if (c.is_ca())
                chain.push_back(c);
            else if (file_.key_of(c))
                own.push_back(c);
        }
        if (own.empty())
            return base::fail(Code::data, file_.name, "no certificate with its private key in it",
                              "export key and certificate together as .p12");
        request_.key = true;
        for (const auto& c : own)
            if (!accept(c, options_.for_decryption)) return exit_no;
        for (const auto& c : own)
            if (auto ok = may_sign(c); !ok) return base::fail(ok.error());
        for (const auto& c : own)
            if (auto ok = put_key(source->path + "/" + file_stem(c) + mark_for(c), c, chain, *password); !ok)
                return base::fail(ok.error());
        return done();
    }

    // Of an old certificate whose key signs with a newer one: that key stays in use, and the
    // old certificate has expired or could not sign anyway.
    [[nodiscard]] std::string mark_for(const cms::Certificate& c) const
    {
        const bool in_use = std::any_of(held_.begin(), held_.end(), [&](const Held& held) {
            return held.kind == "key" && !held.retired &&
                   held.certificate.key_fingerprint() == c.key_fingerprint();
        });
        return std::string(options_.for_decryption && !in_use ? store::retired_mark : "");
    }

    // A key that is retired, stolen perhaps, does not come back with a new certificate.
    base::Result<> may_sign(const cms::Certificate& c) const
    {
        for (const Held& held : held_)
            if (held.retired && !options_.for_decryption && !(held.certificate == c) &&
                held.certificate.key_fingerprint() == c.key_fingerprint())
                return base::fail(Code::data, file_.name,
                                  "its private key is retired: " + held.file + " holds the same",
                                  "have a certificate made for a new key");
        return {};
    }

    base::Result<> put_key(const std::string& stem, const cms::Certificate& c,
                           const std::vector<cms::Certificate>& chain,
                           const std::optional<base::Secret>& password)
    {
        for (const Held& held : held_)
            if (held.kind == "key" && held.certificate == c) {
                text_ += held.file + "  is there already" +
                         (held.retired ? ", kept for decryption only: " : ": ") + describe(c) + "\n";
                return {};
            }
        const auto key = file_.key_of(c);
        if (password) {
            const auto pfx = cms::make_pkcs12(*key, c, chain, *password);
            if (!pfx) return base::fail(pfx.error());
            if (auto ok = put(stem + ".p12", *pfx, 0640, c); !ok) return ok;
        } else {
            auto pem = cms::to_pem(*key);
            if (!pem) return base::fail(pem.error());
            std::string content = std::move(*pem) + cms::to_pem(c);
            for (const auto& ca : chain) content += cms::to_pem(ca);
            const base::Secret owner(std::move(content));
            if (auto ok = put(stem + ".pem", owner.reveal(), 0640, c); !ok) return ok;
        }
        if (exists(stem + ".crt")) return {};
        return store_file(stem + ".crt", cms::to_pem(c), 0644);
    }

    base::Result<int> correspondents()
    {
        if (!base::is_directory(config_.certificates.path))
            return no_directory("correspondents",
                                "write path = /var/lib/smime-milter/certificates into [certificates] and "
                                "make it: install -d /var/lib/smime-milter/certificates");
        std::vector<cms::Certificate> users;
        for (const auto& c : file_.content.certificates)
            if (!c.is_ca()) users.push_back(c);
        if (users.empty())
            return base::fail(Code::data, file_.name, "only CA certificates in it",
                              "say --as anchor or --as intermediate");
        for (const auto& c : users)
            if (!accept(c)) return exit_no;
        for (const auto& c : users) {
            if (auto ok =
                    put(config_.certificates.path + "/" + file_stem(c) + ".pem", cms::to_pem(c), 0644, c);
                !ok)
                return base::fail(ok.error());
            warn_of_path(c);
        }
        return done();
    }

    // It is stored all the same: its CA may become an anchor later.
    void warn_of_path(const cms::Certificate& c)
    {
        cms::PathOptions how;
        how.at = request_.now;
        const auto judged = trust_.validate(c, file_.content.certificates, how);
        if (!judged.findings.has(cms::Finding::untrusted)) return;
        text_ += "warn  path: no path to an anchor: nothing is encrypted to it; --as anchor its CA (" +
                 display(c.issuer()) + "), or --pin ADDRESS\n";
    }

    base::Result<int> pin()
    {
        const std::string& address = *options_.pin;
        mime::Mailbox mailbox;
        const bool domain = address.starts_with('@');
        if (!mime::parse_address(domain ? "x" + address : address, mailbox) ||
            address.find('/') != std::string::npos || address.starts_with('.'))
            return base::fail(Code::usage, "--pin",
                              "\"" + address + "\" is not an address that can name a file",
                              "write alice@example.net, or @example.net for the gateway of a domain");
        if (!base::is_directory(config_.certificates.pinned))
            return no_directory("pinned certificates",
                                "write pinned = /var/lib/smime-milter/pinned into [certificates] and make "
                                "it: install -d /var/lib/smime-milter/pinned");
        std::vector<cms::Certificate> users;
        for (const auto& c : file_.content.certificates)
            if (!c.is_ca()) users.push_back(c);
        if (users.size() != 1)
            return base::fail(Code::data, file_.name,
                              "wanted the certificate of one user, found " + std::to_string(users.size()),
                              "export that one alone");
        if (!domain) request_.address = address;
        if (!accept(users.front())) return exit_no;
        const std::string path = config_.certificates.pinned + "/" + base::to_lower(address) + ".pem";
        std::string before;
        if (exists(path)) {
            const auto old = read_certificates(path, std::nullopt);
            if (!old) return base::fail(old.error());
            for (const auto& c : old->content.certificates) {
                if (c == users.front()) {
                    text_ += path + "  is there already: " + describe(c) + "\n";
                    return done();
                }
                before += cms::to_pem(c);
            }
        }
        const auto store = before.empty() ? base::create_file : base::write_file;
        if (auto ok = store_file(path, before + cms::to_pem(users.front()), 0644, store); !ok)
            return base::fail(ok.error());
        text_ += path +
                 (domain ? "  to encrypt for everybody " + address : "  trusted for " + address + " only") +
                 ": " + describe(users.front()) + "\n";
        return done();
    }

    base::Result<int> authorities(bool anchors)
    {
        const auto& trust = config_.trust;
        std::string directory = anchors ? std::string() : first_directory(trust.intermediates);
        if (directory.empty()) directory = first_directory(trust.anchors);
        if (directory.empty())
            return no_directory(anchors ? "trust anchors" : "intermediates",
                                "write anchors = /etc/smime-milter/trust into [trust] and make it: install "
                                "-d /etc/smime-milter/trust");
        for (const auto& c : file_.content.certificates) {
            if (!c.is_ca() || c.self_signed() != anchors) {
                remark(fmt::format("{}: refused: {}: {}", file_.name, describe(c),
                                   !c.is_ca() ? "not the certificate of a CA"
                                   : anchors
                                       ? "not self-signed, it can only help to build paths: --as intermediate"
                                       : "self-signed: in that directory it would be an anchor; say --as "
                                         "anchor if it is to be trusted"));
                return exit_no;
            }
            if (!accept(c)) return exit_no;
        }
        for (const auto& c : file_.content.certificates)
            if (auto ok = put(directory + "/" + file_stem(c) + ".pem", cms::to_pem(c), 0644, c); !ok)
                return base::fail(ok.error());
        return done();
    }

    const ImportOptions& options_;
    const policy::Config& config_;
    const cms::Trust& trust_;
    const CertificateFile& file_;
    const std::vector<Held> held_;  // there already
    store::CheckRequest request_{};
    std::string text_;
};

base::Result<int> run_import(const ImportOptions& options, const Global& global)
{
    const auto file = read_certificates(options.file, options.password_file);
    if (!file) return base::fail(file.error());
    const auto snapshot = load_configured(global);
    if (!snapshot) return base::fail(snapshot.error());
    return Import(options, **snapshot, *file).run();
}

}  // namespace

Run cert_import(Options& options, const Global& global)
{
    auto o = std::make_shared<ImportOptions>();
    options.argument("FILE", o->file, "PFX, PEM, DER or PKCS#7");
    options.value("--password-file", o->password_file, "FILE", "file with its password");
    options.choice("--as", o->as, {"key", "correspondent", "anchor", "intermediate"}, "what it is to be");
    options.value("--pin", o->pin, "ADDRESS",
                  "trust this certificate for ADDRESS only; @DOMAIN: encrypt with it for that domain");
    options.flag("--for-decryption", o->for_decryption, "an old key, to decrypt with only");
    return [o, &global] { return run_import(*o, global); };
}

}  // namespace ctl
