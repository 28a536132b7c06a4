#include "ctl/options.h"

#include <algorithm>
#include <map>

// CLI11 is header-only; GCC 12 sees null pointers where its vectors grow.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnull-dereference"
#include <CLI/CLI.hpp>

#include "cms/library.h"
#include "config.h"
#include "ctl/command.h"
#include "ctl/output.h"
#include "milter/version.h"
#include "policy/config.h"
#include "policy/schema.h"

namespace ctl
{

Options& Options::flag(const char* names, bool& into, const char* help)
{
    app_->add_flag(names, into, help)->disable_flag_override();
    return *this;
}

Options& Options::value(const char* names, std::optional<std::string>& into, const char* value_name,
                        const char* help)
{
    app_->add_option_function<std::string>(
            names, [&into](const std::string& given) { into = given; }, help)
        ->type_name(value_name);
    return *this;
}

Options& Options::required(const char* names, std::string& into, const char* value_name, const char* help)
{
    app_->add_option(names, into, help)->type_name(value_name)->required();
    return *this;
}

Options& Options::values(const char* names, std::vector<std::string>& into, const char* value_name,
                         const char* help)
{
    // Without this an option would swallow every argument up to the next one.
    app_->add_option(names, into, help)->type_name(value_name)->allow_extra_args(false);
    return *this;
}

Options& Options::choice(const char* names, std::string& into, std::vector<std::string> words,
                         const char* help)
{
    std::string shown;
    for (const auto& word : words) shown += (shown.empty() ? "" : "|") + word;
    const auto check = [words = std::move(words), shown](const std::string& given) {
        const bool known = std::find(words.begin(), words.end(), given) != words.end();
        return known ? std::string() : "\"" + given + "\" is not one of " + shown;
    };
    app_->add_option(names, into, help)->check(CLI::Validator(check, "", ""))->type_name(shown);
    return *this;
}

Options& Options::argument(const char* name, std::string& into, const char* help)
{
    app_->add_option(name, into, help)->type_name("")->required();
    return *this;
}

Options& Options::optional_argument(const char* name, std::optional<std::string>& into, const char* help)
{
    app_->add_option_function<std::string>(
            name, [&into](const std::string& given) { into = given; }, help)
        ->type_name("");
    return *this;
}

namespace
{

constexpr const char* footer =
    "\nMESSAGE is a file or \"-\" for standard input.\n"
    "Exit status: 0 yes; 1 no; 2 not signed; 64 and up as in sysexits(3).\n"
    "See smimectl(1).";

using Runs = std::map<const CLI::App*, Run>;

void define(CLI::App& parent, std::span<const Command> table, const Global& global, Runs& runs)
{
    for (const Command& command : table) {
        auto* app = parent.add_subcommand(std::string(command.name), std::string(command.summary));
        app->fallthrough();
        if (command.define == nullptr) {
            app->require_subcommand(1);
            define(*app, command.group, global, runs);
        } else {
            Options options(*app);
            runs[app] = command.define(options, global);
        }
    }
}

// The innermost command that was named; nullptr when none was.
const CLI::App* chosen(const CLI::App& app)
{
    const CLI::App* deepest = nullptr;
    for (const CLI::App* next = &app; !next->get_subcommands().empty();) {
        next = next->get_subcommands().front();
        deepest = next;
    }
    return deepest;
}

std::string unknown_command(const CLI::App& app, const CLI::App* reached, int argc, char** argv)
{
    const CLI::App& group = reached == nullptr ? app : *reached;
    bool skip = reached != nullptr;  // words up to the group's own name
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "-c" || word == "--config") {
            ++i;
        } else if (skip) {
            skip = word != group.get_name();
        } else if (!word.starts_with('-')) {
            std::vector<std::string> names;
            for (const CLI::App* command : group.get_subcommands([](const CLI::App*) { return true; }))
                names.push_back(command->get_name());
            const std::vector<std::string_view> known(names.begin(), names.end());
            const auto near = policy::nearest(word, known);
            return "unknown command \"" + word + "\"" +
                   (near.empty() ? "" : " (did you mean \"" + std::string(near) + "\"?)");
        }
    }
    return reached == nullptr ? "no command given" : "no command given after " + group.get_name();
}

// All names an option of the command, or of the program, has: "--to", "-c".
std::vector<std::string> option_names(const CLI::App& app)
{
    std::vector<std::string> names;
    for (const CLI::App* level = chosen(app); level != nullptr; level = level->get_parent())
        for (const CLI::Option* option : level->get_options()) {
            for (const auto& name : option->get_lnames()) names.push_back("--" + name);
            for (const auto& name : option->get_snames()) names.push_back("-" + name);
        }
    return names;
}

// The words that nothing takes: an option that does not exist, before all else.
std::string unexpected(const CLI::App& app, int argc, char** argv, const std::string& text)
{
    const auto names = option_names(app);
    for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
        const std::string_view given = argv[i];
        const std::string word(given.substr(0, given.find('=')));
        if (word.size() < 2 || word.front() != '-' ||
            std::find(names.begin(), names.end(), word) != names.end())
            continue;
        // "-qn" is two options, of which CLI11 names the one it does not know.
        if (text.find(word) == std::string::npos) continue;
        const std::vector<std::string_view> known(names.begin(), names.end());
        const auto near = policy::nearest(word, known);
        return "unknown option \"" + word + "\"" +
               (near.empty() ? "" : " (did you mean \"" + std::string(near) + "\"?)");
    }
    const auto after = text.rfind(": ");
    return "unexpected argument \"" + (after == std::string::npos ? text : text.substr(after + 2)) + "\"";
}

// CLI11's texts in this program's words.
std::string describe(const CLI::ParseError& e, const CLI::App& app, int argc, char** argv)
{
    std::string text = e.what();
    const CLI::App* command = chosen(app);
    const bool wants_command = command == nullptr || !command->get_subcommands(nullptr).empty();
    if (wants_command && (dynamic_cast<const CLI::RequiredError*>(&e) != nullptr ||
                          dynamic_cast<const CLI::ExtrasError*>(&e) != nullptr)) {
        const std::string found = unknown_command(app, command, argc, argv);
        if (dynamic_cast<const CLI::RequiredError*>(&e) != nullptr || found.starts_with("unknown"))
            return found;
    }
    if (const auto* extras = dynamic_cast<const CLI::ExtrasError*>(&e); extras != nullptr)
        return unexpected(app, argc, argv, text);
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&e) != nullptr)
        return text.substr(0, text.find(':')) +
               (text.find("missing") != std::string::npos ? ": its value is missing" : ": given twice");
    return text;
}

std::string help_command(const CLI::App& app)
{
    const CLI::App* command = chosen(app);
    std::string words;
    for (; command != nullptr && command != &app; command = command->get_parent())
        words = " " + command->get_name() + words;
    return "smimectl" + words + " --help";
}

// CLI11 takes "--name=" for an option whose value is the next argument; here it
// is an empty value (the null sender, for one).
std::vector<std::string> arguments(int argc, char** argv)
{
    std::vector<std::string> out;
    bool options = true;
    for (int i = 1; i < argc; ++i) {
        std::string word = argv[i];
        options = options && word != "--";
        const bool empty_value = options && word.starts_with("--") && word.find('=') == word.size() - 1;
        if (empty_value) word.pop_back();
        out.push_back(std::move(word));
        if (empty_value) out.emplace_back();
    }
    std::reverse(out.begin(), out.end());  // as CLI11 wants them
    return out;
}

}  // namespace

base::Result<int> run_command_line(std::span<const Command> table, int argc, char** argv)
{
    CLI::App app{"the administrator's tool of smime-milter", "smimectl"};
    Global global{policy::default_config_file, false};
    Runs runs;
    app.add_option_function<std::string>(
           "-c,--config", [&global](const std::string& file) { global = Global{file, true}; },
           std::string("configuration, default ") + policy::default_config_file)
        ->type_name("FILE");
    app.set_version_flag("--version", "smimectl " PACKAGE_VERSION "\n" + cms::library_version() +
                                          "\nlibmilter " + milter::headers_version());
    app.get_formatter()->column_width(34);
    app.require_subcommand(1);
    define(app, table, global, runs);
    app.footer(footer);  // after the commands, which would inherit it
    try {
        app.parse(arguments(argc, argv));
    } catch (const CLI::Success& e) {  // --help, --version
        std::ostringstream text;
        app.exit(e, text, text);
        if (auto written = write_out(text.str()); !written) return base::fail(written.error());
        return exit_yes;
    } catch (const CLI::ParseError& e) {
        return base::fail(base::Code::usage, "", describe(e, app, argc, argv), "see: " + help_command(app));
    }
    return runs.at(chosen(app))();
}

}  // namespace ctl
#pragma GCC diagnostic pop
