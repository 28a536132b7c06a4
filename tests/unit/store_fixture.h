// A directory of its own for each test of store/, gone when the test is.
#pragma once

#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/result.h"
#include "cms_fixture.h"

namespace fixture
{

class TemporaryDirectory
{
public:
    TemporaryDirectory()
    {
        std::string name = (std::filesystem::temp_directory_path() / "store.XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
        path_ = name;
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() { std::filesystem::remove_all(path_); }

    [[nodiscard]] std::string operator/(std::string_view name) const
    {
        return path_ + "/" + std::string(name);
    }
    [[nodiscard]] const std::string& path() const { return path_; }
    std::string put(std::string_view name, std::string_view octets, unsigned mode = 0640) const
    {
        const std::string file = *this / name;
        std::ofstream(file, std::ios::binary) << octets;
        chmod(file.c_str(), mode);
        return file;
    }

private:
    std::string path_;
};

// All problems, one a line, for comparing and for reading.
inline std::string text(const std::vector<base::Problem>& problems)
{
    std::string out;
    for (const auto& p : problems) out += p.text() + "\n";
    return out;
}

inline std::size_t errors(const std::vector<base::Problem>& problems)
{
    return static_cast<std::size_t>(std::count_if(
        problems.begin(), problems.end(), [](const auto& p) { return p.severity == base::Severity::error; }));
}

}  // namespace fixture
