#include "store/sources.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "base/log.h"
#include "cms/library.h"
#include "mime/address.h"
#include "store/answer_cache.h"
#include "store/domain_turns.h"
#include "store/source_check.h"

namespace store
{
namespace
{

using Steady = std::chrono::steady_clock;
using Outcome = base::Result<std::shared_ptr<const Answer>>;

constexpr std::size_t longest_address = 320;  // RFC 5321 section 4.5.3.1

tl::unexpected<base::Error> unavailable(const SourceSettings& source, std::string what)
{
    return base::fail(base::Code::unavailable, source.name, std::move(what));
}

// Is it the source that fails, and not only the answer for one address?
bool blames_the_source(base::Code code)
{
    return code != base::Code::data && code != base::Code::temporary && code != base::Code::no_input;
}

}  // namespace

// A source that is asked.  All but `settings` and `cancelled` is guarded by the mutex of Shared.
class Sources::Line
{
public:
    struct Job {
        std::string key, address, domain;  // domain: "" when it is the source's own server that is asked
        Open open;
        std::optional<Outcome> outcome;
        bool outdated = false;  // was forgotten while it was asked for
        bool has_turn = false;
    };

    explicit Line(SourceSettings s)
        : settings(std::move(s)),
          kind(source_kind(settings.uri)),
          turns(kind == nullptr ? 1 : std::max(kind->threads / 2, 1U))
    {
    }

    // The first that may be asked now.
    [[nodiscard]] std::deque<std::shared_ptr<Job>>::iterator next()
    {
        return std::find_if(waiting.begin(), waiting.end(),
                            [&](const auto& job) { return job->domain.empty() || turns.free(job->domain); });
    }

    const SourceSettings settings;
    const SourceKind* const kind;
    const std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
    std::vector<std::thread> threads;
    std::deque<std::shared_ptr<Job>> waiting;
    std::unordered_map<std::string, std::shared_ptr<Job>> jobs;  // waiting or under way
    DomainTurns turns;
    unsigned failures = 0;  // in a row
    std::chrono::seconds rest{0};
    base::Time rests_until{};
    std::string last_error;
    bool told = false;
};

class Sources::Shared
{
public:
    Shared(const base::Clock& clock, Tell tell, Bounds bounds)
        : clock_(clock), tell_(std::move(tell)), bounds_(bounds), cache_(bounds)
    {
    }

    Outcome ask(const SourceSettings& source, std::string_view address, Steady::time_point until,
                const std::function<void()>& progress, const Open& open)
    {
        const std::string identity = source.identity(), key = mime::address_key(address);
        std::unique_lock lock(mutex_);
        if (stopping_) return unavailable(source, "stopping");
        if (auto known = cache_.find(cache_key(identity, key), clock_.now())) {
            ++counts_.from_cache;
            return std::move(*known);
        }
        auto known_line = lines_.find(identity);
        if (known_line == lines_.end())
            known_line = lines_.emplace(identity, std::make_shared<Line>(source)).first;
        const auto line = known_line->second;
        std::shared_ptr<Line::Job> job;
        if (const auto under_way = line->jobs.find(key); under_way != line->jobs.end()) {
            job = under_way->second;
        } else {
            std::string domain;
            if (line->kind != nullptr && line->kind->asks_domains) domain = mime::domain_of(address);
            if (auto refused = refusal(*line, domain)) {
                ++counts_.refused;
                return unavailable(source, *refused);
            }
            job = std::make_shared<Line::Job>(
                Line::Job{key, std::string(address), std::move(domain), open, {}, false, false});
            if (!have_a_thread(line)) return unavailable(source, "no thread can be started");
            line->waiting.push_back(job);
            line->jobs.emplace(key, job);
            wanted_.notify_all();
        }
        until = std::min(until, Steady::now() + std::chrono::seconds(source.timeout));
        // The first is short: most answers come at once, and then nothing is made of it.
        std::chrono::milliseconds slice(20);
        while (!job->outcome) {
            const auto now = Steady::now();
            if (now >= until) return unavailable(source, "no answer in time");
            done_.wait_until(lock, std::min(until, now + slice), [&] { return job->outcome.has_value(); });
            if (!progress || job->outcome) continue;
            lock.unlock();
            progress();
            lock.lock();
            slice = std::chrono::milliseconds(250);
        }
        return *job->outcome;
    }

    void forget(std::string_view address)
    {
        const std::string key = mime::address_key(address);
        const std::lock_guard lock(mutex_);
        for (const auto& [identity, line] : lines_) {
            cache_.forget(cache_key(identity, key));
            if (const auto job = line->jobs.find(key); job != line->jobs.end()) job->second->outdated = true;
        }
    }

    void keep_only(const std::vector<SourceSettings>& sources)
    {
        std::unordered_set<std::string> wanted;
        for (const auto& source : sources) wanted.insert(source.identity());
        // Those of the time before have had that time to end.
        std::vector<std::thread> ended;
        {
            const std::lock_guard lock(mutex_);
            ended.swap(retired_);
        }
        for (auto& t : ended) t.join();
        const std::lock_guard lock(mutex_);
        for (auto it = lines_.begin(); it != lines_.end();) {
            if (wanted.contains(it->first)) {
                ++it;
                continue;
            }
            retire(*it->second);
            it = lines_.erase(it);
        }
        wanted_.notify_all();
        done_.notify_all();
    }

    void stop()
    {
        std::vector<std::thread> ending;
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
            for (auto& [identity, line] : lines_) retire(*line);
            lines_.clear();
            ending.swap(retired_);
        }
        wanted_.notify_all();
        done_.notify_all();
        for (auto& t : ending) t.join();
    }

    Counts counts() const
    {
        const std::lock_guard lock(mutex_);
        Counts c = counts_;
        c.answers = cache_.answers();
        c.none = cache_.none();
        c.octets = cache_.octets();
        for (const auto& [identity, line] : lines_) c.threads += line->threads.size();
        return c;
    }

private:
    static std::string cache_key(const std::string& identity, const std::string& key)
    {
        return identity + '\n' + key;
    }

    // For one question more; false when nobody would answer it.
    bool have_a_thread(const std::shared_ptr<Line>& line)
    {
        auto& threads = line->threads;
        if (threads.size() >= line->kind->threads || threads.size() > line->jobs.size()) return true;
        try {
            threads.emplace_back([this, line] { work(line); });
        } catch (const std::system_error&) {
            return !threads.empty();
        }
        return true;
    }

    // Why nothing is asked now.
    std::optional<std::string> refusal(const Line& line, const std::string& domain) const
    {
        if (line.kind == nullptr) return "no source of this kind";
        if (line.waiting.size() >= bounds_.waiting) return "too many questions are waiting";
        // A clock that was set back makes no rest longer.
        if (clock_.now() < line.rests_until && clock_.now() + line.rest >= line.rests_until)
            return line.last_error + " (not asked until " + base::iso8601(line.rests_until) + ")";
        // After a rest one question tries it out.
        if (line.failures >= bounds_.failures && !line.jobs.empty()) return line.last_error;
        if (domain.empty()) return std::nullopt;
        const auto same = std::count_if(line.waiting.begin(), line.waiting.end(),
                                        [&](const auto& job) { return job->domain == domain; });
        if (static_cast<std::size_t>(same) >= bounds_.waiting / 2)
            return "too many questions about this domain are waiting";
        return line.turns.refusal(domain, clock_.now());
    }

    void work(const std::shared_ptr<Line>& line)
    {
        // A library may write to a connection that is gone.
        sigset_t pipe;
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
        std::unique_ptr<CertificateSource> backend;
        std::unique_lock lock(mutex_);
        for (;;) {
            wanted_.wait(lock, [&] { return *line->cancelled || line->next() != line->waiting.end(); });
            if (*line->cancelled) return;
            const auto turn = line->next();
            const auto job = std::move(*turn);
            line->waiting.erase(turn);
            try {
                attend(*line, *job, backend, lock);
            } catch (const std::exception&) {
                backend.reset();
                if (!lock.owns_lock()) lock.lock();
                give_up(*line, *job);
            }
        }
    }

    void attend(Line& line, Line::Job& job, std::unique_ptr<CertificateSource>& backend,
                std::unique_lock<std::mutex>& lock)
    {
        if (!job.domain.empty()) {
            line.turns.begin(job.domain);
            job.has_turn = true;
        }
        ++counts_.asked;
        lock.unlock();
        auto outcome = question(line, job, backend);
        if (!outcome && blames_the_source(outcome.error().code)) backend.reset();
        lock.lock();
        const auto said = judge(line, outcome);
        if (job.has_turn) end_turn(line, job, outcome);
        // When the source is to blame its rest takes care of that.
        if (!job.outdated && (outcome || !blames_the_source(outcome.error().code)))
            cache_.keep(cache_key(line.settings.identity(), job.key), line.settings, outcome, clock_.now());
        finish(line, job, std::move(outcome));
        if (said.second.empty() || !tell_) return;
        lock.unlock();
        tell_(said.first, said.second);
        lock.lock();
    }

    // For want of memory; what is said here needs none.
    void give_up(Line& line, Line::Job& job) noexcept
    {
        if (std::exchange(job.has_turn, false)) (void)line.turns.end(job.domain, std::nullopt, clock_.now());
        wanted_.notify_all();
        if (!job.outcome) finish(line, job, base::fail(base::Code::temporary, "", "out of memory"));
    }

    Outcome question(const Line& line, const Line::Job& job,
                     std::unique_ptr<CertificateSource>& backend) const
    {
        const auto& settings = line.settings;
        const Patience patience{Steady::now() + std::chrono::seconds(settings.timeout), line.cancelled};
        // A connection that has been idle may be gone without a word.
        for (bool again = backend != nullptr;; again = false) {
            if (backend == nullptr) {
                auto made = job.open ? job.open(settings) : line.kind->open(settings);
                if (!made) return base::fail(made.error());
                backend = std::move(*made);
            }
            auto answer = backend->find(job.address, patience);
            if (answer) {
                auto good = std::make_shared<const Answer>(
                    checked(*answer, job.address, settings, line.kind->provenance, bounds_));
                // Those that were passed over may be as good as the others.
                cms::insist_on_memory();
                return good;
            }
            if (!again || !blames_the_source(answer.error().code) || patience.over())
                return base::fail(answer.error());
            backend.reset();
        }
    }

    // What to tell about the source, after an answer of it.
    std::pair<base::Level, std::string> judge(Line& line, const Outcome& outcome)
    {
        const std::string whose = "source " + line.settings.name + ": ";
        if (outcome || !blames_the_source(outcome.error().code)) {
            line.failures = 0;
            line.rest = std::chrono::seconds(0);
            if (!std::exchange(line.told, false)) return {};
            return {base::Level::notice, whose + "answers again"};
        }
        ++counts_.failed;
        ++line.failures;
        line.last_error = phrase(outcome.error().what);
        if (line.failures < bounds_.failures || *line.cancelled) return {};
        line.rest = line.rest.count() == 0 ? bounds_.rest : std::min(2 * line.rest, bounds_.longest_rest);
        line.rests_until = clock_.now() + line.rest;
        // Who waits for a turn would wait for nothing.
        while (!line.waiting.empty()) {
            ++counts_.refused;
            finish(line, *line.waiting.front(), unavailable(line.settings, line.last_error));
            line.waiting.pop_front();
        }
        if (std::exchange(line.told, true)) return {};
        const auto& remedy = outcome.error().remedy;
        return {base::Level::warning, whose + line.last_error +
                                          "; it is left alone for some seconds at a time" +
                                          (remedy.empty() ? "" : "; " + remedy)};
    }

    void end_turn(Line& line, Line::Job& job, const Outcome& outcome)
    {
        std::optional<std::string> error;
        if (!outcome && outcome.error().code == base::Code::temporary) error = phrase(outcome.error().what);
        auto told = error;
        job.has_turn = false;
        if (line.turns.end(job.domain, std::move(told), clock_.now())) {
            // Who waits for a turn would wait for nothing.
            const auto others = std::stable_partition(line.waiting.begin(), line.waiting.end(),
                                                      [&](const auto& j) { return j->domain != job.domain; });
            for (auto it = others; it != line.waiting.end(); ++it) {
                ++counts_.refused;
                finish(line, **it, unavailable(line.settings, *error));
            }
            line.waiting.erase(others, line.waiting.end());
        }
        wanted_.notify_all();
    }

    void finish(Line& line, Line::Job& job, Outcome outcome) noexcept
    {
        job.outcome = std::move(outcome);
        // May be another one's by now.
        if (const auto it = line.jobs.find(job.key); it != line.jobs.end() && it->second.get() == &job)
            line.jobs.erase(it);
        done_.notify_all();
    }

    void retire(Line& line)
    {
        // From here on nothing may fail: half a line would be asked and never answer.
        retired_.reserve(retired_.size() + line.threads.size());
        *line.cancelled = true;
        for (const auto& job : line.waiting)
            job->outcome = base::fail(base::Code::unavailable, "", "stopping");
        line.waiting.clear();
        for (auto& t : line.threads) retired_.push_back(std::move(t));
        line.threads.clear();
    }

    const base::Clock& clock_;
    const Tell tell_;
    const Bounds bounds_;
    mutable std::mutex mutex_;
    std::condition_variable wanted_, done_;
    bool stopping_ = false;
    std::unordered_map<std::string, std::shared_ptr<Line>> lines_;  // by SourceSettings::identity()
    std::vector<std::thread> retired_;
    AnswerCache cache_;
    Counts counts_;
};

class Sources::BoundStore final : public CertificateStore
{
public:
    BoundStore(std::shared_ptr<Shared> shared, SourceSettings source, Steady::time_point until,
               std::function<void()> progress, Open open)
        : shared_(std::move(shared)),
          source_(std::move(source)),
          until_(until),
          progress_(std::move(progress)),
          open_(std::move(open))
    {
    }

    base::Result<std::vector<Found>> find(std::string_view address, base::Time at,
                                          Purpose purpose) const override
    {
        std::vector<Found> out;
        if (purpose == Purpose::sign || purpose == Purpose::decrypt || unfit_to_ask(source_, address))
            return out;
        const auto answer = shared_->ask(source_, address, until_, progress_, open_);
        if (!answer) return base::fail(answer.error());
        for (const auto& found : (*answer)->found)
            if (!unfit_for(purpose, found.certificate, at)) out.push_back(found);
        return out;
    }

    // Nothing but addresses is asked over a network.
    base::Result<std::vector<Found>> by_subject_key_id(base::Octets) const override
    {
        return std::vector<Found>();
    }
    base::Result<std::vector<Found>> by_issuer_and_serial(base::Octets, std::string_view) const override
    {
        return std::vector<Found>();
    }
    base::Result<std::optional<Found>> by_fingerprint(std::string_view) const override
    {
        return std::optional<Found>();
    }

private:
    std::shared_ptr<Shared> shared_;
    SourceSettings source_;
    Steady::time_point until_;
    std::function<void()> progress_;
    Open open_;
};

Sources::Sources(const base::Clock& clock, Tell tell) : Sources(clock, std::move(tell), Bounds{}) {}

Sources::Sources(const base::Clock& clock, Tell tell, Bounds bounds)
    : shared_(std::make_shared<Shared>(clock, std::move(tell), bounds))
{
}

Sources::~Sources() { stop(); }

base::Result<std::shared_ptr<const Answer>> Sources::ask(const SourceSettings& source,
                                                         std::string_view address, Steady::time_point until,
                                                         const std::function<void()>& progress,
                                                         const Open& open)
{
    return shared_->ask(source, address, until, progress, open);
}

std::unique_ptr<CertificateStore> Sources::store(SourceSettings source, Steady::time_point until,
                                                 std::function<void()> progress, Open open)
{
    return std::make_unique<BoundStore>(shared_, std::move(source), until, std::move(progress),
                                        std::move(open));
}

void Sources::forget(std::string_view address) { shared_->forget(address); }
void Sources::keep_only(const std::vector<SourceSettings>& sources) { shared_->keep_only(sources); }
void Sources::stop() { shared_->stop(); }
Sources::Counts Sources::counts() const { return shared_->counts(); }

std::optional<std::string> unfit_to_ask(const SourceSettings& source, std::string_view address)
{
    mime::Mailbox mailbox;
    if (address.size() > longest_address || !mime::parse_address(address, mailbox) ||
        mailbox.address() != address)
        return "not an address to ask for";
    const auto& patterns = source.recipients;
    if (!patterns.empty() && std::none_of(patterns.begin(), patterns.end(), [&](const std::string& p) {
            return mime::address_matches(p, address);
        }))
        return "not among its recipients";
    return std::nullopt;
}

}  // namespace store
