// Errors are values: what went wrong, where, and the command that mends it.
//
// A bad signature is not an Error but a verdict (cms/finding.h); an Error means
// that the program could not do what it was asked.  Exceptions are for bugs, and for want of
// memory.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace base
{

// Kinds of failure; the value is the exit status of sysexits(3).
enum class Code {
    usage = 64,
    data = 65,
    no_input = 66,
    unavailable = 69,
    internal = 70,
    cannot_create = 73,
    io = 74,
    temporary = 75,
    permission = 77,
    configuration = 78,
};

struct Error {
    Code code = Code::internal;
    std::string where;   // "file", "file:line", a rule, or empty
    std::string what;    // what was found and what was wanted, no final stop
    std::string remedy;  // a command or an instruction; may be empty

    // "where: error: what; remedy" without the parts that are empty.
    [[nodiscard]] std::string text() const;
};

template <class T = void>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(Code code, std::string where, std::string what,
                                                std::string remedy = {})
{
    return tl::make_unexpected(Error{code, std::move(where), std::move(what), std::move(remedy)});
}

[[nodiscard]] inline tl::unexpected<Error> fail(Error error) { return tl::make_unexpected(std::move(error)); }

// A problem found while loading: everything is reported in one go, so these
// are collected instead of returned one by one.
enum class Severity { notice, warning, error };
[[nodiscard]] std::string_view name_of(Severity severity);
struct Problem {
    Severity severity = Severity::error;
    Error error;
    [[nodiscard]] std::string text() const;  // "where: warning: what; remedy"
};

}  // namespace base
