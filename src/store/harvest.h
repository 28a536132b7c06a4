// What verified mail teaches about its author, and what is believed of it
// (RFC 8551 section 2.7.1, semantics F).
//
// The gateway finds a Lesson in a message; the daemon puts it into a LearnedStore,
// away from the message.  judge() is the one place where it is decided what that
// does, whatever database is behind it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cms/certificate.h"
#include "cms/encrypt.h"

namespace store
{

enum class Harvest {
    off,
    pending,    // kept, and used when somebody has approved it
    automatic,  // used, unless there is something unusual about it
};

// From one message that has passed as a whole, signed by its author on a valid path.
struct Lesson {
    std::string address;                       // of the author
    cms::Certificate certificate;              // to encrypt to, and it names the address
    std::vector<cms::Certificate> issuers;     // of its path, without the anchor
    bool preferred = false;                    // SMIMEEncryptionKeyPreference names it
    std::optional<base::Time> signing_time{};  // what the signature says
    std::optional<std::vector<cms::Cipher>> capabilities{};
    // The issuers (Names in DER) of what an administrator has put there for the
    // address; empty when there is nothing.
    std::vector<std::string> known_issuers{};
    // A source that has to be asked is named for just this address (its `recipients`).
    bool served_elsewhere = false;
};

namespace limits
{
inline constexpr std::size_t learned_per_address = 5;
inline constexpr std::size_t learned_in_all = 100'000;
inline constexpr std::size_t learned_octets = 16U << 10;  // of a certificate
inline constexpr std::size_t learned_issuers = 8;         // kept with one
inline constexpr std::chrono::minutes clock_difference(15);
}  // namespace limits

enum class LearnedState { used, pending, rejected };
[[nodiscard]] const char* word(LearnedState s);  // "used", "pending", "rejected"
[[nodiscard]] std::optional<LearnedState> learned_state(std::string_view word);

// One certificate that has been learned for an address.
struct Learned {
    std::string address;  // mime::address_key() of it
    std::string fingerprint;
    std::string issuer;  // the Name in DER
    LearnedState state = LearnedState::pending;
    bool approved = false;  // by somebody
    std::string reason;     // why it is pending
    base::Time not_before{}, not_after{};
    base::Time first_seen{}, last_seen{};
};

// All that a store holds for one address, before a lesson.
struct Memory {
    std::vector<Learned> certificates;
    std::optional<base::Time> signing_time;  // the latest of a lesson that was taken
    std::size_t in_all = 0;                  // certificates of all addresses
};

// What a lesson does.  A store carries it out in one transaction with the reading
// of `Memory`; the parts are independent of each other.
struct Judgement {
    enum class What { ignore, seen_again, add };
    What what = What::ignore;
    LearnedState state = LearnedState::pending;  // of what is added
    std::string reason;                          // why it is ignored, or pending
    bool unusual = false;                        // worth a notice to the administrator
    std::vector<std::string> forget;             // fingerprints that make room for it
    // First remove all that have expired, of any address; if there is no room then, the
    // lesson is ignored after all.
    bool purge = false;
    bool take_time = false;          // signing_time is now the latest
    bool take_capabilities = false;  // with the time: capabilities, none included
    bool take_preference = false;    // with the time: this one, or none, is preferred
};
[[nodiscard]] Judgement judge(const Lesson& lesson, const Memory& memory, Harvest mode, base::Time now);

// What became of a lesson.
struct Learning {
    Judgement judgement;
    std::string fingerprint;
};

// What becomes of a database that is found to be damaged when it is opened.
enum class OnDamage {
    refuse,     // it is an error
    set_aside,  // it is renamed, a problem tells so, and a new one begins
};

// A database of learned certificates, for one thread; a source of its kind reads it
// meanwhile.  Several daemons may write to one: nothing is lost or there twice.
class LearnedStore
{
public:
    LearnedStore() = default;
    LearnedStore(const LearnedStore&) = delete;
    LearnedStore& operator=(const LearnedStore&) = delete;
    LearnedStore(LearnedStore&&) = delete;
    LearnedStore& operator=(LearnedStore&&) = delete;
    virtual ~LearnedStore() = default;

    [[nodiscard]] virtual base::Result<Learning> learn(const Lesson& lesson, Harvest mode,
                                                       base::Time now) = 0;

    // Those in that state, by address: of the `most` after the first `at`, which is
    // advanced by them; it stays where it is at the end.  What is no certificate is left out.
    [[nodiscard]] virtual base::Result<std::vector<std::pair<Learned, cms::Certificate>>> list(
        LearnedState state, std::size_t& at, std::size_t most) = 0;
    // Is what was opened no longer the right thing: damaged, or replaced?
    [[nodiscard]] virtual bool must_be_opened_anew() const { return false; }

    // False: there is no such certificate.  `used` means approved by somebody.
    [[nodiscard]] virtual base::Result<bool> decide(std::string_view address, std::string_view fingerprint,
                                                    LearnedState state) = 0;
};

}  // namespace store
