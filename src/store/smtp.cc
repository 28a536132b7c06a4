#include "store/smtp.h"

#include "config.h"

#ifdef HAVE_LIBCURL
#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/ascii.h"
#include "store/libcurl.h"
#endif

namespace store
{

#ifdef HAVE_LIBCURL

namespace
{

constexpr std::size_t longest_reply = 512;  // RFC 5321 section 4.5.3.1.5

struct Conversation {
    std::string_view left;
    std::string last;  // reply of the server, at most longest_reply octets, for which there is room
    const std::function<bool()>& go_on;
    // Holds for the answer to QUIT, too, for which libcurl has no time limit of ours.
    std::chrono::steady_clock::time_point until;
};

std::size_t give(char* to, std::size_t size, std::size_t count, void* user) noexcept
{
    auto& conversation = *static_cast<Conversation*>(user);
    const auto n = std::min(size * count, conversation.left.size());
    std::memcpy(to, conversation.left.data(), n);
    conversation.left.remove_prefix(n);
    return n;
}

int listen(CURL*, curl_infotype type, char* text, std::size_t size, void* user) noexcept
{
    const std::string_view line = base::trim(std::string_view(text, size));
    const bool reply = type == CURLINFO_HEADER_IN && line.size() >= 3 && base::is_digit(line[0]);
    // 221 is the answer to QUIT.
    if (reply && !line.starts_with("221"))
        static_cast<Conversation*>(user)->last.assign(line.substr(0, longest_reply));
    return 0;
}

int look(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept
{
    const auto& conversation = *static_cast<Conversation*>(user);
    if (std::chrono::steady_clock::now() > conversation.until) return 1;
    return !conversation.go_on || conversation.go_on() ? 0 : 1;
}

// Of "host", "host:port", "[address]:port".
bool is_here(std::string_view server)
{
    if (server.starts_with('[')) return server.substr(0, server.find(']')) == "[::1";
    const std::string host(server.substr(0, server.find(':')));
    in_addr address{};
    if (inet_pton(AF_INET, host.c_str(), &address) == 1) return (ntohl(address.s_addr) >> 24) == 127;
    return base::iequals(host, "localhost");
}

std::string host_name()
{
    char name[256] = {};
    if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "localhost";
    return name;
}

}  // namespace

base::Result<SmtpReply> smtp_send(const SmtpRequest& request)
{
    Conversation conversation{
        request.octets, {}, request.go_on, std::chrono::steady_clock::now() + request.patience};
    conversation.last.reserve(longest_reply);
    const std::unique_ptr<curl_slist, FreeList> recipients(
        curl_slist_append(nullptr, ("<" + request.to + ">").c_str()));
    if (recipients == nullptr) throw std::bad_alloc();
    const std::string url = "smtp://" + request.server + "/" + host_name();
    const std::string from = "<" + request.from + ">";
    CurlRequest curl;
    curl.set(CURLOPT_URL, url.c_str());
    curl.set(CURLOPT_PROTOCOLS_STR, "smtp");
    curl.set(CURLOPT_TIMEOUT, static_cast<long>(request.patience.count()));
    curl.set(CURLOPT_XFERINFOFUNCTION, look);
    curl.set(CURLOPT_XFERINFODATA, &conversation);
    curl.set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.octets.size()));
    curl.set(CURLOPT_MAIL_FROM, from.c_str());
    curl.set(CURLOPT_MAIL_RCPT, recipients.get());
    curl.set(CURLOPT_UPLOAD, 1L);
    curl.set(CURLOPT_READFUNCTION, give);
    curl.set(CURLOPT_READDATA, &conversation);
    curl.set(CURLOPT_VERBOSE, 1L);
    curl.set(CURLOPT_DEBUGFUNCTION, listen);
    curl.set(CURLOPT_DEBUGDATA, &conversation);
    const bool login = !request.user.empty() && request.password;
    // A password is for nobody but the server that is named.
    const bool guarded = login && !is_here(request.server);
    const auto offered = request.use_tls ? CURLUSESSL_TRY : CURLUSESSL_NONE;
    curl.set(CURLOPT_USE_SSL, static_cast<long>(guarded ? CURLUSESSL_ALL : offered));
    curl.set(CURLOPT_SSL_VERIFYPEER, guarded ? 1L : 0L);
    curl.set(CURLOPT_SSL_VERIFYHOST, guarded ? 2L : 0L);
    if (login) {
        curl.set(CURLOPT_USERNAME, request.user.c_str());
        curl.set(CURLOPT_PASSWORD, request.password->reveal().c_str());
    }
    if (!curl.ok())
        return base::fail(base::Code::internal, request.server,
                          "libcurl does not start, or refuses an option");
    const CURLcode code = curl.perform();
    if (code == CURLE_OK) return SmtpReply{true, std::move(conversation.last)};
    // The server has answered, and the answer was no.
    if (!conversation.last.empty() && (conversation.last[0] == '4' || conversation.last[0] == '5'))
        return SmtpReply{false, std::move(conversation.last)};
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        return base::fail(base::Code::unavailable, request.server,
                          std::string("a password is not sent: ") + CurlRequest::text(code),
                          "name the MTA as its certificate does, or send from its own machine to 127.0.0.1");
    return base::fail(base::Code::unavailable, request.server, CurlRequest::text(code));
}

bool smtp_available() { return true; }

#else

bool smtp_available() { return false; }

base::Result<SmtpReply> smtp_send(const SmtpRequest& request)
{
    return base::fail(base::Code::unavailable, request.server, "built without libcurl",
                      "build it with libcurl");
}

#endif

}  // namespace store
