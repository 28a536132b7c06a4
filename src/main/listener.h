// A socket of our own to be asked at, beside the one for mail.
#pragma once

#include <string>

#include "base/result.h"
#include "milter/endpoint.h"

namespace daemon_main
{

// Listens until it is closed, and then removes its name.
class Listener
{
public:
    Listener() = default;
    ~Listener() { close(); }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    // A unix socket gets mode 0660 and replaces a stale one, but not one that answers;
    // an internet address has to be a number.  No threads may exist yet (it changes the
    // umask).  `key`: that of the configuration, for errors; `user`: whose the directory
    // has to be.
    [[nodiscard]] base::Result<> open(const milter::Endpoint& endpoint, const std::string& key,
                                      const std::string& user);
    void close();
    [[nodiscard]] int descriptor() const { return fd_; }  // non-blocking; -1 when closed

private:
    [[nodiscard]] base::Result<> open_local(const milter::Endpoint& endpoint, const std::string& key,
                                            const std::string& user);
    [[nodiscard]] base::Result<> open_inet(const milter::Endpoint& endpoint, const std::string& key);

    int fd_ = -1;
    std::string path_;  // to be removed
};

}  // namespace daemon_main
