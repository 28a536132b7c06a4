// The questions about revocation that a configuration allows.
#include "gateway/verify.h"

namespace gateway
{

void ask_for_revocation(VerifyRequest& request, const policy::Revocation& config,
                        store::RevocationFetcher* fetcher, std::chrono::steady_clock::time_point deadline,
                        store::Meanwhile meanwhile)
{
    request.fetch_crls = config.fetch_crls;
    request.ocsp = config.ocsp;
    if (!config.asks() || fetcher == nullptr) return;
    store::FetchLimits limits;
    limits.budget = std::chrono::seconds(config.timeout);
    limits.http.time = limits.budget;
    limits.http.octets = config.max_size;
    // A copy: a fetch may outlive the message and its snapshot.
    limits.http.also_allowed = [networks = config.networks](std::string_view address) {
        return policy::any_contains(networks, address);
    };
    request.revocation = fetcher->source(std::move(limits), deadline, std::move(meanwhile));
}

}  // namespace gateway
