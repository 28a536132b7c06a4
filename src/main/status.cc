#include "main/status.h"

#include <unistd.h>

#include <algorithm>

#include "config.h"

namespace daemon_main
{

std::string status_text(const milter::Runtime& runtime, const Loader& loader, CertificateEnds& certificates,
                        base::Time started, base::Time now)
{
    const auto in_force = runtime.in_force();
    const auto& snapshot = *in_force.snapshot;
    const auto& meter = runtime.meter;
    const auto usage = runtime.admission.usage();
    std::string text = runtime.draining() ? "ok: stopping\n" : "ok: running\n";
    const auto line = [&text](const char* key, const std::string& value) {
        text.append(key).append(": ").append(value).append("\n");
    };
    line("version", PACKAGE_VERSION);
    line("pid", std::to_string(getpid()));
    line("started", base::iso8601(started));
    line("time", base::iso8601(now));
    line("config", loader.file());
    line("rules", std::to_string(snapshot.config.rules.size()));
    line("keys", std::to_string(snapshot.keys.all().size()));
    line("reload", loader.last());
    line("connections", std::to_string(runtime.connections));
    line("messages", std::to_string(runtime.messages));
    line("in_flight", std::to_string(usage.octets) + " of " + std::to_string(usage.octet_limit));
    line("crypto_slots", std::to_string(usage.slots) + " of " + std::to_string(usage.slot_limit));
    line("crypto_waiting", std::to_string(usage.waiting));
    line("answered", std::to_string(meter.duration.total()) + " in " + std::to_string(meter.duration.sum()));
    for (const auto& [action, result, count] : meter.endings.all()) {
        base::LogLine ending;
        ending.add("action", action).add("status", result == "none" && action != "verify" ? "" : result);
        line("processed", std::to_string(count) + " " + ending.text());
    }
    for (std::size_t i = 0; i < gateway::stages; ++i)
        if (const auto count = meter.errors[i].load(std::memory_order_relaxed); count > 0)
            line("error", std::to_string(count) + " " + gateway::name(static_cast<gateway::Stage>(i)));
    std::size_t shown = 0;
    for (const auto& [rule, count] : in_force.hits->all())
        if (++shown <= most_rules) line("rule", std::to_string(count) + " " + std::string(rule));
    constexpr std::size_t soonest = 5;
    const auto ends = certificates.of(in_force.snapshot);
    for (std::size_t i = 0; i < std::min(soonest, ends->size()); ++i)
        line("expiry",
             base::iso8601((*ends)[i].not_after) + " " + (*ends)[i].kind + " " + (*ends)[i].address);
    return text;
}

std::string reload_text(const Loader::Result& result)
{
    std::string text = result.loaded ? "ok: configuration loaded\n" : "error: not loaded\n";
    for (const auto& line : result.lines) text.append(line).append("\n");
    return text;
}

}  // namespace daemon_main
