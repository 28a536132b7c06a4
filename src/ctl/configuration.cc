// configtest, config: does the configuration load, and what does it say?
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/clock.h"
#include "ctl/command.h"
#include "ctl/json.h"
#include "ctl/output.h"
#include "milter/preflight.h"
#include "policy/config.h"
#include "policy/schema.h"

namespace ctl
{
namespace
{

using base::Code;

std::string count(std::size_t n, std::string_view noun)
{
    return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s");
}

struct ConfigtestOptions {
    bool strict = false;
    bool quiet = false;
    bool json = false;
};

base::Result<int> run_configtest(const ConfigtestOptions& options, const Global& global)
{
    using base::Severity;
    auto checked = milter::check_as_daemon(global.config, base::SystemClock().now());
    const auto& snapshot = checked.snapshot;
    for (auto& problem : checked.problems) {
        // Where there is a snapshot the daemon starts, without what is broken.
        if (snapshot && problem.severity == Severity::error) problem.severity = Severity::warning;
    }
    auto problems = std::move(checked.problems);
    problems.insert(problems.end(), checked.obstacles.begin(), checked.obstacles.end());
    for (auto& problem : problems)
        if (options.strict && problem.severity == Severity::warning) problem.severity = Severity::error;
    const auto count_of = [&](Severity severity) {
        return static_cast<std::size_t>(std::count_if(problems.begin(), problems.end(),
                                                      [&](const auto& p) { return p.severity == severity; }));
    };
    const auto errors = count_of(Severity::error), warnings = count_of(Severity::warning);
    const bool good = snapshot != nullptr && errors == 0;
    if (options.json) {
        Json list = Json::array();
        for (const auto& problem : problems)
            list.push_back({{"severity", base::name_of(problem.severity)},
                            {"where", problem.error.where},
                            {"what", problem.error.what},
                            {"remedy", problem.error.remedy}});
        if (auto ok = write_json({{"ok", good}, {"problems", list}}); !ok) return base::fail(ok.error());
        return good ? exit_yes : exit_configuration;
    }
    for (const auto& problem : problems)
        if (!options.quiet || problem.severity == Severity::error) report({problem}, true);
    std::string text;
    if (!options.quiet && errors + warnings > 0)
        text = count(errors, "error") + ", " + count(warnings, "warning") + "\n";
    if (!options.quiet && good)
        text += fmt::format("{}: {}, {}, {}: ok\n", display(global.config),
                            count(snapshot->config.rules.size(), "rule"),
                            count(snapshot->keys.all().size(), "key"),
                            count(snapshot->trust.material().anchors.size(), "trust anchor"));
    if (auto ok = write_out(text); !ok) return base::fail(ok.error());
    return good ? exit_yes : exit_configuration;
}

// A setting as `smimectl config` shows it.
struct Line {
    std::string section, name;  // "rule", "staff"
    std::string key, value;
    std::string where;  // "file:line", "" for a default

    [[nodiscard]] std::string title() const { return name.empty() ? section : section + " " + name; }
};

// The settings of one section: what the files say, for the rest the default.
void add_section(std::vector<Line>& lines, const std::string& section, const std::string& name,
                 const policy::Config* config, bool defaults)
{
    for (const auto& spec : policy::schema()) {
        if (spec.section != section) continue;
        bool set = false;
        for (const auto& s : config != nullptr ? config->settings : std::vector<policy::Config::Setting>{}) {
            if (s.section != section || s.name != name || s.key != spec.key) continue;
            lines.push_back({section, name, s.key, s.value, s.where});
            set = true;
        }
        if (!set && defaults)
            lines.push_back({section, name, std::string(spec.key), std::string(spec.fallback), ""});
    }
}

// As the schema orders them.
std::vector<std::string> sections()
{
    std::vector<std::string> out;
    for (const auto& spec : policy::schema())
        if (std::find(out.begin(), out.end(), spec.section) == out.end()) out.emplace_back(spec.section);
    return out;
}

std::vector<Line> default_lines()
{
    std::vector<Line> lines;
    for (const auto& section : sections())
        add_section(lines, section, policy::has_names(section) ? "NAME" : "", nullptr, true);
    return lines;
}

// `set_only`: without the defaults.  Named sections in the order of the files.
std::vector<Line> lines_of(const policy::Config& config, bool set_only)
{
    std::vector<Line> lines;
    for (const auto& section : sections())
        if (!policy::has_names(section)) add_section(lines, section, "", &config, !set_only);
    std::vector<std::string> seen;
    for (const auto& s : config.settings) {
        if (s.name.empty()) continue;
        if (const std::string title = s.section + " " + s.name;
            std::find(seen.begin(), seen.end(), title) == seen.end()) {
            seen.push_back(title);
            add_section(lines, s.section, s.name, &config, !set_only);
        }
    }
    return lines;
}

// "sign", "rule.sign" and "rule staff.sign" all name the same setting.
bool named_by(const Line& line, std::string_view key)
{
    return key == line.key || key == line.section + "." + line.key || key == line.title() + "." + line.key;
}

base::Result<> check_key(const std::string& key)
{
    const auto dot = key.rfind('.');
    const std::string bare = dot == std::string::npos ? key : key.substr(dot + 1);
    const std::string section = dot == std::string::npos ? "" : key.substr(0, std::min(dot, key.find(' ')));
    std::string near;
    bool known_section = section.empty();
    for (const auto& spec : policy::schema()) {
        if (!section.empty() && spec.section != section) continue;
        known_section = true;
        if (spec.key == bare) return {};
        if (near.empty()) near = policy::nearest_key(spec.section, bare);
    }
    if (!known_section)
        return base::fail(Code::usage, "", "there is no section \"" + section + "\"",
                          "see: smimectl config -d");
    return base::fail(Code::usage, "", "unknown key \"" + bare + "\"",
                      near.empty() ? "see: smimectl config -d" : "did you mean \"" + near + "\"?");
}

// The whole as the text of a configuration file; what is not set and has no
// default is left out, since "key =" would mean something else there.
std::string as_file(const std::vector<Line>& lines, bool empty_too)
{
    std::string out, title;
    for (const auto& line : lines) {
        if (line.value.empty() && line.where.empty() && !empty_too) continue;
        if (line.title() != title) {
            out += (out.empty() ? "[" : "\n[") + line.title() + "]\n";
            title = line.title();
        }
        out += line.key + " =" + (line.value.empty() ? "" : " " + line.value) + "\n";
    }
    return out;
}

struct ConfigOptions {
    bool set = false;
    bool defaults = false;
    bool json = false;
    std::optional<std::string> key;
};

base::Result<int> run_config(const ConfigOptions& options, const Global& global)
{
    if (options.set && options.defaults)
        return base::fail(Code::usage, "", "-n and -d exclude each other", "see: smimectl config --help");
    if (options.key)
        if (auto ok = check_key(*options.key); !ok) return base::fail(ok.error());
    std::vector<Line> lines;
    if (options.defaults) {
        lines = default_lines();
    } else {
        std::vector<base::Problem> problems;
        const auto config = policy::load_config(global.config, problems);
        if (report(problems, false) > 0 || !config) return exit_configuration;
        lines = lines_of(*config, options.set);
    }
    std::string text;
    if (options.key) {
        std::erase_if(lines, [&](const Line& line) { return !named_by(line, *options.key); });
        for (const auto& line : lines)
            text +=
                line.title() + "." + line.key + " =" + (line.value.empty() ? "" : " " + line.value) + "\n";
    } else {
        text = as_file(lines, options.defaults);
    }
    if (!options.json) {
        if (auto ok = write_out(text); !ok) return base::fail(ok.error());
        return exit_yes;
    }
    Json list = Json::array();
    for (const auto& line : lines)
        list.push_back({{"section", line.section},
                        {"name", line.name},
                        {"key", line.key},
                        {"value", line.value},
                        {"where", line.where}});
    if (auto ok = write_json({{"settings", list}}); !ok) return base::fail(ok.error());
    return exit_yes;
}

}  // namespace

Run configtest(Options& options, const Global& global)
{
    auto o = std::make_shared<ConfigtestOptions>();
    options.flag("--strict", o->strict, "warnings count as errors");
    options.flag("-q,--quiet", o->quiet, "errors only");
    options.flag("--json", o->json, "one JSON object");
    return [o, &global] { return run_configtest(*o, global); };
}

Run config(Options& options, const Global& global)
{
    auto o = std::make_shared<ConfigOptions>();
    options.flag("-n", o->set, "only what the files set");
    options.flag("-d", o->defaults, "the defaults, without reading any file");
    options.flag("--json", o->json, "one JSON object");
    options.optional_argument("KEY", o->key, "only this key: sign, rule.sign, \"rule staff.sign\"");
    return [o, &global] { return run_config(*o, global); };
}

}  // namespace ctl
