// Passwords and PINs: wiped when they go.
#pragma once

#include <string.h>

#include <string>
#include <utility>

namespace base
{

class Secret
{
public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) {}
    Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { other.wipe(); }
    Secret& operator=(Secret&& other) noexcept
    {
        if (this != &other) {
            wipe();
            value_ = std::move(other.value_);
            other.wipe();
        }
        return *this;
    }
    Secret(const Secret&) = default;
    Secret& operator=(const Secret&) = default;
    ~Secret() { wipe(); }

    [[nodiscard]] const std::string& reveal() const { return value_; }

private:
    void wipe()
    {
        // The capacity, not the size: a moved-from short string keeps its octets.
        value_.resize(value_.capacity());
        explicit_bzero(value_.data(), value_.size());
        value_.clear();
    }
    std::string value_;
};

}  // namespace base
