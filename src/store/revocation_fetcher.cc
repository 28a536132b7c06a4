#include "store/revocation_fetcher.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

#include "store/questions.h"
#include "store/timed_cache.h"

namespace store
{
namespace
{

using Answer = base::Result<cms::RevocationData>;
using Steady = std::chrono::steady_clock;

constexpr std::chrono::hours longest(1);
constexpr std::chrono::minutes after_failure(1);
constexpr std::size_t largest_ocsp = 64U << 10;

std::string key_of(const cms::RevocationQuestion& q)
{
    return (q.kind == cms::RevocationKind::crl ? "c" : "o") + q.url + '\0' + q.request;
}

}  // namespace

class RevocationFetcher::Shared
{
public:
    Shared(const base::Clock& clock, Bounds bounds)
        : clock_(clock), bounds_(bounds), questions_(bounds.threads, bounds.waiting)
    {
    }

    // `until` is moved by the time that it takes to be allowed to compute again.
    Answer ask(const cms::RevocationQuestion& question, const HttpLimits& limits, Steady::time_point& until,
               const Meanwhile& meanwhile)
    {
        const std::string key = key_of(question);
        std::unique_lock lock(mutex_);
        if (auto known = cache_.find(key, clock_.now())) {
            ++counts_.from_cache;
            return std::move(*known);
        }
        auto asked = questions_.find(key);
        if (asked == nullptr) {
            // One CA that does not answer must not make the status of all others unknown.
            std::string server = http_server(question.url);
            if (auto why = questions_.refusal(server, clock_.now())) return unavailable(question, *why);
            if (Steady::now() >= until) return unavailable(question, too_late);
            Question with_limits{question, limits};
            with_limits.limits.cancel = cancel_;
            asked = questions_.add(key, std::move(server), std::move(with_limits), [this] { work(); });
            if (asked == nullptr) return unavailable(question, "no thread can be started");
        }
        const bool left = questions_.wait(lock, *asked, until, meanwhile.waiting);
        Answer answer = asked->answer ? *asked->answer : unavailable(question, "no answer in time");
        lock.unlock();
        if (!left || !meanwhile.resume) return answer;
        const auto asks = Steady::now();
        meanwhile.resume();
        if (until < Steady::time_point::max() - (Steady::now() - asks)) until += Steady::now() - asks;
        return answer;
    }

    void stop()
    {
        std::vector<std::thread> ending;
        {
            const std::lock_guard lock(mutex_);
            *cancel_ = true;
            ending = questions_.stop();
        }
        for (auto& t : ending) t.join();
    }

    Counts counts() const
    {
        const std::lock_guard lock(mutex_);
        Counts c = counts_;
        c.answers = cache_.size();
        c.octets = cache_.octets();
        return c;
    }

private:
    struct Question {
        cms::RevocationQuestion question;
        HttpLimits limits;
    };
    using Pending = Questions<Question, cms::RevocationData>;

    static Answer unavailable(const cms::RevocationQuestion& question, std::string what)
    {
        return base::fail(base::Code::unavailable, question.url, std::move(what));
    }

    static Answer fetch(const Question& asked)
    {
        const auto& question = asked.question;
        HttpRequest request{question.url, question.request, "application/ocsp-request"};
        HttpLimits limits = asked.limits;
        if (question.kind == cms::RevocationKind::ocsp) limits.octets = std::min(limits.octets, largest_ocsp);
        const auto body = http_get(request, limits);
        if (!body) return base::fail(body.error());
        return cms::RevocationData::parse(question.kind, *body);
    }

    void work()
    {
        std::unique_lock lock(mutex_);
        questions_.serve(lock, base::Code::unavailable, [&](Pending::Asked& asked) { attend(asked, lock); });
    }

    void attend(Pending::Asked& asked, std::unique_lock<std::mutex>& lock)
    {
        lock.unlock();
        Answer answer = fetch(asked.question);
        lock.lock();
        ++(answer ? counts_.fetched : counts_.failed);
        std::optional<std::string> error;
        if (!answer && answer.error().code == base::Code::unavailable) error = answer.error().what;
        questions_.end_turn(asked, error, clock_.now(), [&](const Pending::Asked& other) {
            return unavailable(other.question.question, *error);
        });
        questions_.finish(asked, answer);
        const std::size_t octets = asked.key.size() + (answer ? answer->memory() : 0);
        keep(asked, std::move(answer), octets);
    }

    // An answer that is out of date already is as good as none.
    void keep(const Pending::Asked& asked, Answer answer, std::size_t octets)
    {
        const base::Time now = clock_.now();
        base::Time until = now + after_failure;
        if (answer) {
            const auto next = answer->next_update();
            until = next ? std::clamp<base::Time>(*next, now + after_failure, now + longest) : now + longest;
        }
        cache_.keep(asked.key, std::move(answer), octets, now, until);
        // Two of the largest that are allowed find room, or each would push out the other.
        constexpr std::size_t in_memory = 13;
        const std::size_t most = std::max(bounds_.octets, 2 * in_memory * asked.question.limits.octets);
        while (cache_.size() > 1 && (cache_.size() > bounds_.answers || cache_.octets() > most))
            cache_.forget_oldest();
    }

    const base::Clock& clock_;
    const Bounds bounds_;
    const std::shared_ptr<std::atomic<bool>> cancel_ = std::make_shared<std::atomic<bool>>(false);
    mutable std::mutex mutex_;
    Pending questions_;
    TimedCache<Answer> cache_;
    Counts counts_;
};

class RevocationFetcher::Source final : public cms::RevocationSource
{
public:
    Source(std::shared_ptr<Shared> shared, HttpLimits limits, Steady::time_point until,
           Steady::time_point deadline, Meanwhile meanwhile)
        : shared_(std::move(shared)),
          limits_(std::move(limits)),
          until_(std::min(until, deadline)),
          deadline_(deadline),
          meanwhile_(std::move(meanwhile))
    {
    }
    Answer ask(const cms::RevocationQuestion& question) override
    {
        auto answer = shared_->ask(question, limits_, until_, meanwhile_);
        until_ = std::min(until_, deadline_);
        return answer;
    }

private:
    std::shared_ptr<Shared> shared_;
    HttpLimits limits_;
    Steady::time_point until_, deadline_;
    Meanwhile meanwhile_;
};

RevocationFetcher::RevocationFetcher(const base::Clock& clock, Bounds bounds)
    : shared_(std::make_shared<Shared>(clock, bounds))
{
}

RevocationFetcher::~RevocationFetcher() { stop(); }

void RevocationFetcher::stop() { shared_->stop(); }

std::unique_ptr<cms::RevocationSource> RevocationFetcher::source(FetchLimits limits,
                                                                 Steady::time_point deadline,
                                                                 Meanwhile meanwhile)
{
    return std::make_unique<Source>(shared_, std::move(limits.http), Steady::now() + limits.budget, deadline,
                                    std::move(meanwhile));
}

RevocationFetcher::Counts RevocationFetcher::counts() const { return shared_->counts(); }

}  // namespace store
