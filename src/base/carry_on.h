// For threads that have to outlive what nobody foresaw, want of memory above all.
#pragma once

#include <exception>
#include <new>
#include <string>

#include "base/log.h"

namespace base
{

// Does the work; false when it was not finished.  Why is logged, unless there is not
// even memory for that.
template <class Work>
bool carry_on(Log& log, const char* what, Work work) noexcept
{
    const auto say = [&](const char* why) noexcept {
        try {
            log.write(Level::error, std::string(what) + ": " + printable(why));
        } catch (const std::exception&) {
            return;
        }
    };
    try {
        work();
        return true;
    } catch (const std::bad_alloc&) {
        say("out of memory");
    } catch (const std::exception& e) {
        say(e.what());
    }
    return false;
}

}  // namespace base
