// One bounded HTTP request for revocation data (RFC 5280 section 4.2.1.13,
// RFC 6960 appendix A).  With smtp.cc the only place that calls libcurl.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace store
{

// Is it an address of the public Internet?  False for loopback, private,
// link-local, multicast, documentation and translated ranges (RFC 6890), and
// for what is no address.
[[nodiscard]] bool is_public_address(std::string_view address);

struct HttpRequest {
    std::string url;           // http:// only
    std::string body;          // POST when not empty
    std::string content_type;  // of the body
};

struct HttpLimits {
    std::chrono::milliseconds time{5000};  // names, connecting, redirects: everything
    std::size_t octets = 10U << 20;
    // Addresses that may be asked although they are not public.
    std::function<bool(std::string_view address)> also_allowed;
    // Set to give up; looked at about once a second.
    std::shared_ptr<const std::atomic<bool>> cancel;
};

// The body of a 200 answer.  Every address is looked at when it is about to be
// connected to, so neither a redirect (three at most, http only) nor a name
// that resolves to something else the second time leads inside.  No proxy, no
// credentials, no cookies, whatever the environment says.  Code::no_input: the host
// answers, but does not have it; Code::data: it is too large.  Blocks for at most `limits.time`; may be
// called from several threads.
[[nodiscard]] base::Result<std::string> http_get(const HttpRequest& request, const HttpLimits& limits);

// Which server it would ask, as host and port in lower case; "?" when the URL names none.
[[nodiscard]] std::string http_server(const std::string& url);

// False in a build without libcurl: http_get() then always fails and says so.
[[nodiscard]] bool http_available();

}  // namespace store
