// cert expiry: what has to be renewed, in a form that cron mails or a monitor reads.
#include <fmt/format.h>

#include <charconv>
#include <memory>

#include "ctl/cert.h"
#include "ctl/command.h"
#include "ctl/output.h"

namespace ctl
{
namespace
{

using base::Code;

constexpr int most_days = 36500;

struct ExpiryOptions {
    std::optional<std::string> days, at;
    bool json = false;
};

base::Result<int> days_of(const ExpiryOptions& options)
{
    if (!options.days) return 30;
    int days = -1;
    const char* const end = options.days->data() + options.days->size();
    const auto parsed = std::from_chars(options.days->data(), end, days);
    if (parsed.ec != std::errc() || parsed.ptr != end || days < 0 || days > most_days)
        return base::fail(Code::usage, "--days", "\"" + *options.days + "\" is not a number of days",
                          "write a number from 0 to 36500");
    return days;
}

base::Result<int> run_expiry(const ExpiryOptions& options, const Global& global)
{
    const auto days = days_of(options);
    if (!days) return base::fail(days.error());
    auto now = base::SystemClock().now();
    if (options.at) {
        const auto at = base::parse_time(*options.at);
        if (!at) return base::fail(Code::usage, "--at", at.error().what, at.error().remedy);
        now = *at;
    }
    std::size_t unread = 0;
    const auto snapshot = load_configured(global, &unread);
    if (!snapshot) return base::fail(snapshot.error());
    std::vector<store::Kept> kept;
    for (auto& held : everything(**snapshot))
        if (!held.retired) kept.push_back(std::move(held));
    std::string text;
    Json list = Json::array();
    int status = exit_yes;
    for (const auto* k : store::ending(kept, now, std::chrono::days(*days))) {
        const auto& c = k->certificate;
        const bool ended = c.not_after() < now;
        status = ended ? exit_not_applicable : std::max(status, exit_no);
        const auto left = std::chrono::floor<std::chrono::days>(c.not_after() - now).count();
        const std::string whose = !k->name.empty()        ? "[key " + k->name + "]"
                                  : c.addresses().empty() ? c.subject()
                                                          : join(c.addresses(), ", ");
        text += fmt::format("{:<8} {:<12} {} {:>6} {} {}{}\n", ended ? "expired" : "expires", k->kind,
                            base::iso8601(c.not_after()).substr(0, 10), fmt::format("{}d", left),
                            c.fingerprint().substr(0, 16), display(whose),
                            k->file.empty() ? "" : "  " + display(k->file));
        list.push_back({{"state", ended ? "expired" : "expires"},
                        {"kind", k->kind},
                        {"not_after", base::iso8601(c.not_after())},
                        {"days", left},
                        {"fingerprint", c.fingerprint()},
                        {"addresses", c.addresses()},
                        {"subject", c.subject()},
                        {"file", k->file}});
    }
    // Nobody knows when those end that could not be read.
    if (status == exit_yes && unread > 0) status = exit_configuration;
    const auto written = options.json ? write_json(list) : write_out(text);
    if (!written) return base::fail(written.error());
    return status;
}

}  // namespace

Run cert_expiry(Options& options, const Global& global)
{
    auto o = std::make_shared<ExpiryOptions>();
    options.value("--days", o->days, "N", "what expires within N days, default 30");
    options.value("--at", o->at, "TIME", "as if it were TIME");
    options.flag("--json", o->json, "print a JSON array");
    return [o, &global] { return run_expiry(*o, global); };
}

}  // namespace ctl
