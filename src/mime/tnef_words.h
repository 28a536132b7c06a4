// What class names and texts of TNEF are for us.
#pragma once

#include <string>
#include <string_view>

#include "base/octets.h"

namespace mime
{

// A message class in lower case, by its modern name (MS-OXTNEF section 2.1.3.3.5):
// "ipm.note" for "IPM.Microsoft Mail.Note".
[[nodiscard]] std::string modern_class(base::Octets name);

// Mail that people read: nothing of it is lost when it becomes text and attachments.
// Signed and encrypted mail is not among it, nor contacts, tasks or reports.
[[nodiscard]] bool is_mail_class(const std::string& name);

// For a log: a class is the sender's text.
[[nodiscard]] std::string shown_class(const std::string& name);

[[nodiscard]] std::string with_crlf(std::string_view text);  // whatever its line ends were
[[nodiscard]] std::string one_line(std::string text);        // controls become blanks, trimmed

// Of a path the name alone; that of a message is its subject and no path.
[[nodiscard]] std::string file_name(std::string name, bool is_message);

}  // namespace mime
