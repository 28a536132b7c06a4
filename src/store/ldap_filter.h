// What a directory is asked for: a filter (RFC 4515) made from a pattern and an
// address that a stranger may have chosen.
#pragma once

#include <string>
#include <string_view>

namespace store
{

inline constexpr std::string_view default_ldap_filter = "(|(mail=%a)(proxyAddresses=smtp:%a))";

// As an assertion value: whatever could be more than itself is written as \xx.
[[nodiscard]] std::string escape_for_filter(std::string_view value);

// %a is the address, %u its local part without quotes, %d its domain in lower case, %%
// a per cent sign, all of it escaped.  A domain beyond ASCII has its xn-- form, for
// `mail` is an IA5String.  Any other % stays what it is: the pattern was checked.
[[nodiscard]] std::string expand_filter(std::string_view pattern, std::string_view address);

// Why it is no pattern; "" when it may be one: it has to name the address or its local
// part.  Whether it is a filter is for the LDAP library to say.
[[nodiscard]] std::string unfit_filter(std::string_view pattern);

}  // namespace store
