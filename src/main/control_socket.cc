#include "main/control_socket.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "base/ascii.h"
#include "milter/endpoint.h"
#include "milter/preflight.h"

namespace daemon_main
{
namespace
{

using Steady = std::chrono::steady_clock;

constexpr std::size_t longest_request = 1100;
constexpr std::size_t most_clients = 32;
constexpr auto request_patience = std::chrono::seconds(2);
constexpr auto answer_patience = std::chrono::seconds(5);

// Octets nobody read would turn close() into a reset that takes the answer along.
void discard_rest(int fd)
{
    char octets[4096];
    for (int i = 0; i < 16; ++i)
        if (recv(fd, octets, sizeof octets, MSG_DONTWAIT) <= 0) return;
}

struct Client {
    Client(int descriptor, Steady::time_point until) : fd(descriptor), deadline(until) {}

    int fd;
    Steady::time_point deadline;
    std::string request;
    std::optional<std::string> answer;  // what of it is still to be sent

    // Reads what is there; true when the line is complete, or never will be.
    bool read()
    {
        char octets[longest_request];
        const ssize_t n = recv(fd, octets, sizeof octets, MSG_DONTWAIT);
        if (n < 0) return errno != EAGAIN && errno != EINTR;
        request.append(octets, static_cast<std::size_t>(n));
        return n == 0 || request.find('\n') != std::string::npos || request.size() >= longest_request;
    }

    // The line without its end; "" when it has none.
    [[nodiscard]] std::string_view line() const
    {
        const auto end = request.find('\n');
        if (end == std::string::npos) return {};
        return base::trim(std::string_view(request).substr(0, end));
    }

    // Sends what can be sent; true when there is no more to do.
    bool write()
    {
        const ssize_t n = send(fd, answer->data(), answer->size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) return errno != EAGAIN && errno != EINTR;
        answer->erase(0, static_cast<std::size_t>(n));
        return answer->empty();
    }
};

void dismiss(const Client& client)
{
    discard_rest(client.fd);
    close(client.fd);
}

// Takes the place of the client that keeps everybody waiting.
void make_room(std::vector<Client>& clients)
{
    if (clients.size() < most_clients) return;
    auto victim = std::find_if(clients.begin(), clients.end(), [](const Client& c) { return !c.answer; });
    if (victim == clients.end()) victim = clients.begin();
    dismiss(*victim);
    clients.erase(victim);
}

int patience_of(const std::vector<Client>& clients)
{
    if (clients.empty()) return -1;
    const auto first = std::min_element(clients.begin(), clients.end(), [](const Client& a, const Client& b) {
        return a.deadline < b.deadline;
    });
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(first->deadline - Steady::now());
    return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
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
    if (listen(listener_, SOMAXCONN) != 0) return failed(path, "cannot listen");
    return {};
}

void ControlSocket::start(Answerer answerer)
{
    if (listener_ >= 0) thread_ = std::thread([this, answerer = std::move(answerer)] { serve(answerer); });
}

void ControlSocket::serve(const Answerer& answerer)
{
    std::vector<Client> clients;  // in the order in which they came
    for (;;) {
        std::vector<pollfd> waiting = {{listener_, POLLIN, 0}, {stop_, POLLIN, 0}};
        for (const auto& client : clients)
            waiting.push_back({client.fd, static_cast<short>(client.answer ? POLLOUT : POLLIN), 0});
        if (poll(waiting.data(), waiting.size(), patience_of(clients)) < 0 && errno != EINTR) break;
        if (waiting[1].revents != 0) break;

        const auto now = Steady::now();
        std::vector<Client> staying;
        for (std::size_t i = 0; i < clients.size(); ++i) {
            auto& client = clients[i];
            const bool late = client.deadline <= now;
            const bool can = waiting[i + 2].revents != 0;
            bool done = late && client.answer;
            if (!client.answer && ((can && client.read()) || late)) {
                client.answer = answerer(client.line());
                client.deadline = Steady::now() + answer_patience;
            }
            if (!done && client.answer) done = client.write();
            if (done)
                dismiss(client);
            else
                staying.push_back(std::move(client));
        }
        clients = std::move(staying);

        if (waiting[0].revents == 0) continue;
        for (std::size_t i = 0; i < most_clients; ++i) {
            const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (fd < 0) {
                // Out of descriptors: not a reason to spin.
                if (errno == EMFILE || errno == ENFILE)
                    std::this_thread::sleep_for(std::chrono::milliseconds(100));
                break;
            }
            make_room(clients);
            clients.emplace_back(fd, Steady::now() + request_patience);
        }
    }
    for (const auto& client : clients) dismiss(client);
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
