#include "cms/path_cache.h"

#include <algorithm>
#include <chrono>

#include "cms/text.h"

namespace cms
{
namespace
{

using namespace std::chrono_literals;

constexpr auto longest = 5min;
// OpenSSL and we do not agree whether the second in which a certificate ends is one in
// which it is valid.
constexpr auto doubtful = 1s;

bool is_known(base::Time t) { return t != base::Time::max() && t != base::Time::min(); }

// Between which times around `at` nothing changes.
struct Window {
    base::Time at, from = at - longest, until = at + longest;

    void close_at(base::Time change)
    {
        if (!is_known(change)) return;
        if (change < at)
            from = std::max(from, change + doubtful);
        else
            until = std::min(until, change - doubtful);
        // `at` itself may be doubtful; then the window is empty.
    }
    [[nodiscard]] bool holds(base::Time t) const { return from < t && t < until; }
};

void add(std::string& text, base::Octets part)
{
    text += std::to_string(part.size());
    text += ':';
    text += part;
}

void add(std::string& text, long long number) { add(text, std::to_string(number)); }

}  // namespace

void PathCache::changes_with(const Certificate& c)
{
    changes_.push_back(c.not_before());
    changes_.push_back(c.not_after());
}

void PathCache::changes_with(const X509_CRL* crl)
{
    for (const ASN1_TIME* time : {X509_CRL_get0_lastUpdate(crl), X509_CRL_get0_nextUpdate(crl)})
        if (const auto t = time == nullptr ? std::nullopt : time_of(time)) changes_.push_back(*t);
}

void PathCache::know_all_changes()
{
    std::sort(changes_.begin(), changes_.end());
    changes_.erase(std::unique(changes_.begin(), changes_.end()), changes_.end());
}

std::string PathCache::question(const Certificate& leaf, const std::vector<Certificate>& untrusted,
                                const PathOptions& options)
{
    std::string text;
    add(text, leaf.der());
    add(text, static_cast<long long>(untrusted.size()));
    for (const Certificate& c : untrusted) add(text, c.der());
    add(text, static_cast<long long>(options.policies.size()));
    for (const std::string& policy : options.policies) add(text, policy);
    for (const bool flag : {options.policy_check, options.require_policy, options.inhibit_mapping,
                            options.inhibit_any_policy, options.allow_sha1})
        add(text, flag ? 1 : 0);
    add(text, options.expired_grace.count());
    add(text, static_cast<long long>(options.crl));
    return sha256(text);
}

std::optional<PathResult> PathCache::find(const std::string& question, base::Time at)
{
    auto known = known_.find(question);
    if (!known || at <= known->from || at >= known->until) return std::nullopt;
    return std::move(known->result);
}

void PathCache::insert(const std::string& question, const Certificate& leaf,
                       const std::vector<Certificate>& untrusted, const PathOptions& options,
                       const PathResult& answer)
{
    if (question.empty()) return;
    Window window{options.at};
    const auto close_at = [&](base::Time change) {
        window.close_at(change);
        if (is_known(change)) window.close_at(change + options.expired_grace);
    };
    const auto near = [&](base::Time t) {
        const auto at = std::lower_bound(changes_.begin(), changes_.end(), t);
        if (at != changes_.end()) close_at(*at);
        if (at != changes_.begin()) close_at(*std::prev(at));
    };
    near(options.at);
    near(options.at - options.expired_grace);
    for (const Certificate& c : untrusted) {
        close_at(c.not_before());
        close_at(c.not_after());
    }
    close_at(leaf.not_before());
    close_at(leaf.not_after());
    if (window.holds(options.at)) known_.insert(question, {window.from, window.until, answer});
}

}  // namespace cms
