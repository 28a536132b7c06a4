#include "policy/source_parse.h"

#include <algorithm>

#include "base/ascii.h"

namespace policy
{
namespace
{

using store::SourceSettings;

constexpr std::size_t most_sources = 16;
constexpr unsigned longest_timeout = 30;          // seconds; a message may ask several
constexpr unsigned longest_keep = 24;             // hours
constexpr unsigned longest_keep_none = 24U * 60;  // minutes

constexpr Setter<SourceSettings> source_setters[] = {
    {"uri", [](SourceSettings& s, const Value& v) { s.uri = v.text(); }},
    {"timeout", [](SourceSettings& s, const Value& v) { v.number(s.timeout, longest_timeout, 1); }},
    {"keep", [](SourceSettings& s, const Value& v) { v.number(s.keep, longest_keep); }},
    {"keep_none", [](SourceSettings& s, const Value& v) { v.number(s.keep_none, longest_keep_none); }},
    {"recipients",
     [](SourceSettings& s, const Value& v) { v.patterns(s.recipients, Value::Pattern::address); }},
    {"user", [](SourceSettings& s, const Value& v) { s.user = v.text(); }},
    {"password", [](SourceSettings& s, const Value& v) { v.password(s.password); }},
    {"ca", [](SourceSettings& s, const Value& v) { v.path(s.ca); }},
    {"base", [](SourceSettings& s, const Value& v) { s.base = v.text(); }},
    {"filter", [](SourceSettings& s, const Value& v) { s.filter = v.text(); }},
    {"starttls", [](SourceSettings& s, const Value& v) { v.yes_no(s.starttls.emplace(false)); }},
    {"trust_anchor", [](SourceSettings& s, const Value& v) { v.path(s.trust_anchor); }},
    {"resolver", [](SourceSettings& s, const Value& v) { s.resolver = v.text(); }},
};

constexpr std::string_view for_all_that_wait[] = {"uri", "timeout", "keep", "keep_none", "recipients"};

bool among(std::string_view word, std::span<const std::string_view> words)
{
    return std::find(words.begin(), words.end(), word) != words.end();
}

std::string all_examples()
{
    std::string out;
    for (const auto& kind : store::source_kinds())
        out += (out.empty() ? "wanted " : ", ") + std::string(kind.example);
    return out;
}

// Can this line be used?  The place of a named source is its section's.
bool accept(const SourceSettings& source, const Seen& seen, std::vector<base::Problem>& problems)
{
    const auto refuse = [&](const std::string& where, std::string what, std::string remedy) {
        report(problems, base::Severity::error, where, std::move(what), std::move(remedy));
        return false;
    };
    const auto* kind = store::source_kind(source.uri);
    if (kind == nullptr)
        return refuse(source.where, quoted(source.uri) + " is no source of certificates",
                      all_examples() + ", or the NAME of a [source NAME]");
    if (!kind->lacking.empty())
        return refuse(
            source.where,
            "this build cannot use " + quoted(source.uri) + ": it has no " + std::string(kind->lacking),
            "remove it, or build with " + std::string(kind->lacking));
    for (const auto& [key, found] : seen)
        if (!among(key, kind->keys) && !(kind->waits && among(key, for_all_that_wait)) && key != "uri")
            return refuse(found.where, key + " says nothing to a source " + std::string(kind->name),
                          "remove it");
    if (kind->check != nullptr)
        if (auto right = kind->check(source); !right) {
            problems.push_back({base::Severity::error, right.error()});
            return false;
        }
    return true;
}

}  // namespace

NamedSource parse_source(const Section& section, std::vector<Config::Setting>& settings,
                         std::vector<base::Problem>& problems)
{
    NamedSource out;
    out.settings.name = section.name;
    out.settings.where = section.at(section.line);
    apply<SourceSettings>(section, source_setters, out.settings, out.seen, settings, problems);
    for (const auto& entry : section.entries) out.settings.set[entry.key] += entry.value + "\n";
    if (out.settings.uri.empty())
        report(problems, base::Severity::error, out.settings.where, title(section) + " has no uri",
               "add uri =, " + all_examples());
    return out;
}

std::vector<SourceSettings> choose_sources(const SourceLines& lines, std::vector<NamedSource> named,
                                           std::vector<base::Problem>& problems)
{
    std::vector<SourceSettings> out;
    std::vector<bool> used(named.size(), false);
    for (const auto& [text, where] : lines) {
        NamedSource source;
        source.settings.name = source.settings.uri = text;
        source.settings.where = where;
        const auto found = std::find_if(named.begin(), named.end(),
                                        [&](const NamedSource& n) { return n.settings.name == text; });
        if (found != named.end()) {
            used[static_cast<std::size_t>(found - named.begin())] = true;
            source = *found;
            if (source.settings.uri.empty()) continue;  // reported
        }
        auto& settings = source.settings;
        if (!accept(settings, source.seen, problems)) continue;
        const auto* kind = store::source_kind(settings.uri);
        if (!source.seen.contains("keep")) settings.keep = kind->keep;
        if (!source.seen.contains("keep_none")) settings.keep_none = kind->keep_none;
        if (std::any_of(out.begin(), out.end(), [&](const auto& s) { return s.name == settings.name; }))
            report(problems, base::Severity::error, where, "source = " + text + " is there already",
                   "remove one of them");
        out.push_back(std::move(settings));
    }
    if (out.size() > most_sources)
        report(problems, base::Severity::error, out[most_sources].where,
               "more than " + std::to_string(most_sources) + " sources",
               "remove some: a message may wait for each");
    for (std::size_t i = 0; i < named.size(); ++i)
        if (!used[i] && !named[i].settings.uri.empty())  // without one: reported
            report(problems, base::Severity::warning, named[i].settings.where,
                   "[source " + named[i].settings.name + "] is not used",
                   "add source = " + named[i].settings.name + " to [certificates]");
    return out;
}

}  // namespace policy
