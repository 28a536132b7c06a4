#include "policy/config.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "mime/address.h"
#include "policy/config_parse.h"
#include "policy/section.h"
#include "policy/sender_login.h"

namespace policy
{
namespace
{

constexpr std::size_t max_file = 16U << 20;

// Whoever can write what is read here, or add to a directory of it, can have anybody's
// mail signed.
void check_rights(const std::string& path, std::vector<base::Problem>& problems)
{
    struct stat st{};
    if (stat(path.c_str(), &st) != 0) return;  // whoever reads it says so
    if ((st.st_mode & S_IWOTH) != 0)
        report(problems, base::Severity::error, path, "writable by others", "run: chmod o-w " + path);
    else if ((st.st_mode & S_IWGRP) != 0 && st.st_gid != 0)
        report(problems, base::Severity::warning, path,
               "writable by its group: whoever is in it can have anybody's mail signed",
               "run: chmod g-w " + path);
}

std::optional<std::string> read(const std::string& file, const std::string& where,
                                std::vector<base::Problem>& problems)
{
    auto content = base::read_file(file, max_file);
    if (!content) {
        auto error = content.error();
        const bool missing = error.code == base::Code::no_input;
        error.code = base::Code::configuration;
        if (missing && where.empty() && error.remedy.empty())
            error.remedy =
                "name the configuration with -c FILE; a commented one to begin with is "
                "conf/smime-milter.conf of the sources";
        if (missing && !where.empty() && error.remedy.empty())
            error.remedy =
                "make it, with lines \"LOGIN: ADDRESS[, ADDRESS...]\", or remove sender_login: a "
                "login then signs for itself only";
        if (!where.empty()) {
            error.what = error.where + ": " + error.what;
            error.where = where;
        }
        problems.push_back({base::Severity::error, std::move(error)});
        return std::nullopt;
    }
    check_rights(file, problems);
    return std::move(*content);
}

// What dpkg and editors put beside a file.
bool is_leftover(std::string_view name)
{
    constexpr std::string_view ends[] = {"~", ".bak", ".orig", ".old", ".rej", ".save", ".swp", ".disabled"};
    return name == "README" || name.find(".dpkg-") != std::string_view::npos ||
           std::any_of(std::begin(ends), std::end(ends), [&](auto end) { return name.ends_with(end); });
}

// conf.d/*.conf beside the main file, in name order; there need not be any.
void read_directory(const std::string& main_file, std::vector<SourceFile>& sources,
                    std::vector<base::Problem>& problems)
{
    const auto slash = main_file.rfind('/');
    const std::string directory =
        (slash == std::string::npos ? std::string() : main_file.substr(0, slash + 1)) + "conf.d";
    struct stat st{};
    if (lstat(directory.c_str(), &st) != 0 && errno == ENOENT) return;
    check_rights(directory, problems);
    const auto names = base::list_directory(directory);
    if (!names) {
        auto error = names.error();
        error.code = base::Code::configuration;
        error.remedy = "make it a directory that the daemon's user can read";
        problems.push_back({base::Severity::error, std::move(error)});
        return;
    }
    for (const auto& name : *names) {
        if (!name.ends_with(".conf")) {
            if (!is_leftover(name))
                report(problems, base::Severity::warning, directory + "/" + name,
                       "not read: its name does not end in .conf",
                       "rename it to " + name.substr(0, name.rfind('.')) + ".conf, or move it away");
            continue;
        }
        std::string file = directory;
        file.append("/").append(name);
        if (auto content = read(file, {}, problems)) sources.push_back({file, std::move(*content)});
    }
}

}  // namespace

std::string Rule::at() const { return file + ":" + std::to_string(line); }

const store::SourceSettings* Certificates::learns_into() const
{
    const auto found = std::find_if(sources.begin(), sources.end(), [](const store::SourceSettings& s) {
        return store::source_kind(s.uri)->learns;
    });
    return found == sources.end() ? nullptr : &*found;
}

bool Config::is_local(std::string_view address) const
{
    const auto domain = mime::domain_of(address);
    return !domain.empty() &&
           std::find(local_domains.begin(), local_domains.end(), domain) != local_domains.end();
}

std::string Config::login_of(std::string_view tls_subject, std::string_view tls_issuer) const
{
    const auto found = std::find_if(tls_logins.begin(), tls_logins.end(), [&](const TlsLogin& t) {
        return t.subject == tls_subject && (t.issuer.empty() || t.issuer == tls_issuer);
    });
    return found == tls_logins.end() ? std::string() : found->login;
}

std::optional<Config> load_config(const std::string& file, std::vector<base::Problem>& problems)
{
    const auto before = static_cast<std::ptrdiff_t>(problems.size());
    std::vector<SourceFile> sources;
    if (auto content = read(file, {}, problems)) {
        sources.push_back({file, std::move(*content)});
        read_directory(file, sources, problems);
    }
    auto parsed = parse_config(sources, problems);
    if (!parsed.sender_login.empty())
        if (const auto content = read(parsed.sender_login, parsed.sender_login_where, problems))
            parse_sender_login(parsed.sender_login, *content, parsed.config.sender_login, problems);
    const bool failed = std::any_of(problems.begin() + before, problems.end(), [](const base::Problem& p) {
        return p.severity == base::Severity::error;
    });
    if (failed) return std::nullopt;
    return std::move(parsed.config);
}

}  // namespace policy
