#include "mime/tnef_words.h"

#include <algorithm>

#include "base/ascii.h"

namespace mime
{

std::string modern_class(base::Octets name)
{
    struct Pair {
        std::string_view old, modern;
    };
    constexpr Pair pairs[] = {
        {"ipm.microsoft mail.note", "ipm.note"},
        {"ipm.microsoft mail.read receipt", "report.ipm.note.ipnrn"},
        {"ipm.microsoft mail.non-delivery", "report.ipm.note.ndr"},
        {"ipm.microsoft schedule.mtgreq", "ipm.schedule.meeting.request"},
        {"ipm.microsoft schedule.mtgrespp", "ipm.schedule.meeting.resp.pos"},
        {"ipm.microsoft schedule.mtgrespn", "ipm.schedule.meeting.resp.neg"},
        {"ipm.microsoft schedule.mtgrespa", "ipm.schedule.meeting.resp.tent"},
        {"ipm.microsoft schedule.mtgcncl", "ipm.schedule.meeting.canceled"},
    };
    auto lower = base::to_lower(base::trim(name.substr(0, name.find('\0'))));
    for (const auto& p : pairs)
        if (p.old == lower) return std::string(p.modern);
    return lower;
}

bool is_mail_class(const std::string& name)
{
    const auto below = [&](std::string_view prefix) {
        return name.starts_with(prefix) && (name.size() == prefix.size() || name[prefix.size()] == '.');
    };
    if (below("ipm.note.smime") || below("ipm.note.secure")) return false;
    return name.empty() || name == "ipm" || below("ipm.note") || below("ipm.post");
}

std::string shown_class(const std::string& name)
{
    std::string out = name.substr(0, 60);
    for (char& c : out)
        if (c <= ' ' || c > '~') c = '?';
    return out;
}

std::string with_crlf(std::string_view text)
{
    std::string out;
    out.reserve(text.size() + text.size() / 32);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\r' && text.substr(i + 1, 1) == "\n") continue;
        if (c == '\r' || c == '\n')
            out += "\r\n";
        else
            out += c;
    }
    return out;
}

std::string one_line(std::string text)
{
    std::replace_if(text.begin(), text.end(), base::is_control, ' ');
    return std::string(base::trim(text));
}

std::string file_name(std::string name, bool is_message)
{
    name = one_line(std::move(name));
    if (is_message)
        std::replace_if(name.begin(), name.end(), [](char c) { return c == '/' || c == '\\'; }, '_');
    else
        name.erase(0, name.find_last_of("/\\") + 1);
    return name;
}

}  // namespace mime
