#include "store/writers.h"

#include <sys/stat.h>

#include <optional>

#include "base/file.h"

namespace store
{
namespace
{

std::optional<base::Problem> judge(const std::string& path)
{
    struct stat st{};
    if (::stat(path.c_str(), &st) != 0) return std::nullopt;
    const bool directory = S_ISDIR(st.st_mode);
    const std::string danger =
        directory ? "whoever adds a file there is trusted" : "whoever changes it is trusted";
    if ((st.st_mode & S_IWOTH) != 0)
        return base::Problem{
            base::Severity::error,
            {base::Code::permission, path, "writable by others: " + danger, "run: chmod o-w " + path}};
    if ((st.st_mode & S_IWGRP) != 0 && st.st_gid != 0)
        return base::Problem{
            base::Severity::warning,
            {base::Code::permission, path, "writable by its group: " + danger, "run: chmod g-w " + path}};
    return std::nullopt;
}

}  // namespace

void report_writers(const std::string& path, Writers which, std::vector<base::Problem>& problems)
{
    if (path.empty()) return;
    if (auto problem = judge(path)) problems.push_back(std::move(*problem));
    if (which == Writers::of_directory || !base::is_directory(path)) return;
    const auto names = base::list_directory(path);
    if (!names) return;
    std::optional<base::Problem> worst;
    std::size_t more = 0;
    for (const auto& name : *names) {
        auto problem = judge(path + "/" + name);
        if (!problem) continue;
        more += worst ? 1 : 0;
        if (!worst || problem->severity > worst->severity) worst = std::move(problem);
    }
    if (!worst) return;
    if (more > 0) worst->error.what += "; and " + std::to_string(more) + " more in this directory";
    problems.push_back(std::move(*worst));
}

}  // namespace store
