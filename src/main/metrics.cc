#include "main/metrics.h"

#include "config.h"

#ifdef HAVE_PROMETHEUS
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#endif

#include <algorithm>
#include <limits>
#include <map>
#include <sstream>
#include <utility>

#include "mime/address.h"
#include "mime/utf8.h"

namespace daemon_main
{
namespace
{

// Prometheus refuses the whole answer for one value that is not UTF-8.
std::string label(const std::string& value)
{
    constexpr std::size_t longest = 256;
    return value.size() <= longest && mime::is_utf8(value) ? value : base::printable(value, longest);
}

#ifdef HAVE_PROMETHEUS

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr double microseconds = 1e6;  // in a second

double seconds(base::Time time) { return static_cast<double>(time.time_since_epoch().count()); }

class Families
{
public:
    MetricFamily& family(const char* name, const char* help, MetricType type)
    {
        all_.push_back({std::string("smime_milter_") + name, help, type, {}});
        return all_.back();
    }

    void gauge(const char* name, const char* help, double value)
    {
        add(family(name, help, MetricType::Gauge), {}, value);
    }

    static void add(MetricFamily& to, Labels labels, double value)
    {
        ClientMetric one;
        one.label = std::move(labels);
        (to.type == MetricType::Counter ? one.counter.value : one.gauge.value) = value;
        to.metric.push_back(std::move(one));
    }

    // `in_one`: how many of the histogram's whole numbers make one of what is shown.
    template <std::size_t N>
    void histogram(const char* name, const char* help, const milter::Histogram<N>& from, double in_one)
    {
        ClientMetric one;
        auto& to = one.histogram;
        for (std::size_t i = 0; i <= N; ++i) {
            to.sample_count += from.count(i);
            const double bound = i < N ? static_cast<double>(from.bounds()[i]) / in_one
                                       : std::numeric_limits<double>::infinity();
            to.bucket.push_back({to.sample_count, bound});
        }
        to.sample_sum = static_cast<double>(from.sum()) / in_one;
        family(name, help, MetricType::Histogram).metric.push_back(std::move(one));
    }

    [[nodiscard]] std::string text() const
    {
        std::ostringstream out;
        prometheus::TextSerializer().Serialize(out, all_);
        return out.str();
    }

private:
    std::vector<MetricFamily> all_;
};

void add_messages(Families& out, const milter::Runtime& runtime)
{
    const auto& meter = runtime.meter;
    auto& messages =
        out.family("messages_total", "Messages by what was done and how it ended", MetricType::Counter);
    for (const auto& e : meter.endings.all())
        Families::add(messages, {{"action", label(e.action)}, {"result", label(e.result)}},
                      static_cast<double>(e.count));
    auto& errors =
        out.family("errors_total", "Messages with which something went wrong, by where", MetricType::Counter);
    for (std::size_t i = 0; i < gateway::stages; ++i)
        Families::add(errors, {{"stage", gateway::name(static_cast<gateway::Stage>(i))}},
                      static_cast<double>(meter.errors[i].load(std::memory_order_relaxed)));
    out.histogram("duration_seconds", "From the end of the header or message to the answer", meter.duration,
                  microseconds);
    out.histogram("message_bytes", "Octets of messages that were seen whole", meter.octets, 1);
}

void add_rules(Families& out, const milter::RuleHits& rules)
{
    const auto hits = rules.all();
    auto& family = out.family("rule_messages_total", "Messages to which a rule applied", MetricType::Counter);
    const auto shown = std::min(hits.size(), most_rules);
    for (std::size_t i = 0; i < shown; ++i)
        Families::add(family, {{"rule", label(std::string(hits[i].rule))}},
                      static_cast<double>(hits[i].count));
    out.gauge("rules_left_out", "Rules without a figure of their own, because there are too many",
              static_cast<double>(hits.size() - shown));
}

void add_load(Families& out, const milter::Runtime& runtime)
{
    const auto usage = runtime.admission.usage();
    out.gauge("sessions", "Open connections of MTAs", static_cast<double>(runtime.connections));
    out.gauge("messages_in_flight", "Messages between their sender and their end",
              static_cast<double>(runtime.messages));
    out.gauge("in_flight_bytes", "Memory that messages in work hold", static_cast<double>(usage.octets));
    out.gauge("in_flight_limit_bytes", "What they may hold (max_in_flight)",
              static_cast<double>(usage.octet_limit));
    out.gauge("crypto_busy", "Messages in cryptographic work", usage.slots);
    out.gauge("crypto_slots", "How many may be (crypto_slots)", usage.slot_limit);
    out.gauge("crypto_waiting", "Messages that wait for a slot or for memory", usage.waiting);
}

void add_certificates(Families& out, const std::vector<CertificateEnd>& ends)
{
    auto& family = out.family("certificate_not_after_seconds",
                              "When the last certificate of an address or an authority ends, Unix time",
                              MetricType::Gauge);
    const auto shown = std::min(ends.size(), most_certificates);
    for (std::size_t i = 0; i < shown; ++i)
        Families::add(family, {{"address", ends[i].address}, {"kind", ends[i].kind}},
                      seconds(ends[i].not_after));
    out.gauge("certificates_left_out",
              "Certificates without a figure of their own, because there are too many",
              static_cast<double>(ends.size() - shown));
}

#endif  // HAVE_PROMETHEUS

}  // namespace

std::vector<CertificateEnd> certificate_ends(const gateway::Snapshot& snapshot)
{
    std::map<std::pair<std::string, std::string>, base::Time> latest;
    for (const auto& kept : gateway::own_certificates(snapshot)) {
        const auto& c = kept.certificate;
        const bool authority = kept.kind != "key";
        std::vector<std::string> names;
        if (authority || c.addresses().empty())
            names.push_back(label(authority || kept.name.empty() ? c.subject() : kept.name));
        else
            for (const auto& address : c.addresses()) names.push_back(label(mime::address_key(address)));
        for (auto& name : names) {
            const auto [it, first] = latest.try_emplace({kept.kind, std::move(name)}, c.not_after());
            if (!first) it->second = std::max(it->second, c.not_after());
        }
    }
    std::vector<CertificateEnd> out;
    out.reserve(latest.size());
    for (const auto& [who, when] : latest) out.push_back({who.second, who.first, when});
    std::stable_sort(out.begin(), out.end(), [](const CertificateEnd& a, const CertificateEnd& b) {
        return a.not_after < b.not_after;
    });
    return out;
}

CertificateEnds::List CertificateEnds::of(const std::shared_ptr<const gateway::Snapshot>& snapshot)
{
    const std::lock_guard lock(mutex_);
    const bool same = list_ != nullptr && !for_.owner_before(snapshot) && !snapshot.owner_before(for_);
    if (!same) {
        list_ = std::make_shared<const std::vector<CertificateEnd>>(certificate_ends(*snapshot));
        for_ = snapshot;
    }
    return list_;
}

#ifdef HAVE_PROMETHEUS

std::string metrics_text(const milter::Runtime& runtime, CertificateEnds& certificates,
                         const Circumstances& circumstances)
{
    const auto in_force = runtime.in_force();
    Families out;
    auto& build = out.family("build_info", "The versions in use; always 1", MetricType::Gauge);
    Families::add(build,
                  {{"version", PACKAGE_VERSION},
                   {"openssl", label(circumstances.openssl)},
                   {"libmilter", label(circumstances.libmilter)}},
                  1);
    out.gauge("start_time_seconds", "When the daemon started, Unix time", seconds(circumstances.started));
    out.gauge("collected_timestamp_seconds", "When these figures were collected, Unix time",
              seconds(circumstances.now));
    out.gauge("config_last_reload_successful", "Whether the last load of the configuration succeeded, 1 or 0",
              circumstances.reload_succeeded ? 1 : 0);
    out.gauge("config_last_reload_success_timestamp_seconds",
              "When the configuration in force was loaded, Unix time", seconds(circumstances.last_success));
    add_messages(out, runtime);
    add_rules(out, *in_force.hits);
    add_load(out, runtime);
    add_certificates(out, *certificates.of(in_force.snapshot));
    return out.text();
}

#else

std::string metrics_text(const milter::Runtime&, CertificateEnds&, const Circumstances&) { return {}; }

#endif  // HAVE_PROMETHEUS

}  // namespace daemon_main
