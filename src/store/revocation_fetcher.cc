#include "store/revocation_fetcher.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/ascii.h"
#include "store/domain_turns.h"

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

// Of "http://ca.example:8080/x": "ca.example:8080".
std::string host_of(const std::string& url)
{
    const auto begin = url.find("//");
    const auto rest = begin == std::string::npos ? url : url.substr(begin + 2);
    return base::to_lower(rest.substr(0, rest.find_first_of("/?#")));
}

}  // namespace

class RevocationFetcher::Shared
{
public:
    Shared(const base::Clock& clock, Bounds bounds)
        : clock_(clock),
          bounds_(bounds),
          turns_(static_cast<unsigned>(std::max<std::size_t>(bounds.threads / 2, 1)))
    {
    }

    // `until` is moved by the time that it takes to be allowed to compute again.
    Answer ask(const cms::RevocationQuestion& question, const HttpLimits& limits, Steady::time_point& until,
               const Meanwhile& meanwhile)
    {
        const std::string key = key_of(question);
        std::unique_lock lock(mutex_);
        const base::Time now = clock_.now();
        if (const auto found = cache_.find(key); found != cache_.end()) {
            if (now < found->second->until && found->second->since <= now) {
                entries_.splice(entries_.begin(), entries_, found->second);
                ++counts_.from_cache;
                return found->second->answer;
            }
            drop(found->second);
        }
        std::shared_ptr<Job> mine;
        if (const auto under_way = jobs_.find(key); under_way != jobs_.end()) {
            mine = under_way->second;
        } else {
            const std::string host = host_of(question.url);
            if (auto why = refusal(host, now)) return unavailable(question, *why);
            mine = std::make_shared<Job>(Job{key, host, question, limits, {}});
            mine->limits.cancel = cancel_;
            if (!have_a_thread()) return unavailable(question, "no thread can be started");
            waiting_.push_back(mine);
            jobs_.emplace(key, mine);
            wanted_.notify_one();
        }
        // The first is short: an answer that comes at once is not made much of.
        std::chrono::milliseconds slice(20);
        bool left = false;
        while (!mine->answer) {
            const auto moment = Steady::now();
            if (moment >= until) break;
            done_.wait_until(lock, std::min(until, moment + slice), [&] { return mine->answer.has_value(); });
            if (mine->answer || !meanwhile.waiting) continue;
            slice = std::chrono::milliseconds(250);
            left = true;
            lock.unlock();
            meanwhile.waiting();
            lock.lock();
        }
        Answer answer = mine->answer ? *mine->answer : unavailable(question, "no answer in time");
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
            ending.swap(threads_);
            stopping_ = true;
            *cancel_ = true;
            for (const auto& job : waiting_) {
                job->answer = base::fail(base::Code::unavailable, "", "stopping");
                jobs_.erase(job->key);
            }
            waiting_.clear();
        }
        done_.notify_all();
        wanted_.notify_all();
        for (auto& t : ending) t.join();
    }

    Counts counts() const
    {
        const std::lock_guard lock(mutex_);
        Counts c = counts_;
        c.answers = entries_.size();
        c.octets = held_;
        return c;
    }

private:
    struct Job {
        std::string key, host;
        cms::RevocationQuestion question;
        HttpLimits limits;
        std::optional<Answer> answer;
        bool has_turn = false;
    };
    struct Entry {
        std::string key;
        Answer answer;
        std::size_t octets;
        base::Time since, until;
    };

    // For one question more; false when nobody would answer it.
    bool have_a_thread()
    {
        if (threads_.size() >= bounds_.threads || threads_.size() > jobs_.size()) return true;
        try {
            threads_.emplace_back([this] { work(); });
        } catch (const std::system_error&) {
            return !threads_.empty();
        }
        return true;
    }

    // Why nothing is asked of the host now.  One CA that does not answer must not make
    // the status of all others unknown.
    std::optional<std::string> refusal(const std::string& host, base::Time now) const
    {
        if (stopping_) return "stopping";
        if (waiting_.size() >= bounds_.waiting) return "too many questions are waiting";
        const auto same = std::count_if(waiting_.begin(), waiting_.end(),
                                        [&](const auto& job) { return job->host == host; });
        if (static_cast<std::size_t>(same) >= bounds_.waiting / 2)
            return "too many questions to its host are waiting";
        return turns_.refusal(host, now);
    }

    [[nodiscard]] std::deque<std::shared_ptr<Job>>::iterator next()
    {
        return std::find_if(waiting_.begin(), waiting_.end(),
                            [&](const auto& job) { return turns_.free(job->host); });
    }

    void finish(Job& job, Answer answer) noexcept
    {
        job.answer = std::move(answer);
        // May be another one's by now.
        if (const auto it = jobs_.find(job.key); it != jobs_.end() && it->second.get() == &job)
            jobs_.erase(it);
        done_.notify_all();
        wanted_.notify_all();
    }

    // Who waits for the same host would wait for nothing.
    void end_turn(Job& job, const Answer& answer)
    {
        std::optional<std::string> error;
        if (!answer && answer.error().code == base::Code::unavailable) error = answer.error().what;
        auto told = error;
        job.has_turn = false;
        if (!turns_.end(job.host, std::move(told), clock_.now())) return;
        const auto others = std::stable_partition(waiting_.begin(), waiting_.end(),
                                                  [&](const auto& j) { return j->host != job.host; });
        for (auto it = others; it != waiting_.end(); ++it) finish(**it, unavailable((*it)->question, *error));
        waiting_.erase(others, waiting_.end());
    }

    static Answer unavailable(const cms::RevocationQuestion& question, std::string what)
    {
        return base::fail(base::Code::unavailable, question.url, std::move(what));
    }

    static Answer fetch(const Job& job, std::size_t& octets)
    {
        HttpRequest request{job.question.url, job.question.request, "application/ocsp-request"};
        HttpLimits limits = job.limits;
        if (job.question.kind == cms::RevocationKind::ocsp)
            limits.octets = std::min(limits.octets, largest_ocsp);
        const auto body = http_get(request, limits);
        if (!body) return base::fail(body.error());
        octets = body->size();
        return cms::RevocationData::parse(job.question.kind, *body);
    }

    void work()
    {
        std::unique_lock lock(mutex_);
        for (;;) {
            wanted_.wait(lock, [&] { return stopping_ || next() != waiting_.end(); });
            if (stopping_) return;
            const auto turn = next();
            const auto job = std::move(*turn);
            waiting_.erase(turn);
            try {
                attend(*job, lock);
            } catch (const std::exception&) {
                if (!lock.owns_lock()) lock.lock();
                give_up(*job);
            }
        }
    }

    void attend(Job& job, std::unique_lock<std::mutex>& lock)
    {
        turns_.begin(job.host);
        job.has_turn = true;
        lock.unlock();
        std::size_t octets = 0;
        Answer answer = fetch(job, octets);
        lock.lock();
        ++(answer ? counts_.fetched : counts_.failed);
        end_turn(job, answer);
        finish(job, answer);
        keep(job.key, std::move(answer), octets + job.key.size());
    }

    // For want of memory; what is said here needs none.
    void give_up(Job& job) noexcept
    {
        if (std::exchange(job.has_turn, false)) (void)turns_.end(job.host, std::nullopt, clock_.now());
        if (!job.answer) finish(job, base::fail(base::Code::unavailable, "", "out of memory"));
    }

    // An answer that is out of date already is as good as none.
    void keep(const std::string& key, Answer answer, std::size_t octets)
    {
        const base::Time now = clock_.now();
        base::Time until = now + after_failure;
        if (answer) {
            const auto next = answer->next_update();
            until = next ? std::clamp<base::Time>(*next, now + after_failure, now + longest) : now + longest;
        }
        if (const auto found = cache_.find(key); found != cache_.end()) drop(found->second);
        // What fails for want of memory must leave nothing behind.
        std::list<Entry> fresh;
        fresh.push_front({key, std::move(answer), octets, now, until});
        cache_.emplace(key, fresh.begin());
        entries_.splice(entries_.begin(), fresh);
        held_ += octets;
        while (!entries_.empty() && (entries_.size() > bounds_.answers || held_ > bounds_.octets))
            drop(std::prev(entries_.end()));
    }

    void drop(std::list<Entry>::iterator entry)
    {
        held_ -= entry->octets;
        cache_.erase(entry->key);
        entries_.erase(entry);
    }

    const base::Clock& clock_;
    const Bounds bounds_;
    DomainTurns turns_;  // by host
    const std::shared_ptr<std::atomic<bool>> cancel_ = std::make_shared<std::atomic<bool>>(false);
    mutable std::mutex mutex_;
    std::condition_variable wanted_, done_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
    std::deque<std::shared_ptr<Job>> waiting_;
    std::unordered_map<std::string, std::shared_ptr<Job>> jobs_;  // waiting or under way
    std::list<Entry> entries_;                                    // used last comes first
    std::unordered_map<std::string, std::list<Entry>::iterator> cache_;
    std::size_t held_ = 0;
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
