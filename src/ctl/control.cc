// status, reload: a question to the running daemon over its control socket.
#include "ctl/control.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>

#include "ctl/command.h"
#include "ctl/output.h"
#include "policy/config.h"

namespace ctl
{
namespace
{

using base::Code;
using std::chrono::steady_clock;

constexpr auto patience = std::chrono::seconds(30);  // a reload parses every key
constexpr auto pause = std::chrono::seconds(2);      // between two answers of --watch
constexpr std::size_t max_answer = 1U << 20;

class Socket
{
public:
    Socket() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket()
    {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int fd() const { return fd_; }

private:
    int fd_;
};

base::Result<> wait_for(int fd, short events, steady_clock::time_point until, const std::string& path)
{
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now()).count();
        pollfd p{fd, events, 0};
        const int n = left <= 0 ? 0 : ::poll(&p, 1, static_cast<int>(left));
        if (n > 0) return {};
        if (n == 0) return base::fail(Code::temporary, path, "the daemon does not answer", "see its log");
        if (errno != EINTR) return base::fail(Code::io, path, std::string("cannot wait: ") + strerror(errno));
    }
}

base::Result<> connect_to(int fd, const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return base::fail(Code::configuration, path, "too long for a socket", "shorten control_socket");
    path.copy(address.sun_path, path.size());
    if (fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return {};
    if (errno == EACCES || errno == EPERM)
        return base::fail(Code::permission, path, std::string("cannot connect: ") + strerror(errno),
                          "run smimectl as root or as the daemon's user");
    const int error = errno;
    struct stat status{};
    if (stat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode))
        return base::fail(Code::unavailable, path, "is not a socket",
                          "name the daemon's control socket with --socket PATH, or set control_socket");
    return base::fail(Code::unavailable, path, std::string("no daemon listens: ") + strerror(error),
                      "start it, or see: systemctl status smime-milter");
}

}  // namespace

base::Result<std::string> ask_daemon(const std::string& path, std::string_view question)
{
    const Socket socket;
    const auto until = steady_clock::now() + patience;
    if (auto ok = connect_to(socket.fd(), path); !ok) return base::fail(ok.error());
    const auto lost = [&] {
        return base::fail(Code::unavailable, path, std::string("the daemon is gone: ") + strerror(errno),
                          "see its log");
    };
    while (!question.empty()) {
        const ssize_t n = ::send(socket.fd(), question.data(), question.size(), MSG_NOSIGNAL);
        if (n >= 0) {
            question.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            if (auto ok = wait_for(socket.fd(), POLLOUT, until, path); !ok) return base::fail(ok.error());
        } else if (errno != EINTR) {
            return lost();
        }
    }
    std::string answer;
    char block[4096];
    while (answer.size() < max_answer) {
        const ssize_t n = ::recv(socket.fd(), block, sizeof block, 0);
        if (n == 0) break;
        if (n > 0) {
            answer.append(block, static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            if (auto ok = wait_for(socket.fd(), POLLIN, until, path); !ok) return base::fail(ok.error());
        } else if (errno != EINTR) {
            return lost();
        }
    }
    if (answer.empty())
        return base::fail(Code::unavailable, path, "the daemon gave no answer", "see its log");
    if (!answer.ends_with('\n')) answer += '\n';
    return answer;
}

namespace
{

struct ControlOptions {
    std::optional<std::string> socket;
    bool watch = false;
};

base::Result<std::string> socket_of(const ControlOptions& options, const Global& global)
{
    std::string path;
    if (options.socket) {
        path = *options.socket;
    } else {
        std::vector<base::Problem> problems;
        const auto config = policy::load_config(global.config, problems);
        if (report(problems, false) > 0 || !config)
            return base::fail(Code::configuration, global.config, "cannot be used",
                              "mend it, or name the daemon's control socket with --socket PATH");
        path = config->control_socket;
    }
    if (path.starts_with("unix:")) path.erase(0, 5);
    if (path.empty())
        return base::fail(Code::configuration, global.config, "control_socket is empty",
                          "set it in [milter] and restart smime-milter");
    return path;
}

base::Result<int> run(const ControlOptions& options, const Global& global, std::string_view question)
{
    const auto path = socket_of(options, global);
    if (!path) return base::fail(path.error());
    while (true) {
        const auto answer = ask_daemon(*path, question);
        if (!answer) return base::fail(answer.error());
        const bool refused = answer->starts_with("error");
        if (auto ok = write_out(*answer); !ok) return base::fail(ok.error());
        if (!options.watch) return refused ? exit_no : exit_yes;
        if (auto ok = write_out("\n"); !ok) return base::fail(ok.error());
        std::this_thread::sleep_for(pause);
    }
}

void add_socket(Options& options, ControlOptions& into)
{
    options.value("--socket", into.socket, "PATH", "default: control_socket of the configuration");
}

}  // namespace

Run status(Options& options, const Global& global)
{
    auto o = std::make_shared<ControlOptions>();
    add_socket(options, *o);
    options.flag("--watch", o->watch, "again every two seconds, until interrupted");
    return [o, &global] { return run(*o, global, "status\n"); };
}

Run reload(Options& options, const Global& global)
{
    auto o = std::make_shared<ControlOptions>();
    add_socket(options, *o);
    return [o, &global] { return run(*o, global, "reload\n"); };
}

}  // namespace ctl
