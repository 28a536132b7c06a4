#include "milter/handed_over.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <cerrno>

#include "base/ascii.h"
#include "base/file.h"

namespace milter
{
namespace
{

constexpr std::size_t largest_file = 16U << 20;  // read at the start; it is kept far below that
constexpr std::size_t longest_id = 128;

std::string line_of(const std::string& id, base::Time at)
{
    return id + " " + std::to_string(at.time_since_epoch().count()) + "\n";
}

}  // namespace

base::Result<> HandedOver::keep_in(const std::string& file, base::Time now)
{
    const std::lock_guard lock(mutex_);
    if (file == file_) return {};
    if (::access(file.c_str(), F_OK) == 0) {
        const auto text = base::read_file(file, largest_file);
        if (!text) return base::fail(text.error());
        for (const auto& line : base::split_list(*text, '\n')) {
            const auto blank = line.find(' ');
            const auto id = line.substr(0, blank);
            if (blank == std::string::npos || id.empty() || id.size() > longest_id) continue;
            // "ID 0": forgotten.
            const auto seconds = base::parse_decimal(line.substr(blank + 1));
            if (seconds && *seconds > 0)
                put(id, base::Time(std::chrono::seconds(*seconds)));
            else if (seconds)
                drop(id);
        }
        make_room(now);
    }
    file_ = file;
    return write_all();
}

bool HandedOver::knows(const std::string& id, base::Time now) const
{
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(id);
    return found != known_.end() && found->second->second + longest > now;
}

base::Result<> HandedOver::add(const std::string& id, base::Time now, std::chrono::hours for_how_long)
{
    const std::lock_guard lock(mutex_);
    const base::Time at = now - (longest - for_how_long);  // as if it were that old
    put(id, at);
    make_room(now);
    return write(line_of(id, at));
}

base::Result<> HandedOver::settle(const std::string& id, base::Time now)
{
    const std::lock_guard lock(mutex_);
    const base::Time at = now - (longest - for_a_retry);
    const auto found = known_.find(id);
    if (found == known_.end() || found->second->second <= at) return {};
    put(id, at);
    return write(line_of(id, at));
}

base::Result<> HandedOver::forget(const std::string& id)
{
    const std::lock_guard lock(mutex_);
    if (!known_.contains(id)) return {};
    drop(id);
    return write(id + " 0\n");
}

std::size_t HandedOver::size() const
{
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

void HandedOver::put(const std::string& id, base::Time at)
{
    drop(id);
    entries_.emplace_back(id, at);
    known_[id] = std::prev(entries_.end());
}

void HandedOver::drop(const std::string& id)
{
    const auto found = known_.find(id);
    if (found == known_.end()) return;
    entries_.erase(found->second);
    known_.erase(found);
}

void HandedOver::make_room(base::Time now)
{
    while (!entries_.empty() && (entries_.size() > most || entries_.front().second + longest <= now)) {
        known_.erase(entries_.front().first);
        entries_.pop_front();
    }
}

base::Result<> HandedOver::write(const std::string& line)
{
    if (file_.empty()) return {};
    if (++lines_ > 2 * most) return write_all();
    const int fd = ::open(file_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    const bool written =
        fd >= 0 && ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    const int error = errno;
    if (fd >= 0) ::close(fd);
    if (written) return {};
    char text[128];
    return base::fail(base::Code::io, file_, strerror_r(error, text, sizeof text),
                      "until it can be written, a restart makes copies possible that come twice");
}

base::Result<> HandedOver::write_all()
{
    std::string text;
    for (const auto& [id, at] : entries_) text += line_of(id, at);
    lines_ = entries_.size();
    return base::write_file(file_, text, 0600);
}

}  // namespace milter
