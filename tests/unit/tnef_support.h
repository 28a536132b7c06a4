// A small writer of TNEF, so that tests read what nobody else has written.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace tnef_test
{

inline std::string little_endian(std::uint64_t value, int octets)
{
    std::string out;
    for (int i = 0; i < octets; ++i) out += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
    return out;
}

inline std::string padded(std::string octets)
{
    octets.append((4 - octets.size() % 4) % 4, '\0');
    return octets;
}

// ASCII to UTF-16; other characters are given as units.
inline std::string utf16(std::string_view ascii)
{
    std::string out;
    for (const char c : ascii) out += {c, '\0'};
    return out;
}

using namespace std::string_literals;
inline const std::string appointment_set = "\x02\x20\x06\0\0\0\0\0\xc0\0\0\0\0\0\0\x46"s;
inline const std::string common_set = "\x08\x20\x06\0\0\0\0\0\xc0\0\0\0\0\0\0\x46"s;
inline const std::string meeting_set = "\x90\xda\xd8\x6e\x0b\x45\x1b\x10\x98\xda\0\xaa\0\x3f\x13\x05"s;
inline const std::string message_iid = "\x07\x03\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46"s;
inline const std::string storage_iid = "\x0b\0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\x46"s;

class Properties
{
public:
    Properties& add(unsigned type, unsigned id, const std::string& value, const std::string& set = {})
    {
        const bool variable = type == 0x0d || type == 0x1e || type == 0x1f || type == 0x102;
        octets_ += little_endian(type, 2) + little_endian(set.empty() ? id : 0x8000 + count_, 2);
        if (!set.empty()) octets_ += set + little_endian(0, 4) + little_endian(id, 4);
        if (variable) octets_ += little_endian(1, 4) + little_endian(value.size(), 4);
        octets_ += padded(value);
        ++count_;
        return *this;
    }
    Properties& number(unsigned id, std::uint32_t value, const std::string& set = {})
    {
        return add(0x03, id, little_endian(value, 4), set);
    }
    Properties& boolean(unsigned id, bool value, const std::string& set = {})
    {
        return add(0x0b, id, little_endian(value ? 1 : 0, 2), set);
    }
    Properties& time(unsigned id, base::Time t, const std::string& set = {})
    {
        const auto seconds = static_cast<std::uint64_t>(t.time_since_epoch().count()) + 11'644'473'600U;
        return add(0x40, id, little_endian(seconds * 10'000'000U, 8), set);
    }
    Properties& text(unsigned id, const std::string& ascii, const std::string& set = {})
    {
        return add(0x1f, id, utf16(ascii) + std::string(2, '\0'), set);
    }
    Properties& text8(unsigned id, const std::string& octets) { return add(0x1e, id, octets + '\0'); }
    Properties& binary(unsigned id, const std::string& octets, const std::string& set = {})
    {
        return add(0x102, id, octets, set);
    }
    Properties& object(unsigned id, const std::string& iid, const std::string& octets)
    {
        return add(0x0d, id, iid + octets);
    }
    [[nodiscard]] std::string octets() const { return little_endian(count_, 4) + octets_; }

private:
    std::string octets_;
    unsigned count_ = 0;
};

class Tnef
{
public:
    explicit Tnef(const std::string& message_class = "IPM.Note", unsigned code_page = 1252)
    {
        attribute(1, 0x00089006, little_endian(0x00010000, 4));
        attribute(1, 0x00069007, little_endian(code_page, 8));
        if (!message_class.empty()) attribute(1, 0x00078008, message_class + '\0');
    }
    Tnef& attribute(unsigned level, std::uint32_t id, const std::string& data)
    {
        std::uint32_t sum = 0;
        for (const char c : data) sum += static_cast<unsigned char>(c);
        octets_ += little_endian(level, 1) + little_endian(id, 4) + little_endian(data.size(), 4) + data +
                   little_endian(sum, 2);
        return *this;
    }
    Tnef& subject(const std::string& octets) { return attribute(1, 0x00018004, octets + '\0'); }
    Tnef& body(const std::string& octets) { return attribute(1, 0x0002800c, octets + '\0'); }
    Tnef& properties(const Properties& p) { return attribute(1, 0x00069003, p.octets()); }
    // Title and content as attributes, the rest as properties.
    Tnef& file(const std::string& title, const std::string& data, const Properties& more = {})
    {
        attribute(2, 0x00069002, std::string(14, '\0'));
        attribute(2, 0x0006800f, data);
        if (!title.empty()) attribute(2, 0x00018010, title + '\0');
        return attribute(2, 0x00069005, more.octets());
    }
    Tnef& object(const Properties& p)
    {
        attribute(2, 0x00069002, std::string(14, '\0'));
        return attribute(2, 0x00069005, p.octets());
    }
    [[nodiscard]] std::string octets() const { return little_endian(0x223e9f78, 4) + "\x01\0"s + octets_; }

private:
    std::string octets_;
};

// Compressed text whose header is made anew for the octets behind it.
inline std::string with_checksum(const std::string& octets)
{
    constexpr std::size_t header = 16;
    if (octets.size() < header) return octets;
    const std::string content = octets.substr(header);
    std::uint32_t crc = 0;
    for (const char c : content) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc & 1U) != 0 ? crc >> 1U ^ 0xedb88320U : crc >> 1U;
    }
    return little_endian(content.size() + 12, 4) + octets.substr(4, 8) + little_endian(crc, 4) + content;
}

// As MS-OXRTFCP has it, without a single reference to the dictionary but the last.
inline std::string compressed(const std::string& rtf)
{
    std::string content;
    std::size_t at = 0;
    for (; at + 8 <= rtf.size(); at += 8) content += '\0' + rtf.substr(at, 8);
    const std::size_t left = rtf.size() - at;
    const auto end = (207 + rtf.size()) % 4096 << 4U;
    content += static_cast<char>(1U << left) + rtf.substr(at);
    content += {static_cast<char>(end >> 8U), static_cast<char>(end)};
    return with_checksum(little_endian(0, 4) + little_endian(rtf.size(), 4) + "LZFu" + little_endian(0, 4) +
                         content);
}

// TNEF with the checksum that each attribute should have.
inline std::string with_checksums(std::string octets)
{
    constexpr std::size_t signature = 6, header = 9, length = 5;
    for (std::size_t at = signature; at + header <= octets.size();) {
        std::size_t size = 0;
        for (std::size_t i = 4; i > 0; --i)
            size = size << 8U | static_cast<unsigned char>(octets[at + length + i - 1]);
        at += header;
        if (size + 2 > octets.size() - at) break;
        std::uint32_t sum = 0;
        for (std::size_t i = 0; i < size; ++i) sum += static_cast<unsigned char>(octets[at + i]);
        octets.replace(at + size, 2, little_endian(sum, 2));
        at += size + 2;
    }
    return octets;
}

// "vCal-Uid" in a GlobalObjectId; without `foreign` an identification of Outlook's own.
inline std::string global_id(const std::string& data, const std::string& date = std::string(4, '\0'))
{
    return "\x04\0\0\0\x82\0\xe0\0\x74\xc5\xb7\x10\x1a\x82\xe0\x08"s + date + std::string(16, '\0') +
           little_endian(data.size(), 4) + data;
}

}  // namespace tnef_test
