// Questions to the DNS whose answers are validated here (RFC 4035 section 5).  The only
// place with libunbound.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/source.h"

namespace store
{

struct DnsSettings {
    std::string trust_anchor;  // file with DS or DNSKEY records of the root
    // Addresses, "ADDRESS" or "ADDRESS@PORT", of resolvers to ask; none: those of
    // /etc/resolv.conf.  They are not trusted: what they say is validated.
    std::vector<std::string> resolvers;
    bool recursive = false;  // ask the zones' own servers, from the root on
};

struct DnsAnswer {
    std::vector<std::string> records;  // RDATA
    bool secure = false;               // the answer, or that there is none, is signed and validated
    unsigned ttl = 0;                  // seconds
};

// For one thread.  Keeps a cache of what it has validated.
class DnsResolver
{
public:
    // An error when the trust anchor cannot be used.
    [[nodiscard]] static base::Result<std::unique_ptr<DnsResolver>> open(const DnsSettings& settings);
    DnsResolver(const DnsResolver&) = delete;
    DnsResolver& operator=(const DnsResolver&) = delete;
    DnsResolver(DnsResolver&&) = delete;
    DnsResolver& operator=(DnsResolver&&) = delete;
    ~DnsResolver();

    // No such name and no such record are an answer without records.  Code::data: the
    // answer is forged, or the zone is broken; Code::temporary: no answer.
    [[nodiscard]] base::Result<DnsAnswer> ask(const std::string& name, int type, const Patience& patience);

private:
    struct Context;
    explicit DnsResolver(std::unique_ptr<Context> context);
    std::unique_ptr<Context> context_;
};

[[nodiscard]] bool dns_available();

}  // namespace store
