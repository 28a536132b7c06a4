#include "gateway/failure_limit.h"

#include <arpa/inet.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace gateway
{
namespace
{

constexpr auto window = std::chrono::hours(1);

bool is_over(base::Time since, base::Time now) { return now < since || now - since >= window; }

}  // namespace

bool FailureLimit::reached(std::string_view client, base::Time now, unsigned most) const
{
    if (most == 0) return false;
    const std::lock_guard lock(mutex_);
    const auto found = clients_.find(network_of(client));
    return found != clients_.end() && !is_over(found->second.since, now) && found->second.number >= most;
}

void FailureLimit::count(std::string_view client, base::Time now)
{
    const auto network = network_of(client);
    const std::lock_guard lock(mutex_);
    if (clients_.size() >= most_clients && !clients_.contains(network)) make_room(now);
    auto& failures = clients_[network];
    if (failures.number == 0 || is_over(failures.since, now)) failures = {now, 0};
    ++failures.number;
}

// The oldest half goes at once, so that strangers do not make every failure a search.
void FailureLimit::make_room(base::Time now)
{
    std::erase_if(clients_, [&](const auto& entry) { return is_over(entry.second.since, now); });
    if (clients_.size() < most_clients) return;
    std::vector<base::Time> begun;
    begun.reserve(clients_.size());
    for (const auto& [network, failures] : clients_) begun.push_back(failures.since);
    const auto middle = begun.begin() + static_cast<std::ptrdiff_t>(begun.size() / 2);
    std::nth_element(begun.begin(), middle, begun.end());
    std::erase_if(clients_, [&](const auto& entry) { return entry.second.since <= *middle; });
}

// IPv4 in the last four octets; what is no address is one client.
FailureLimit::Network FailureLimit::network_of(std::string_view client)
{
    const std::string text(client);
    Network out{};
    in6_addr six{};
    if (inet_pton(AF_INET, text.c_str(), out.data() + 12) == 1) {
        out[11] = 4;
    } else if (inet_pton(AF_INET6, text.c_str(), &six) == 1) {
        if (!IN6_IS_ADDR_V4MAPPED(&six)) {
            std::copy_n(six.s6_addr, 8, out.begin());
        } else {
            std::copy_n(six.s6_addr + 12, 4, out.begin() + 12);
            out[11] = 4;
        }
    }
    return out;
}

}  // namespace gateway
