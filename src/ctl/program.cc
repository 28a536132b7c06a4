#include "ctl/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace ctl
{
namespace
{

using base::Code;
using Steady = std::chrono::steady_clock;

constexpr auto patience = std::chrono::seconds(30);
constexpr std::size_t most = 1U << 20;

// Reads until the end of file; false when it took too long.
bool read_all(int fd, std::string& out)
{
    const auto until = Steady::now() + patience;
    std::array<char, 4096> block{};
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - Steady::now()).count();
        pollfd p{fd, POLLIN, 0};
        const int ready = left <= 0 ? 0 : ::poll(&p, 1, static_cast<int>(left));
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) return false;
        const ssize_t n = ::read(fd, block.data(), block.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return true;
        if (out.size() < most) out.append(block.data(), static_cast<std::size_t>(n));
    }
}

int start(const std::string& program, const std::vector<std::string>& words, int out, bool quiet, pid_t& pid)
{
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (quiet) posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    const int error = posix_spawnp(&pid, program.c_str(), &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

base::Result<Ran> run(const std::vector<std::string>& words, bool quiet)
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return base::fail(Code::temporary, "", std::string("no pipe: ") + std::strerror(errno));
    pid_t pid = 0;
    int error = ENOENT;
    // PATH of an ordinary user lacks the programs of the administrator.
    for (const char* directory : {"", "/usr/sbin/", "/sbin/"}) {
        if (error == 0 || (*directory != '\0' && words.front().find('/') != std::string::npos)) break;
        error = start(directory + words.front(), words, ends[1], quiet, pid);
    }
    ::close(ends[1]);
    if (error != 0) {
        ::close(ends[0]);
        return base::fail(Code::unavailable, words.front(),
                          std::string("cannot be run: ") + std::strerror(error));
    }
    Ran ran;
    const bool ended = read_all(ends[0], ran.out);
    ::close(ends[0]);
    if (!ended) ::kill(pid, SIGKILL);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!ended) return base::fail(Code::temporary, words.front(), "does not end");
    ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return ran;
}

}  // namespace

base::Result<Ran> run_program(const std::vector<std::string>& words) { return run(words, false); }
base::Result<Ran> run_quietly(const std::vector<std::string>& words) { return run(words, true); }

}  // namespace ctl
