#include "ctl/input.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ctl
{
namespace
{

using base::Code;

constexpr std::size_t max_input = std::size_t{1} << 30;

// Closes what it opened, never standard input.
struct Source {
    int fd = STDIN_FILENO;
    bool own = false;
    Source() = default;
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    ~Source()
    {
        if (own && fd >= 0) ::close(fd);
    }
};

std::string shown(const std::string& name) { return name == "-" ? "standard input" : name; }

}  // namespace

base::Result<std::string> read_input(const std::string& name)
{
    Source source;
    if (name != "-") {
        source.fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
        source.own = true;
    }
    if (source.fd < 0)
        return base::fail(errno == EACCES ? Code::permission : Code::no_input, name,
                          std::string("cannot open: ") + strerror(errno));
    std::string content;
    char block[65536];
    while (true) {
        const ssize_t n = ::read(source.fd, block, sizeof block);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0)
            return base::fail(errno == EISDIR ? Code::no_input : Code::io, shown(name),
                              std::string("cannot read: ") + strerror(errno));
        if (n == 0) return content;
        content.append(block, static_cast<std::size_t>(n));
        if (content.size() > max_input) return base::fail(Code::data, shown(name), "larger than 1 GiB");
    }
}

base::Result<gateway::Message> read_message(const std::string& name, gateway::Envelope envelope)
{
    const auto octets = read_input(name);
    if (!octets) return base::fail(octets.error());
    auto message = gateway::message_from_octets(*octets, std::move(envelope));
    if (message) return message;
    auto error = message.error();
    error.where = shown(name);
    return base::fail(std::move(error));
}

base::Result<base::Time> time_of(const std::optional<std::string>& option)
{
    if (!option) return base::SystemClock().now();
    auto time = base::parse_time(*option);
    if (time) return time;
    auto error = time.error();
    error.where = "--at";
    return base::fail(std::move(error));
}

}  // namespace ctl
