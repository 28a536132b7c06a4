// One instance per socket.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace daemon_main
{

// An flock(2) on a file that holds our pid; it ends with the process, however
// that ends.  The file stays: removing it would let two instances lock two files
// of the same name.
class InstanceLock
{
public:
    InstanceLock(InstanceLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    InstanceLock(const InstanceLock&) = delete;
    InstanceLock& operator=(const InstanceLock&) = delete;
    ~InstanceLock();

    // Code::temporary names the pid of the instance that has it.  The file can
    // be handed to the user that the daemon will run as.  `remedy`: how to get a
    // directory in which it can be made (Code::cannot_create).
    [[nodiscard]] static base::Result<InstanceLock> acquire(const std::string& path, unsigned owner,
                                                            const std::string& remedy);

private:
    explicit InstanceLock(int fd) : fd_(fd) {}
    int fd_;
};

}  // namespace daemon_main
