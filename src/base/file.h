// Files, with the checks that keys deserve.  Every error names the file, what
// was found and the command that mends it; where permission is missing also whose
// the file, or the directory on the way to it, is.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/octets.h"
#include "base/result.h"

namespace base
{

enum class Secrecy {
    open,    // anybody may read it (certificates, configuration)
    secret,  // refused when others may read it, or group or others may write it
};

// What Secrecy::secret would refuse the file for; success for what is not there.
[[nodiscard]] Result<> check_secrecy(const std::string& path);

// The whole regular file, at most `limit` octets.  With Secrecy::secret the
// mode of the opened descriptor counts: group-readable is allowed (0640
// root:smime-milter), anything for others or group-writable is refused.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t limit,
                                            Secrecy secrecy = Secrecy::open);

// Names (not paths) of entries that are not directories, sorted; hidden ones left out.
[[nodiscard]] Result<std::vector<std::string>> list_directory(const std::string& path);

// Tells one state of a file from another, as far as stat(2) can; nothing when it is not
// there.  A changed inode counts as well.
struct Stamp {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t modified = 0, changed = 0;  // nanoseconds since 1970
    friend bool operator==(const Stamp&, const Stamp&) = default;
};
[[nodiscard]] std::optional<Stamp> stamp_of(const std::string& path);
[[nodiscard]] Stamp stamp_of(const struct stat& status);

[[nodiscard]] bool is_directory(const std::string& path);

// The path without symbolic links, "." and ".."; where nothing is there, as far as
// its text alone says.
[[nodiscard]] std::string resolved_path(const std::string& path);

// Whose group a new file gets.
enum class Group {
    ours,
    of_directory,  // if we may: somebody else than root may not
};

// Writes beside the target and renames: the target is whole or unchanged.  Whoever may
// write to the directory cannot make this change anything elsewhere.
[[nodiscard]] Result<> write_file(const std::string& path, Octets content, unsigned mode,
                                  Group group = Group::ours);

// The same, but what has that name already stays, also when it has come this moment.
[[nodiscard]] Result<> create_file(const std::string& path, Octets content, unsigned mode,
                                   Group group = Group::ours);

}  // namespace base
