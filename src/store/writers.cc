#include "store/writers.h"

#include <sys/stat.h>

#include "base/file.h"

namespace store
{
namespace
{

std::optional<base::Problem> judge(const std::string& path, const struct stat& st)
{
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
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return;
    if (auto problem = judge(path, status)) problems.push_back(std::move(*problem));
    if (which == Writers::of_directory || !S_ISDIR(status.st_mode)) return;
    const auto names = base::list_directory(path);
    if (!names) return;
    FileWriters files;
    for (const auto& name : *names) {
        const std::string file = path + "/" + name;
        if (::stat(file.c_str(), &status) == 0) files.add(file, status);
    }
    if (auto problem = files.problem()) problems.push_back(std::move(*problem));
}

void FileWriters::add(const std::string& path, const struct stat& status)
{
    auto problem = judge(path, status);
    if (!problem) return;
    more_ += worst_ ? 1 : 0;
    if (!worst_ || problem->severity > worst_->severity) worst_ = std::move(problem);
}

std::optional<base::Problem> FileWriters::problem() const
{
    auto out = worst_;
    if (more_ > 0) out->error.what += "; and " + std::to_string(more_) + " more in this directory";
    return out;
}

}  // namespace store
