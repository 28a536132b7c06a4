// Connections of sources to their servers, none of which may take longer than the
// question's patience: finding the host's addresses, connecting, and whatever a
// client library then does with the connection.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/source.h"

namespace store
{

// A file descriptor that is closed when nobody has taken it.
class Descriptor
{
public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept;
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor();

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }

private:
    int fd_ = -1;
};

// An IPv4 or IPv6 address, and no name.
[[nodiscard]] bool is_address(const std::string& text);

// A name or address that cannot lead off this machine: localhost, 127.0.0.0/8, ::1.
[[nodiscard]] bool is_loopback(std::string_view host);

// The host's addresses as text, in the order of getaddrinfo(3), eight at most.  That
// function cannot be told to give up: then it goes on in a thread that nobody waits
// for.  Of "localhost" only loopback addresses are given.
[[nodiscard]] base::Result<std::vector<std::string>> resolve(const std::string& host,
                                                             const Patience& patience);

// A connected non-blocking TCP socket to the first address that accepts; each gets an
// equal share of the time that is left.
[[nodiscard]] base::Result<Descriptor> connect_tcp(const std::string& host, unsigned port,
                                                   const Patience& patience);
[[nodiscard]] base::Result<Descriptor> connect_unix(const std::string& path);

// Waits for `events` of poll(2); false when the patience was over before.
[[nodiscard]] bool wait_for(int fd, short events, const Patience& patience);

// Shuts a connection down when the patience is over, so that a library that waits for
// it without end comes back with an error.
class Leash
{
public:
    Leash(int fd, const Patience& patience);
    ~Leash();
    Leash(const Leash&) = delete;
    Leash& operator=(const Leash&) = delete;

private:
    void watch();

    Descriptor socket_;  // a duplicate: the library may close its own at any time
    const Patience patience_;
    std::mutex mutex_;
    std::condition_variable ended_;
    bool ended_already_ = false;
    std::thread thread_;
};

// The patience of one attempt when `attempts` are left, this one included.
[[nodiscard]] Patience share(const Patience& patience, std::size_t attempts);

}  // namespace store
