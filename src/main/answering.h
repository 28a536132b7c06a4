// Short questions, short answers: one thread that serves the clients of a stream
// socket side by side, and does a piece of work now and then.
//
// Nobody can make it wait: a client has so much time to ask and so much to read the
// answer, a question has a longest length, and of too many clients the one that has
// waited longest without asking anything has to go.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "base/log.h"
#include "base/result.h"

namespace daemon_main
{

class Answering
{
public:
    struct Limits {
        std::size_t question;  // octets
        std::size_t clients;
        std::chrono::seconds to_ask, to_read;
    };
    // All are called on the thread of this object.
    struct Work {
        // Is the question whole?  Asked again with each octet more; never with more than
        // the longest question.
        std::function<bool(std::string_view so_far)> complete;
        // What is said to it, or to as much of it as came in time.
        std::function<std::string(std::string_view question)> answer;
        // Called at the start, after wake(), and when the time has come that it asked for.
        std::function<std::chrono::milliseconds()> tick;  // may be null
    };

    explicit Answering(base::Log& log) : log_(log) {}
    ~Answering() { stop(); }
    Answering(const Answering&) = delete;
    Answering& operator=(const Answering&) = delete;

    // `listener`: non-blocking, borrowed until stop(); -1 when there is only work to tick.
    [[nodiscard]] base::Result<> start(int listener, Limits limits, Work work);
    void wake();
    // At most after the question that is being answered.
    void stop();
    [[nodiscard]] bool running() const { return thread_.joinable(); }

private:
    void serve(int listener, const Limits& limits, const Work& work);

    base::Log& log_;
    int wake_ = -1;  // eventfd
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

}  // namespace daemon_main
