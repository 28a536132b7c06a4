#include "store/http.h"

#include "config.h"

#ifdef HAVE_LIBCURL
#include <arpa/inet.h>
#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <string>

#include "base/ascii.h"
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

int keep_going(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t)
{
    const auto& t = *static_cast<const Transfer*>(user);
    return t.limits.cancel != nullptr && *t.limits.cancel ? 1 : 0;
}

struct FreeHandle {
    void operator()(CURL* c) const { curl_easy_cleanup(c); }
};
struct FreeList {
    void operator()(curl_slist* l) const { curl_slist_free_all(l); }
};

base::Result<std::string> failed(const HttpRequest& request, std::string what, std::string remedy = {})
{
    return base::fail(base::Code::unavailable, request.url, std::move(what), std::move(remedy));
}

bool configure(CURL* curl, const HttpRequest& request, Transfer& transfer)
{
    bool ok = true;
    const auto set = [&](CURLoption option, auto value) {
        ok = ok && curl_easy_setopt(curl, option, value) == CURLE_OK;
    };
    const long time = static_cast<long>(transfer.limits.time.count());
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http");
    set(CURLOPT_REDIR_PROTOCOLS_STR, "http");
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, most_redirects);
    set(CURLOPT_PROXY, "");
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_NOSIGNAL, 1L);  // threads
    set(CURLOPT_TIMEOUT_MS, time);
    set(CURLOPT_CONNECTTIMEOUT_MS, time);
    set(CURLOPT_FORBID_REUSE, 1L);  // each connection goes through open_socket()
    set(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(transfer.limits.octets));
    set(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    set(CURLOPT_OPENSOCKETDATA, &transfer);
    set(CURLOPT_WRITEFUNCTION, take);
    set(CURLOPT_WRITEDATA, &transfer);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, keep_going);
    set(CURLOPT_XFERINFODATA, &transfer);
    set(CURLOPT_USERAGENT, PACKAGE_NAME);
    return ok;
}

}  // namespace

bool http_available() { return true; }

base::Result<std::string> http_get(const HttpRequest& request, const HttpLimits& limits)
{
    static std::once_flag once;
    static CURLcode ready = CURLE_FAILED_INIT;
    std::call_once(once, [] { ready = curl_global_init(CURL_GLOBAL_DEFAULT); });
    const std::unique_ptr<CURL, FreeHandle> curl(ready == CURLE_OK ? curl_easy_init() : nullptr);
    if (!curl) return failed(request, "libcurl does not start");
    Transfer transfer{limits};
    if (!configure(curl.get(), request, transfer)) return failed(request, "libcurl refuses an option");
    std::unique_ptr<curl_slist, FreeList> fields;
    if (!request.body.empty()) {
        fields.reset(curl_slist_append(nullptr, ("Content-Type: " + request.content_type).c_str()));
        curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, fields.get());
        curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
        curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, request.body.c_str());
    }
    const CURLcode code = curl_easy_perform(curl.get());
    if (transfer.ran_out) throw std::bad_alloc();
    if (!transfer.refused.empty())
        return failed(request, "not asked: " + transfer.refused + " is no public address",
                      "name its network in revocation_networks if it is yours");
    if (transfer.too_large || code == CURLE_FILESIZE_EXCEEDED)
        return failed(request, "the answer is larger than revocation_max_size");
    if (code != CURLE_OK) return failed(request, curl_easy_strerror(code));
    long status = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        return base::fail(base::Code::no_input, request.url, "HTTP status " + std::to_string(status));
    return std::move(transfer.body);
}

// By libcurl's own reading: http:///ca.example is one, and so is http://user@CA.example:80.
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
    return base::to_lower(part(CURLUPART_HOST) + ':' + part(CURLUPART_PORT));
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
