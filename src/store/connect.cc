#include "store/connect.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>

#include "base/ascii.h"

namespace store
{
namespace
{

using Steady = std::chrono::steady_clock;

constexpr std::size_t most_addresses = 8;
constexpr std::chrono::milliseconds glance(100);  // how often `cancelled` is looked at

std::string text_of(int error)
{
    std::array<char, 128> buffer{};
    return strerror_r(error, buffer.data(), buffer.size());  // the GNU one
}

tl::unexpected<base::Error> unreachable(const std::string& where, std::string what)
{
    return base::fail(base::Code::unavailable, where, where + ": " + std::move(what));
}

// What a thread finds that may outlive who asked.
struct Lookup {
    std::string host;
    std::mutex mutex;
    std::condition_variable done;
    bool finished = false;
    int error = 0;
    std::vector<std::string> addresses;
};

void look_up(Lookup& lookup) noexcept
{
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    std::vector<std::string> found;
    int error = getaddrinfo(lookup.host.c_str(), nullptr, &hints, &list);
    try {
        for (const addrinfo* a = list; error == 0 && a != nullptr && found.size() < most_addresses;
             a = a->ai_next) {
            std::array<char, INET6_ADDRSTRLEN + 32> text{};
            if (getnameinfo(a->ai_addr, a->ai_addrlen, text.data(), text.size(), nullptr, 0,
                            NI_NUMERICHOST) == 0)
                found.emplace_back(text.data());
        }
    } catch (const std::bad_alloc&) {
        error = EAI_MEMORY;
    }
    if (list != nullptr) freeaddrinfo(list);
    const std::lock_guard lock(lookup.mutex);
    lookup.error = error;
    lookup.addresses = std::move(found);
    lookup.finished = true;
    lookup.done.notify_all();
}

base::Result<Descriptor> connect_to(const sockaddr* address, socklen_t size, const std::string& where,
                                    const Patience& patience)
{
    Descriptor fd(::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (fd.get() < 0) return unreachable(where, text_of(errno));
    if (::connect(fd.get(), address, size) == 0) return fd;
    if (errno != EINPROGRESS) return unreachable(where, text_of(errno));
    if (!wait_for(fd.get(), POLLOUT, patience)) return unreachable(where, "no connection in time");
    int error = 0;
    socklen_t length = sizeof error;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
    if (error != 0) return unreachable(where, text_of(error));
    return fd;
}

base::Result<Descriptor> connect_numeric(const std::string& address, unsigned port, const Patience& patience)
{
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    const std::string where = "[" + address + "]:" + std::to_string(port);
    if (const int error = getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &list);
        error != 0)
        return unreachable(where, gai_strerror(error));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, freeaddrinfo);
    return connect_to(list->ai_addr, list->ai_addrlen, where, patience);
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept
{
    if (this != &other) {
        if (fd_ >= 0) ::close(fd_);
        fd_ = other.release();
    }
    return *this;
}

Descriptor::~Descriptor()
{
    if (fd_ >= 0) ::close(fd_);
}

bool is_address(const std::string& text)
{
    std::array<unsigned char, sizeof(in6_addr)> octets{};
    return inet_pton(AF_INET, text.c_str(), octets.data()) == 1 ||
           inet_pton(AF_INET6, text.c_str(), octets.data()) == 1;
}

bool is_loopback(std::string_view host)
{
    if (base::iequals(host, "localhost")) return true;
    const std::string text(host);
    in_addr four{};
    if (inet_pton(AF_INET, text.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
    in6_addr six{};
    return inet_pton(AF_INET6, text.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

base::Result<std::vector<std::string>> resolve(const std::string& host, const Patience& patience)
{
    if (is_address(host)) return std::vector<std::string>{host};
    const auto lookup = std::make_shared<Lookup>();
    lookup->host = host;
    try {
        std::thread([lookup] { look_up(*lookup); }).detach();
    } catch (const std::system_error&) {
        return unreachable(host, "no thread can be started to find its address");
    }
    std::unique_lock lock(lookup->mutex);
    while (!lookup->finished) {
        if (patience.over()) return unreachable(host, "its address was not found in time");
        lookup->done.wait_for(lock, patience.left(glance));
    }
    if (lookup->error != 0) return unreachable(host, gai_strerror(lookup->error));
    auto& found = lookup->addresses;
    if (is_loopback(host)) std::erase_if(found, [](const std::string& a) { return !is_loopback(a); });
    if (found.empty()) return unreachable(host, "it has no address");
    return std::move(found);
}

base::Result<Descriptor> connect_tcp(const std::string& host, unsigned port, const Patience& patience)
{
    const auto addresses = resolve(host, patience);
    if (!addresses) return base::fail(addresses.error());
    for (std::size_t i = 0;; ++i) {
        auto fd = connect_numeric((*addresses)[i], port, share(patience, addresses->size() - i));
        if (fd || i + 1 == addresses->size() || patience.over()) return fd;
    }
}

base::Result<Descriptor> connect_unix(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return unreachable(path, "too long for a socket's name");
    std::copy(path.begin(), path.end(), address.sun_path);
    Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (fd.get() < 0 || ::fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) return unreachable(path, text_of(errno));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return unreachable(path, text_of(errno));
    return fd;
}

bool wait_for(int fd, short events, const Patience& patience)
{
    while (!patience.over()) {
        pollfd p{fd, events, 0};
        const int ready = ::poll(&p, 1, static_cast<int>(patience.left(glance).count()) + 1);
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
    return false;
}

Leash::Leash(int fd, const Patience& patience) : socket_(::fcntl(fd, F_DUPFD_CLOEXEC, 3)), patience_(patience)
{
    // Without a descriptor or a thread nobody could end the waiting: then it does not begin.
    try {
        if (socket_.get() >= 0) thread_ = std::thread([this] { watch(); });
    } catch (const std::system_error&) {
        socket_ = Descriptor();
    }
    if (socket_.get() < 0) ::shutdown(fd, SHUT_RDWR);
}

Leash::~Leash()
{
    {
        const std::lock_guard lock(mutex_);
        ended_already_ = true;
    }
    ended_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void Leash::watch()
{
    std::unique_lock lock(mutex_);
    while (!ended_already_) {
        if (patience_.over()) {
            ::shutdown(socket_.get(), SHUT_RDWR);
            return;
        }
        ended_.wait_for(lock, patience_.left(glance));
    }
}

Patience share(const Patience& patience, std::size_t attempts)
{
    if (attempts < 2) return patience;
    const auto now = Steady::now();
    return {now + std::max(patience.until - now, Steady::duration(0)) / static_cast<long>(attempts),
            patience.cancelled};
}

}  // namespace store
