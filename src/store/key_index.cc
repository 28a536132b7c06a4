#include "store/key_index.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "cms/text.h"

namespace store
{
namespace
{

constexpr std::string_view magic = "smime-milter keys 1\n";
constexpr std::size_t largest = 1U << 30;
constexpr std::size_t digest_size = 64;  // hex

// "5:alice," as in netstrings.
void add(std::string& out, std::string_view field)
{
    out += std::to_string(field.size());
    out += ':';
    out += field;
    out += ',';
}
void add(std::string& out, std::uint64_t number) { add(out, std::string_view(std::to_string(number))); }

class Fields
{
public:
    explicit Fields(std::string_view octets) : left_(octets) {}

    [[nodiscard]] bool at_end() const { return left_.empty(); }
    bool next(std::string_view& out)
    {
        std::size_t size = 0;
        const auto colon = left_.find(':');
        if (colon == std::string_view::npos || !number(left_.substr(0, colon), size)) return false;
        left_.remove_prefix(colon + 1);
        if (size >= left_.size() || left_[size] != ',') return false;
        out = left_.substr(0, size);
        left_.remove_prefix(size + 1);
        return true;
    }
    template <class Number>
    bool next(Number& out)
    {
        std::string_view text;
        return next(text) && number(text, out);
    }

private:
    template <class Number>
    static bool number(std::string_view text, Number& out)
    {
        const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out);
        return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
    }

    std::string_view left_;
};

void add(std::string& out, const std::string& path, const KeyIndex::Entry& entry)
{
    add(out, std::string_view(path));
    for (const auto number : {entry.stamp.device, entry.stamp.inode, entry.stamp.size}) add(out, number);
    for (const auto number : {entry.stamp.modified, entry.stamp.changed})
        add(out, std::string_view(std::to_string(number)));
    add(out, std::uint64_t(entry.legacy ? 1 : 0));
    add(out, std::uint64_t(entry.certificates.size()));
    for (const auto& c : entry.certificates) {
        add(out, std::string_view(c.der()));
        add(out, std::string_view(c.facts()));
    }
    add(out, std::uint64_t(entry.keys.size()));
    for (const auto& key : entry.keys) add(out, std::string_view(key));
}

bool next(Fields& fields, std::string& path, KeyIndex::Entry& entry)
{
    std::string_view text, facts;
    std::size_t count = 0;
    unsigned legacy = 0;
    if (!fields.next(text)) return false;
    path = text;
    if (!fields.next(entry.stamp.device) || !fields.next(entry.stamp.inode) ||
        !fields.next(entry.stamp.size) || !fields.next(entry.stamp.modified) ||
        !fields.next(entry.stamp.changed) || !fields.next(legacy) || !fields.next(count))
        return false;
    entry.legacy = legacy != 0;
    for (; count > 0; --count) {
        if (!fields.next(text) || !fields.next(facts)) return false;
        auto certificate = cms::Certificate::remembered(text, facts);
        if (!certificate) return false;
        entry.certificates.push_back(std::move(*certificate));
    }
    if (!fields.next(count)) return false;
    for (; count > 0; --count) {
        if (!fields.next(text)) return false;
        entry.keys.emplace_back(text);
    }
    return true;
}

}  // namespace

KeyIndex KeyIndex::read(const std::string& file, std::size_t from_files)
{
    KeyIndex out;
    out.file_ = file;
    out.from_files_ = from_files;
    struct stat st{};
    if (::lstat(file.c_str(), &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != ::geteuid() ||
        (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return out;
    const auto content = base::read_file(file, largest);
    if (!content || !content->starts_with(magic) || content->size() < magic.size() + digest_size) return out;
    const std::string_view digest = std::string_view(*content).substr(magic.size(), digest_size);
    const std::string_view body = std::string_view(*content).substr(magic.size() + digest_size);
    if (cms::sha256_hex(body) != digest) return out;
    for (Fields fields(body); !fields.at_end();) {
        std::string path;
        Entry entry;
        if (!next(fields, path, entry)) {
            out.known_.clear();
            return out;
        }
        out.known_[std::move(path)].entry = std::move(entry);
    }
    return out;
}

base::Result<> KeyIndex::write() const
{
    const bool all_seen =
        std::all_of(known_.begin(), known_.end(), [](const auto& known) { return known.second.seen; });
    if (file_.empty() || (!changed_ && all_seen)) return {};
    std::string body;
    for (const auto& [path, known] : known_)
        if (known.seen) add(body, path, known.entry);
    return base::write_file(file_, std::string(magic) + cms::sha256_hex(body) + body, 0600);
}

const KeyIndex::Entry* KeyIndex::find(const std::string& path, const base::Stamp& stamp)
{
    const auto it = known_.find(path);
    if (it == known_.end() || !(it->second.entry.stamp == stamp)) return nullptr;
    it->second.seen = true;
    return &it->second.entry;
}

void KeyIndex::put(const std::string& path, Entry entry)
{
    Known& known = known_[path];
    known.seen = true;
    if (known.entry.stamp == entry.stamp && known.entry.keys == entry.keys) return;
    known.entry = std::move(entry);
    changed_ = true;
}

}  // namespace store
