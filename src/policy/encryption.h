// What the author of a message asks for, and whether the message can be split.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/config.h"
#include "policy/facts.h"

namespace policy
{

// Header fields with which an author asks for encryption.
inline constexpr std::string_view encrypt_field = "X-SMIME-Encrypt";

struct EncryptionRequest {
    enum class Kind { none, yes, no };
    Kind kind = Kind::none;
    std::string by;  // "X-SMIME-Encrypt: yes", "[secure] in the Subject", ...
};

// X-SMIME-Encrypt counts always (what is not "no" is a yes), keywords and
// Sensitivity where one of `rules` says so.  Whoever asks twice has asked.
[[nodiscard]] EncryptionRequest encryption_request(const Facts& facts, const std::vector<const Rule*>& rules);

// `subject` without any of the keyword, in whatever case; nullopt when it has none.
[[nodiscard]] std::optional<std::string> without_keyword(std::string_view subject, std::string_view keyword);

// Did it come in where mail is split, for more than one?
[[nodiscard]] bool splits(const Config& config, const Facts& facts);

}  // namespace policy
