// A server on loopback, in a thread of its own.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace fixture
{

class LoopbackServer
{
public:
    // Called with each connection, one after another.
    using Converse = std::function<void(int connection)>;

    explicit LoopbackServer(Converse converse)
        : converse_(std::move(converse)), socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof a;
        if (socket_ < 0 || ::bind(socket_, reinterpret_cast<sockaddr*>(&a), size) != 0 ||
            ::listen(socket_, 16) != 0 || ::getsockname(socket_, reinterpret_cast<sockaddr*>(&a), &size) != 0)
            throw std::runtime_error("no server");
        port_ = ntohs(a.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~LoopbackServer()
    {
        ::shutdown(socket_, SHUT_RDWR);
        thread_.join();
        ::close(socket_);
    }
    LoopbackServer(const LoopbackServer&) = delete;
    LoopbackServer& operator=(const LoopbackServer&) = delete;

    [[nodiscard]] int port() const { return port_; }

private:
    void serve()
    {
        for (;;) {
            const int connection = ::accept(socket_, nullptr, nullptr);
            if (connection < 0) return;
            converse_(connection);
            ::close(connection);
        }
    }

    const Converse converse_;
    const int socket_;
    int port_ = 0;
    std::thread thread_;
};

// As much as the other side takes.
inline void say(int connection, std::string_view text)
{
    (void)::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
}

}  // namespace fixture
