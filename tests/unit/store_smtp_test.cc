// Handing a message to an MTA.  The server is a real one on loopback, which takes what it gets.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <new>
#include <string>
#include <thread>

#include "loopback_server.h"
#include "scarce_memory.h"
#include "store/smtp.h"

namespace
{

using namespace fixture;
using namespace std::chrono_literals;

constexpr const char* thanks = "250 2.0.0 Ok: queued, and with a text that no short string has room for\r\n";

class Server
{
public:
    [[nodiscard]] std::string name() const { return "127.0.0.1:" + std::to_string(server_.port()); }

    std::atomic<int> taken = 0;

private:
    void converse(int c)
    {
        say(c, "220 mx.example ESMTP\r\n");
        bool data = false;
        std::string got;
        char buffer[4096];
        for (ssize_t n = 0; (n = ::read(c, buffer, sizeof buffer)) > 0;) {
            got.append(buffer, static_cast<std::size_t>(n));
            const char* const end = data ? "\r\n.\r\n" : "\r\n";
            for (std::size_t at = 0; (at = got.find(end)) != std::string::npos;) {
                const std::string line = got.substr(0, at);
                got.erase(0, at + std::char_traits<char>::length(end));
                if (data) ++taken;
                const bool begins = !data && line == "DATA";
                const char* const answer = data             ? thanks
                                           : begins         ? "354 go on\r\n"
                                           : line == "QUIT" ? "221 bye\r\n"
                                                            : "250 mx.example\r\n";
                data = begins;
                say(c, answer);
                if (begins) break;
            }
        }
    }

    const LoopbackServer server_{[this](int connection) { converse(connection); }};
};

store::SmtpRequest request(const Server& server)
{
    store::SmtpRequest out;
    out.server = server.name();
    out.from = "alice@example.org";
    out.to = "bob@example.net";
    out.octets = "Subject: x\r\n\r\nbody\r\n";
    out.use_tls = false;
    out.patience = 1s;  // which libcurl lets pass after some failures
    return out;
}

std::size_t descriptors()
{
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST(Smtp, TheLastReplyIsTold)
{
    const Server server;
    const auto reply = store::smtp_send(request(server));
    ASSERT_TRUE(reply) << reply.error().text();
    EXPECT_TRUE(reply->accepted);
    EXPECT_EQ(reply->text + "\r\n", thanks);
    EXPECT_EQ(server.taken, 1);
}

TEST(ScarceMemory, AMessageIsHandedOverOrNothingIsLeftOfTheTrial)
{
    const Server server;
    const auto before = descriptors();
    EXPECT_TRUE(one_by_one(ScarceMemory::Whose::this_thread, [&] {
        const int taken = server.taken;
        bool accepted = false;
        try {
            const auto reply = store::smtp_send(request(server));
            accepted = reply && reply->accepted;
        } catch (const std::bad_alloc&) {
            accepted = false;  // postponed
        }
        EXPECT_TRUE(!accepted || server.taken == taken + 1);
    }));
    EXPECT_TRUE(store::smtp_send(request(server)));
    // What is closed on our side ends on the other soon.
    for (int i = 0; i < 500 && descriptors() != before; ++i) std::this_thread::sleep_for(10ms);
    EXPECT_EQ(descriptors(), before);
}

}  // namespace
