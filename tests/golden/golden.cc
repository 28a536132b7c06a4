#include "golden.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/ascii.h"
#include "base/file.h"

namespace golden
{
namespace
{

namespace fs = std::filesystem;

[[noreturn]] void die(const std::string& text)
{
    std::fprintf(stderr, "golden: %s\n", text.c_str());
    std::abort();
}

void write(const std::string& path, const std::string& content, unsigned mode)
{
    if (auto done = base::write_file(path, content, mode); !done) die(done.error().text());
}

void set(Case& c, const std::string& key, const std::string& value)
{
    auto& e = c.envelope;
    if (key == "at") {
        const auto t = base::parse_time(value);
        if (!t) die(c.name + ": " + t.error().text());
        c.at = *t;
    } else if (key == "seed") {
        c.seed = base::parse_decimal(value).value_or(1);
    } else if (key == "client") {
        e.client = value;
    } else if (key == "login") {
        e.login = value;
    } else if (key == "mail_from") {
        e.mail_from = value;
    } else if (key == "recipient") {
        e.recipients.push_back(value);
        e.recipients_as_given.push_back("<" + value + ">");
    } else if (key == "listener") {
        e.listener = value;
    } else if (key == "mta_name") {
        e.mta_name = value;
    } else if (key == "queue_id") {
        e.queue_id = value;
    } else {
        die(c.name + "/case.conf: unknown key " + key);
    }
}

const char* name(gateway::Action action)
{
    switch (action) {
        case gateway::Action::accept: return "accept";
        case gateway::Action::reject: return "reject";
        case gateway::Action::tempfail: return "tempfail";
        case gateway::Action::quarantine: return "quarantine";
    }
    return "?";
}

const char* name(gateway::HeaderEdit::Kind kind)
{
    switch (kind) {
        case gateway::HeaderEdit::Kind::insert: return "insert";
        case gateway::HeaderEdit::Kind::append: return "append";
        case gateway::HeaderEdit::Kind::change: return "change";
        case gateway::HeaderEdit::Kind::remove: return "remove";
    }
    return "?";
}

std::string one_line(const std::string& value)
{
    std::string out;
    for (char c : value)
        if (c == '\n')
            out += "\\n";
        else
            out += c;
    return out;
}

}  // namespace

std::string read(const std::string& path)
{
    auto content = base::read_file(path, std::size_t{64} << 20);
    if (!content) die(content.error().text());
    return *content;
}

std::vector<std::string> case_names(const std::string& golden_directory)
{
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(golden_directory))
        if (fs::exists(entry.path() / "case.conf")) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

Case load_case(const std::string& golden_directory, const std::string& name)
{
    Case c;
    c.name = name;
    c.directory = golden_directory + "/" + name;
    c.envelope.queue_id = "4bGolden1";
    c.envelope.mta_name = "mx.example.org";
    set(c, "at", "2026-11-23T12:00:00Z");
    std::string text = read(c.directory + "/case.conf");
    bool in_case = false, done = false;
    for (std::string_view rest = text; !rest.empty();) {
        const auto end = rest.find('\n');
        const auto line = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        if (line.starts_with("[")) {
            in_case = base::trim(line) == "[case]" && !done;
            done = done || in_case;
            if (in_case) continue;
        }
        if (!in_case) {
            c.configuration.append(line).append("\n");
            continue;
        }
        if (base::trim(line).empty() || line.starts_with("#")) continue;
        const auto equals = line.find('=');
        if (equals == std::string_view::npos)
            die(name + "/case.conf: not \"key = value\": " + std::string(line));
        set(c, std::string(base::trim(line.substr(0, equals))),
            std::string(base::trim(line.substr(equals + 1))));
    }
    if (!done) die(name + "/case.conf: no [case] section");
    return c;
}

Workspace::Workspace(const Case& c, const std::string& golden_directory)
{
    char pattern[] = "/tmp/golden.XXXXXX";
    if (mkdtemp(pattern) == nullptr) die("cannot make a directory under /tmp");
    directory_ = pattern;
    const std::string pki = golden_directory + "/pki/";
    for (const char* sub : {"/keys", "/anchors", "/conf.d"}) fs::create_directory(directory_ + sub);
    for (const char* key : {"alice.p12", "old.pem"})
        write(directory_ + "/keys/" + key, read(pki + key), 0600);
    write(directory_ + "/keys/password", "golden\n", 0600);
    write(directory_ + "/anchors/ca.crt", read(pki + "ca.crt"), 0644);

    std::string text = c.configuration;
    if (text.find("[milter]") == std::string::npos) text += "\n[milter]\nsocket = unix:@dir@/milter.sock\n";
    if (text.find("[keys]") == std::string::npos)
        text += "\n[keys]\npath = @dir@/keys\npassword = file:@dir@/keys/password\n";
    if (text.find("[trust]") == std::string::npos) text += "\n[trust]\nanchors = @dir@/anchors\n";
    for (auto at = text.find("@dir@"); at != std::string::npos; at = text.find("@dir@"))
        text.replace(at, 5, directory_);
    write(configuration(), text, 0600);
}

Workspace::~Workspace() { fs::remove_all(directory_); }

std::string describe(const gateway::Message& message, const gateway::Outcome& outcome)
{
    std::string out = std::string("action ") + name(outcome.action) + "\n";
    if (!outcome.reply_code.empty())
        out += "reply " + outcome.reply_code + " " + outcome.reply_enhanced + " " + outcome.reply_text + "\n";
    if (!outcome.quarantine_reason.empty()) out += "quarantine " + outcome.quarantine_reason + "\n";
    for (const auto& edit : outcome.header)
        out += std::string(name(edit.kind)) + " " + edit.name + " " + std::to_string(edit.index) +
               (edit.value.empty() ? "" : " " + one_line(edit.value)) + "\n";
    if (outcome.replace_body) out += "body replaced\n";
    for (const auto index : outcome.remove_recipients)
        out += "remove recipient " + message.envelope.recipients[index] + "\n";
    return out + "log " + gateway::log_line(message.envelope, outcome) + "\n";
}

}  // namespace golden
