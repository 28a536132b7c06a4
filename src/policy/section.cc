#include "policy/section.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace policy
{
namespace
{

// What others call them.
constexpr std::pair<std::string_view, std::string_view> aliases[] = {{"from", "sender"},
                                                                     {"to", "recipient"},
                                                                     {"max_connections", "max_in_flight"},
                                                                     {"threads", "crypto_slots"}};

// "did you mean", or the section in which the key would be known.
std::string hint(const Section& section, std::string_view key)
{
    for (const auto& [others, ours] : aliases)
        if (key == others && find_key(section.kind, ours) != nullptr)
            return " (did you mean " + quoted(ours) + "?)";
    if (const auto near = nearest_key(section.kind, key); !near.empty())
        return " (did you mean " + quoted(near) + "?)";
    for (const auto& spec : schema())
        if (spec.key == key) {
            const bool named = has_names(spec.section);
            return " (it belongs to [" + std::string(spec.section) + (named ? " NAME])" : "])");
        }
    return {};
}

}  // namespace

void report(std::vector<base::Problem>& problems, base::Severity severity, std::string where,
            std::string what, std::string remedy)
{
    problems.push_back(
        {severity, {base::Code::configuration, std::move(where), std::move(what), std::move(remedy)}});
}

std::string title(const Section& section)
{
    return "[" + base::printable(section.kind + (section.name.empty() ? "" : " " + section.name), 60) + "]";
}

const KeySpec* accept_key(const Section& section, const Entry& entry, Seen& seen,
                          std::vector<Config::Setting>& settings, std::vector<base::Problem>& problems)
{
    const auto where = section.at(entry.line);
    const auto* spec = find_key(section.kind, entry.key);
    if (spec == nullptr) {
        report(problems, base::Severity::error, where,
               "unknown key " + quoted(entry.key) + " in " + title(section) + hint(section, entry.key),
               "see smime-milter.conf(5); smimectl config -d lists all keys");
        return nullptr;
    }
    const auto [at, is_new] = seen.try_emplace(entry.key, Found{where, entry.value});
    if (!is_new && !spec->repeatable) {
        report(problems, base::Severity::error, where,
               entry.key + " is set twice, first at " + at->second.where, "remove one of them");
        return nullptr;
    }
    at->second.value = entry.value;
    settings.push_back({section.kind, section.name, entry.key, entry.value, where});
    // An empty condition would hold for every message; a line that says nothing
    // and means everything is a trap.
    if (entry.value.empty() && section.kind == "rule") {
        report(problems, base::Severity::error, where, entry.key + " has no value",
               spec->repeatable ? "give one, or remove the line: the condition then holds always"
                                : "wanted " + std::string(spec->type));
        return nullptr;
    }
    return spec;
}

}  // namespace policy
