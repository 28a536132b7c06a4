#include "store/dns.h"

#include "config.h"

#ifdef HAVE_LIBUNBOUND
#include <poll.h>
#include <unbound.h>

#include "base/ascii.h"
#include "base/file.h"
#include "store/connect.h"
#endif

namespace store
{

#ifdef HAVE_LIBUNBOUND
namespace
{

constexpr std::size_t largest_anchor = 1U << 20;
constexpr std::size_t most_records = 128;
constexpr std::size_t largest_record = 64U << 10;

struct FreeResult {
    void operator()(ub_result* r) const { ub_resolve_free(r); }
};

// libunbound takes a file without any key for "nothing is signed".
base::Result<> has_keys(const std::string& file)
{
    const auto content = base::read_file(file, largest_anchor);
    if (!content)
        return base::fail(
            base::Code::configuration, file, content.error().what,
            "see trust_anchor of the source; apt-get install dns-root-data brings the usual one");
    for (const auto& line : base::split_list(*content, '\n')) {
        if (line.starts_with(';')) continue;
        const std::string text = " " + base::to_lower(line.substr(0, line.find(';')));
        for (const char* type :
             {" ds ", "\tds\t", " dnskey ", "\tdnskey\t", "\tds ", " ds\t", "\tdnskey ", " dnskey\t"})
            if (text.find(type) != std::string::npos) return {};
    }
    return base::fail(base::Code::configuration, file, "no DS or DNSKEY record in " + file,
                      "apt-get install dns-root-data, which has /usr/share/dns/root.key");
}

// `why`: "validation failure <NAME TYPE CLASS>: reason".  When not even the root's
// keys validate, it is not the answer that is wrong.
tl::unexpected<base::Error> invalid(const std::string& name, std::string_view why)
{
    const auto end = why.find(">: ");
    const std::string reason(end == std::string_view::npos ? why : why.substr(end + 3));
    if (reason.find("trust anchor .") != std::string::npos)
        return base::fail(
            base::Code::unavailable, name, "DNSSEC: " + reason,
            "the resolver has to pass signatures on; see resolver and trust_anchor of the source");
    return base::fail(base::Code::data, name, "DNSSEC does not validate: " + reason);
}

}  // namespace

struct DnsResolver::Context {
    ub_ctx* ub = ub_ctx_create();

    Context() = default;
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    Context(Context&&) = delete;
    Context& operator=(Context&&) = delete;
    ~Context()
    {
        if (ub != nullptr) ub_ctx_delete(ub);
    }
};

DnsResolver::DnsResolver(std::unique_ptr<Context> context) : context_(std::move(context)) {}
DnsResolver::~DnsResolver() = default;

bool dns_available() { return true; }

base::Result<std::unique_ptr<DnsResolver>> DnsResolver::open(const DnsSettings& settings)
{
    if (auto keys = has_keys(settings.trust_anchor); !keys) return base::fail(keys.error());
    auto context = std::make_unique<Context>();
    const auto failed = [&](const std::string& where, int code) {
        return base::fail(base::Code::configuration, where, where + ": " + ub_strerror(code));
    };
    if (context->ub == nullptr) return base::fail(base::Code::internal, "", "libunbound does not start");
    ub_ctx* const ub = context->ub;
    ub_ctx_debuglevel(ub, 0);
    ub_ctx_debugout(ub, nullptr);
    ub_ctx_async(ub, 1);  // a thread, not a process
    // A resolver on this machine is no worse than another one.
    ub_ctx_set_option(ub, "do-not-query-localhost:", "no");
    if (const int code = ub_ctx_add_ta_file(ub, settings.trust_anchor.c_str()); code != 0)
        return failed(settings.trust_anchor, code);
    for (const auto& resolver : settings.resolvers)
        if (const int code = ub_ctx_set_fwd(ub, resolver.c_str()); code != 0) return failed(resolver, code);
    if (settings.resolvers.empty() && !settings.recursive)
        if (const int code = ub_ctx_resolvconf(ub, nullptr); code != 0)
            return failed("/etc/resolv.conf", code);
    // Puts the settings into effect, which reads the anchor.
    if (const int code = ub_ctx_zone_add(ub, "invalid.", "static"); code != 0)
        return failed(settings.trust_anchor, code);
    return std::unique_ptr<DnsResolver>(new DnsResolver(std::move(context)));
}

base::Result<DnsAnswer> DnsResolver::ask(const std::string& name, int type, const Patience& patience)
{
    constexpr int internet = 1, no_error = 0, no_such_name = 3;
    struct Outcome {
        bool there = false;
        int error = 0;
        std::unique_ptr<ub_result, FreeResult> result;
    } outcome;
    ub_ctx* const ub = context_->ub;
    const auto callback = [](void* user, int error, ub_result* result) {
        auto& mine = *static_cast<Outcome*>(user);
        mine.there = true;
        mine.error = error;
        mine.result.reset(result);
    };
    int id = 0;
    if (const int code = ub_resolve_async(ub, name.c_str(), type, internet, &outcome, callback, &id);
        code != 0)
        return base::fail(base::Code::internal, name, name + ": " + ub_strerror(code));
    while (!outcome.there) {
        if (!wait_for(ub_fd(ub), POLLIN, patience)) {
            ub_cancel(ub, id);  // the callback does not come any more
            return base::fail(base::Code::temporary, name, name + ": no answer in time");
        }
        if (const int code = ub_process(ub); code != 0) {
            if (!outcome.there) ub_cancel(ub, id);
            return base::fail(base::Code::internal, name, name + ": " + ub_strerror(code));
        }
    }
    if (outcome.error != 0 || outcome.result == nullptr)
        return base::fail(base::Code::temporary, name, name + ": " + ub_strerror(outcome.error));
    const ub_result& r = *outcome.result;
    if (r.bogus != 0) return invalid(name, r.why_bogus == nullptr ? "" : r.why_bogus);
    if (r.rcode != no_error && r.rcode != no_such_name)
        return base::fail(base::Code::temporary, name,
                          name + ": the DNS answers with rcode " + std::to_string(r.rcode));
    DnsAnswer out;
    out.secure = r.secure != 0;
    out.ttl = r.ttl > 0 ? static_cast<unsigned>(r.ttl) : 0;
    for (int i = 0; r.havedata != 0 && r.data[i] != nullptr && out.records.size() < most_records; ++i)
        if (r.len[i] > 0 && static_cast<std::size_t>(r.len[i]) <= largest_record)
            out.records.emplace_back(r.data[i], static_cast<std::size_t>(r.len[i]));
    return out;
}

#else

struct DnsResolver::Context {
};
DnsResolver::DnsResolver(std::unique_ptr<Context> context) : context_(std::move(context)) {}
DnsResolver::~DnsResolver() = default;
bool dns_available() { return false; }

base::Result<std::unique_ptr<DnsResolver>> DnsResolver::open(const DnsSettings&)
{
    return base::fail(base::Code::unavailable, "", "built without libunbound");
}

base::Result<DnsAnswer> DnsResolver::ask(const std::string& name, int, const Patience&)
{
    return base::fail(base::Code::unavailable, name, "built without libunbound");
}

#endif

}  // namespace store
