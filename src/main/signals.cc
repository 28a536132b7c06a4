// libmilter starts a thread that waits for HUP, TERM and INT with sigwait(3) and
// stops the daemon on any of them.  Two cures are known:
//
//   - keep HUP unblocked in the main thread, because the kernel prefers that
//     thread for a signal to the process.  It does so only while the main thread
//     has no other signal pending: HUP right behind USR1, as a careful reload
//     script may send them, can still reach libmilter;
//   - define sigwait() here, so that libmilter's call comes to us.
//
// We do the second: it does not depend on who is quicker.  Our sigwait() waits for
// none of the signals that are ours, so libmilter's thread sleeps for ever, and
// libmilter_leaves_signals_alone() tells whether it really came here (with a libmilter
// that waits in another way it would not, and the log says so).
#include "main/signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

namespace
{

constexpr int ours[] = {SIGHUP, SIGUSR1, SIGTERM, SIGINT};

std::atomic<bool> somebody_waits = false;

}  // namespace

extern "C" int sigwait(const sigset_t* set, int* signal_number)
{
    sigset_t rest = *set;
    for (const int number : ours) sigdelset(&rest, number);
    somebody_waits = true;
    for (;;) {
        const int number = sigwaitinfo(&rest, nullptr);  // an empty set: for ever
        if (number > 0) {
            *signal_number = number;
            return 0;
        }
        if (errno != EINTR) return errno;
    }
}

namespace daemon_main
{

Signals::Signals()
{
    sigset_t set;
    sigemptyset(&set);
    for (const int number : ours) sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    // A peer that goes away is an error of write(2), not the end of the daemon.
    signal(SIGPIPE, SIG_IGN);
    fd_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

Signals::~Signals() { close(fd_); }

std::optional<int> Signals::next()
{
    signalfd_siginfo info{};
    if (read(fd_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return std::nullopt;
    return static_cast<int>(info.ssi_signo);
}

bool libmilter_leaves_signals_alone(std::chrono::milliseconds patience)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!somebody_waits && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return somebody_waits;
}

}  // namespace daemon_main
