// The command line.  CLI11 does the work, in options.cc and nowhere else.
//
// Long options take their value after "=" or a blank; "-" is an ordinary
// argument; "--" ends the options; an option that may be repeated takes one
// value each time.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace CLI
{
class App;
}

namespace ctl
{

// Options that every command understands, before or after its name.
struct Global {
    std::string config;         // of -c, else the default
    bool config_given = false;  // -c was there
};

// Declares one command's options.  The variables must outlive the parsing; they
// keep their value when the option is not given.  `value_name` is what --help shows.
class Options
{
public:
    explicit Options(CLI::App& app) : app_(&app) {}

    Options& flag(const char* names, bool& into, const char* help);
    Options& value(const char* names, std::optional<std::string>& into, const char* value_name,
                   const char* help);
    Options& required(const char* names, std::string& into, const char* value_name, const char* help);
    Options& values(const char* names, std::vector<std::string>& into, const char* value_name,
                    const char* help);
    // Exactly one of the words.
    Options& choice(const char* names, std::string& into, std::vector<std::string> words, const char* help);

    Options& argument(const char* name, std::string& into, const char* help);
    Options& optional_argument(const char* name, std::optional<std::string>& into, const char* help);

private:
    CLI::App* app_;
};

struct Command;

// Parses argv against the table and runs the command; --help and --version are
// answered here.  Code::usage for what the table does not know.
[[nodiscard]] base::Result<int> run_command_line(std::span<const Command> table, int argc, char** argv);

}  // namespace ctl
