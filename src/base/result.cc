#include "base/result.h"

namespace base
{
namespace
{

std::string join(const Error& e, std::string_view severity)
{
    std::string out;
    if (!e.where.empty()) out += e.where + ": ";
    out += severity;
    out += ": ";
    out += e.what;
    if (!e.remedy.empty()) out += "; " + e.remedy;
    return out;
}

}  // namespace

std::string Error::text() const { return join(*this, "error"); }

std::string_view name_of(Severity severity)
{
    switch (severity) {
        case Severity::notice: return "notice";
        case Severity::warning: return "warning";
        case Severity::error: return "error";
    }
    return "error";
}

std::string Problem::text() const { return join(error, name_of(severity)); }

}  // namespace base
