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
    bool all = false;
    bool keep_for_decryption = false;
    bool compromised = false;

    // The key goes on decrypting: its files are renamed, not moved away.
    [[nodiscard]] bool keep() const { return keep_for_decryption || compromised; }
};

constexpr std::size_t largest = 4U << 20;

bool exists(const std::string& path)
{
    struct stat st{};
    return ::lstat(path.c_str(), &st) == 0;
}

base::Result<> move_file(const std::string& from, const std::string& to)
{
    if (std::rename(from.c_str(), to.c_str()) != 0)
        return base::fail(Code::cannot_create, to,
                          std::string("cannot move ") + from + " there: " + std::strerror(errno),
                          "run smimectl as root");
    return {};
}

// Where the ending of the file's name begins, the last one; its end when there is none.
std::size_t ending_at(const std::string& path)
{
    const auto name = path.rfind('/') + 1;  // npos + 1 is 0
    const auto dot = path.rfind('.');
    return dot == std::string::npos || dot <= name ? path.size() : dot;
}

// The path, or "DIR/alice-2.p12" when there is one already: it may hold a key.
std::string free_name(const std::string& path)
{
    const auto dot = std::min(path.find('.', path.rfind('/') + 2), path.size());
    std::string out = path;
    for (int n = 2; exists(out); ++n) out = path.substr(0, dot) + '-' + std::to_string(n) + path.substr(dot);
    return out;
}

// "DIR/alice.p12" -> "DIR/alice.retired.p12"
std::string retired_name(const std::string& path)
{
    const auto dot = ending_at(path);
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

bool same_key(const Held& a, const Held& b)
{
    return a.certificate.key_fingerprint() == b.certificate.key_fingerprint();
}

bool retired_by_name(const std::string& path)
{
    return base::to_lower(path.substr(0, ending_at(path))).ends_with(store::retired_mark);
}

base::Result<> shared_file(const std::string& file, const cms::Certificate& other)
{
    return base::fail(Code::data, file, "also holds the certificate of " + describe(other),
                      "split the file, or edit it by hand");
}

bool contains(const std::vector<std::string>& files, const std::string& file)
{
    return std::find(files.begin(), files.end(), file) != files.end();
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
        auto found = lookup(options_.what, snapshot_);
        if (!found) return base::fail(found.error());
        if (options_.keep()) {
            std::erase_if(*found, [](const Held& h) { return h.kind != "key"; });
            if (found->empty())
                return base::fail(
                    Code::usage, options_.compromised ? "--compromised" : "--keep-for-decryption",
                    "is for keys, and there is no key of \"" + options_.what + "\"", "leave it out");
        }
        if (auto ok = one_thing(*found); !ok) return base::fail(ok.error());
        for (const Held& held : *found)
            if (held.kind == store::word(store::Provenance::Kind::learned))
                return base::fail(Code::usage, held.file,
                                  describe(held.certificate) + " was learned from mail",
                                  "smimectl cert reject " + held.certificate.fingerprint().substr(0, 16));
        collect(*found);
        for (const Held& held : going_)
            if (auto ok = alone(held); !ok) return base::fail(ok.error());
        if (auto ok = movable(); !ok) return base::fail(ok.error());
        for (const Held& held : going_) {
            const auto ok = held.kind == "key" ? remove_key(held) : remove_certificate(held);
            if (ok) continue;
            if (text_.empty()) return base::fail(ok.error());
            // Half done: what is done is told, and what is left.
            remark("error: " + ok.error().text());
            failed_ = true;
        }
        return options_.compromised ? after_a_compromise() : done();
    }

private:
    // What is named means one certificate, or one key with --compromised.
    base::Result<> one_thing(const std::vector<Held>& found) const
    {
        const auto same = [&](const Held& h) {
            return options_.keep()
                       ? same_key(h, found.front())
                       : h.certificate == found.front().certificate && h.kind == found.front().kind;
        };
        if (options_.all || std::all_of(found.begin(), found.end(), same)) return {};
        std::string list;
        for (const auto& h : found)
            list += fmt::format("{}{} {} {}", list.empty() ? "" : "; ", h.kind,
                                h.certificate.fingerprint().substr(0, 16),
                                base::iso8601(h.certificate.not_after()).substr(0, 10));
        return base::fail(Code::usage, "", "\"" + options_.what + "\" means several: " + list,
                          "name one by the beginning of its fingerprint, or say --all");
    }

    // Everything that goes: with a key that only decrypts from now on every certificate
    // of that key, since it is the key that must not sign.
    void collect(const std::vector<Held>& found)
    {
        for (Held& held : everything(snapshot_)) {
            const bool goes = std::any_of(found.begin(), found.end(), [&](const Held& f) {
                return held.kind == f.kind &&
                       (held.certificate == f.certificate || (options_.keep() && same_key(held, f)));
            });
            (goes ? going_ : staying_).push_back(std::move(held));
        }
    }

    // Whatever else would go with the file.  A private key without certificates in its
    // file stays for those that share it.
    [[nodiscard]] base::Result<> alone(const Held& held) const
    {
        for (const auto& other : staying_) {
            if (held.kind != "key" && !held.file.empty() && other.file == held.file)
                return shared_file(held.file, other.certificate);
            for (const auto& file : held.certificate_files)
                if (contains(other.certificate_files, file)) return shared_file(file, other.certificate);
        }
        return {};
    }

    // A file that [key NAME] names cannot be moved without breaking the configuration;
    // when there are others, these are acted on, and what remains is told.
    base::Result<> movable() const
    {
        const Held* named = nullptr;
        for (const Held& held : going_) {
            if (held.kind != "key") return {};
            if (held.name.empty()) return {};
            named = &held;
        }
        if (named == nullptr) return {};
        return base::fail(Code::configuration, named->file, "belongs to [key " + named->name + "]",
                          "take that section and the rules that name it out of the configuration");
    }

    [[nodiscard]] std::set<std::string> files_of(const Held& held) const
    {
        std::set<std::string> files(held.certificate_files.begin(), held.certificate_files.end());
        for (const auto& file : held.key_files)
            if (std::none_of(staying_.begin(), staying_.end(),
                             [&](const Held& other) { return contains(other.key_files, file); }))
                files.insert(file);
        return files;
    }

    base::Result<> remove_key(const Held& held)
    {
        if (!held.name.empty()) return {};
        for (const auto& file : files_of(held)) {
            if (!acted_on_.insert(file).second) continue;
            const auto slash = file.rfind('/');
            const std::string directory = file.substr(0, slash) + "/removed";
            if (options_.keep() && retired_by_name(file)) {
                text_ += file + "  is kept for decryption only already\n";
                continue;
            }
            if (!options_.keep() && ::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
                return base::fail(Code::cannot_create, directory,
                                  std::string("cannot be made: ") + std::strerror(errno),
                                  "run smimectl as root");
            const std::string to =
                free_name(options_.keep() ? retired_name(file) : directory + file.substr(slash));
            if (auto ok = move_file(file, to); !ok) return ok;
            text_ += to + (options_.keep() ? "  kept for decryption only: " : "  out of use: ") +
                     describe(held.certificate) + "\n";
            if (!options_.keep() && contains(held.key_files, file)) moved_keys_ += " " + to;
        }
        return {};
    }

    base::Result<> remove_certificate(const Held& held)
    {
        if (!held.file.empty()) return remove_file(held.file, held);
        auto file = trust_file_of(held.certificate, snapshot_.config.trust);
        if (!file) return base::fail(file.error());
        for (; file; file = trust_file_of(held.certificate, snapshot_.config.trust)) {
            const auto read = read_certificates(*file, std::nullopt);
            if (!read) return base::fail(read.error());
            for (const auto& c : read->content.certificates)
                if (!(c == held.certificate)) return shared_file(*file, c);
            if (auto ok = remove_file(*file, held); !ok) return ok;
        }
        return {};
    }

    base::Result<> remove_file(const std::string& file, const Held& held)
    {
        if (!acted_on_.insert(file).second) return {};
        if (std::remove(file.c_str()) != 0)
            return base::fail(Code::permission, file,
                              std::string("cannot be removed: ") + std::strerror(errno),
                              "run smimectl as root");
        text_ += file + "  removed: " + describe(held.certificate) + "\n";
        return {};
    }

    // The files as they are now: does anything still sign with what was to go?
    [[nodiscard]] std::vector<std::string> still_there() const
    {
        std::vector<base::Problem> ignored;  // told when the configuration was loaded
        const auto now = gateway::load_snapshot(snapshot_.config.file, base::SystemClock().now(), ignored);
        if (now == nullptr)
            return {snapshot_.config.file + " (cannot be loaded any more: smimectl configtest)"};
        std::vector<std::string> out;
        for (const Held& held : everything(*now))
            for (const Held& gone : going_)
                if (held.kind == gone.kind && !(options_.keep() && held.retired) &&
                    (held.certificate == gone.certificate || (options_.keep() && same_key(held, gone)))) {
                    out.push_back((held.file.empty() ? "[trust]" : held.file) +
                                  (held.name.empty() ? "" : " ([key " + held.name + "])"));
                    break;
                }
        return out;
    }

    // Says which file still has it; false then.
    bool gone() const
    {
        const auto left = still_there();
        for (const auto& place : left)
            remark("error: " + place + (options_.keep() ? " still signs with the key" : " is still in use") +
                   ", or would after a reload; take it out of the configuration by hand");
        return left.empty() && !failed_;
    }

    base::Result<int> done()
    {
        if (!moved_keys_.empty())
            text_ +=
                "mail that was encrypted for it cannot be read any more; to undo it move the file back, to "
                "make it final: shred -u" +
                moved_keys_ + "\n";
        const bool complete = gone();
        if (auto ok = write_out(text_ + "\nnext: smimectl reload\n"); !ok) return base::fail(ok.error());
        return complete ? exit_yes : exit_no;
    }

    // The daemon must not sign one more message with it.
    base::Result<int> after_a_compromise()
    {
        std::string path = snapshot_.config.control_socket;
        if (path.starts_with("unix:")) path.erase(0, 5);
        const auto answer = ask_daemon(path, "reload\n");
        const bool told = answer && answer->starts_with("ok");
        const bool complete = gone();
        text_ += told && complete ? "the running daemon no longer signs with it\n" : "";
        text_ += "\nnext: have revoked by the issuer, reason keyCompromise:\n";
        std::set<std::string> named;
        for (const Held& held : going_)
            if (named.insert(held.certificate.fingerprint()).second)
                text_ += "        serial " + held.certificate.serial() + " of " +
                         display(held.certificate.issuer()) + "\n";
        text_ +=
            "      get a new key and import it: smimectl cert import FILE;\n"
            "      tell those who may have received mail in its name\n";
        if (auto ok = write_out(text_); !ok) return base::fail(ok.error());
        if (!told)
            remark("warning: the daemon could not be told: " +
                   (answer ? std::string(base::trim(*answer)) : answer.error().text()) +
                   "; if it runs it still signs with the key: systemctl restart smime-milter");
        return told && complete ? exit_yes : exit_no;
    }

    const RemoveOptions& options_;
    const gateway::Snapshot& snapshot_;
    std::vector<Held> going_, staying_;
    std::set<std::string> acted_on_;  // files; two certificates may share one
    std::string moved_keys_;          // " FILE" each
    bool failed_ = false;
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
    options.flag("--all", o->all, "of an address: all its certificates");
    options.flag("--keep-for-decryption", o->keep_for_decryption,
                 "a key: sign with it no more, decrypt with it");
    options.flag("--compromised", o->compromised, "a stolen key: the same, at once in the running daemon");
    return [o, &global] { return run_remove(*o, global); };
}

}  // namespace ctl
