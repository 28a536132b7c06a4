#include "milter/envelope.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <optional>

#include "base/ascii.h"

namespace milter
{

namespace
{

// IPv4 as IPv4-mapped IPv6, so that all spellings of an address are one.
std::optional<std::array<unsigned char, 16>> octets_of(const std::string& text)
{
    std::array<unsigned char, 16> octets{};
    if (inet_pton(AF_INET6, text.c_str(), octets.data()) == 1) return octets;
    octets = {};
    octets[10] = octets[11] = 0xff;
    if (inet_pton(AF_INET, text.c_str(), octets.data() + 12) == 1) return octets;
    return std::nullopt;
}

// Sendmail names every certificate and tells apart by {verify}; Postfix knows no
// such macro and names only those that it has verified.
bool vouches_for_certificate(const Mta& mta)
{
    const std::string verify = mta.macro("{verify}");
    return verify == "OK" || (verify.empty() && mta.macro("v").starts_with("Postfix"));
}

}  // namespace

std::string address_text(const sockaddr* address)
{
    if (address == nullptr) return {};
    char text[INET6_ADDRSTRLEN];
    const void* octets = nullptr;
    if (address->sa_family == AF_INET)
        octets = &reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
    else if (address->sa_family == AF_INET6)
        octets = &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
    if (octets == nullptr || inet_ntop(address->sa_family, octets, text, sizeof text) == nullptr) return {};
    return text;
}

std::string address_text(std::string_view macro)
{
    constexpr std::string_view sendmail_prefix = "IPv6:";
    if (base::istarts_with(macro, sendmail_prefix)) macro.remove_prefix(sendmail_prefix.size());
    const std::string text(macro);
    return octets_of(text) ? text : std::string();
}

std::string_view without_brackets(std::string_view address)
{
    if (address.size() >= 2 && address.front() == '<' && address.back() == '>')
        return address.substr(1, address.size() - 2);
    return address;
}

gateway::Envelope begin_envelope(const std::string& client, const std::string& client_name,
                                 std::string_view mail_from, const Mta& mta)
{
    gateway::Envelope envelope;
    envelope.mta_name = mta.macro("j");
    envelope.listener = mta.macro("{daemon_name}");
    envelope.mail_from = without_brackets(mail_from);
    const std::string named = address_text(std::string_view(mta.macro("{client_addr}")));
    if (!client.empty() && !named.empty() && octets_of(client) != octets_of(named)) return envelope;
    envelope.client = client.empty() ? named : client;
    envelope.client_name = client_name;
    envelope.login = mta.macro("{auth_authen}");
    if (vouches_for_certificate(mta)) {
        envelope.tls_subject = mta.macro("{cert_subject}");
        envelope.tls_issuer = mta.macro("{cert_issuer}");
    }
    return envelope;
}

}  // namespace milter
