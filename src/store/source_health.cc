#include "store/source_health.h"

#include <algorithm>
#include <utility>

namespace store
{

std::optional<std::string> SourceHealth::refusal(base::Time now, bool trying) const
{
    // A clock that was set back makes no rest longer.
    if (now < rests_until_ && now + rest_ >= rests_until_)
        return last_error_ + " (not asked until " + base::iso8601(rests_until_) + ")";
    if (failures_ >= bounds_.failures && trying) return last_error_;
    return std::nullopt;
}

bool SourceHealth::answered()
{
    failures_ = 0;
    rest_ = std::chrono::seconds(0);
    return std::exchange(told_, false);
}

bool SourceHealth::failed(std::string error, base::Time now)
{
    ++failures_;
    last_error_ = std::move(error);
    if (failures_ < bounds_.failures) return false;
    rest_ = rest_.count() == 0 ? bounds_.rest : std::min(2 * rest_, bounds_.longest_rest);
    rests_until_ = now + rest_;
    return true;
}

bool SourceHealth::rest_is_news() { return !std::exchange(told_, true); }

}  // namespace store
