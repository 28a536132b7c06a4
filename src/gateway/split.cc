#include "gateway/split.h"

#include <algorithm>
#include <map>
#include <span>

#include "base/ascii.h"
#include "cms/capabilities.h"
#include "cms/seal.h"
#include "cms/text.h"
#include "gateway/onto.h"
#include "gateway/recipient_certificates.h"
#include "mime/codec.h"
#include "mime/date.h"
#include "policy/encryption.h"

namespace gateway
{
namespace
{

using policy::Encrypt;

// A queue gives up on a message long before.
constexpr auto longest_way = std::chrono::days(30);
constexpr const char* dkim_field = "DKIM-Signature";
constexpr std::string_view magic = "smime-milter split 1\n";

bool was_relayed(const Case& c)
{
    return std::any_of(c.fields.begin(), c.fields.end(),
                       [](const mime::Field& f) { return base::iequals(f.name, "Received"); });
}

std::string one_line(std::string text)
{
    std::erase(text, '\n');
    std::erase(text, '\r');
    return text;
}

// "name base64" for each, an empty line, the Content-* fields, an empty line, the body.
std::string contents(const Case& c, const Message& message, cms::Cipher cipher, base::Time now)
{
    std::string out(magic);
    const auto add = [&](const char* name, std::string_view value) {
        out += std::string(name) + " " + one_line(mime::base64_lines(value)) + "\n";
    };
    add("time", std::to_string(now.time_since_epoch().count()));
    add("author", c.facts.author.address());
    add("client", c.envelope.client);
    add("client_name", c.envelope.client_name);
    add("login", c.facts.login);
    add("listener", c.envelope.listener);
    add("requested", c.plan().encrypt_request.empty() ? "no" : "yes");
    add("relayed", was_relayed(c) ? "yes" : "no");
    add("cipher", cms::name(cipher));
    add("dkim", std::to_string(message.header().count(dkim_field)));
    out += "\n";
    for (const auto& field : c.fields)
        if (is_content_field(field.name)) {
            out += field.raw;
            if (!field.raw.ends_with('\n')) out += "\r\n";
        }
    out += "\r\n";
    out += message.body();
    return out;
}

struct Contents {
    std::map<std::string, std::string, std::less<>> facts;
    std::vector<ContentField> content;
    std::string body;

    [[nodiscard]] std::string fact(std::string_view name) const
    {
        const auto it = facts.find(name);
        return it == facts.end() ? std::string() : it->second;
    }
};

std::optional<Contents> read_contents(std::string_view octets)
{
    if (!octets.starts_with(magic)) return std::nullopt;
    octets.remove_prefix(magic.size());
    Contents out;
    while (true) {
        const auto end = octets.find('\n');
        if (end == std::string_view::npos) return std::nullopt;
        const auto line = octets.substr(0, end);
        octets.remove_prefix(end + 1);
        if (line.empty()) break;
        const auto blank = line.find(' ');
        if (blank == std::string_view::npos) return std::nullopt;
        auto value = mime::base64_decode(line.substr(blank + 1));
        if (!value) return std::nullopt;
        out.facts.emplace(line.substr(0, blank), std::move(*value));
    }
    const auto header = mime::parse_header(octets);
    for (const auto& field : header.fields)
        out.content.push_back({std::string(field.name), field_value(field.value)});
    out.body = octets.substr(header.body);
    return out;
}

// Of what a client sends again when it tries again, whatever MTAs and other filters put
// on top of it meanwhile.
std::string identity(const Case& c, const Message& message)
{
    std::string out;
    for (const auto& field : c.fields)
        for (const char* name : {"Message-ID", "Date", "From", "To", "Cc", "Subject"})
            if (base::iequals(field.name, name) || is_content_field(field.name) ||
                base::istarts_with(field.name, "Resent-")) {
                out += field.raw;
                break;
            }
    return cms::sha256_hex(out) + cms::sha256_hex(message.body()) + "\n" + c.envelope.mail_from + "\n" +
           c.facts.login + "\n" + c.envelope.client + "\n" + c.plan().encrypt_request + "\n";
}

// The edits in copies of our own instead, with a trace of where they come from: the MTA
// has not put its Received there yet.
void give_to_mta(const Case& c, const Message& message, const World& world, const std::string& server,
                 Outcome& outcome)
{
    const auto& envelope = c.envelope;
    const auto known = [](const std::string& text) {
        return text.empty() ? std::string("unknown") : one_line(text);
    };
    outcome.header.push_back({HeaderEdit::Kind::insert, "Received", 1,
                              "from " + known(envelope.client_name) + " ([" + known(envelope.client) +
                                  "])\n\tby " + known(envelope.mta_name) + " (smime-milter) id " +
                                  known(envelope.queue_id) + ";\n\t" +
                                  mime::format_date(world.clock->now())});
    HandOver out;
    out.server = server;
    out.from = envelope.mail_from;
    out.octets = render(message, outcome);
    out.identified = message.header().find("Message-ID") != nullptr;
    const auto same = identity(c, message);
    for (const auto& to : envelope.recipients) out.copies.push_back({to, cms::sha256_hex(same + to)});
    outcome.header.clear();
    outcome.replace_body = false;
    outcome.body.clear();
    outcome.hand_over = std::move(out);
}

tl::unexpected<base::Error> unfit(std::string why)
{
    return base::fail(base::Code::data, "", std::move(why));
}

}  // namespace

bool needs_split(const Case& c, const World& world)
{
    const auto& plan = c.plan();
    if (!plan.may_split || plan.encrypt == Encrypt::no) return false;
    if (!plan.encrypt_all || c.envelope.recipients.size() > 100) return true;
    return (plan.encrypt_rule->encrypt_bcc != policy::EncryptBcc::leak && !blind_recipients(c).empty()) ||
           !recipient_certificates(c, world).missing.empty();
}

void split(const Case& c, const Message& message, const World& world, Outcome& outcome, Report& report)
{
    const auto& plan = c.plan();
    const auto found = recipient_certificates(c, world);
    RecipientCertificates demanded;
    for (const auto& missing : found.missing)
        for (const auto& recipient : c.decision.recipients)
            if (recipient.recipient == missing.recipient && recipient.rule != nullptr &&
                (recipient.rule->encrypt == Encrypt::mandatory || !plan.encrypt_request.empty())) {
                demanded.missing.push_back(missing);
                break;
            }
    if (!demanded.missing.empty()) {
        report.failed = Stage::certificate;
        return refuse_in_clear(outcome, report, "no certificate can be used for " + demanded.names_missing(),
                               demanded.any_temporary());
    }

    const auto cipher = plan.encrypt_rule->cipher
                            ? *plan.encrypt_rule->cipher
                            : cms::common_cipher(found.certificates, found.capabilities);
    auto sealed = cms::seal(contents(c, message, cipher, world.clock->now()), c.snapshot.split_key);
    if (!sealed) {
        report.failed = Stage::split;
        return refuse_in_clear(outcome, report, sealed.error().what, true);
    }
    const auto edits = content_edits(
        c.fields,
        {{"Content-Type", "application/octet-stream"},
         {"Content-Transfer-Encoding", "base64"},
         {"Content-Description", "Sealed by smime-milter on its way to be split; should never be seen"}});
    outcome.header.insert(outcome.header.end(), edits.begin(), edits.end());
    const auto request = request_edits(c);
    outcome.header.insert(outcome.header.end(), request.begin(), request.end());
    outcome.header.push_back({HeaderEdit::Kind::insert, split_field, 1, "1"});
    outcome.replace_body = true;
    outcome.body = {mime::base64_lines(*sealed)};
    if (const auto& server = c.snapshot.config.split.hand_over; !server.empty()) {
        give_to_mta(c, message, world, server, outcome);
        report.details.push_back({"hand_over", server, false});
    }
    report.action = Done::split;
    report.status = "ok";
    report.details.push_back({"cipher", cms::name(cipher), false});
    if (!plan.encrypt_request.empty()) report.details.push_back({"requested", plan.encrypt_request, false});
}

bool is_astray(const Envelope& envelope, const mime::Header& header, const policy::Config& config)
{
    return !config.split.hand_over.empty() && !is_reentry(envelope, config) &&
           header.find(split_field) != nullptr;
}

bool is_reentry(const Envelope& envelope, const policy::Config& config)
{
    return !config.split.reentry.empty() && base::iequals(envelope.listener, config.split.reentry);
}

base::Result<Returned> returned(const Message& message, const Snapshot& snapshot, base::Time now)
{
    if (message.header().find(split_field) == nullptr)
        return unfit("it was not split here: [split] reentry is for copies that come back");
    const auto sealed = mime::base64_decode(message.body());
    if (!sealed) return unfit("its body is not what was sealed");
    const auto octets = cms::unseal(*sealed, snapshot.split_key);
    if (!octets) return base::fail(octets.error());
    auto contents = read_contents(*octets);
    if (!contents) return unfit("what was sealed cannot be read by this version");
    const auto seconds = base::parse_decimal(contents->fact("time"));
    if (!seconds || base::Time(std::chrono::seconds(*seconds)) + longest_way < now)
        return unfit("it was sealed too long ago");
    if (contents->fact("author") != mime::author_of(message.fields()).address())
        return unfit("its author was changed on the way");

    Envelope envelope = message.envelope;
    envelope.client = contents->fact("client");
    envelope.client_name = contents->fact("client_name");
    envelope.login = contents->fact("login");
    envelope.listener = contents->fact("listener");
    // The connection that brings it back is the MTA's own; `login` has what the
    // first one's certificate stood for.
    envelope.tls_subject.clear();
    envelope.tls_issuer.clear();
    Envelope::Earlier earlier;
    earlier.encryption_requested = contents->fact("requested") == "yes";
    earlier.relayed = contents->fact("relayed") == "yes";
    earlier.cipher = cms::cipher_named(contents->fact("cipher"));
    envelope.earlier = earlier;
    Rewrite inside;
    inside.header = content_edits(message.fields(), contents->content);
    inside.body.emplace_back(std::move(contents->body));

    // Filters put theirs on top.
    Returned out;
    const auto before = base::parse_decimal(contents->fact("dkim")).value_or(0);
    const auto after = message.header().count(dkim_field);
    for (auto i = static_cast<int>(after) - static_cast<int>(before); i > 0; --i)
        out.stale.push_back({HeaderEdit::Kind::remove, dkim_field, i, ""});
    inside.header.insert(inside.header.end(), out.stale.begin(), out.stale.end());
    auto made = rewritten(message, inside, std::move(envelope));
    if (!made) return base::fail(made.error());
    out.message = std::move(*made);
    return out;
}

std::uint64_t largest_message(const Envelope& envelope, const policy::Config& config)
{
    // base64 makes 78 octets of 57; and there is what travels with it.
    constexpr std::uint64_t more = 64U << 10;
    const auto most = config.max_message_size;
    return is_reentry(envelope, config) ? most + most / 2 + more : most;
}

}  // namespace gateway
