// Reading INI files without inih's surprises.
//
// inih does the parsing (ini.cc, the only file that includes it), driven line
// by line through a reader of ours, so that order, line numbers, duplicates,
// long lines and empty sections are seen.  Refused with file and line: lines
// over 64 KiB or with NUL, text after "]", indented "key = value" lines (inih
// would make them a continuation of the key above), " #" or " ;" inside a value
// (inih would cut it there), keys before the first section, bytes that are not UTF-8.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace policy
{

struct Entry {
    std::string key;    // lower case as written; unknown spelling is the schema's business
    std::string value;  // trimmed; indented continuation lines joined by one blank
    int line = 0;
};

struct Section {
    std::string kind;  // "milter", "keys", "key", "trust", "rule"
    std::string name;  // of "[rule NAME]", else empty
    std::string file;
    int line = 0;
    std::vector<Entry> entries;
    [[nodiscard]] std::string at(int line_number) const;  // "file:line"
};

// Sections in order of appearance, repeated ones kept apart.  `content` is the
// file's octets.  Mistakes go to `problems`; reading goes on after each.
[[nodiscard]] std::vector<Section> parse_ini(const std::string& file, std::string_view content,
                                             std::vector<base::Problem>& problems);

}  // namespace policy
