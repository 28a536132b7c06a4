#include "main/status.h"

#include <unistd.h>

#include "config.h"

namespace daemon_main
{

std::string status_text(const milter::Runtime& runtime, const Loader& loader, base::Time started)
{
    const auto snapshot = runtime.snapshot();
    const auto usage = runtime.admission.usage();
    std::string text = runtime.draining() ? "ok: stopping\n" : "ok: running\n";
    const auto line = [&text](const char* key, const std::string& value) {
        text.append(key).append(": ").append(value).append("\n");
    };
    line("version", PACKAGE_VERSION);
    line("pid", std::to_string(getpid()));
    line("started", base::iso8601(started));
    line("config", loader.file());
    line("rules", std::to_string(snapshot->config.rules.size()));
    line("keys", std::to_string(snapshot->keys.all().size()));
    line("connections", std::to_string(runtime.connections));
    line("messages", std::to_string(runtime.messages));
    line("in_flight", std::to_string(usage.octets) + " of " + std::to_string(usage.octet_limit));
    line("crypto_slots", std::to_string(usage.slots) + " of " + std::to_string(usage.slot_limit));
    line("reload", loader.last());
    for (const auto& [kind, count] : runtime.tally.counts()) {
        base::LogLine ending;
        ending.add("action", kind.first).add("status", kind.second);
        line("processed", std::to_string(count) + " " + ending.text());
    }
    return text;
}

std::string reload_text(const Loader::Result& result)
{
    std::string text = result.loaded
                           ? "ok: configuration loaded\n"
                           : "error: the configuration was not loaded, the one from before stays in force\n";
    for (const auto& line : result.lines) text.append(line).append("\n");
    return text;
}

}  // namespace daemon_main
