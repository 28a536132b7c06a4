// status, reload: a question to the running daemon over its control socket.
#include "ctl/control.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>

#include "base/file.h"
#include "ctl/command.h"
#include "ctl/output.h"
#include "ctl/status.h"
#include "policy/config.h"
#include "policy/config_parse.h"

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
    bool json = false;
};

// What can be read of control_socket where something else is wrong, else its default.
std::string broken_configuration_socket(const std::string& file)
{
    constexpr std::size_t largest = 16U << 20;
    std::vector<policy::SourceFile> sources;
    const auto add = [&](const std::string& name) {
        if (auto content = base::read_file(name, largest)) sources.push_back({name, std::move(*content)});
    };
    add(file);
    const auto slash = file.rfind('/');
    const std::string directory =
        (slash == std::string::npos ? std::string() : file.substr(0, slash + 1)) + "conf.d";
    if (const auto names = base::list_directory(directory))
        for (const auto& name : *names)
            if (name.ends_with(".conf")) add(directory + "/" + name);
    std::vector<base::Problem> told_already;
    return policy::parse_config(sources, told_already).config.control_socket;
}

base::Result<std::string> socket_of(const ControlOptions& options, const Global& global)
{
    std::string path;
    if (options.socket) {
        path = *options.socket;
    } else {
        std::vector<base::Problem> problems;
        const auto config = policy::load_config(global.config, problems);
        path = config ? config->control_socket : broken_configuration_socket(global.config);
        // The daemon goes on with what it has loaded, and is asked all the same.
        if (!config) {
            report(problems, false);
            remark("warning: " + global.config + " cannot be used as it is now; asking at " + path +
                   " (else name the daemon's control socket with --socket PATH)");
        }
    }
    if (path.starts_with("unix:")) path.erase(0, 5);
    if (path.empty())
        return base::fail(Code::configuration, global.config, "control_socket is empty",
                          "set it in [milter] and restart smime-milter");
    return path;
}

base::Result<int> ask_once(const ControlOptions& options, const Global& global, std::string_view question)
{
    const auto path = socket_of(options, global);
    if (!path) return base::fail(path.error());
    const auto answer = ask_daemon(*path, question);
    if (!answer) return base::fail(answer.error());
    if (auto ok = write_out(*answer); !ok) return base::fail(ok.error());
    return answer->starts_with("error") ? exit_no : exit_yes;
}

volatile std::sig_atomic_t interrupted = 0;

void interrupt(int) { interrupted = 1; }

// From here on Ctrl-C ends what is going on in good order.
void let_interrupts_end_it()
{
    struct sigaction action{};
    action.sa_handler = interrupt;
    for (const int signal : {SIGINT, SIGTERM}) (void)sigaction(signal, &action, nullptr);
}

bool wait_or_interrupt()
{
    const auto until = steady_clock::now() + pause;
    while (interrupted == 0 && steady_clock::now() < until)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return interrupted == 0;
}

// Shows one answer after the other: on a terminal each in the place of the one before,
// never more than it has room for; else each below the one before.
class Screen
{
public:
    explicit Screen(const ControlOptions& options)
        : options_(options), in_place_(options.watch && !options.json && isatty(STDOUT_FILENO) == 1)
    {
    }

    base::Result<> show(const std::string& answer)
    {
        auto status = parse_status(answer);
        if (!status) return put(answer);
        if (options_.json) {
            constexpr int indent = 2;
            return write_out(to_json(*status).dump(options_.watch ? -1 : indent, ' ', false,
                                                   Json::error_handler_t::replace) +
                             "\n");
        }
        auto shown = put(picture(*status, before_ ? &*before_ : nullptr, room().ws_row));
        before_ = std::move(status);
        return shown;
    }

    base::Result<> put(const std::string& text)
    {
        if (!in_place_) {
            const bool first = std::exchange(first_, false);
            return write_out(first ? text : "\n" + text);
        }
        const auto width = room().ws_col;
        std::string out = std::exchange(first_, false) ? "\x1b[2J\x1b[H" : "\x1b[H";
        std::string_view rest = text;
        while (!rest.empty()) {
            const auto end = std::min(rest.find('\n'), rest.size());
            // Cut by octets: of text beyond ASCII a little less is seen.
            auto line = rest.substr(0, std::min<std::size_t>(end, width));
            while (line.size() < end && !line.empty() &&
                   (static_cast<unsigned char>(rest[line.size()]) & 0xc0) == 0x80)
                line.remove_suffix(1);
            out.append(line).append("\x1b[K\n");
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
        return write_out(out + "\x1b[J");
    }

private:
    // Lines and columns, the last line left to the cursor.
    [[nodiscard]] winsize room() const
    {
        winsize size{};
        if (!in_place_) return {0xffff, 0xffff, 0, 0};
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < 2 || size.ws_col == 0)
            return {23, 80, 0, 0};
        --size.ws_row;
        return size;
    }

    const ControlOptions& options_;
    bool in_place_;
    bool first_ = true;
    std::optional<DaemonStatus> before_;
};

base::Result<int> show_status(const ControlOptions& options, const Global& global)
{
    const auto path = socket_of(options, global);
    if (!path) return base::fail(path.error());
    Screen screen(options);
    if (options.watch) let_interrupts_end_it();
    for (bool first = true;; first = false) {
        const auto answer = ask_daemon(*path, "status\n");
        // Once it has been there, it may be on its way to a restart.
        if (!answer && (first || options.json)) return base::fail(answer.error());
        const auto shown = answer ? screen.show(*answer) : screen.put(answer.error().text() + "\n");
        if (!shown) return base::fail(shown.error());
        if (!options.watch) return answer->starts_with("error") ? exit_no : exit_yes;
        if (!wait_or_interrupt()) return exit_yes;
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
    options.flag("--json", o->json, "a JSON object; with --watch one a line");
    return [o, &global] { return show_status(*o, global); };
}

Run reload(Options& options, const Global& global)
{
    auto o = std::make_shared<ControlOptions>();
    add_socket(options, *o);
    return [o, &global] { return ask_once(*o, global, "reload\n"); };
}

}  // namespace ctl
