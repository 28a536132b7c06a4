#include "ctl/envelope.h"

#include <unistd.h>

#include <algorithm>

#include "base/ascii.h"
#include "ctl/input.h"
#include "mime/address.h"
#include "policy/network.h"

namespace ctl
{
namespace
{

using base::Code;

// "<a@b>" and "a@b" are the same here; "" and "<>" are the null sender.
std::string without_brackets(std::string_view text)
{
    text = base::trim(text);
    if (text.size() >= 2 && text.front() == '<' && text.back() == '>') text = text.substr(1, text.size() - 2);
    return std::string(text);
}

base::Result<std::string> address_of(const char* option, const std::string& given)
{
    std::string address = without_brackets(given);
    mime::Mailbox mailbox;
    if (!mime::parse_address(address, mailbox))
        return base::fail(Code::usage, option, "\"" + given + "\" is not an address",
                          "write user@example.org");
    return address;
}

// What the MTA calls itself, most likely, where authserv_id does not say more.
std::string host_name()
{
    char name[256] = {};
    return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

base::Result<gateway::Envelope> envelope_of(const EnvelopeOptions& options)
{
    gateway::Envelope envelope;
    for (const auto& to : options.to) {
        auto address = address_of("--to", to);
        if (!address) return base::fail(address.error());
        envelope.recipients.push_back(*address);
        envelope.recipients_as_given.push_back("<" + *address + ">");
    }
    if (envelope.recipients.empty())
        return base::fail(Code::usage, "", "no recipient", "add --to ADDRESS: rules are asked for each");
    if (options.mail_from && !without_brackets(*options.mail_from).empty()) {
        auto address = address_of("--mail-from", *options.mail_from);
        if (!address) return base::fail(address.error());
        envelope.mail_from = *address;
    }
    envelope.client = options.client.value_or("");
    const auto network = policy::Network::parse(envelope.client);
    if (options.client && (!network || envelope.client.find('/') != std::string::npos))
        return base::fail(Code::usage, "--client", "\"" + envelope.client + "\" is not an IP address",
                          "write 192.0.2.1 or 2001:db8::1");
    envelope.mta_name = host_name();
    envelope.login = options.auth.value_or("");
    if (options.tls_client) {
        constexpr std::string_view by = " issued by ";
        const auto issued = options.tls_client->rfind(by);
        envelope.tls_subject = options.tls_client->substr(0, issued);
        if (issued != std::string::npos) envelope.tls_issuer = options.tls_client->substr(issued + by.size());
    }
    envelope.listener = options.listener.value_or("");
    return envelope;
}

base::Result<std::string> header_lines(const std::vector<std::string>& fields)
{
    std::string lines;
    for (const auto& field : fields) {
        const auto colon = field.find(':');
        const bool named = colon != std::string::npos && colon > 0 &&
                           std::all_of(field.begin(), field.begin() + static_cast<std::ptrdiff_t>(colon),
                                       [](char c) { return c > ' ' && c < 0x7f; });
        if (!named || field.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
            return base::fail(Code::usage, "--header", "\"" + field + "\" is not a header field",
                              "write 'Name: value' on one line");
        lines += field + "\r\n";
    }
    return lines;
}

}  // namespace

void add_envelope_options(Options& options, EnvelopeOptions& into)
{
    options.value("--from", into.from, "ADDRESS", "author; with a MESSAGE only the default of --mail-from");
    options.values("--to", into.to, "ADDRESS", "envelope recipient, needed, may be repeated");
    options.value("--mail-from", into.mail_from, "ADDRESS", "envelope sender, \"\" for the null sender");
    options.value("--auth", into.auth, "LOGIN", "the client has logged in as this");
    options.value("--tls-client", into.tls_client, "'SUBJECT issued by ISSUER'",
                  "the client has shown this certificate, and the MTA has verified it");
    options.value("--client", into.client, "IP", "address of the client");
    options.value("--listener", into.listener, "NAME", "the MTA's {daemon_name}");
    options.values("--header", into.header, "'NAME: VALUE'", "a further header field, may be repeated");
}

base::Result<gateway::Message> message_for(const EnvelopeOptions& options,
                                           const std::optional<std::string>& file)
{
    auto envelope = envelope_of(options);
    if (!envelope) return base::fail(envelope.error());
    auto lines = header_lines(options.header);
    if (!lines) return base::fail(lines.error());
    std::string octets = *lines;
    if (file) {
        const auto message = read_message(*file);
        if (!message) return base::fail(message.error());
        octets += message->octets();
    } else {
        if (options.from) octets += "From: " + *options.from + "\r\n";
        if (octets.empty())
            return base::fail(Code::usage, "", "no author", "add --from ADDRESS or a MESSAGE");
        octets += "\r\n";
    }
    if (options.from && !options.mail_from) {
        const auto list = mime::parse_mailboxes(*options.from);
        if (!list.valid || list.mailboxes.size() != 1)
            return base::fail(Code::usage, "--from", "\"" + *options.from + "\" is not an address",
                              "write user@example.org");
        envelope->mail_from = list.mailboxes.front().address();
    }
    auto message = gateway::message_from_octets(octets, *envelope);
    if (message && !options.from && !options.mail_from)
        message->envelope.mail_from = mime::author_of(message->fields()).address();
    return message;
}

}  // namespace ctl
