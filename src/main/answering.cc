#include "main/answering.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "base/carry_on.h"

namespace daemon_main
{
namespace
{

using Steady = std::chrono::steady_clock;
constexpr auto never = Steady::time_point::max();

// Octets nobody read would turn close() into a reset that takes the answer along.
void discard_rest(int fd)
{
    char octets[4096];
    for (int i = 0; i < 16; ++i)
        if (recv(fd, octets, sizeof octets, MSG_DONTWAIT) <= 0) return;
}

struct Client {
    Client(int descriptor, Steady::time_point until) : fd(descriptor), deadline(until) {}

    int fd;
    Steady::time_point deadline;
    std::string question;
    std::optional<std::string> answer;
    std::size_t sent = 0;  // of the answer
    bool done = false;

    // Reads what is there; true when the question is complete, or never will be.
    bool read(const Answering::Limits& limits, const Answering::Work& work)
    {
        char octets[4096];
        const auto room = std::min(sizeof octets, limits.question - question.size());
        const ssize_t n = recv(fd, octets, room, MSG_DONTWAIT);
        if (n < 0) return errno != EAGAIN && errno != EINTR;
        question.append(octets, static_cast<std::size_t>(n));
        return n == 0 || question.size() >= limits.question || work.complete(question);
    }

    // Sends what can be sent; true when there is no more to do.
    bool write()
    {
        const ssize_t n = send(fd, answer->data() + sent, answer->size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) return errno != EAGAIN && errno != EINTR;
        sent += static_cast<std::size_t>(n);
        return sent == answer->size();
    }
};

void dismiss(const Client& client)
{
    discard_rest(client.fd);
    close(client.fd);
}

// Takes the place of the client that keeps everybody waiting.
void make_room(std::vector<Client>& clients, std::size_t most)
{
    if (clients.size() < most) return;
    auto victim = std::find_if(clients.begin(), clients.end(), [](const Client& c) { return !c.answer; });
    if (victim == clients.end()) victim = clients.begin();
    dismiss(*victim);
    clients.erase(victim);
}

int patience_of(const std::vector<Client>& clients, Steady::time_point tick)
{
    auto first = tick;
    for (const auto& client : clients) first = std::min(first, client.deadline);
    if (first == never) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(first - Steady::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

// Reads, answers and writes as far as nobody has to be waited for.
void attend(std::vector<Client>& clients, const std::vector<pollfd>& waiting, std::size_t first,
            const Answering::Limits& limits, const Answering::Work& work)
{
    const auto now = Steady::now();
    for (std::size_t i = 0; i < clients.size(); ++i) {
        auto& client = clients[i];
        const bool late = client.deadline <= now;
        const bool can = waiting[first + i].revents != 0;
        if (client.answer) {
            client.done = late || client.write();
        } else if ((can && client.read(limits, work)) || late) {
            client.done = true;  // should there be no memory for an answer
            client.answer = work.answer(client.question);
            client.deadline = Steady::now() + limits.to_read;
            client.done = client.write();
        }
    }
}

void dismiss_who_is_done(std::vector<Client>& clients)
{
    std::erase_if(clients, [](const Client& client) {
        if (client.done) dismiss(client);
        return client.done;
    });
}

void welcome(std::vector<Client>& clients, int listener, const Answering::Limits& limits)
{
    for (std::size_t i = 0; i < limits.clients; ++i) {
        const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            // Out of descriptors: not a reason to spin.
            if (errno == EMFILE || errno == ENFILE)
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
            return;
        }
        make_room(clients, limits.clients);
        clients.emplace_back(fd, Steady::now() + limits.to_ask);  // reserved: does not fail
    }
}

}  // namespace

base::Result<> Answering::start(int listener, Limits limits, Work work)
{
    stopping_ = false;
    wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_ < 0) return base::fail(base::Code::unavailable, "eventfd", std::strerror(errno));
    thread_ =
        std::thread([this, listener, limits, work = std::move(work)] { serve(listener, limits, work); });
    return {};
}

void Answering::serve(int listener, const Limits& limits, const Work& work)
{
    std::vector<Client> clients;  // in the order in which they came
    auto due = work.tick ? Steady::now() : never;
    while (!stopping_) {
        dismiss_who_is_done(clients);
        const bool done = base::carry_on(log_, "answering questions", [&] {
            clients.reserve(limits.clients);
            if (due <= Steady::now()) {
                due = Steady::now() + std::chrono::seconds(1);  // should it fail
                due = Steady::now() + work.tick();
            }
            std::vector<pollfd> waiting = {{wake_, POLLIN, 0}, {listener, POLLIN, 0}};
            const std::size_t first = waiting.size();
            for (const auto& client : clients)
                waiting.push_back({client.fd, static_cast<short>(client.answer ? POLLOUT : POLLIN), 0});
            if (poll(waiting.data(), waiting.size(), patience_of(clients, due)) < 0) {
                // Short of memory, or interrupted: not a reason to spin, nor to fall silent.
                if (errno != EINTR) std::this_thread::sleep_for(std::chrono::milliseconds(100));
                return;
            }
            if (waiting[0].revents != 0) {
                std::uint64_t times = 0;
                if (read(wake_, &times, sizeof times) > 0 && work.tick) due = Steady::now();
            }
            if (stopping_) return;
            attend(clients, waiting, first, limits, work);
            dismiss_who_is_done(clients);
            if (waiting[1].revents != 0) welcome(clients, listener, limits);
        });
        // For want of memory: not a reason to spin.
        if (!done) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    for (const auto& client : clients) dismiss(client);
}

void Answering::wake()
{
    const std::uint64_t one = 1;
    if (wake_ >= 0 && write(wake_, &one, sizeof one) < 0) return;  // cannot happen: the counter is not full
}

void Answering::stop()
{
    stopping_ = true;
    wake();
    if (thread_.joinable()) thread_.join();
    if (wake_ >= 0) ::close(wake_);
    wake_ = -1;
}

}  // namespace daemon_main
