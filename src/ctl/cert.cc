#include "ctl/cert.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/file.h"
#include "ctl/output.h"
#include "store/key_store.h"

namespace ctl
{
namespace
{

using base::Code;

constexpr std::size_t largest = 4U << 20;

std::string use_line(const char* use, const std::string& why_not)
{
    return fmt::format("      {:<18} {}\n", use, why_not.empty() ? "yes" : "no: " + display(why_not));
}

}  // namespace

cms::PrivateKeyHandle CertificateFile::key_of(const cms::Certificate& certificate) const
{
    for (const auto& key : content.keys)
        if (key->matches(certificate).value_or(false)) return key;
    return nullptr;
}

base::Result<CertificateFile> read_certificates(const std::string& file,
                                                const std::optional<std::string>& password_file)
{
    std::optional<base::Secret> password;
    if (password_file) {
        auto read = store::read_password({"file:" + *password_file});
        if (!read) return base::fail(read.error());
        password = std::move(*read);
    }
    auto octets = base::read_file(file, largest);
    if (!octets) {
        base::Error error = octets.error();
        if (error.remedy.empty())
            error.remedy = "name a .p12, .pfx, .pem, .crt, .cer, .der, .p7b or .p7c file";
        return base::fail(std::move(error));
    }
    const base::Secret owner(std::move(*octets));  // may hold a key: wiped when done
    auto opened = cms::open_container(owner.reveal(), file, password ? &*password : nullptr);
    if (!opened) {
        base::Error error = opened.error();
        if (error.code == Code::permission)
            error.remedy = password_file ? "check what is in " + *password_file
                                         : "give its password with --password-file FILE";
        if (error.remedy.empty()) error.remedy = "export it again, as .p12, .pem, .cer or .p7b";
        return base::fail(std::move(error));
    }
    if (opened->certificates.empty())
        return base::fail(
            Code::data, file,
            opened->keys.empty() ? "no certificate in it" : "a private key without its certificate",
            "export the certificate, or key and certificate together as .p12");
    CertificateFile out{std::move(*opened), file, false};
    struct stat st{};
    const bool others = ::stat(file.c_str(), &st) == 0 && (st.st_mode & (S_IROTH | S_IWOTH)) != 0;
    out.key_for_others = others && !out.content.keys.empty();
    // A key that belongs to none of the certificates is a mix-up.
    for (const auto& key : out.content.keys) {
        const auto& all = out.content.certificates;
        if (std::none_of(all.begin(), all.end(),
                         [&](const auto& c) { return key->matches(c).value_or(false); }))
            return base::fail(
                Code::data, file,
                "its private key belongs to none of its certificates (" + all.front().subject() + ")",
                "export key and certificate together again");
    }
    return out;
}

std::string describe(const cms::Certificate& c)
{
    return fmt::format("{}, serial {}, {}, until {}",
                       display(c.subject().empty() ? "(no subject)" : c.subject()), c.serial(),
                       cms::describe_key(c), base::iso8601(c.not_after()).substr(0, 10));
}

std::string to_text(const store::CheckReport& report)
{
    std::string out;
    for (const auto& line : report.lines)
        out += fmt::format("{:<5} {:<18} {}: {}\n", store::word(line.grade), line.rule, display(line.found),
                           display(line.meaning));
    out += use_line("signing", report.uses.signing);
    out += use_line("encrypting", report.uses.encrypting);
    out += use_line("decrypting", report.uses.decrypting);
    out += use_line("trusting", report.uses.trusting);
    return out;
}

Json to_json(const cms::Certificate& c, const store::CheckReport& report)
{
    Json lines = Json::array();
    for (const auto& line : report.lines)
        lines.push_back({{"grade", store::word(line.grade)},
                         {"rule", line.rule},
                         {"found", line.found},
                         {"meaning", line.meaning}});
    const auto use = [](const std::string& why_not) { return why_not.empty() ? Json(true) : Json(why_not); };
    return {{"subject", c.subject()},
            {"issuer", c.issuer()},
            {"serial", c.serial()},
            {"fingerprint", c.fingerprint()},
            {"addresses", c.addresses()},
            {"key", cms::describe_key(c)},
            {"not_before", base::iso8601(c.not_before())},
            {"not_after", base::iso8601(c.not_after())},
            {"checks", lines},
            {"uses",
             {{"signing", use(report.uses.signing)},
              {"encrypting", use(report.uses.encrypting)},
              {"decrypting", use(report.uses.decrypting)},
              {"trusting", use(report.uses.trusting)}}}};
}

base::Result<std::shared_ptr<const gateway::Snapshot>> load_configured(const Global& global,
                                                                       std::size_t* errors)
{
    std::vector<base::Problem> problems;
    auto snapshot = gateway::load_snapshot(global.config, base::SystemClock().now(), problems);
    const auto found = report(problems, false);
    if (errors != nullptr) *errors = found;
    if (snapshot != nullptr) return snapshot;
    return base::fail(Code::configuration, global.config, "cannot be used",
                      "mend it; see smimectl configtest");
}

std::string first_directory(const std::vector<std::string>& paths)
{
    const auto it =
        std::find_if(paths.begin(), paths.end(), [](const std::string& p) { return base::is_directory(p); });
    return it == paths.end() ? std::string() : *it;
}

}  // namespace ctl
