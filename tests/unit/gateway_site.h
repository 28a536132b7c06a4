// A whole site for tests of gateway/: keys, anchors, certificates of
// correspondents and rules in a directory of its own, and mail through process().
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "cms/container.h"
#include "cms/decrypt.h"
#include "gateway/decrypt.h"
#include "gateway/process.h"
#include "gateway_support.h"
#include "store_fixture.h"

namespace fixture
{

inline std::string pem_of(const cms::Identity& who)
{
    return must(cms::to_pem(*who.key)) + cms::to_pem(who.certificate) + cms::to_pem(pki().sub.certificate);
}

inline cms::Identity person(
    const std::string& address, const std::function<void(cms::CertificateRequest&)>& change = [](auto&) {})
{
    auto r = request(address, {address});
    change(r);
    return must(cms::issue(r, &pki().sub));
}

// Those who get mail, made once: RSA and elliptic curves.
inline const cms::Identity& carol()
{
    static const auto once = person("carol@partner.example", [](auto& r) { r.ec = false; });
    return once;
}
inline const cms::Identity& dave()
{
    static const auto once = person("dave@other.example");
    return once;
}

class Site
{
public:
    Site()
    {
        for (const char* sub : {"keys", "trust", "certificates", "pinned"})
            std::filesystem::create_directory(directory / sub);
        directory.put("trust/root.pem", cms::to_pem(pki().root.certificate));
        directory.put("trust/sub.pem", cms::to_pem(pki().sub.certificate));
        directory.put("keys/alice.pem", pem_of(pki().alice));
        directory.put("split.key", std::string(64, 'a'), 0600);
    }

    void knows(const cms::Identity& who, const std::string& file = "") const
    {
        const std::string name = file.empty() ? "certificates/" + who.certificate.addresses().front() : file;
        directory.put(name + ".pem", cms::to_pem(who.certificate));
    }

    // Sections beside [keys], [certificates] and [trust]; "@dir@" is the directory.
    void configure(const std::string& rules, const std::string& trust = "", const std::string& milter = "")
    {
        std::string text = "[milter]\nsocket = unix:@dir@/socket\nlocal_domains = example.org\n" + milter +
                           "[keys]\npath = @dir@/keys\n[certificates]\npath = @dir@/certificates\n"
                           "pinned = @dir@/pinned\n[trust]\nanchors = @dir@/trust\n" +
                           trust + rules;
        for (auto at = text.find("@dir@"); at != std::string::npos; at = text.find("@dir@"))
            text.replace(at, 5, directory.path());
        directory.put("smime-milter.conf", text);
        problems.clear();
        snapshot = gateway::load_snapshot(directory / "smime-milter.conf", now, problems);
        if (snapshot == nullptr) throw std::runtime_error(fixture::text(problems));
    }

    // As alice, who has logged in.
    [[nodiscard]] static gateway::Envelope from_alice(std::vector<std::string> recipients)
    {
        gateway::Envelope e;
        e.queue_id = "4bSite";
        e.mta_name = "mx.example.org";
        e.client = "192.0.2.7";
        e.login = e.mail_from = "alice@example.org";
        e.recipients = std::move(recipients);
        for (const auto& r : e.recipients) e.recipients_as_given.push_back("<" + r + ">");
        return e;
    }
    [[nodiscard]] static gateway::Envelope from_outside(std::vector<std::string> recipients)
    {
        auto e = from_alice(std::move(recipients));
        e.client = "203.0.113.9";
        e.login.clear();
        e.mail_from = "carol@partner.example";
        return e;
    }

    std::shared_ptr<gateway::FailureLimit> failures;  // null: not counted

    struct Done {
        gateway::Outcome outcome;
        std::string octets;  // of the message afterwards
        std::string log;
        gateway::HeaderDecision at_header;

        [[nodiscard]] bool says(std::string_view words) const { return log.find(words) != std::string::npos; }
        [[nodiscard]] bool has(std::string_view words) const
        {
            return octets.find(words) != std::string::npos;
        }
        [[nodiscard]] std::string reply() const
        {
            return outcome.reply_code + " " + outcome.reply_enhanced + " " + outcome.reply_text;
        }
        [[nodiscard]] std::string fact(std::string_view key) const
        {
            const auto* found = outcome.fact(key);
            return found == nullptr ? "" : *found;
        }
    };

    [[nodiscard]] Done run(std::string_view octets, gateway::Envelope envelope) const
    {
        const auto m = message(octets, std::move(envelope));
        const base::FixedClock clock(now);
        base::SeededRandom random(1);
        gateway::World world;
        world.clock = &clock;
        world.random = &random;
        world.failures = failures.get();
        Done done;
        done.at_header = gateway::at_end_of_header(m.envelope, m.header(), *snapshot);
        done.outcome = gateway::process(m, *snapshot, world);
        done.octets = gateway::render(m, done.outcome);
        done.log = gateway::log_line(m.envelope, done.outcome);
        return done;
    }

    TemporaryDirectory directory;
    std::vector<base::Problem> problems;
    std::shared_ptr<const gateway::Snapshot> snapshot;
};

inline store::Identity keyed(const cms::Identity& who)
{
    return {"key", "", "", "", false, who.certificate, who.key, {}};
}

// What `who` reads: the message with the envelope opened; "" when it cannot be.
inline std::string opened(std::string_view octets, const cms::Identity& who)
{
    const auto identity = keyed(who);
    gateway::DecryptSpec spec;
    spec.identities = {&identity};
    const auto m = message(octets);
    auto made = gateway::decrypt_message(m, spec);
    if (made.kind != gateway::Decryption::Kind::decrypted) return "";
    gateway::Outcome outcome;
    outcome.header = made.rewrite.header;
    outcome.replace_body = true;
    outcome.body = made.rewrite.body;
    return gateway::render(m, outcome);
}

// The CMS of a message that is one.
inline std::string cms_of(std::string_view octets)
{
    const auto m = message(octets);
    return must(base::Result<std::string>(mime::base64_decode(m.body()).value_or("")));
}

inline std::size_t recipient_infos(std::string_view octets)
{
    return must(cms::Enveloped::read(cms_of(octets))).recipients().size();
}
inline std::string cipher_of(std::string_view octets)
{
    return must(cms::Enveloped::read(cms_of(octets))).cipher();
}

}  // namespace fixture
