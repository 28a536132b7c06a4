// Who else may put certificates where they are trusted.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace store
{

enum class Writers {
    of_files,      // the path, and where it is a directory every file in it
    of_directory,  // the directory alone: its files are looked at elsewhere
};

// An error for what everybody may write, since whoever adds a file there is trusted; a
// warning for what a group other than root's may write.  The path itself and the first
// of its files are named, the others counted.  What is not there is somebody else's news.
void report_writers(const std::string& path, Writers which, std::vector<base::Problem>& problems);

// The same for files of one directory that are looked at one after the other.
class FileWriters
{
public:
    void add(const std::string& path, const struct stat& status);
    // One for all of them; nothing: only their owners may write to them.
    [[nodiscard]] std::optional<base::Problem> problem() const;

private:
    std::optional<base::Problem> worst_;
    std::size_t more_ = 0;
};

}  // namespace store
