#include "store/http.h"

#include "config.h"

#ifdef HAVE_LIBCURL
#include <arpa/inet.h>
#include <sys/socket.h>

#include <array>
#include <exception>
#include <memory>
#include <new>
#include <string>

#include "base/ascii.h"
#include "store/libcurl.h"
#endif

namespace store
{

#ifdef HAVE_LIBCURL
namespace
{

constexpr long most_redirects = 3;

struct Transfer {
    const HttpLimits& limits;
    std::string body{};
    bool too_large = false;
    bool ran_out = false;   // of memory: nothing may be thrown through libcurl
    std::string refused{};  // the address that must not be asked
};

std::size_t take(char* data, std::size_t size, std::size_t count, void* user) noexcept
{
    auto& t = *static_cast<Transfer*>(user);
    const std::size_t n = size * count;
    if (n > t.limits.octets - t.body.size()) {
        t.too_large = true;
        return 0;
    }
    try {
        t.body.append(data, n);
    } catch (const std::exception&) {
        t.ran_out = true;
        return 0;
    }
    return n;
}

std::string text_of(const sockaddr* address)
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* from = nullptr;
    if (address->sa_family == AF_INET)
        from = &reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
    else if (address->sa_family == AF_INET6)
        from = &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
    if (from == nullptr || ::inet_ntop(address->sa_family, from, text.data(), text.size()) == nullptr)
        return {};
    return text.data();
}

bool may_be_asked(Transfer& t, const sockaddr* address)
{
    const std::string text = text_of(address);
    if (is_public_address(text) || (t.limits.also_allowed && t.limits.also_allowed(text))) return true;
    t.refused = text.empty() ? "?" : text;
    return false;
}

curl_socket_t open_socket(void* user, curlsocktype, curl_sockaddr* address) noexcept
{
    auto& t = *static_cast<Transfer*>(user);
    try {
        if (!may_be_asked(t, &address->addr)) return CURL_SOCKET_BAD;
    } catch (const std::exception&) {
        t.ran_out = true;
        return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

int keep_going(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept
{
    const auto& t = *static_cast<const Transfer*>(user);
    return t.limits.cancel != nullptr && *t.limits.cancel ? 1 : 0;
}

base::Result<std::string> failed(const HttpRequest& request, std::string what, std::string remedy = {})
{
    return base::fail(base::Code::unavailable, request.url, std::move(what), std::move(remedy));
}

void configure(CurlRequest& curl, const HttpRequest& request, Transfer& transfer)
{
    const long time = static_cast<long>(transfer.limits.time.count());
    curl.set(CURLOPT_URL, request.url.c_str());
    curl.set(CURLOPT_PROTOCOLS_STR, "http");
    curl.set(CURLOPT_REDIR_PROTOCOLS_STR, "http");
    curl.set(CURLOPT_FOLLOWLOCATION, 1L);
    curl.set(CURLOPT_MAXREDIRS, most_redirects);
    curl.set(CURLOPT_TIMEOUT_MS, time);
    curl.set(CURLOPT_CONNECTTIMEOUT_MS, time);
    curl.set(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(transfer.limits.octets));
    curl.set(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl.set(CURLOPT_OPENSOCKETDATA, &transfer);
    curl.set(CURLOPT_WRITEFUNCTION, take);
    curl.set(CURLOPT_WRITEDATA, &transfer);
    curl.set(CURLOPT_XFERINFOFUNCTION, keep_going);
    curl.set(CURLOPT_XFERINFODATA, &transfer);
    curl.set(CURLOPT_USERAGENT, PACKAGE_NAME);
}

}  // namespace

bool http_available() { return true; }

base::Result<std::string> http_get(const HttpRequest& request, const HttpLimits& limits)
{
    // Before the request, which refers to them.
    Transfer transfer{limits};
    std::unique_ptr<curl_slist, FreeList> fields;
    CurlRequest curl;
    configure(curl, request, transfer);
    if (!request.body.empty()) {
        fields.reset(curl_slist_append(nullptr, ("Content-Type: " + request.content_type).c_str()));
        if (fields == nullptr) throw std::bad_alloc();
        curl.set(CURLOPT_HTTPHEADER, fields.get());
        curl.set(CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
        curl.set(CURLOPT_POSTFIELDS, request.body.c_str());
    }
    if (!curl.ok()) return failed(request, "libcurl does not start, or refuses an option");
    const CURLcode code = curl.perform();
    if (transfer.ran_out) throw std::bad_alloc();
    // Where it leads to is not what others who ask this server should suffer for.
    const bool led_away = curl.redirects() > 0;
    if (!transfer.refused.empty())
        return base::fail(led_away ? base::Code::data : base::Code::unavailable, request.url,
                          "not asked: " + transfer.refused + " is no public address",
                          "name its network in revocation_networks if it is yours");
    if (code == CURLE_TOO_MANY_REDIRECTS || (led_away && code == CURLE_UNSUPPORTED_PROTOCOL))
        return base::fail(base::Code::data, request.url, "HTTP redirect that is not followed");
    if (transfer.too_large || code == CURLE_FILESIZE_EXCEEDED)
        return base::fail(base::Code::data, request.url, "the answer is larger than revocation_max_size");
    if (code != CURLE_OK) return failed(request, CurlRequest::text(code));
    if (const long status = curl.status(); status != 200)
        return base::fail(base::Code::no_input, request.url, "HTTP status " + std::to_string(status));
    return std::move(transfer.body);
}

// By libcurl's own reading: http:///ca.example is one, and so is http://user@CA.example.:80.
std::string http_server(const std::string& url)
{
    const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
    if (parsed == nullptr) throw std::bad_alloc();
    const auto insist = [](CURLUcode code) {
        if (code == CURLUE_OUT_OF_MEMORY) throw std::bad_alloc();
        return code == CURLUE_OK;
    };
    if (!insist(curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0))) return "?";
    const auto part = [&](CURLUPart which) {
        char* text = nullptr;
        const bool there = insist(curl_url_get(parsed.get(), which, &text, CURLU_DEFAULT_PORT));
        const std::unique_ptr<char, decltype(&curl_free)> owner(text, curl_free);
        return there ? std::string(text) : std::string("?");
    };
    std::string host = part(CURLUPART_HOST);
    const std::string port = part(CURLUPART_PORT);
    // With a dot at its end it is the same name.  An address is looked up as a name then, and
    // with two dots it is none: whoever writes such a one must not be taken for its namesake.
    if (host.ends_with('.')) {
        std::string name = host.substr(0, host.size() - 1);
        in_addr address{};
        if (!name.empty() && !name.ends_with('.') && inet_pton(AF_INET, name.c_str(), &address) != 1)
            host = std::move(name);
    }
    return base::to_lower(host + ':' + port);
}

#else

bool http_available() { return false; }

std::string http_server(const std::string&) { return "?"; }

base::Result<std::string> http_get(const HttpRequest& request, const HttpLimits&)
{
    return base::fail(base::Code::unavailable, request.url, "built without libcurl",
                      "build it with libcurl, or use crl = local");
}

#endif

}  // namespace store
