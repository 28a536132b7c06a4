// What a gateway has learned, in an SQLite database on its own machine.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "store/certificate_store.h"
#include "store/harvest.h"
#include "store/source.h"
#include "store/sqlite_database.h"

namespace store
{

// Reads it: certificates that are used, never those that are pending.  Where there is
// no database yet there is nothing; one that cannot be read is an error of each
// question until it is replaced, which is noticed.  There are no private keys.
class SqliteStore final : public CertificateStore
{
public:
    explicit SqliteStore(std::string path) : path_(std::move(path)) {}
    [[nodiscard]] const std::string& path() const { return path_; }

    [[nodiscard]] base::Result<std::vector<Found>> find(std::string_view address, base::Time at,
                                                        Purpose purpose) const override;
    [[nodiscard]] base::Result<std::vector<Found>> by_subject_key_id(base::Octets id) const override;
    [[nodiscard]] base::Result<std::vector<Found>> by_issuer_and_serial(
        base::Octets issuer, std::string_view serial) const override;
    [[nodiscard]] base::Result<std::optional<Found>> by_fingerprint(std::string_view hex) const override;

    // For listings: those in use, by address.
    [[nodiscard]] base::Result<std::vector<Found>> all(std::size_t most) const;
    [[nodiscard]] base::Result<> backup(const std::string& file) const;  // which must not exist

private:
    [[nodiscard]] base::Result<SqliteDatabase*> connected() const;  // nullptr: there is no database
    template <class Bind, class Wanted>
    [[nodiscard]] base::Result<std::vector<Found>> select(const char* condition, std::size_t most,
                                                          const Bind& bind, const Wanted& wanted) const;

    std::string path_;
    mutable std::mutex mutex_;
    mutable std::optional<SqliteDatabase> database_;
};

// Writes it.
class SqliteLearned final : public LearnedStore
{
public:
    // All of it is read once with OnDamage::set_aside.
    [[nodiscard]] static base::Result<std::unique_ptr<SqliteLearned>> open(
        const std::string& path, OnDamage on_damage, std::vector<base::Problem>& problems);

    [[nodiscard]] base::Result<Learning> learn(const Lesson& lesson, Harvest mode, base::Time now) override;
    [[nodiscard]] base::Result<std::vector<std::pair<Learned, cms::Certificate>>> list(
        LearnedState state, std::size_t& at, std::size_t most) override;
    [[nodiscard]] base::Result<bool> decide(std::string_view address, std::string_view fingerprint,
                                            LearnedState state) override;

    [[nodiscard]] bool must_be_opened_anew() const override
    {
        return !database_.in_place() || known_as_damaged(database_.path());
    }

    // Puts a certificate there for an address, whatever judge() would say.
    [[nodiscard]] base::Result<> put(const Lesson& lesson, LearnedState state, base::Time now);

private:
    explicit SqliteLearned(SqliteDatabase database) : database_(std::move(database)) {}
    [[nodiscard]] base::Result<Memory> recall(const std::string& address) const;
    [[nodiscard]] base::Result<std::size_t> count() const;
    [[nodiscard]] base::Result<> add(const std::string& address, const Lesson& lesson, LearnedState state,
                                     bool approved, const std::string& reason, base::Time now) const;
    [[nodiscard]] base::Result<> describe_author(const std::string& address, const Lesson& lesson,
                                                 const Judgement& judgement) const;
    [[nodiscard]] base::Result<> carry_out(const std::string& address, const Lesson& lesson,
                                           const Judgement& judgement, base::Time now) const;

    SqliteDatabase database_;
};

// "aes256-gcm aes128-cbc" as databases keep it, and back; unknown words are left out.
[[nodiscard]] std::string to_words(const std::vector<cms::Cipher>& ciphers);
[[nodiscard]] std::vector<cms::Cipher> ciphers_of(std::string_view words);

}  // namespace store
