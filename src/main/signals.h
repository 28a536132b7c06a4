// Signals as things to read, not as interruptions.
#pragma once

#include <chrono>
#include <optional>

namespace daemon_main
{

// From its construction on HUP, USR1, TERM and INT are blocked in this thread
// and in all that are started later, and wait in a descriptor.  There are no
// signal handlers, so nothing ever happens inside one.
class Signals
{
public:
    Signals();
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    [[nodiscard]] int descriptor() const { return fd_; }  // readable: next() has one
    [[nodiscard]] std::optional<int> next();              // does not wait

private:
    int fd_ = -1;
};

// True once libmilter's own signal thread has been put to sleep (see signals.cc);
// waits for that at most as long as told.
[[nodiscard]] bool libmilter_leaves_signals_alone(std::chrono::milliseconds patience);

}  // namespace daemon_main
