// Mailboxes (RFC 5322 section 3.4, RFC 6532) and how addresses compare.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/octets.h"
#include "mime/header.h"

namespace mime
{

struct Mailbox {
    std::string display_name;  // quoted-strings resolved, encoded-words as received
    std::string local;         // quoted-string resolved
    std::string domain;
    std::string comments;                       // text of comments, joined by blanks
    [[nodiscard]] std::string address() const;  // local quoted again where RFC 5322 asks for it
};

struct MailboxList {
    std::vector<Mailbox> mailboxes;
    bool valid = true;   // follows the grammar and is UTF-8; of the obsolete forms only dots in a
                         // display name (John Q. Public) do
    bool group = false;  // group syntax was used
};

// A From, To, Sender or similar value, folded or not.  At most `limit` octets
// are looked at, more makes it invalid.
[[nodiscard]] MailboxList parse_mailboxes(base::Octets value, std::size_t limit = 100'000);

// Just an addr-spec, as in an envelope or a configuration; false when it is not.
[[nodiscard]] bool parse_address(std::string_view text, Mailbox& out);

// The author: the only mailbox of the only From field (semantics A.9.1, V61).
enum class AuthorStatus { ok, missing, several_fields, several_mailboxes, group, invalid };
struct Author {
    AuthorStatus status = AuthorStatus::missing;
    Mailbox mailbox;                            // when ok
    [[nodiscard]] std::string address() const;  // empty unless ok
};
[[nodiscard]] const char* describe(AuthorStatus s);  // "several From fields" and the like
[[nodiscard]] Author author_of(const std::vector<Field>& fields);

// Domains: as mime::ascii_domain() gives them.  Local parts: ASCII case ignored when both are
// ASCII, else octet-exact.  No plus or dot folding.  Operands are addr-specs as
// Mailbox::address() writes them; what has no domain equals nothing.
[[nodiscard]] bool same_address(std::string_view a, std::string_view b);

// Addresses that are the same have the same key, and no others: what is remembered under
// it for one must not serve another.
[[nodiscard]] std::string address_key(std::string_view address);

// Pattern with `*` and `?` over the whole address, case and domain as in
// same_address(); labels beyond ASCII match as a whole only.
[[nodiscard]] bool address_matches(std::string_view pattern, std::string_view address);

// ascii_domain() of the part after the last unquoted "@"; empty when there is none.
[[nodiscard]] std::string domain_of(std::string_view address);

}  // namespace mime
