#include "store/revocation_fetcher.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <thread>
#include <unordered_map>

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
    Shared(const base::Clock& clock, Bounds bounds) : clock_(clock), bounds_(bounds) {}

    Answer ask(const cms::RevocationQuestion& question, const HttpLimits& limits, Steady::time_point until,
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
        auto& job = jobs_[key];
        if (job == nullptr) {
            if (waiting_.size() >= bounds_.waiting || stopping_) {
                jobs_.erase(key);
                return unavailable(question, "too many questions are waiting");
            }
            job = std::make_shared<Job>(Job{key, question, limits, {}});
            job->limits.cancel = cancel_;
            waiting_.push_back(job);
            if (threads_.size() < bounds_.threads && threads_.size() < jobs_.size())
                threads_.emplace_back([this] { work(); });
            wanted_.notify_one();
        }
        const auto mine = job;
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
        if (left && meanwhile.resume) meanwhile.resume();
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
                job->answer = unavailable(job->question, "stopping");
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
        std::string key;
        cms::RevocationQuestion question;
        HttpLimits limits;
        std::optional<Answer> answer;
    };
    struct Entry {
        std::string key;
        Answer answer;
        std::size_t octets;
        base::Time since, until;
    };

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
            wanted_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
            if (stopping_) return;
            const auto job = waiting_.front();
            waiting_.pop_front();
            lock.unlock();
            std::size_t octets = 0;
            Answer answer = fetch(*job, octets);
            lock.lock();
            ++(answer ? counts_.fetched : counts_.failed);
            job->answer = answer;
            keep(job->key, std::move(answer), octets + job->key.size());
            jobs_.erase(job->key);
            done_.notify_all();
        }
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
        entries_.push_front({key, std::move(answer), octets, now, until});
        cache_[key] = entries_.begin();
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
    Source(std::shared_ptr<Shared> shared, HttpLimits limits, Steady::time_point until, Meanwhile meanwhile)
        : shared_(std::move(shared)),
          limits_(std::move(limits)),
          until_(until),
          meanwhile_(std::move(meanwhile))
    {
    }
    Answer ask(const cms::RevocationQuestion& question) override
    {
        return shared_->ask(question, limits_, until_, meanwhile_);
    }

private:
    std::shared_ptr<Shared> shared_;
    HttpLimits limits_;
    Steady::time_point until_;
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
    return std::make_unique<Source>(shared_, std::move(limits.http),
                                    std::min(Steady::now() + limits.budget, deadline), std::move(meanwhile));
}

RevocationFetcher::Counts RevocationFetcher::counts() const { return shared_->counts(); }

}  // namespace store
