#include "main/control_socket.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>

#include "base/ascii.h"
#include "milter/endpoint.h"
#include "milter/preflight.h"

namespace daemon_main
{
namespace
{

using Steady = std::chrono::steady_clock;

constexpr std::size_t longest_request = 128;
constexpr auto request_patience = std::chrono::seconds(2);
constexpr auto answer_patience = std::chrono::seconds(5);

// Waits for `events` until the deadline.
bool ready(int fd, short events, Steady::time_point deadline)
{
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now());
        if (left.count() <= 0) return false;
        pollfd waiting{fd, events, 0};
        const int n = poll(&waiting, 1, static_cast<int>(left.count()));
        if (n > 0) return true;
        if (n == 0 || errno != EINTR) return false;
    }
}

// The line without its end; "" when none came in time.
std::string read_request(int fd)
{
    std::string line;
    const auto deadline = Steady::now() + request_patience;
    while (ready(fd, POLLIN, deadline)) {
        char octets[longest_request];
        const ssize_t n = recv(fd, octets, sizeof octets, MSG_DONTWAIT);
        if (n <= 0) break;
        line.append(octets, static_cast<std::size_t>(n));
        if (const auto end = line.find('\n'); end != std::string::npos)
            return std::string(base::trim(std::string_view(line).substr(0, end)));
        if (line.size() >= longest_request) break;
    }
    return {};
}

void write_answer(int fd, std::string_view text)
{
    const auto deadline = Steady::now() + answer_patience;
    while (!text.empty() && ready(fd, POLLOUT, deadline)) {
        const ssize_t n = send(fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) return;
        if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
    }
}

// Octets nobody read would turn close() into a reset that takes the answer along.
void discard_rest(int fd)
{
    char octets[4096];
    for (int i = 0; i < 16; ++i)
        if (recv(fd, octets, sizeof octets, MSG_DONTWAIT) <= 0) return;
}

base::Result<> failed(const std::string& path, const char* step, std::string remedy = {})
{
    return base::fail(base::Code::unavailable, path, std::string(step) + ": " + std::strerror(errno),
                      std::move(remedy));
}

}  // namespace

base::Result<> ControlSocket::open(const std::string& path, const std::string& user)
{
    const auto endpoint = milter::Endpoint::parse("unix:" + path);
    if (!endpoint)
        return base::fail(base::Code::configuration, "control_socket = " + path,
                          "not the path of a socket: " + endpoint.error().what);
    struct stat status{};
    if (lstat(path.c_str(), &status) == 0) {
        if (!S_ISSOCK(status.st_mode))
            return base::fail(base::Code::unavailable, path, "there is something that is not a socket",
                              "remove it, or set another control_socket");
        if (endpoint->answers())
            return base::fail(base::Code::temporary, path, "another smime-milter has this control socket",
                              "stop that one, or set another control_socket");
        if (unlink(path.c_str()) != 0) return failed(path, "cannot remove the stale socket");
    }
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    stop_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (listener_ < 0 || stop_ < 0) return failed(path, "cannot create the control socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const mode_t before = umask(0117);
    const bool bound = bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    const int error = errno;
    umask(before);
    errno = error;
    if (!bound)
        return failed(path, "cannot bind the control socket",
                      "run: " + milter::install_command(endpoint->directory(), user, false));
    path_ = path;
    if (listen(listener_, 16) != 0) return failed(path, "cannot listen");
    return {};
}

void ControlSocket::start(Answerer answerer)
{
    if (listener_ >= 0) thread_ = std::thread([this, answerer = std::move(answerer)] { serve(answerer); });
}

void ControlSocket::serve(const Answerer& answerer)
{
    for (;;) {
        pollfd waiting[] = {{listener_, POLLIN, 0}, {stop_, POLLIN, 0}};
        if (poll(waiting, 2, -1) < 0 && errno != EINTR) return;
        if (waiting[1].revents != 0) return;
        const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (client < 0) {
            // Out of descriptors: not a reason to spin.
            if (errno == EMFILE || errno == ENFILE)
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
            continue;
        }
        write_answer(client, answerer(read_request(client)));
        discard_rest(client);
        ::close(client);
    }
}

void ControlSocket::close()
{
    if (thread_.joinable()) {
        const std::uint64_t one = 1;
        if (write(stop_, &one, sizeof one) < 0) return;  // cannot happen: the counter is not full
        thread_.join();
    }
    if (!path_.empty()) unlink(path_.c_str());
    path_.clear();
    for (int* fd : {&listener_, &stop_}) {
        if (*fd >= 0) ::close(*fd);
        *fd = -1;
    }
}

}  // namespace daemon_main
