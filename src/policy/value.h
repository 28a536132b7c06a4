// A value as it stands in a file, on its way to a type.
//
// Each conversion either sets `out` or reports what was found and what is
// wanted, with the place; `out` then keeps what it had.  A list is separated by
// commas and adds to `out`, so that a key may be repeated.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/config.h"
#include "policy/schema.h"

namespace policy
{

class Value
{
public:
    // Borrows everything; lives shorter than the section it comes from.
    Value(const KeySpec& spec, std::string_view text, std::string where, std::vector<base::Problem>& problems)
        : spec_(spec), text_(text), where_(std::move(where)), problems_(problems)
    {
    }

    [[nodiscard]] std::string_view text() const { return text_; }
    [[nodiscard]] const std::string& where() const { return where_; }
    [[nodiscard]] bool empty() const { return text_.empty(); }

    void refuse(std::string what, std::string remedy = {}) const;

    void yes_no(bool& out) const;
    void number(unsigned& out, unsigned most, unsigned least = 0) const;
    void size(std::uint64_t& out, std::uint64_t least, std::uint64_t most) const;  // 64M; K, M, G
    void word(std::string& out) const;  // letters, digits and . _ - only; may be empty

    // The alternatives of the schema's type, in its order.
    template <class Out, class E>
    void one_of(Out& out, std::initializer_list<E> values) const
    {
        if (const auto index = alternative(values.size()); index < values.size())
            out = *(values.begin() + index);
    }

    // A list of them; adds to `out`.
    template <class E>
    void several_of(std::vector<E>& out, std::initializer_list<E> values) const
    {
        for (const auto& item : items()) {
            const Value one(spec_, item, where_, problems_);
            if (const auto index = one.alternative(values.size()); index < values.size())
                out.push_back(*(values.begin() + index));
        }
    }

    void path(std::string& out) const;                  // absolute, or empty
    void paths(std::vector<std::string>& out) const;    // absolute
    void anchors(std::vector<std::string>& out) const;  // paths, but never the system's for TLS
    void socket(std::string& out) const;                // unix:/path, inet:port@host, inet6:port@[addr]
    void loopback(std::string& out) const;              // a socket that only this machine reaches, or empty
    void token(std::string& out) const;                 // see cms/token.h, or empty
    void password(store::PasswordSource& out) const;    // credential:NAME, file:/path or empty

    void domain(std::string& out) const;  // lower case, or empty
    void domains(std::vector<std::string>& out) const;

    enum class Rights { none, given };  // given: refuses networks that are too wide
    void networks(std::vector<Network>& out, Rights rights) const;

    enum class Pattern { address, envelope, name };  // envelope: "<>" too
    void patterns(std::vector<std::string>& out, Pattern kind) const;
    void header_pattern(std::vector<HeaderPattern>& out) const;  // no list: patterns may hold commas
    void signer_for(std::vector<SignerFor>& out) const;
    void tls_logins(std::vector<TlsLogin>& out) const;       // no list: names may hold commas
    void policies(std::vector<std::string>& out) const;      // dotted object identifiers, or "any"
    void text_pattern(std::vector<std::string>& out) const;  // likewise
    void size_conditions(std::vector<SizeCondition>& out) const;

private:
    [[nodiscard]] std::size_t alternative(std::size_t count) const;  // count: reported
    [[nodiscard]] std::vector<std::string> raw_items() const;        // blanks inside allowed
    [[nodiscard]] std::vector<std::string> items() const;
    [[nodiscard]] bool is_absolute(std::string_view path) const;  // reports
    [[nodiscard]] bool is_domain(std::string_view domain) const;  // reports

    const KeySpec& spec_;
    std::string_view text_;
    std::string where_;
    std::vector<base::Problem>& problems_;
};

// "64M" -> octets; nullopt when it is not that.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);
// And back, in the largest unit that says it without a fraction.
[[nodiscard]] std::string size_text(std::uint64_t octets);

// The text in quotes, safe to print, shortened.
[[nodiscard]] std::string quoted(std::string_view text);

// "never, valid or any"
[[nodiscard]] std::string alternatives(const std::vector<std::string>& words);

}  // namespace policy
