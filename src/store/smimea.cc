#include "store/smimea.h"

#include <algorithm>

#include "base/ascii.h"
#include "mime/address.h"
#include "store/connect.h"
#include "store/dns.h"

namespace store
{
namespace
{

using Usage = cms::Association::Usage;

constexpr std::size_t longest_name = 253;  // octets, RFC 1035 section 3.1
constexpr const char* debian_anchor = "/usr/share/dns/root.key";
constexpr unsigned in_vain = 3;  // questions for different domains, before the resolver is to blame

base::Result<DnsSettings> dns_settings(const SourceSettings& settings)
{
    DnsSettings out;
    out.trust_anchor = settings.trust_anchor.empty() ? debian_anchor : settings.trust_anchor;
    if (settings.resolver == "recursive") {
        out.recursive = true;
        return out;
    }
    out.resolvers = base::split_list(settings.resolver);
    for (const auto& resolver : out.resolvers) {
        const auto at = resolver.find('@');
        const auto port = at == std::string::npos ? 53 : base::parse_decimal(resolver.substr(at + 1));
        if (!is_address(resolver.substr(0, at)) || !port || *port == 0 || *port > 65535)
            return base::fail(base::Code::configuration, settings.where,
                              "resolver = " + resolver + " is neither an address nor \"recursive\"",
                              "write ADDRESS or ADDRESS@PORT, or remove it to use /etc/resolv.conf");
    }
    return out;
}

class SmimeaSource final : public CertificateSource
{
public:
    explicit SmimeaSource(std::unique_ptr<DnsResolver> resolver) : resolver_(std::move(resolver)) {}

    base::Result<SourceAnswer> find(std::string_view address, const Patience& patience) override
    {
        SourceAnswer out;
        const auto as_written = smimea_name(address);
        if (!as_written) return out;
        auto answer = ask(*as_written, address, patience);
        if (!answer) return base::fail(answer.error());
        if (answer->records.empty())
            // Many publish the lower-case one only.
            if (const auto lower = smimea_name(base::to_lower(address)); lower && *lower != *as_written) {
                answer = ask(*lower, address, patience);
                if (!answer) return base::fail(answer.error());
            }
        if (answer->records.empty()) return out;
        if (!answer->secure) {
            out.remarks.emplace_back("there are SMIMEA records, but the zone is not signed");
            return out;
        }
        take_smimea(answer->records, out);
        out.keep_at_most = std::chrono::seconds(answer->ttl);
        return out;
    }

private:
    // A domain that does not answer is its own trouble; several in a row are ours.
    base::Result<DnsAnswer> ask(const std::string& name, std::string_view address, const Patience& patience)
    {
        auto answer = resolver_->ask(name, smimea_type, patience);
        if (answer || answer.error().code != base::Code::temporary) {
            failed_.clear();
            return answer;
        }
        const std::string domain = mime::domain_of(address);
        if (std::find(failed_.begin(), failed_.end(), domain) == failed_.end()) failed_.push_back(domain);
        if (failed_.size() < in_vain) return answer;
        failed_.pop_back();
        answer.error().code = base::Code::unavailable;
        answer.error().remedy = "see resolver of the source";
        return answer;
    }

    std::unique_ptr<DnsResolver> resolver_;
    std::vector<std::string> failed_;
};

}  // namespace

std::optional<std::string> smimea_name(std::string_view address)
{
    mime::Mailbox mailbox;
    if (!mime::parse_address(address, mailbox)) return std::nullopt;
    const std::string domain = mime::domain_of(address);
    // An address literal, and what is no host name.
    if (domain.empty() ||
        domain.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") != std::string::npos)
        return std::nullopt;
    std::string out = cms::hashed_local_part(mailbox.local) + "._smimecert." + domain;
    if (out.size() > longest_name) return std::nullopt;
    return out;
}

void take_smimea(const std::vector<std::string>& records, SourceAnswer& out)
{
    for (const auto& record : records) {
        auto association = cms::Association::parse(record);
        if (!association) {
            out.remarks.push_back("SMIMEA: " + association.error().what);
            continue;
        }
        const auto usage = association->usage;
        const bool leaf = usage == Usage::dane_leaf || usage == Usage::pkix_leaf;
        if (leaf && association->is_certificate())
            out.certificates.push_back(
                {association->data, {}, usage == Usage::dane_leaf, false, "SMIMEA " + association->text()});
        else if (leaf || usage == Usage::dane_ca)
            out.remarks.push_back("SMIMEA " + association->text() +
                                  " has no certificate of the address in it");
        out.associations.push_back(std::move(*association));
    }
}

base::Result<> check_smimea(const SourceSettings& settings)
{
    if (!after_scheme(settings.uri).empty())
        return base::fail(base::Code::configuration, settings.where,
                          "\"" + settings.uri + "\" says more than smimea:", "write smimea:");
    const auto dns = dns_settings(settings);
    if (!dns) return base::fail(dns.error());
    const auto resolver = DnsResolver::open(*dns);
    if (!resolver) return base::fail(resolver.error());
    return {};
}

base::Result<std::unique_ptr<CertificateSource>> open_smimea(const SourceSettings& settings)
{
    const auto dns = dns_settings(settings);
    if (!dns) return base::fail(dns.error());
    auto resolver = DnsResolver::open(*dns);
    if (!resolver) return base::fail(resolver.error());
    return std::make_unique<SmimeaSource>(std::move(*resolver));
}

}  // namespace store
