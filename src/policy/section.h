// From the entries of a section to the members of a struct: one table of
// setters for each kind of section, beside the schema's table of keys.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/config.h"
#include "policy/ini.h"
#include "policy/schema.h"
#include "policy/value.h"

namespace policy
{

// What a section sets, by key: where first, and to what (the last one of a list).
struct Found {
    std::string where;
    std::string value;
};
using Seen = std::map<std::string, Found, std::less<>>;

template <class Target>
struct Setter {
    std::string_view key;
    void (*set)(Target&, const Value&);
};

// Looks the key up, reports unknown ones and single-valued ones that come
// twice, and notes the rest in `seen` and `settings`.  nullptr: reported.
[[nodiscard]] const KeySpec* accept_key(const Section& section, const Entry& entry, Seen& seen,
                                        std::vector<Config::Setting>& settings,
                                        std::vector<base::Problem>& problems);

template <class Target>
void apply(const Section& section, std::span<const Setter<Target>> setters, Target& target, Seen& seen,
           std::vector<Config::Setting>& settings, std::vector<base::Problem>& problems)
{
    for (const auto& entry : section.entries) {
        const auto* spec = accept_key(section, entry, seen, settings, problems);
        if (spec == nullptr) continue;
        for (const auto& setter : setters)
            if (setter.key == spec->key)
                setter.set(target, Value(*spec, entry.value, section.at(entry.line), problems));
    }
}

// Sets every member to the default of the schema, so that it stands there only.
template <class Target>
void apply_defaults(std::string_view kind, std::span<const Setter<Target>> setters, Target& target,
                    std::vector<base::Problem>& problems)
{
    for (const auto& setter : setters)
        if (const auto* spec = find_key(kind, setter.key); spec != nullptr && !spec->fallback.empty())
            setter.set(target, Value(*spec, spec->fallback, "default", problems));
}

[[nodiscard]] std::string title(const Section& section);  // "[rule staff]", printable

void report(std::vector<base::Problem>& problems, base::Severity severity, std::string where,
            std::string what, std::string remedy = {});

}  // namespace policy
