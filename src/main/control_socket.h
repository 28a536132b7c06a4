// The control socket: how smimectl talks to the running daemon.
//
// A UNIX stream socket, mode 0660: whoever may write to it may ask.  The client
// sends one line and reads until end-of-file:
//
//   "ping\n"    ->  "ok: pong\n"
//   "reload\n"  ->  "ok: configuration loaded\n", or "error: not loaded\n" when the old
//                   one stays in force; then each problem and remark on its own
//                   line, "file:line: error: ..." as in the log
//   "status\n"  ->  "ok: running\n" (or "ok: stopping\n"), then "key: value" lines:
//                   status.h has the list
//   "recent <ID>\n"  ->  "ok: " and the log line of the message with that Message-ID, one
//                   of the last 256; or "error: not seen\n"
//   else        ->  "error: unknown request\n"
//
// Keys may be added; a client ignores those that it does not know.  A request is at
// most 1100 octets and two seconds, an answer has five seconds to be read.  One thread
// serves up to 32 clients side by side; whoever comes then takes the place of the one
// that has waited longest without asking anything.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "main/answering.h"
#include "main/listener.h"

namespace daemon_main
{

class ControlSocket
{
public:
    explicit ControlSocket(base::Log& log) : answering_(log) {}

    // Gives the answer to a request (without its line end); called on the
    // thread of this socket.
    using Answerer = std::function<std::string(std::string_view request)>;

    // Binds; see Listener.
    [[nodiscard]] base::Result<> open(const std::string& path, const std::string& user);
    [[nodiscard]] base::Result<> start(Answerer answerer);
    // Ends the thread, at most after the request that is being answered, and
    // removes the socket.
    void close();

private:
    Listener listener_;
    Answering answering_;  // destroyed before the listener that it borrows
};

}  // namespace daemon_main
