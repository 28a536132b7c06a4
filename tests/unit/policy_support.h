// What the tests of policy/ share: configurations from text, messages from parts.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "mime/address.h"
#include "policy/config_parse.h"
#include "policy/decide.h"

namespace policy_test
{

// A configuration from text, as if it stood in a file "c".
struct Loaded {
    policy::ParsedConfig parsed;
    std::vector<base::Problem> problems;
    [[nodiscard]] const policy::Config& config() const { return parsed.config; }
    [[nodiscard]] std::string text() const
    {
        std::string out;
        for (const auto& p : problems) out += p.text() + "\n";
        return out;
    }
};

inline Loaded load(const std::string& content)
{
    Loaded out;
    out.parsed = policy::parse_config({{"c", content}}, out.problems);
    return out;
}

inline policy::Config good(const std::string& content)
{
    auto loaded = load(content);
    EXPECT_EQ(loaded.text(), "") << content;
    return std::move(loaded.parsed.config);
}

// The only problem of a configuration.
inline std::string problem(const std::string& content)
{
    const auto loaded = load(content);
    EXPECT_EQ(loaded.problems.size(), 1U) << content << "---\n" << loaded.text();
    return loaded.problems.empty() ? "" : loaded.problems.front().text();
}

// A message: envelope and header.  Not to be copied or moved, facts point into it.
class Mail
{
public:
    explicit Mail(std::string header) : text_(std::move(header)), header_(mime::parse_header(text_))
    {
        facts.header = &header_.fields;
        facts.author = mime::author_of(header_.fields);
        facts.client = "203.0.113.9";
        facts.recipients = {"bob@partner.example"};
    }
    Mail(const Mail&) = delete;
    Mail& operator=(const Mail&) = delete;
    policy::Facts facts;

private:
    std::string text_;
    mime::Header header_;
};

inline std::string from(const std::string& address) { return "From: " + address + "\r\n"; }

class Directory
{
public:
    Directory()
    {
        char pattern[] = "/tmp/policy-test.XXXXXX";
        path_ = mkdtemp(pattern);
    }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    ~Directory() { std::filesystem::remove_all(path_); }
    [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }
    std::string write(const std::string& name, const std::string& content) const
    {
        std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
        std::ofstream(path(name), std::ios::binary) << content;
        std::filesystem::permissions(path(name), std::filesystem::perms(0644));
        return path(name);
    }

private:
    std::string path_;
};

}  // namespace policy_test
