#include "main/control_socket.h"

#include "base/ascii.h"

namespace daemon_main
{
namespace
{

constexpr Answering::Limits limits{1100, 32, std::chrono::seconds(2), std::chrono::seconds(5)};

// The line without its end; "" when it has none.
std::string_view line_of(std::string_view request)
{
    const auto end = request.find('\n');
    return end == std::string_view::npos ? std::string_view() : base::trim(request.substr(0, end));
}

}  // namespace

base::Result<> ControlSocket::open(const std::string& path, const std::string& user)
{
    const auto endpoint = milter::Endpoint::parse("unix:" + path);
    if (!endpoint)
        return base::fail(base::Code::configuration, "control_socket = " + path,
                          "not the path of a socket: " + endpoint.error().what);
    return listener_.open(*endpoint, "control_socket", user);
}

base::Result<> ControlSocket::start(Answerer answerer)
{
    if (listener_.descriptor() < 0) return {};
    return answering_.start(
        listener_.descriptor(), limits,
        {[](std::string_view so_far) { return so_far.find('\n') != std::string_view::npos; },
         [answerer = std::move(answerer)](std::string_view request) { return answerer(line_of(request)); },
         nullptr});
}

void ControlSocket::close()
{
    answering_.stop();
    listener_.close();
}

}  // namespace daemon_main
