// JSON as smimectl prints it: keys in the order in which they are added.
#pragma once

// GCC 12 sees null pointers where its vectors grow.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnull-dereference"
#include <nlohmann/json.hpp>
#pragma GCC diagnostic pop

#include "ctl/output.h"

namespace ctl
{

using Json = nlohmann::ordered_json;

// Octets that are not UTF-8 become U+FFFD.
[[nodiscard]] inline base::Result<> write_json(const Json& value)
{
    return write_out(value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace ctl
