#include "store/sources.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "base/log.h"
#include "cms/library.h"
#include "mime/address.h"
#include "store/answer_cache.h"
#include "store/questions.h"
#include "store/source_check.h"
#include "store/source_health.h"

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
bool blames_the_source(base::Code code) { return code != base::Code::data && code != base::Code::temporary; }

}  // namespace

// A source that is asked.  What is not constant is guarded by the mutex of Shared.
class Sources::Line
{
public:
    struct Question {
        std::string address;
        bool outdated = false;  // was forgotten while it was asked for
    };
    using Pending = Questions<Question, std::shared_ptr<const Answer>>;

    Line(SourceSettings s, std::uint64_t number, const Bounds& bounds)
        : settings(std::move(s)),
          prefix(std::to_string(number) + '\n'),
          kind(source_kind(settings.uri)),
          questions(kind == nullptr ? 0 : kind->threads, bounds.waiting),
          health(bounds)
    {
    }

    const SourceSettings settings;
    const std::string prefix;  // of its answers in the cache; no other line ever has it
    const SourceKind* const kind;
    const std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
    Pending questions;
    SourceHealth health;

    // No question is answered any more but what is under way.  Needs no memory.
    void end() noexcept
    {
        *cancelled = true;
        ending_ = questions.stop();
    }
    // After end(), without the lock.
    void join()
    {
        for (auto& thread : ending_) thread.join();
    }

private:
    std::vector<std::thread> ending_{};
};

class Sources::Shared
{
public:
    Shared(const base::Clock& clock, Tell tell, Bounds bounds, Open open)
        : clock_(clock), tell_(std::move(tell)), bounds_(bounds), open_(std::move(open)), cache_(bounds)
    {
    }

    Outcome ask(const SourceSettings& source, std::string_view address, Steady::time_point until,
                const std::function<void()>& progress)
    {
        const std::string identity = source.identity(), key = mime::address_key(address);
        std::unique_lock lock(mutex_);
        if (stopping_) return unavailable(source, "stopping");
        auto known_line = lines_.find(identity);
        if (known_line == lines_.end())
            known_line =
                lines_.emplace(identity, std::make_shared<Line>(source, ++lines_made_, bounds_)).first;
        const auto line = known_line->second;
        if (auto known = cache_.find(line->prefix + key, clock_.now())) {
            ++counts_.from_cache;
            return std::move(*known);
        }
        auto asked = line->questions.find(key);
        if (asked == nullptr) {
            // One server for each domain; else it is the source's own that is asked.
            std::string domain;
            if (line->kind != nullptr && line->kind->asks_domains) domain = mime::domain_of(address);
            auto refused = refusal(*line, domain);
            if (!refused && Steady::now() >= until) refused = too_late;
            if (refused) {
                ++counts_.refused;
                return unavailable(source, *refused);
            }
            asked = line->questions.add(key, std::move(domain), {std::string(address)},
                                        [this, line] { work(*line); });
            if (asked == nullptr) return unavailable(source, "no thread can be started");
        }
        until = std::min(until, Steady::now() + std::chrono::seconds(source.timeout));
        line->questions.wait(lock, *asked, until, progress);
        if (!asked->answer) return unavailable(source, "no answer in time");
        return *asked->answer;
    }

    void forget(std::string_view address)
    {
        const std::string key = mime::address_key(address);
        const std::lock_guard lock(mutex_);
        for (const auto& [identity, line] : lines_) {
            cache_.forget(line->prefix + key);
            if (const auto asked = line->questions.find(key)) asked->question.outdated = true;
        }
    }

    void keep_only(const std::vector<SourceSettings>& sources)
    {
        std::unordered_set<std::string> wanted;
        for (const auto& source : sources) wanted.insert(source.identity());
        // Those of the time before have had that time to end.
        std::vector<std::shared_ptr<Line>> ended;
        {
            const std::lock_guard lock(mutex_);
            ended.swap(retired_);
        }
        for (const auto& line : ended) line->join();
        const std::lock_guard lock(mutex_);
        for (auto it = lines_.begin(); it != lines_.end();) {
            if (wanted.contains(it->first)) {
                ++it;
                continue;
            }
            retired_.push_back(it->second);
            it->second->end();
            it = lines_.erase(it);
        }
    }

    void stop()
    {
        decltype(retired_) retired;
        decltype(lines_) lines;
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
            retired.swap(retired_);
            lines.swap(lines_);
            for (const auto& [identity, line] : lines) line->end();
        }
        for (const auto& line : retired) line->join();
        for (const auto& [identity, line] : lines) line->join();
    }

    Counts counts() const
    {
        const std::lock_guard lock(mutex_);
        Counts c = counts_;
        c.answers = cache_.answers();
        c.none = cache_.none();
        c.octets = cache_.octets();
        for (const auto& [identity, line] : lines_) c.threads += line->questions.threads();
        return c;
    }

private:
    // Why nothing is asked now.
    std::optional<std::string> refusal(const Line& line, const std::string& domain) const
    {
        if (line.kind == nullptr) return "no source of this kind";
        const auto now = clock_.now();
        if (auto rests = line.health.refusal(now, !line.questions.idle())) return rests;
        return line.questions.refusal(domain, now);
    }

    void work(Line& line)
    {
        // A library may write to a connection that is gone.
        sigset_t pipe;
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
        std::unique_ptr<CertificateSource> backend;
        std::unique_lock lock(mutex_);
        line.questions.serve(lock, base::Code::temporary, [&](Line::Pending::Asked& asked) {
            try {
                attend(line, asked, backend, lock);
            } catch (const std::exception&) {
                backend.reset();
                throw;
            }
        });
    }

    void attend(Line& line, Line::Pending::Asked& asked, std::unique_ptr<CertificateSource>& backend,
                std::unique_lock<std::mutex>& lock)
    {
        ++counts_.asked;
        lock.unlock();
        auto outcome = question(line, asked.question, backend);
        if (!outcome && blames_the_source(outcome.error().code)) backend.reset();
        lock.lock();
        const auto said = judge(line, outcome);
        end_turn(line, asked, outcome);
        // When the source is to blame its rest takes care of that.
        if (!asked.question.outdated && (outcome || !blames_the_source(outcome.error().code)))
            cache_.keep(line.prefix + asked.key, line.settings, outcome, clock_.now());
        line.questions.finish(asked, std::move(outcome));
        if (said.second.empty() || !tell_) return;
        lock.unlock();
        tell_(said.first, said.second);
        lock.lock();
    }

    Outcome question(const Line& line, const Line::Question& asked,
                     std::unique_ptr<CertificateSource>& backend) const
    {
        const auto& settings = line.settings;
        const Patience patience{Steady::now() + std::chrono::seconds(settings.timeout), line.cancelled};
        // A connection that has been idle may be gone without a word.
        for (bool again = backend != nullptr;; again = false) {
            if (backend == nullptr) {
                auto made = open_ ? open_(settings) : line.kind->open(settings);
                if (!made) return base::fail(made.error());
                backend = std::move(*made);
            }
            auto answer = backend->find(asked.address, patience);
            if (answer) {
                auto good = std::make_shared<const Answer>(
                    checked(*answer, asked.address, settings, line.kind->provenance, bounds_));
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
            if (!line.health.answered()) return {};
            return {base::Level::notice, whose + "answers again"};
        }
        ++counts_.failed;
        if (*line.cancelled) return {};
        if (!line.health.failed(phrase(outcome.error().what), clock_.now())) return {};
        // Who waits for a turn would wait for nothing.
        const auto& error = line.health.last_error();
        counts_.refused +=
            line.questions.answer_waiting([&](const auto&) { return unavailable(line.settings, error); });
        const auto& remedy = outcome.error().remedy;
        auto text = whose + error + "; it is left alone for some seconds at a time" +
                    (remedy.empty() ? "" : "; " + remedy);
        if (!line.health.rest_is_news()) return {};
        return {base::Level::warning, std::move(text)};
    }

    void end_turn(Line& line, Line::Pending::Asked& asked, const Outcome& outcome)
    {
        if (!asked.has_turn) return;
        std::optional<std::string> error;
        if (!outcome && outcome.error().code == base::Code::temporary) error = phrase(outcome.error().what);
        counts_.refused += line.questions.end_turn(
            asked, error, clock_.now(), [&](const auto&) { return unavailable(line.settings, *error); });
    }

    const base::Clock& clock_;
    const Tell tell_;
    const Bounds bounds_;
    const Open open_;
    mutable std::mutex mutex_;
    bool stopping_ = false;
    std::uint64_t lines_made_ = 0;
    std::unordered_map<std::string, std::shared_ptr<Line>> lines_;  // by SourceSettings::identity()
    std::vector<std::shared_ptr<Line>> retired_;                    // their threads end
    AnswerCache cache_;
    Counts counts_;
};

Sources::Sources(const base::Clock& clock, Tell tell) : Sources(clock, std::move(tell), Bounds{}) {}

Sources::Sources(const base::Clock& clock, Tell tell, Bounds bounds, Open open)
    : shared_(std::make_unique<Shared>(clock, std::move(tell), bounds, std::move(open)))
{
}

Sources::~Sources() { stop(); }

base::Result<std::shared_ptr<const Answer>> Sources::ask(const SourceSettings& source,
                                                         std::string_view address, Steady::time_point until,
                                                         const std::function<void()>& progress)
{
    return shared_->ask(source, address, until, progress);
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
