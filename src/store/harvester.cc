#include "store/harvester.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

namespace store
{
namespace
{

using base::Level;

constexpr std::size_t most_waiting = 256;
constexpr std::chrono::seconds between_looks(5);  // whether the database is damaged
constexpr std::chrono::seconds after_failure(10);

base::LogLine words(std::string_view text)
{
    base::LogLine line;
    line.say(text);
    return line;
}

base::LogLine line_of(const Lesson& lesson, const Judgement& judgement)
{
    base::LogLine line;
    line.add("action", "learn").address("from", lesson.address);
    line.add("status", judgement.what == Judgement::What::ignore ? "ignored" : word(judgement.state));
    line.add("reason", judgement.reason);
    line.add("serial", lesson.certificate.serial()).add("issuer", lesson.certificate.issuer());
    line.add("fingerprint", lesson.certificate.fingerprint());
    if (judgement.what == Judgement::What::add && judgement.state == LearnedState::pending)
        line.add("see", "smimectl cert pending");
    return line;
}

}  // namespace

class Harvester::Shared
{
public:
    Shared(const base::Clock& clock, Sources& sources, Tell tell)
        : clock_(clock), sources_(sources), tell_(std::move(tell))
    {
    }

    void configure(const SourceSettings* into, Harvest mode)
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
        mode_ = mode;
        const bool same = into == nullptr ? !into_ : into_ && into_->identity() == into->identity();
        if (same) return;
        into_ = into == nullptr ? std::nullopt : std::optional(*into);
        if (into_) into_->cancelled = cancelled_;
        changed_ = true;
        if (into_ && !thread_.joinable()) start();
        wanted_.notify_all();
    }

    void learn(Lesson lesson)
    {
        const std::lock_guard lock(mutex_);
        if (stopping_ || !into_ || mode_ == Harvest::off || waiting_.size() >= most_waiting) {
            ++counts_.lost;
            return;
        }
        waiting_.push_back(std::move(lesson));
        wanted_.notify_all();
    }

    void stop()
    {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
            *cancelled_ = true;
            counts_.lost += waiting_.size();
            waiting_.clear();
        }
        wanted_.notify_all();
        if (thread_.joinable()) thread_.join();
    }

    Counts counts() const
    {
        const std::lock_guard lock(mutex_);
        return counts_;
    }

    void wait_until_idle()
    {
        std::unique_lock lock(mutex_);
        idle_.wait(lock, [&] { return (waiting_.empty() && !busy_ && !changed_) || stopping_; });
    }

private:
    void start()
    {
        try {
            thread_ = std::thread([this] { work(); });
        } catch (const std::system_error& e) {
            into_.reset();
            tell_(Level::error,
                  words(std::string("nothing is learned: no thread can be started: ") + e.what()));
        }
    }

    void work()
    {
        std::unique_lock lock(mutex_);
        for (;;) {
            busy_ = false;
            idle_.notify_all();
            wanted_.wait_for(lock, between_looks,
                             [&] { return stopping_ || changed_ || (into_ && !waiting_.empty()); });
            if (stopping_) break;
            busy_ = true;
            try {
                take_next(lock);
            } catch (const std::exception&) {
                if (!lock.owns_lock()) lock.lock();
                ++counts_.lost;
                store_.reset();
                // For want of memory; not a reason to spin.
                wanted_.wait_for(lock, std::chrono::milliseconds(100), [&] { return stopping_; });
            }
        }
        lock.unlock();
        store_.reset();
        idle_.notify_all();
    }

    void take_next(std::unique_lock<std::mutex>& lock)
    {
        const auto into = into_;
        const auto mode = mode_;
        const bool changed = std::exchange(changed_, false);
        std::optional<Lesson> lesson;
        if (into && !waiting_.empty()) {
            lesson = std::move(waiting_.front());
            waiting_.pop_front();
        }
        lock.unlock();
        if (changed) {
            store_.reset();
            failing_.clear();
            tries_again_ = {};
        }
        if (into) attend(*into, mode, lesson);
        lock.lock();
    }

    void attend(const SourceSettings& into, Harvest mode, const std::optional<Lesson>& lesson)
    {
        if (store_ != nullptr && store_->must_be_opened_anew()) store_.reset();
        if (store_ == nullptr) open(into);
        if (!lesson) return;
        auto outcome = store_ == nullptr ? lost() : store_->learn(*lesson, mode, clock_.now());
        if (!outcome && store_ != nullptr && outcome.error().code == base::Code::data) {
            // Found out to be damaged just now: a new one can take it.
            store_.reset();
            open(into);
            if (store_ != nullptr) outcome = store_->learn(*lesson, mode, clock_.now());
        }
        if (!outcome) {
            if (store_ != nullptr) {
                fails(into, outcome.error());
                store_.reset();
                tries_again_ = clock_.now() + after_failure;
            }
            const std::lock_guard lock(mutex_);
            ++counts_.lost;
            return;
        }
        works(into);
        report(*lesson, outcome->judgement);
    }

    static base::Result<Learning> lost() { return base::fail(base::Code::unavailable, "", "not open"); }

    void open(const SourceSettings& into)
    {
        const auto now = clock_.now();
        // A clock that was set back makes no wait longer.
        if (now < tries_again_ && now + after_failure >= tries_again_) return;
        std::vector<base::Problem> problems;
        auto opened = source_kind(into.uri)->open_learned(into, OnDamage::set_aside, problems);
        for (const auto& problem : problems) tell_(level_of(problem.severity), words(problem.text()));
        if (!opened) {
            tries_again_ = now + after_failure;
            return fails(into, opened.error());
        }
        store_ = std::move(*opened);
        works(into);
    }

    // Once, until it works again.
    void fails(const SourceSettings& into, const base::Error& error)
    {
        if (std::exchange(failing_, error.what) == error.what) return;
        tell_(Level::error, words("source " + into.name + ": nothing is learned: " + error.text()));
    }

    void works(const SourceSettings& into)
    {
        if (!std::exchange(failing_, "").empty())
            tell_(Level::notice, words("source " + into.name + ": learning again"));
    }

    void report(const Lesson& lesson, const Judgement& judgement)
    {
        if (judgement.what == Judgement::What::seen_again) return;
        {
            const std::lock_guard lock(mutex_);
            ++(judgement.what == Judgement::What::ignore ? counts_.ignored
               : judgement.state == LearnedState::used   ? counts_.used
                                                         : counts_.pending);
        }
        if (judgement.what == Judgement::What::ignore) return tell_(Level::debug, line_of(lesson, judgement));
        if (judgement.state == LearnedState::used) sources_.forget(lesson.address);
        tell_(judgement.unusual ? Level::notice : Level::info, line_of(lesson, judgement));
    }

    const base::Clock& clock_;
    Sources& sources_;
    const Tell tell_;
    mutable std::mutex mutex_;
    std::condition_variable wanted_, idle_;
    bool stopping_ = false, changed_ = false, busy_ = false;
    const std::shared_ptr<std::atomic<bool>> cancelled_ = std::make_shared<std::atomic<bool>>(false);
    Harvest mode_ = Harvest::off;
    std::optional<SourceSettings> into_;
    std::deque<Lesson> waiting_;
    Counts counts_;
    std::thread thread_;
    // Of the thread alone.
    std::unique_ptr<LearnedStore> store_;
    std::string failing_;
    base::Time tries_again_{};
};

Harvester::Harvester(const base::Clock& clock, Sources& sources, Tell tell)
    : shared_(std::make_shared<Shared>(clock, sources, std::move(tell)))
{
}

Harvester::~Harvester() { stop(); }

void Harvester::configure(const SourceSettings* into, Harvest mode) { shared_->configure(into, mode); }
void Harvester::learn(Lesson lesson) { shared_->learn(std::move(lesson)); }
void Harvester::stop() { shared_->stop(); }
Harvester::Counts Harvester::counts() const { return shared_->counts(); }
void Harvester::wait_until_idle() { shared_->wait_until_idle(); }

}  // namespace store
