// Private to store/: what a source of certificates has given is a stranger's, and looked
// at before anybody else sees it.
#pragma once

#include <string>
#include <string_view>

#include "store/source.h"
#include "store/sources.h"

namespace store
{

// What of it may be remembered and used for the address: certificates that can be read,
// name it and keep the bounds, newest first; remarks tell why others are not among them.
[[nodiscard]] Answer checked(const SourceAnswer& from, std::string_view address, const SourceSettings& source,
                             Provenance::Kind kind, const Sources::Bounds& bounds);

// In memory, about.
[[nodiscard]] std::size_t octets_of(const Answer& answer);

// For a log, and no longer when every octet has to be escaped.
[[nodiscard]] std::string phrase(std::string_view text);

}  // namespace store
