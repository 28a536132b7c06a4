#include "milter/endpoint.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/ascii.h"

namespace milter
{
namespace
{

constexpr int patience_ms = 1000;

base::Result<Endpoint> wrong(const std::string& text, const std::string& what)
{
    return base::fail(base::Code::configuration, "socket = " + text, what,
                      "write unix:/path/to/socket, inet:PORT@127.0.0.1 or inet6:PORT@[::1]");
}

bool connects(const sockaddr* address, socklen_t length)
{
    const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return false;
    bool reached = connect(fd, address, length) == 0;
    if (!reached && errno == EINPROGRESS) {
        pollfd waiting{fd, POLLOUT, 0};
        int error = 0;
        socklen_t size = sizeof error;
        reached = poll(&waiting, 1, patience_ms) == 1 &&
                  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
    } else if (!reached && errno == EAGAIN) {
        reached = true;  // a local socket with a full queue: somebody is there
    }
    close(fd);
    return reached;
}

}  // namespace

std::string Endpoint::directory() const
{
    const auto slash = path.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

base::Result<Endpoint> Endpoint::parse(const std::string& text)
{
    Endpoint endpoint;
    const auto colon = text.find(':');
    const std::string kind = colon == std::string::npos ? "unix" : base::to_lower(text.substr(0, colon));
    const std::string rest = colon == std::string::npos ? text : text.substr(colon + 1);
    if (kind == "unix" || kind == "local") {
        if (!rest.starts_with('/')) return wrong(text, "the path of a socket must begin with /");
        if (rest.size() >= sizeof(sockaddr_un::sun_path))
            return wrong(text, "the path has " + std::to_string(rest.size()) + " octets, the system allows " +
                                   std::to_string(sizeof(sockaddr_un::sun_path) - 1));
        endpoint.path = rest;
        endpoint.spelling = "unix:" + rest;
        return endpoint;
    }
    if (kind != "inet" && kind != "inet6") return wrong(text, "\"" + kind + "\" is no kind of socket");
    endpoint.family = kind == "inet" ? Family::inet : Family::inet6;
    const auto at = rest.find('@');
    const auto port = base::parse_decimal(rest.substr(0, at));
    if (!port || *port == 0 || *port > 65535) return wrong(text, "a port from 1 to 65535 is wanted");
    endpoint.port = static_cast<int>(*port);
    if (at != std::string::npos) endpoint.host = rest.substr(at + 1);
    if (at != std::string::npos && endpoint.host.empty()) return wrong(text, "there is no host after the @");
    endpoint.spelling = kind + ":" + rest;
    return endpoint;
}

bool Endpoint::answers() const
{
    if (local()) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
        return connects(reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
    std::string name = host;
    if (name.size() > 2 && name.front() == '[' && name.back() == ']') name = name.substr(1, name.size() - 2);
    addrinfo hints{};
    hints.ai_family = family == Family::inet ? AF_INET : AF_INET6;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    if (getaddrinfo(name.empty() ? nullptr : name.c_str(), std::to_string(port).c_str(), &hints, &list) != 0)
        return false;
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, &freeaddrinfo);
    return connects(list->ai_addr, list->ai_addrlen);
}

}  // namespace milter
