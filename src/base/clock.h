// Time and randomness come from outside, so that a test can record and replay.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace base
{

using Time = std::chrono::sys_seconds;  // UTC, whole seconds

class Clock
{
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual Time now() const = 0;
};

class SystemClock final : public Clock
{
public:
    [[nodiscard]] Time now() const override;
};

class FixedClock final : public Clock
{
public:
    explicit FixedClock(Time t) : time_(t) {}
    [[nodiscard]] Time now() const override { return time_; }

private:
    Time time_;
};

// Source of boundaries and the like; OpenSSL draws its own randomness for
// nonces and keys.  Implementations may be called from several threads.
class Random
{
public:
    virtual ~Random() = default;
    virtual void fill(std::span<unsigned char> out) = 0;
    [[nodiscard]] std::string hex(std::size_t digits);  // digits: even
};

class SystemRandom final : public Random
{  // getrandom(2)
public:
    void fill(std::span<unsigned char> out) override;
};

// A reproducible sequence for golden tests; never for anything secret.
class SeededRandom final : public Random
{
public:
    explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
    void fill(std::span<unsigned char> out) override;

private:
    std::uint64_t state_;
};

[[nodiscard]] std::string iso8601(Time t);  // "2026-11-23T12:00:00Z"

// ISO 8601 "2026-11-23", "2026-11-23T12:00:00Z" (or "+hh:mm"), or "@" and Unix seconds.
[[nodiscard]] Result<Time> parse_time(std::string_view text);

}  // namespace base
