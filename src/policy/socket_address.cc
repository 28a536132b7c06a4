// The syntax of milter sockets, checked before libmilter sees it: its own
// messages name neither file nor line.
#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>

#include "base/ascii.h"
#include "policy/value.h"

namespace policy
{
namespace
{

constexpr const char* wanted = "wanted unix:/PATH, inet:PORT@HOST or inet6:PORT@[ADDRESS]";

bool is_host_name(std::string_view host)
{
    return !host.empty() && host.size() <= 255 && host.front() != '-' &&
           std::all_of(host.begin(), host.end(), [](char c) {
               const char l = base::lower(c);
               return (l >= 'a' && l <= 'z') || base::is_digit(c) || c == '.' || c == '-';
           });
}

bool is_ipv6(std::string_view host)
{
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    in6_addr address{};
    return inet_pton(AF_INET6, std::string(host).c_str(), &address) == 1;
}

// By its number: what "localhost" means is decided elsewhere.
bool is_loopback(std::string_view host)
{
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    const std::string text(host);
    in_addr four{};
    in6_addr six{};
    if (inet_pton(AF_INET, text.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, text.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six) != 0;
}

// Whoever can connect is believed like the MTA.
bool is_everybody(std::string_view host)
{
    return host.empty() || host == "0.0.0.0" || host == "::" || host == "[::]";
}

}  // namespace

void Value::socket(std::string& out) const
{
    const auto colon = text_.find(':');
    const auto scheme = text_.substr(0, colon);
    const auto rest = colon == std::string_view::npos ? std::string_view{} : text_.substr(colon + 1);
    if (scheme == "unix" || scheme == "local") {
        if (!rest.starts_with('/'))
            refuse(quoted(text_) + " has no absolute path", wanted);
        else if (rest.size() >= sizeof(sockaddr_un::sun_path))
            refuse("path of " + std::to_string(rest.size()) + " octets",
                   "at most " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " fit a socket address");
        else
            out = text_;
        return;
    }
    if (scheme != "inet" && scheme != "inet6") {
        refuse(quoted(text_) + " is no socket", wanted);
        return;
    }
    const auto at = rest.find('@');
    const auto port = base::parse_decimal(rest.substr(0, at));
    const auto host = at == std::string_view::npos ? std::string_view{} : rest.substr(at + 1);
    if (!port || *port == 0 || *port > 65535)
        refuse(quoted(text_) + " has no port from 1 to 65535", wanted);
    else if (is_everybody(host))
        refuse(quoted(text_) + " would listen on every address",
               "name the one to listen on, such as " + std::string(scheme) + ":" + std::to_string(*port) +
                   (scheme == "inet" ? "@127.0.0.1" : "@[::1]"));
    else if (scheme == "inet" ? !is_host_name(host) : !is_ipv6(host))
        refuse(quoted(text_) + " has no " + (scheme == "inet" ? "host" : "IPv6 address") + " after \"@\"",
               wanted);
    else
        out = text_;
}

void Value::loopback(std::string& out) const
{
    if (text_.empty()) {
        out.clear();
        return;
    }
    std::string address;
    socket(address);
    if (address.empty()) return;  // reported
    const auto at = address.find('@');
    if (address.starts_with("inet") && !is_loopback(std::string_view(address).substr(at + 1)))
        refuse(
            quoted(text_) + " can be reached from elsewhere",
            "wanted inet:PORT@127.0.0.1, inet6:PORT@[::1] or unix:/PATH; for another host put a proxy that "
            "asks who it is before it");
    else
        out = address;
}

}  // namespace policy
