// Questions that a few threads ask of servers and wait for; each is asked once,
// however many want to know, and goes on when nobody waits any more.
//
// One queue for its owner, whose lock guards it: every function is called under that
// lock, and where a function takes it as an argument it gives it up meanwhile.  Where
// many servers are asked each has turns (DomainTurns) and half of the queue at most, so
// that nobody waits for the one that is slow; and nothing is asked for somebody whose own
// time is over, or one message could fill the queue for all.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/domain_turns.h"

namespace store
{

// Why nothing is asked for somebody who could not wait for it.
constexpr const char* too_late = "no time is left to ask";

// What is asked, and what a good answer consists of.
template <class Question, class T>
class Questions
{
public:
    using Answer = base::Result<T>;
    struct Asked {
        std::string key;     // of one question only
        std::string server;  // that has turns, in lower case; "": it has none
        Question question;
        std::optional<Answer> answer{};
        bool has_turn = false;
    };
    using Lock = std::unique_lock<std::mutex>;

    // `waiting`: beyond that, questions fail at once.
    Questions(std::size_t threads, std::size_t waiting)
        : most_threads_(threads),
          most_waiting_(waiting),
          turns_(static_cast<unsigned>(std::max<std::size_t>(threads / 2, 1)))
    {
    }

    // Waiting, or under way; nullptr: neither.
    [[nodiscard]] std::shared_ptr<Asked> find(const std::string& key) const
    {
        const auto found = by_key_.find(key);
        return found == by_key_.end() ? nullptr : found->second;
    }

    // Why nothing more can be asked now.
    [[nodiscard]] std::optional<std::string> refusal(const std::string& server, base::Time now) const
    {
        if (stopped_) return "stopping";
        if (waiting_.size() >= most_waiting_) return "too many questions are waiting";
        if (server.empty()) return std::nullopt;
        const auto same = std::count_if(waiting_.begin(), waiting_.end(),
                                        [&](const auto& asked) { return asked->server == server; });
        if (static_cast<std::size_t>(same) >= most_waiting_ / 2)
            return "too many questions are waiting for its server";
        return turns_.refusal(server, now);
    }

    // What is neither there (find()) nor refused, to be asked by a thread, which does `work`
    // (see serve()) and is started unless there are enough.  nullptr: there is no thread, and
    // none can be started.
    [[nodiscard]] std::shared_ptr<Asked> add(std::string key, std::string server, Question question,
                                             const std::function<void()>& work)
    {
        auto asked = std::make_shared<Asked>(Asked{std::move(key), std::move(server), std::move(question)});
        if (threads_.size() < most_threads_ && threads_.size() <= by_key_.size()) {
            try {
                threads_.emplace_back(work);
            } catch (const std::system_error&) {
                if (threads_.empty()) return nullptr;
            }
        }
        waiting_.push_back(asked);
        wanted_.notify_one();
        by_key_.emplace(asked->key, asked);
        return asked;
    }

    // Until there is an answer, or `until`.  `meanwhile` (may be empty) is called now and then,
    // without the lock; true: it was.
    bool wait(Lock& lock, const Asked& asked, std::chrono::steady_clock::time_point until,
              const std::function<void()>& meanwhile)
    {
        // The first is short: most answers come at once, and then nothing is made of it.
        std::chrono::milliseconds slice(20);
        bool called = false;
        while (!asked.answer) {
            const auto now = std::chrono::steady_clock::now();
            if (now >= until) break;
            done_.wait_until(lock, std::min(until, now + slice), [&] { return asked.answer.has_value(); });
            if (asked.answer || !meanwhile) continue;
            slice = std::chrono::milliseconds(250);
            called = true;
            lock.unlock();
            meanwhile();
            lock.lock();
        }
        return called;
    }

    // The work of a thread, until stop().  `ask` gets one question after another, and answers
    // it with finish(); it may give up the lock meanwhile, and may throw: then the
    // answer is an error with `code`.
    template <class Ask>
    void serve(Lock& lock, base::Code code, Ask ask)
    {
        for (;;) {
            wanted_.wait(lock, [&] { return stopped_ || next() != waiting_.end(); });
            if (stopped_) return;
            const auto turn = next();
            const auto asked = std::move(*turn);
            waiting_.erase(turn);
            const auto give_up = [&](const char* why) {
                if (!lock.owns_lock()) lock.lock();
                if (std::exchange(asked->has_turn, false)) turns_.give_back(asked->server);
                wanted_.notify_all();
                // No memory is needed for so short a text.
                if (!asked->answer) finish(*asked, base::fail(code, "", why));
            };
            try {
                if (!asked->server.empty()) {
                    turns_.begin(asked->server);
                    asked->has_turn = true;
                }
                ask(*asked);
            } catch (const std::bad_alloc&) {
                give_up("out of memory");
            } catch (const std::exception&) {
                give_up("internal error");
            }
        }
    }

    // The server has answered, or did not: `error`.  When that was once too often all that
    // wait for it get what `instead` says, and would have waited for nothing; how many.
    template <class Instead>
    std::size_t end_turn(Asked& asked, const std::optional<std::string>& error, base::Time now,
                         Instead instead)
    {
        auto why = error;  // while the turn can still be given back
        if (!std::exchange(asked.has_turn, false)) return 0;
        wanted_.notify_all();
        if (!turns_.end(asked.server, std::move(why), now)) return 0;
        const auto others = std::stable_partition(waiting_.begin(), waiting_.end(), [&](const auto& other) {
            return other->server != asked.server;
        });
        return answer_last(static_cast<std::size_t>(waiting_.end() - others), instead);
    }

    // The same for all that wait.
    template <class Instead>
    std::size_t answer_waiting(Instead instead)
    {
        return answer_last(waiting_.size(), instead);
    }

    void finish(Asked& asked, Answer answer) noexcept
    {
        asked.answer = std::move(answer);
        // May be another one's by now.
        if (const auto it = by_key_.find(asked.key); it != by_key_.end() && it->second.get() == &asked)
            by_key_.erase(it);
        done_.notify_all();
    }

    // What waits is answered, nothing more is asked.  The threads, to be joined without the
    // lock, end when what they have under way does.
    [[nodiscard]] std::vector<std::thread> stop() noexcept
    {
        stopped_ = true;
        // No memory is needed for so short a text.
        answer_waiting([](const Asked&) { return base::fail(base::Code::unavailable, "", "stopping"); });
        wanted_.notify_all();
        return std::exchange(threads_, {});
    }

    [[nodiscard]] std::size_t threads() const { return threads_.size(); }
    [[nodiscard]] bool idle() const { return by_key_.empty(); }

private:
    // One after another: what is answered no longer waits, even when `instead` throws.
    template <class Instead>
    std::size_t answer_last(std::size_t count, Instead& instead)
    {
        for (std::size_t left = count; left > 0; --left) {
            finish(*waiting_.back(), instead(*waiting_.back()));
            waiting_.pop_back();
        }
        return count;
    }

    // The first that may be asked now.
    [[nodiscard]] auto next()
    {
        return std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& asked) {
            return asked->server.empty() || turns_.free(asked->server);
        });
    }

    const std::size_t most_threads_, most_waiting_;
    bool stopped_ = false;
    DomainTurns turns_;
    std::condition_variable wanted_, done_;
    std::vector<std::thread> threads_;
    std::deque<std::shared_ptr<Asked>> waiting_;
    std::unordered_map<std::string, std::shared_ptr<Asked>> by_key_;  // waiting, or under way
};

}  // namespace store
