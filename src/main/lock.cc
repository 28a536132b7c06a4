#include "main/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/ascii.h"

namespace daemon_main
{
namespace
{

std::string pid_in(int fd)
{
    char text[32];
    const ssize_t n = pread(fd, text, sizeof text, 0);
    if (n <= 0) return {};
    const auto pid = base::trim(std::string_view(text, static_cast<std::size_t>(n)));
    return std::all_of(pid.begin(), pid.end(), base::is_digit) ? std::string(pid) : std::string();
}

}  // namespace

InstanceLock::~InstanceLock()
{
    if (fd_ >= 0) close(fd_);
}

base::Result<InstanceLock> InstanceLock::acquire(const std::string& path, unsigned owner,
                                                 const std::string& remedy)
{
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0) {
        const int error = errno;
        struct stat status{};
        const bool there = lstat(path.c_str(), &status) == 0;
        return base::fail(base::Code::cannot_create, path,
                          std::string("cannot open the lock file: ") + std::strerror(error),
                          there ? "when no other smime-milter runs: rm " + path : remedy);
    }
    InstanceLock lock(fd);
    struct stat found{};
    if (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode) || found.st_nlink != 1)
        return base::fail(base::Code::cannot_create, path, "the lock file is not a file of its own",
                          "when no other smime-milter runs: rm " + path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return base::fail(base::Code::io, path, std::string("cannot lock: ") + std::strerror(errno));
        const std::string pid = pid_in(fd);
        return base::fail(base::Code::temporary, path,
                          "another smime-milter" + (pid.empty() ? std::string() : " (pid " + pid + ")") +
                              " is serving this socket",
                          "stop that one, or give this one a socket of its own");
    }
    const std::string pid = std::to_string(getpid()) + "\n";
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
        return base::fail(base::Code::io, path, std::string("cannot write: ") + std::strerror(errno));
    if (geteuid() == 0 && owner != 0 && fchown(fd, owner, static_cast<gid_t>(-1)) != 0)
        return base::fail(base::Code::io, path,
                          std::string("cannot change the owner: ") + std::strerror(errno));
    return lock;
}

}  // namespace daemon_main
