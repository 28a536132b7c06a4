// cert remove: take a certificate out of use.  A private key is never deleted: what was
// encrypted for it can be read with nothing else.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>

#include "base/ascii.h"
#include "base/file.h"
#include "ctl/cert.h"
#include "ctl/command.h"
#include "ctl/control.h"
#include "ctl/output.h"
#include "store/key_store.h"

namespace ctl
{
namespace
{

using base::Code;

struct RemoveOptions {
    std::string what;
    bool keep_for_decryption = false;
    bool compromised = false;
};

constexpr std::size_t largest = 4U << 20;

bool exists(const std::string& path)
{
    struct stat st{};
    return ::lstat(path.c_str(), &st) == 0;
}

base::Result<> move_file(const std::string& from, const std::string& to)
{
    if (exists(to))
        return base::fail(Code::cannot_create, to, "exists already", "move it away: it may hold a key");
    if (std::rename(from.c_str(), to.c_str()) != 0)
        return base::fail(Code::cannot_create, to,
                          std::string("cannot move ") + from + " there: " + std::strerror(errno),
                          "run smimectl as root");
    return {};
}

// "DIR/alice.p12" -> "DIR/alice.retired.p12"
std::string retired_name(const std::string& path)
{
    const auto dot = path.rfind('.');
    return path.substr(0, dot) + std::string(store::retired_mark) + path.substr(dot);
}

// The file of [trust] that holds this certificate.
base::Result<std::string> trust_file_of(const cms::Certificate& c, const store::TrustSource& trust)
{
    std::vector<std::string> files;
    for (const auto* paths : {&trust.anchors, &trust.intermediates})
        for (const auto& path : *paths) {
            const auto names = base::is_directory(path) ? base::list_directory(path)
                                                        : base::Result<std::vector<std::string>>();
            if (!base::is_directory(path)) files.push_back(path);
            if (names)
                for (const auto& name : *names) files.push_back(path + "/" + name);
        }
    for (const auto& file : files) {
        const auto content = base::read_file(file, largest);
        const auto opened = content ? cms::open_container(*content, file)
                                    : base::Result<cms::Container>(base::fail(content.error()));
        if (!opened) continue;
        const auto& all = opened->certificates;
        if (std::find(all.begin(), all.end(), c) != all.end()) return file;
    }
    return base::fail(Code::no_input, "", "the file of " + c.subject() + " was not found",
                      "look through the paths of [trust]: smimectl config");
}

// Whatever else would go with the file.
base::Result<> alone_in(const std::string& file, const Held& held, const std::vector<Held>& all)
{
    for (const auto& other : all)
        if (!other.file.empty() && other.file == file && !(other.certificate == held.certificate))
            return base::fail(Code::data, file,
                              "also holds the certificate of " + describe(other.certificate),
                              "split the file, or edit it by hand");
    return {};
}

class Removal
{
public:
    Removal(const RemoveOptions& options, const gateway::Snapshot& snapshot)
        : options_(options), snapshot_(snapshot)
    {
    }

    base::Result<int> run()
    {
        const auto found = lookup(options_.what, snapshot_);
        if (!found) return base::fail(found.error());
        if (auto ok = only_one(*found); !ok) return base::fail(ok.error());
        const Held& held = found->front();
        const bool is_key = held.kind == "key";
        if (!is_key && (options_.keep_for_decryption || options_.compromised))
            return base::fail(Code::usage, options_.compromised ? "--compromised" : "--keep-for-decryption",
                              "is for keys, and this is a certificate of kind " + held.kind, "leave it out");
        if (auto ok = is_key ? remove_key(held) : remove_certificate(held); !ok)
            return base::fail(ok.error());
        if (options_.compromised) return after_a_compromise(held);
        if (auto ok = write_out(text_ + "\nnext: smimectl reload\n"); !ok) return base::fail(ok.error());
        return exit_yes;
    }

private:
    base::Result<> only_one(const std::vector<Held>& found) const
    {
        const auto same = [&](const Held& h) {
            return h.certificate == found.front().certificate && h.kind == found.front().kind;
        };
        if (std::all_of(found.begin(), found.end(), same)) return {};
        std::string list;
        for (const auto& h : found)
            list += fmt::format("{}{} {} {}", list.empty() ? "" : "; ", h.kind,
                                h.certificate.fingerprint().substr(0, 16),
                                base::iso8601(h.certificate.not_after()).substr(0, 10));
        return base::fail(Code::usage, "", "\"" + options_.what + "\" means several: " + list,
                          "name one by the beginning of its fingerprint");
    }

    base::Result<> remove_key(const Held& held)
    {
        if (auto ok = alone_in(held.file, held, everything(snapshot_)); !ok) return ok;
        std::set<std::string> files{held.file, held.certificate_file};
        const auto slash = held.file.rfind('/');
        const std::string directory = held.file.substr(0, slash) + "/removed";
        const bool keep = options_.keep_for_decryption || options_.compromised;
        if (!held.name.empty())
            return base::fail(Code::configuration, held.file, "belongs to [key " + held.name + "]",
                              "take that section and the rules that name it out of the configuration");
        if (keep && held.retired) {
            text_ += held.file + "  is kept for decryption only already\n";
            return {};
        }
        if (!keep && ::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
            return base::fail(Code::cannot_create, directory,
                              std::string("cannot be made: ") + std::strerror(errno), "run smimectl as root");
        for (const auto& file : files) {
            const std::string to = keep ? retired_name(file) : directory + file.substr(file.rfind('/'));
            if (auto ok = move_file(file, to); !ok) return ok;
            text_ += to + (keep ? "  kept for decryption only: " : "  out of use: ") +
                     describe(held.certificate) + "\n";
        }
        if (!keep)
            text_ +=
                "mail that was encrypted for it cannot be read any more; to undo it move the file back, to "
                "make it final: shred -u " +
                directory + held.file.substr(slash) + "\n";
        return {};
    }

    base::Result<> remove_certificate(const Held& held)
    {
        std::string file = held.file;
        if (file.empty()) {
            auto found = trust_file_of(held.certificate, snapshot_.config.trust);
            if (!found) return base::fail(found.error());
            file = *found;
            const auto read = read_certificates(file, std::nullopt);
            if (!read) return base::fail(read.error());
            for (const auto& c : read->content.certificates)
                if (!(c == held.certificate))
                    return base::fail(Code::data, file, "also holds the certificate of " + describe(c),
                                      "split the file, or edit it by hand");
        } else if (auto ok = alone_in(file, held, everything(snapshot_)); !ok) {
            return ok;
        }
        if (std::remove(file.c_str()) != 0)
            return base::fail(Code::permission, file,
                              std::string("cannot be removed: ") + std::strerror(errno),
                              "run smimectl as root");
        text_ += file + "  removed: " + describe(held.certificate) + "\n";
        return {};
    }

    // The daemon must not sign one more message with it.
    base::Result<int> after_a_compromise(const Held& held)
    {
        std::string path = snapshot_.config.control_socket;
        if (path.starts_with("unix:")) path.erase(0, 5);
        const auto answer = ask_daemon(path, "reload\n");
        const bool told = answer && answer->starts_with("ok");
        text_ += told ? "the running daemon no longer signs with it\n" : "";
        text_ += "\nnext: have it revoked by its issuer, " + display(held.certificate.issuer()) +
                 ", serial " + held.certificate.serial() +
                 ", reason keyCompromise;\n      get a new key and import it: smimectl cert import FILE;\n"
                 "      tell those who may have received mail in its name\n";
        if (auto ok = write_out(text_); !ok) return base::fail(ok.error());
        if (told) return exit_yes;
        remark("warning: the daemon could not be told" +
               (answer ? std::string() : ": " + answer.error().text()) +
               "; if it runs it still signs with the key: systemctl restart smime-milter");
        return exit_no;
    }

    const RemoveOptions& options_;
    const gateway::Snapshot& snapshot_;
    std::string text_;
};

base::Result<int> run_remove(const RemoveOptions& options, const Global& global)
{
    const auto snapshot = load_configured(global);
    if (!snapshot) return base::fail(snapshot.error());
    return Removal(options, **snapshot).run();
}

}  // namespace

Run cert_remove(Options& options, const Global& global)
{
    auto o = std::make_shared<RemoveOptions>();
    options.argument("WHAT", o->what, "address, or the beginning of a fingerprint");
    options.flag("--keep-for-decryption", o->keep_for_decryption,
                 "a key: sign with it no more, decrypt with it");
    options.flag("--compromised", o->compromised, "the same, at once in the running daemon");
    return [o, &global] { return run_remove(*o, global); };
}

}  // namespace ctl
