#include "main/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "milter/preflight.h"

namespace daemon_main
{
namespace
{

base::Result<> failed(const std::string& where, const std::string& step, std::string remedy = {})
{
    return base::fail(base::Code::unavailable, where, step + ": " + std::strerror(errno), std::move(remedy));
}

std::string called(const std::string& key)
{
    return key == "control_socket" ? "control socket" : "socket of " + key;
}

}  // namespace

base::Result<> Listener::open(const milter::Endpoint& endpoint, const std::string& key,
                              const std::string& user)
{
    auto opened = endpoint.local() ? open_local(endpoint, key, user) : open_inet(endpoint, key);
    if (opened && (fd_ < 0 || listen(fd_, SOMAXCONN) != 0))
        opened = failed(endpoint.spelling, "cannot listen");
    if (!opened) close();
    return opened;
}

base::Result<> Listener::open_local(const milter::Endpoint& endpoint, const std::string& key,
                                    const std::string& user)
{
    const std::string& path = endpoint.path;
    struct stat status{};
    if (lstat(path.c_str(), &status) == 0) {
        if (!S_ISSOCK(status.st_mode))
            return base::fail(base::Code::unavailable, path, "there is something that is not a socket",
                              "remove it, or set another " + key);
        if (endpoint.answers())
            return base::fail(base::Code::temporary, path, "another smime-milter has this " + called(key),
                              "stop that one, or set another " + key);
        if (unlink(path.c_str()) != 0) return failed(path, "cannot remove the stale socket");
    }
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ < 0) return failed(path, "cannot create the " + called(key));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const mode_t before = umask(0117);
    const bool bound = bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    const int error = errno;
    umask(before);
    errno = error;
    if (!bound)
        return failed(path, "cannot bind the " + called(key),
                      "run: " + milter::install_command(endpoint.directory(), user, false));
    path_ = path;
    return {};
}

base::Result<> Listener::open_inet(const milter::Endpoint& endpoint, const std::string& key)
{
    std::string host = endpoint.host;
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    sockaddr_storage address{};
    socklen_t size = 0;
    if (endpoint.family == milter::Endpoint::Family::inet) {
        auto* four = reinterpret_cast<sockaddr_in*>(&address);
        four->sin_family = AF_INET;
        four->sin_port = htons(static_cast<std::uint16_t>(endpoint.port));
        size = inet_pton(AF_INET, host.c_str(), &four->sin_addr) == 1 ? sizeof *four : 0;
    } else {
        auto* six = reinterpret_cast<sockaddr_in6*>(&address);
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(static_cast<std::uint16_t>(endpoint.port));
        size = inet_pton(AF_INET6, host.c_str(), &six->sin6_addr) == 1 ? sizeof *six : 0;
    }
    if (size == 0)
        return base::fail(base::Code::configuration, key + " = " + endpoint.spelling,
                          "not the number of an address");
    fd_ = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ < 0) return failed(endpoint.spelling, "cannot create the " + called(key));
    const int yes = 1;
    (void)setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd_, reinterpret_cast<const sockaddr*>(&address), size) != 0)
        return failed(endpoint.spelling, "cannot bind the " + called(key), "set another port in " + key);
    return {};
}

void Listener::close()
{
    if (!path_.empty()) unlink(path_.c_str());
    path_.clear();
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

}  // namespace daemon_main
