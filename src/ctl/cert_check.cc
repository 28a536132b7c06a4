// cert check: what are the certificates in a file good for, rule by rule?
#include <fmt/format.h>

#include <memory>

#include "ctl/cert.h"
#include "ctl/command.h"
#include "ctl/input.h"
#include "ctl/output.h"
#include "store/trust_store.h"

namespace ctl
{
namespace
{

struct CheckOptions {
    std::string file;
    std::optional<std::string> password_file, address, at;
    std::vector<std::string> anchors;
    bool json = false;
};

base::Result<int> run_check(const CheckOptions& options)
{
    const auto at = time_of(options.at);
    if (!at) return base::fail(at.error());
    const auto file = read_certificates(options.file, options.password_file);
    if (!file) return base::fail(file.error());
    std::vector<base::Problem> problems;
    const cms::Trust trust = store::load_trust({options.anchors, {}, {}, ""}, problems);
    if (report(problems, true) > 0)
        return base::fail(base::Code::configuration, "--anchors", "cannot be used",
                          "name a file or directory with CA certificates");
    if (file->key_for_others)
        remark(options.file + ": warning: others may read the private key in it; run: chmod 640 " +
               options.file);
    if (file->content.legacy)
        remark(options.file +
               ": warning: written with outdated encryption (RC2, RC4 or 3DES); cert import writes it anew");

    store::CheckRequest request;
    request.now = *at;
    request.helpers = &file->content.certificates;
    if (!options.anchors.empty()) request.trust = &trust;
    std::string text;
    Json list = Json::array();
    bool failed = false;
    for (const auto& c : file->content.certificates) {
        // The address is that of the user's certificate, not of the CAs beside it.
        request.address = c.is_ca() ? std::string() : options.address.value_or("");
        request.key.reset();
        if (!c.is_ca()) request.key = file->key_of(c) != nullptr;
        const auto judged = store::check_certificate(c, request);
        failed = failed || judged.failed();
        if (!text.empty()) text += "\n";
        text += describe(c) + "\n" + to_text(judged);
        list.push_back(to_json(c, judged));
    }
    const auto written =
        options.json ? write_json({{"ok", !failed}, {"certificates", list}}) : write_out(text);
    if (!written) return base::fail(written.error());
    return failed ? exit_no : exit_yes;
}

}  // namespace

Run cert_check(Options& options, const Global& global)
{
    static_cast<void>(global);  // needs no configuration
    auto o = std::make_shared<CheckOptions>();
    options.argument("FILE", o->file, "PFX, PEM, DER or PKCS#7");
    options.value("--password-file", o->password_file, "FILE", "file with its password");
    options.value("--address", o->address, "ADDRESS", "whose certificate it has to be");
    options.values("--anchors", o->anchors, "PATH", "trust anchors: file or directory");
    options.value("--at", o->at, "TIME", "as if it were then: 2026-11-23T12:00:00Z or @SECONDS");
    options.flag("--json", o->json, "print a JSON object");
    return [o] { return run_check(*o); };
}

}  // namespace ctl
