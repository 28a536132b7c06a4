// libmilter as a whole: one service a process (the library keeps its state in
// globals and cannot be started twice).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "milter/endpoint.h"
#include "milter/runtime.h"

namespace milter
{

[[nodiscard]] std::string library_version();  // "1.0.1" as loaded at run time

class Service
{
public:
    explicit Service(Endpoint endpoint) : endpoint_(std::move(endpoint)) {}

    // Binds the socket, mode 0660, and removes a stale one: call it only while
    // holding the lock that says that no other instance lives (main/lock.h),
    // because libmilter would as readily remove a live one.  No threads may
    // exist yet (it changes the umask).
    [[nodiscard]] base::Result<> open();

    // Removes the socket that open() made: nobody finds us any more.
    void withdraw();

    // Accepts connections from a thread of its own.  `ended` is called on that
    // thread when libmilter has stopped, asked or not.  The runtime and this
    // object must stay until the process ends, because libmilter does not wait
    // for its workers.
    void start(Runtime& runtime, std::function<void()> ended);

    // Stops taking connections and messages; waits until those messages whose
    // octets are arriving have their answer, at most for `patience` or until
    // `hurry` says so.  Gives the number of messages that were cut off.  What then
    // remains of libmilter is idle and ends with the process: smfi_stop() would
    // take up to five seconds, and it locks a mutex that the listener destroys
    // meanwhile.
    [[nodiscard]] std::int64_t drain(Runtime& runtime, std::chrono::seconds patience,
                                     const std::function<bool()>& hurry);

    // Callbacks at work, without those that wait for the MTA, and those that have
    // come to their end, ever.
    struct Work {
        std::int64_t computing = 0;
        std::uint64_t finished = 0;
    };
    [[nodiscard]] static Work work();

private:
    Endpoint endpoint_;
    bool bound_ = false;
    std::atomic<bool> ended_ = false;
};

}  // namespace milter
