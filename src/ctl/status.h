// The daemon's answer to "status" (main/status.h), for people and as JSON.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "ctl/json.h"

namespace ctl
{

struct DaemonStatus {
    struct Counted {
        std::string name;  // "sign ok", a rule, a stage
        std::uint64_t count = 0;
    };
    struct Expiry {
        std::string time, kind, name;
    };
    std::string state;  // "running", "stopping"
    std::map<std::string, std::string, std::less<>> values;
    std::vector<Counted> processed, errors, rules;
    std::vector<Expiry> expiry;

    [[nodiscard]] std::string value(std::string_view key) const;
    [[nodiscard]] std::uint64_t number(std::string_view key, std::size_t which = 0) const;  // the n-th in it
};

// Nothing when the answer is not one of these: then it is shown as it is.
[[nodiscard]] std::optional<DaemonStatus> parse_status(std::string_view answer);

// A picture of 79 columns; with `before`, an earlier answer of the same daemon, also how
// much it was in each second between the two.  No more than `lines` lines: "...".
[[nodiscard]] std::string picture(const DaemonStatus& status, const DaemonStatus* before,
                                  std::size_t lines = std::string::npos);

[[nodiscard]] Json to_json(const DaemonStatus& status);

}  // namespace ctl
