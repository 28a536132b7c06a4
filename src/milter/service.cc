#include "milter/service.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "milter/callbacks.h"

namespace milter
{
namespace
{

using Steady = std::chrono::steady_clock;
using namespace std::chrono_literals;

// Postfix sends fields of up to 100 kB in one frame; libmilter's own limit of
// 65535 would drop the connection, and the sender would try again for ever.
constexpr std::size_t longest_frame = std::size_t{1} << 20;

// How long libmilter may take to send an answer whose callback has returned.
constexpr auto settling_time = 50ms;

// libmilter writes an edit in several small pieces; with Nagle's algorithm each waits for
// the MTA's delayed acknowledgement, 40 ms a message.  It does not show its socket, but
// connections inherit this from the one that listens.
void send_at_once()
{
    constexpr int most = 256;  // it was opened at the start
    for (int fd = 0; fd < most; ++fd) {
        int listens = 0, domain = 0;
        socklen_t size = sizeof listens;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) continue;
        size = sizeof domain;
        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 ||
            (domain != AF_INET && domain != AF_INET6))
            continue;
        const int yes = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);  // else only slower
    }
}

}  // namespace

std::string library_version()
{
    unsigned major = 0, minor = 0, patch = 0;
    if (smfi_version(&major, &minor, &patch) != MI_SUCCESS) return "unknown";
    return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

base::Result<> Service::open()
{
    smfi_setmaxdatasize(longest_frame);
    if (smfi_setconn(endpoint_.spelling.data()) != MI_SUCCESS || smfi_register(callbacks()) != MI_SUCCESS)
        return base::fail(base::Code::internal, endpoint_.spelling,
                          "libmilter does not accept our description");
    const mode_t before = umask(0117);
    errno = 0;
    const int result = smfi_opensocket(true);
    const int error = errno;
    umask(before);
    if (result != MI_SUCCESS)
        return base::fail(
            base::Code::unavailable, endpoint_.spelling,
            std::string("cannot listen: ") + (error != 0 ? std::strerror(error) : "see the system log"),
            endpoint_.local() ? "its directory must belong to the user that smime-milter runs as"
                              : "see who has the port: ss -ltnp");
    bound_ = true;
    if (!endpoint_.local()) send_at_once();
    return {};
}

Service::Work Service::work() { return {callbacks_computing(), callbacks_finished()}; }

void Service::withdraw()
{
    if (bound_ && endpoint_.local()) unlink(endpoint_.path.c_str());
    bound_ = false;
}

void Service::start(Runtime& runtime, std::function<void()> ended)
{
    serve(runtime);
    std::thread([this, ended = std::move(ended)] {
        (void)smfi_main();
        ended_ = true;
        ended();
    }).detach();
}

std::int64_t Service::drain(Runtime& runtime, std::chrono::seconds patience,
                            const std::function<bool()>& hurry)
{
    runtime.drain();
    // From here on Postfix finds no socket; who comes to an internet socket is
    // refused in the negotiation.
    withdraw();
    const auto deadline = Steady::now() + patience;
    const auto enough = [&] { return Steady::now() >= deadline || hurry() || ended_; };
    const auto busy = [&] { return runtime.receiving > 0 || callbacks_running() > 0; };
    while (busy() && !enough()) std::this_thread::sleep_for(10ms);
    std::this_thread::sleep_for(settling_time);
    return runtime.receiving;
}

}  // namespace milter
