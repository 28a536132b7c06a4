// cert list, show, export: what the configuration has.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/ascii.h"
#include "base/file.h"
#include "ctl/cert.h"
#include "ctl/command.h"
#include "ctl/output.h"
#include "mime/address.h"
#include "store/directory_store.h"
#include "store/sqlite_store.h"

namespace ctl
{
namespace
{

using base::Code;

}  // namespace

std::vector<Held> everything(const gateway::Snapshot& snapshot)
{
    std::vector<Held> out;
    for (const auto& identity : snapshot.keys.all()) {
        Held held{{"key", identity.section, identity.file, identity.certificate},
                  identity.key,
                  identity.retired,
                  identity.more_key_files,
                  identity.more_certificate_files};
        held.key_files.push_back(identity.file);
        held.certificate_files.push_back(identity.certificate_file);
        out.push_back(std::move(held));
    }
    std::vector<base::Problem> reported;  // by load_snapshot already
    const auto& others = snapshot.config.certificates;
    for (const auto& [path, kind] : {std::pair(others.pinned, store::Provenance::Kind::pinned),
                                     std::pair(others.path, store::Provenance::Kind::file)}) {
        if (path.empty()) continue;
        for (auto& found : store::DirectoryStore::open({path, kind}, reported)->all())
            out.push_back({{store::word(kind), "", found.origin.file, found.certificate}, nullptr});
    }
    for (const auto& source : others.sources) {
        const std::string path(store::after_scheme(source.uri));
        std::vector<store::Found> all;
        if (source.uri.starts_with("directory:"))
            all = store::DirectoryStore::open({path}, reported)->all();
        else if (source.uri.starts_with("sqlite:"))
            all = store::SqliteStore(path)
                      .all(store::limits::learned_in_all)
                      .value_or(std::vector<store::Found>());
        for (auto& found : all)
            out.push_back(
                {{store::word(found.origin.kind), "", found.origin.file, found.certificate}, nullptr});
    }
    for (const auto& c : snapshot.trust.material().anchors) out.push_back({{"anchor", "", "", c}, nullptr});
    for (const auto& c : snapshot.trust.material().intermediates)
        out.push_back({{"intermediate", "", "", c}, nullptr});
    return out;
}

namespace
{

const char* state(const Held& held, base::Time now)
{
    const cms::Certificate& c = held.certificate;
    return held.retired           ? "retired"
           : now > c.not_after()  ? "expired"
           : now < c.not_before() ? "future"
                                  : "valid";
}

base::Result<int> run_list(bool json, const Global& global)
{
    const auto snapshot = load_configured(global);
    if (!snapshot) return base::fail(snapshot.error());
    const auto now = base::SystemClock().now();
    std::string text;
    Json list = Json::array();
    for (const auto& held : everything(**snapshot)) {
        const auto& c = held.certificate;
        const std::string until = base::iso8601(c.not_after()).substr(0, 10);
        std::string whose = c.addresses().empty() ? c.subject() : c.addresses().front();
        if (c.addresses().size() > 1) whose += fmt::format(" (+{})", c.addresses().size() - 1);
        text += fmt::format("{:<12} {:<7} {} {} {}{}\n", held.kind, state(held, now), until,
                            c.fingerprint().substr(0, 16), display(whose),
                            held.file.empty() ? "" : "  " + display(held.file));
        list.push_back({{"kind", held.kind},
                        {"state", state(held, now)},
                        {"not_after", base::iso8601(c.not_after())},
                        {"fingerprint", c.fingerprint()},
                        {"addresses", c.addresses()},
                        {"subject", c.subject()},
                        {"file", held.file}});
    }
    const auto written = json ? write_json(list) : write_out(text);
    if (!written) return base::fail(written.error());
    return exit_yes;
}

// An address, or at least eight hexadecimal digits that a fingerprint begins with.
bool means(const std::string& what, const Held& held)
{
    if (what.find('@') != std::string::npos) return held.certificate.names(what);
    return what.size() >= 8 && held.certificate.fingerprint().starts_with(base::to_lower(what));
}

}  // namespace

base::Result<std::vector<Held>> lookup(const std::string& what, const gateway::Snapshot& snapshot)
{
    auto found = everything(snapshot);
    std::erase_if(found, [&](const Held& held) { return !means(what, held); });
    if (found.empty())
        return base::fail(
            Code::no_input, "", "no certificate for \"" + what + "\"",
            "name an address or the first eight or more digits of a fingerprint; see smimectl cert list");
    std::stable_sort(found.begin(), found.end(), [](const Held& a, const Held& b) {
        return store::better_than(a.certificate, b.certificate);
    });
    return found;
}

namespace
{

base::Result<int> run_show(const std::string& what, bool json, const Global& global)
{
    const auto snapshot = load_configured(global);
    if (!snapshot) return base::fail(snapshot.error());
    const auto found = lookup(what, **snapshot);
    if (!found) return base::fail(found.error());
    store::CheckRequest request;
    request.now = base::SystemClock().now();
    request.trust = &(*snapshot)->trust;
    request.helpers = nullptr;
    std::string text;
    Json list = Json::array();
    for (const auto& held : *found) {
        request.key.reset();
        if (!held.certificate.is_ca()) request.key = held.key != nullptr;
        const auto judged = store::check_certificate(held.certificate, request);
        if (!text.empty()) text += "\n";
        text += fmt::format("{}\n      {:<18} {}\n", describe(held.certificate), held.kind,
                            held.file.empty() ? "[trust]" : display(held.file));
        text +=
            fmt::format("      {:<18} {}\n", "fingerprint", held.certificate.fingerprint()) + to_text(judged);
        Json one = to_json(held.certificate, judged);
        one["kind"] = held.kind;
        one["file"] = held.file;
        list.push_back(std::move(one));
    }
    const auto written = json ? write_json(list) : write_out(text);
    if (!written) return base::fail(written.error());
    return exit_yes;
}

struct ExportOptions {
    std::string what, format = "pem";
    std::optional<std::string> password_file, output;
};

base::Result<std::string> exported(const ExportOptions& options, const Held& held)
{
    if (options.format == "pem") return cms::to_pem(held.certificate);
    if (options.format == "der") return held.certificate.der();
    if (held.key == nullptr)
        return base::fail(Code::data, held.file, "there is no private key for it here",
                          "export it as --format pem or der");
    if (!options.password_file)
        return base::fail(Code::usage, "--format pfx", "a PFX needs a password",
                          "give one with --password-file FILE");
    const auto password = store::read_password({"file:" + *options.password_file});
    if (!password) return base::fail(password.error());
    if (!*password || (*password)->reveal().empty())
        return base::fail(Code::configuration, *options.password_file, "is empty",
                          "write a password into it");
    return cms::make_pkcs12(*held.key, held.certificate, {}, **password);
}

base::Result<int> run_export(const ExportOptions& options, const Global& global)
{
    const auto snapshot = load_configured(global);
    if (!snapshot) return base::fail(snapshot.error());
    auto found = lookup(options.what, **snapshot);
    if (!found) return base::fail(found.error());
    const bool by_address = options.what.find('@') != std::string::npos;
    const auto now = base::SystemClock().now();
    // By address: the one that is in use, with its key where that is asked for.
    std::stable_partition(found->begin(), found->end(), [&](const Held& h) {
        return h.certificate.valid_at(now) && (options.format != "pfx" || h.key != nullptr);
    });
    if (!by_address && std::any_of(found->begin(), found->end(), [&](const Held& h) {
            return !(h.certificate == found->front().certificate);
        }))
        return base::fail(Code::usage, "", "\"" + options.what + "\" begins several fingerprints",
                          "give more digits of it");
    const auto content = exported(options, found->front());
    if (!content) return base::fail(content.error());
    if (!options.output) {
        if (auto ok = write_out(*content); !ok) return base::fail(ok.error());
        return exit_yes;
    }
    if (auto ok = base::create_file(*options.output, *content, options.format == "pfx" ? 0600 : 0644); !ok)
        return base::fail(ok.error());
    remark(*options.output + ": " + describe(found->front().certificate));
    return exit_yes;
}

}  // namespace

Run cert_list(Options& options, const Global& global)
{
    auto json = std::make_shared<bool>(false);
    options.flag("--json", *json, "print a JSON array");
    return [json, &global] { return run_list(*json, global); };
}

Run cert_show(Options& options, const Global& global)
{
    struct Show {
        std::string what;
        bool json = false;
    };
    auto o = std::make_shared<Show>();
    options.argument("WHAT", o->what, "address, or the beginning of a fingerprint");
    options.flag("--json", o->json, "print a JSON array");
    return [o, &global] { return run_show(o->what, o->json, global); };
}

Run cert_export(Options& options, const Global& global)
{
    auto o = std::make_shared<ExportOptions>();
    options.argument("WHAT", o->what, "address, or the beginning of a fingerprint");
    options.choice("--format", o->format, {"pem", "der", "pfx"}, "how to write it, default pem");
    options.value("--password-file", o->password_file, "FILE", "file with the password for a PFX");
    options.value("--output", o->output, "FILE", "write there, not to standard output");
    return [o, &global] { return run_export(*o, global); };
}

}  // namespace ctl
