// Whether a source is worth asking: one that does not answer is left alone for a while,
// twice as long each time, and then tried with one question.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/clock.h"
#include "store/sources.h"

namespace store
{

// For one thread at a time.
class SourceHealth
{
public:
    explicit SourceHealth(const Sources::Bounds& bounds) : bounds_(bounds) {}

    // Why it is not asked now; `trying`: a question to it is under way.
    [[nodiscard]] std::optional<std::string> refusal(base::Time now, bool trying) const;

    // True: that is news, after rest_is_news().
    [[nodiscard]] bool answered();

    // True: it rests from now on.
    [[nodiscard]] bool failed(std::string error, base::Time now);
    // Has nobody said so yet?  From now on somebody has.
    [[nodiscard]] bool rest_is_news();
    [[nodiscard]] const std::string& last_error() const { return last_error_; }

private:
    const Sources::Bounds bounds_;
    unsigned failures_ = 0;  // in a row
    std::chrono::seconds rest_{0};
    base::Time rests_until_{};
    std::string last_error_;
    bool told_ = false;
};

}  // namespace store
