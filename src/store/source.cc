#include "store/source.h"

#include <algorithm>

namespace store
{

std::string SourceSettings::identity() const
{
    std::string out = name + '\n' + uri;
    for (const auto& [key, value] : set) out.append(1, '\n').append(key).append(1, '\n').append(value);
    return out;
}

std::chrono::milliseconds Patience::left(std::chrono::milliseconds most) const
{
    const auto rest =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    return std::clamp(rest, std::chrono::milliseconds(0), most);
}

bool Patience::over() const { return *cancelled || std::chrono::steady_clock::now() >= until; }

std::string_view after_scheme(std::string_view uri)
{
    const auto colon = uri.find(':');
    return colon == std::string_view::npos ? std::string_view() : uri.substr(colon + 1);
}

}  // namespace store
