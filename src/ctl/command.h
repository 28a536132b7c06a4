// What a command of smimectl is: a name, its options, and what it does.
//
// A command writes its answer to stdout in one go and gives back its exit
// status; an Error becomes a line on stderr and its Code the exit status.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "ctl/options.h"

namespace ctl
{

// Exit statuses beside those of sysexits(3), which base::Code holds.
inline constexpr int exit_yes = 0;
inline constexpr int exit_no = 1;              // not valid, no rule, refused
inline constexpr int exit_not_applicable = 2;  // not signed
inline constexpr int exit_configuration = static_cast<int>(base::Code::configuration);

using Run = std::function<base::Result<int>()>;

// Binds the command's options to variables that the returned Run owns.
using Define = Run (*)(Options& options, const Global& global);

// One entry of the table in main.cc: either something to do or a group.
struct Command {
    std::string_view name;
    std::string_view summary;
    Define define = nullptr;
    std::span<const Command> group = {};
};

// --- one file each, or a few that belong together ---
Run configtest(Options& options, const Global& global);
Run config(Options& options, const Global& global);
Run explain(Options& options, const Global& global);
Run process(Options& options, const Global& global);
Run sign(Options& options, const Global& global);
Run verify(Options& options, const Global& global);
Run strip(Options& options, const Global& global);
Run reencapsulate(Options& options, const Global& global);
Run encrypt(Options& options, const Global& global);
Run decrypt(Options& options, const Global& global);
Run inspect(Options& options, const Global& global);
Run cert_check(Options& options, const Global& global);
Run cert_import(Options& options, const Global& global);
Run cert_list(Options& options, const Global& global);
Run cert_show(Options& options, const Global& global);
Run cert_export(Options& options, const Global& global);
Run cert_remove(Options& options, const Global& global);
Run cert_expiry(Options& options, const Global& global);
Run cert_pending(Options& options, const Global& global);
Run cert_approve(Options& options, const Global& global);
Run cert_reject(Options& options, const Global& global);
Run cert_backup(Options& options, const Global& global);
Run test_ca_init(Options& options, const Global& global);
Run test_ca_issue(Options& options, const Global& global);
Run setup_postfix(Options& options, const Global& global);
Run setup_sendmail(Options& options, const Global& global);
Run send_test(Options& options, const Global& global);
Run doctor(Options& options, const Global& global);
Run status(Options& options, const Global& global);
Run reload(Options& options, const Global& global);

}  // namespace ctl
