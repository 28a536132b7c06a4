#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

namespace base
{
namespace
{

class Descriptor
{
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor()
    {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }

private:
    int fd_;
};

Code code_for(int error)
{
    switch (error) {
        case ENOENT:
        case ENOTDIR: return Code::no_input;
        case EACCES:
        case EPERM: return Code::permission;
        default: return Code::io;
    }
}

// "alice", or the number when it has no name.
template <class Entry, class Id>
std::string name_of(Id id, int (*look_up)(Id, Entry*, char*, std::size_t, Entry**), char* Entry::* name)
{
    std::vector<char> buffer(16'384);
    Entry entry{};
    Entry* found = nullptr;
    if (look_up(id, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return std::to_string(id);
    return entry.*name;
}

std::string user_name(uid_t id) { return name_of(id, getpwuid_r, &passwd::pw_name); }
std::string group_name(gid_t id) { return name_of(id, getgrgid_r, &group::gr_name); }

// Why this process may not read it, and who would have to change what: the first
// directory on the way that keeps it out, else the file itself.
tl::unexpected<Error> denied(const std::string& path)
{
    std::string blamed = path;
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
        const std::string directory = path.substr(0, slash);
        if (faccessat(AT_FDCWD, directory.c_str(), X_OK, AT_EACCESS) == 0) continue;
        blamed = directory;
        break;
    }
    const std::string reader = user_name(geteuid());
    struct stat st{};
    if (stat(blamed.c_str(), &st) != 0)
        return fail(Code::permission, path, "cannot open: " + reader + " has no permission");
    char mode[16];
    std::snprintf(mode, sizeof mode, "%04o", st.st_mode & 07777U);
    return fail(Code::permission, path,
                "cannot open: " + (blamed == path ? "it" : blamed) + " belongs to " + user_name(st.st_uid) +
                    ":" + group_name(st.st_gid) + ", mode " + mode + ", and " + reader + " has no permission",
                "run: chgrp " + group_name(getegid()) + " " + blamed + " && chmod " +
                    (S_ISDIR(st.st_mode) ? "750 " : "640 ") + blamed);
}

tl::unexpected<Error> system_failure(const std::string& path, std::string_view doing)
{
    const int error = errno;
    if (error == EACCES) return denied(path);
    return fail(code_for(error), path, std::string(doing) + ": " + std::strerror(error));
}

Result<> check_secret(const std::string& path, const struct stat& st)
{
    const unsigned mode = st.st_mode & 07777;
    if ((mode & 0027) == 0) return {};
    char text[128];
    std::snprintf(text, sizeof text, "mode %04o: %s", mode,
                  (mode & 0004) != 0   ? "readable by others"
                  : (mode & 0002) != 0 ? "writable by others"
                  : (mode & 0020) != 0 ? "writable by its group"
                                       : "accessible by others");
    return fail(Code::permission, path, text, "run: chmod 640 " + path);
}

}  // namespace

Result<> check_secrecy(const std::string& path)
{
    struct stat st{};
    if (::stat(path.c_str(), &st) != 0) return {};
    return check_secret(path, st);
}

Result<std::string> read_file(const std::string& path, std::size_t limit, Secrecy secrecy)
{
    // O_NONBLOCK: a FIFO put in the place of a file must not hang the daemon.
    const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (fd.get() < 0) return system_failure(path, "cannot open");
    struct stat st{};
    if (fstat(fd.get(), &st) != 0) return system_failure(path, "cannot examine");
    if (!S_ISREG(st.st_mode)) return fail(Code::no_input, path, "not a regular file");
    if (secrecy == Secrecy::secret) {
        if (auto ok = check_secret(path, st); !ok) return fail(ok.error());
    }
    std::string content(std::min(static_cast<std::size_t>(std::max<off_t>(st.st_size, 0)), limit) + 1, '\0');
    // What is not given to the caller may be part of a secret.
    const auto wipe = [secrecy](std::string& text) {
        if (secrecy == Secrecy::secret) explicit_bzero(text.data(), text.size());
    };
    std::size_t used = 0;
    while (true) {
        const ssize_t n = ::read(fd.get(), content.data() + used, content.size() - used);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            const auto failure = system_failure(path, "cannot read");
            wipe(content);
            return failure;
        }
        if (n == 0) break;
        used += static_cast<std::size_t>(n);
        if (used > limit) {
            wipe(content);
            return fail(Code::data, path, "larger than " + std::to_string(limit) + " octets");
        }
        if (used < content.size()) continue;
        // It has grown since, or has no size, as in /proc.
        std::string more(std::min(std::max<std::size_t>(2 * used, 4096), limit) + 1, '\0');
        std::copy(content.begin(), content.end(), more.begin());
        wipe(content);
        content = std::move(more);
    }
    content.resize(used);
    return content;
}

std::optional<Stamp> stamp_of(const std::string& path)
{
    struct stat st{};
    if (::stat(path.c_str(), &st) != 0) return std::nullopt;
    return stamp_of(st);
}

Stamp stamp_of(const struct stat& status)
{
    const auto nanoseconds = [](const timespec& t) {
        return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
    };
    return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
            nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
}

Result<std::vector<std::string>> list_directory(const std::string& path)
{
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(path.c_str()), closedir);
    if (dir == nullptr) return system_failure(path, "cannot open directory");
    std::vector<std::string> names;
    while (const dirent* entry = readdir(dir.get())) {
        const std::string name = entry->d_name;
        if (name.starts_with('.') || entry->d_type == DT_DIR) continue;
        // Asking for each of a hundred thousand files takes longer than reading their names.
        if (entry->d_type != DT_REG && is_directory(path + "/" + name)) continue;
        names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::string resolved_path(const std::string& path)
{
    std::error_code error;
    const auto resolved = std::filesystem::canonical(path, error);
    return error ? std::filesystem::path(path).lexically_normal().string() : resolved.string();
}

bool is_directory(const std::string& path)
{
    struct stat st{};
    return stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

namespace
{

// Gives the file its name; 0, or what errno was (which closing a descriptor may change).
using Naming = int (*)(int directory, const char* temporary, const char* name);

int replace(int directory, const char* temporary, const char* name)
{
    return renameat(directory, temporary, directory, name) == 0 ? 0 : errno;
}

int keep_what_is_there(int directory, const char* temporary, const char* name)
{
    if (renameat2(directory, temporary, directory, name, RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return errno;
    // Not every file system can do that, and of those that cannot not every one has hard links.
    if (linkat(directory, temporary, directory, name, 0) == 0) {
        unlinkat(directory, temporary, 0);
        return 0;
    }
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS) return errno;
    const Descriptor reserved(openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (reserved.get() < 0) return errno;
    const int error = replace(directory, temporary, name);
    if (error != 0) unlinkat(directory, name, 0);
    return error;
}

Result<> write_named(const std::string& path, Octets content, unsigned mode, Group group, Naming give_name)
{
    const auto slash = path.rfind('/');
    const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const std::string name = path.substr(slash + 1);  // npos + 1 is 0
    const auto cannot_create = [&] {
        return fail(Code::cannot_create, path, std::string("cannot create: ") + std::strerror(errno));
    };
    const Descriptor where(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct stat place{};
    if (where.get() < 0 || fstat(where.get(), &place) != 0) return cannot_create();
    std::uint64_t number = 0;
    if (getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) return cannot_create();
    const std::string temporary = name + "." + std::to_string(number);
    Descriptor fd(openat(where.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (fd.get() < 0) return cannot_create();
    const auto give_up = [&] {
        auto error = fail(Code::io, path, std::string("cannot write: ") + std::strerror(errno));
        unlinkat(where.get(), temporary.c_str(), 0);
        return error;
    };
    if (group == Group::of_directory && fchown(fd.get(), static_cast<uid_t>(-1), place.st_gid) != 0 &&
        errno != EPERM)
        return give_up();
    while (!content.empty()) {
        const ssize_t n = ::write(fd.get(), content.data(), content.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return give_up();
        content.remove_prefix(static_cast<std::size_t>(n));
    }
    if (fchmod(fd.get(), mode) != 0 || fsync(fd.get()) != 0) return give_up();
    if (::close(fd.release()) != 0) return give_up();
    const int error = give_name(where.get(), temporary.c_str(), name.c_str());
    if (error == 0) return {};
    errno = error;
    if (error != EEXIST) return give_up();
    unlinkat(where.get(), temporary.c_str(), 0);
    return fail(Code::cannot_create, path, "exists already", "remove it, or name another file");
}

}  // namespace

Result<> write_file(const std::string& path, Octets content, unsigned mode, Group group)
{
    return write_named(path, content, mode, group, replace);
}

Result<> create_file(const std::string& path, Octets content, unsigned mode, Group group)
{
    return write_named(path, content, mode, group, keep_what_is_there);
}

}  // namespace base
