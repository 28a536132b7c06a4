#include "gateway/outcome.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/large_string.h"

namespace gateway
{
namespace
{

struct Line {
    std::string name;
    std::string text;  // the whole field with its CRLF
    bool received = true;
    bool removed = false;
};

std::string field_text(const HeaderEdit& edit)
{
    std::string out = edit.name + ": ";
    for (char c : edit.value) {
        if (c == '\n') out += '\r';
        out += c;
    }
    return out + "\r\n";
}

// Indices count the fields as received, like Sendmail does; with the order that
// HeaderEdit demands Postfix's way of counting comes to the same.
Line* received(std::vector<Line>& lines, const HeaderEdit& edit)
{
    int seen = 0;
    for (Line& line : lines)
        if (line.received && base::iequals(line.name, edit.name) && ++seen == edit.index) return &line;
    return nullptr;
}

void apply(std::vector<Line>& lines, const HeaderEdit& edit)
{
    switch (edit.kind) {
        case HeaderEdit::Kind::insert:
            lines.insert(lines.begin(), Line{edit.name, field_text(edit), false, false});
            break;
        case HeaderEdit::Kind::append:
            lines.push_back(Line{edit.name, field_text(edit), false, false});
            break;
        case HeaderEdit::Kind::change:
            if (Line* line = received(lines, edit))
                line->text = field_text(edit);
            else
                lines.push_back(Line{edit.name, field_text(edit), false, false});
            break;
        case HeaderEdit::Kind::remove:
            if (Line* line = received(lines, edit)) line->removed = true;
            break;
    }
}

// Facts that are numbers, for those who read the log as JSON.
bool is_count(std::string_view key)
{
    return key == "nrcpt" || key == "encoded" || key == "certificates" || key == "envelopes";
}

}  // namespace

const char* name(Stage stage)
{
    switch (stage) {
        case Stage::admission: return "admission";
        case Stage::receive: return "receive";
        case Stage::certificate: return "certificate";
        case Stage::sign: return "sign";
        case Stage::encrypt: return "encrypt";
        case Stage::decrypt: return "decrypt";
        case Stage::verify: return "verify";
        case Stage::split: return "split";
        case Stage::edit: return "edit";
        case Stage::internal: return "internal";
    }
    return "internal";
}

const std::string* Outcome::fact(std::string_view key) const
{
    const auto it = std::find_if(facts.begin(), facts.end(), [&](const Fact& f) { return f.key == key; });
    return it == facts.end() ? nullptr : &it->value;
}

base::LogLine log_record(const Envelope& envelope, const Outcome& outcome)
{
    auto line = base::LogLine::about(envelope.queue_id);
    for (const auto& fact : outcome.facts) {
        const auto number = is_count(fact.key) ? base::parse_decimal(fact.value) : std::nullopt;
        if (fact.is_address)
            line.address(fact.key, fact.value);
        else if (number)
            line.number(fact.key, static_cast<long long>(*number));
        else
            line.add(fact.key, fact.value);
    }
    return line;
}

std::string log_line(const Envelope& envelope, const Outcome& outcome)
{
    return log_record(envelope, outcome).text();
}

std::string render(const Message& message, const Outcome& outcome)
{
    if (!outcome.edits()) return std::string(message.octets());
    std::vector<Line> lines;
    for (const auto& field : message.fields()) {
        lines.push_back({std::string(field.name), std::string(field.raw)});
        if (!field.raw.ends_with('\n')) lines.back().text += "\r\n";
    }
    for (const auto& edit : outcome.header) apply(lines, edit);

    std::size_t size = outcome.replace_body ? 2 : message.body().size() + 2;
    for (const Line& line : lines) size += line.text.size();
    for (const auto& piece : outcome.body) {
        if (const auto* span = std::get_if<base::Octets>(&piece)) size += span->size();
        if (const auto* text = std::get_if<std::string>(&piece)) size += text->size();
    }
    std::string out = base::string_with_room(size);
    for (const Line& line : lines)
        if (!line.removed) out += line.text;
    out += "\r\n";
    if (!outcome.replace_body) {
        out += message.body();
        return out;
    }
    const Sink sink = [&out](base::Octets run) {
        out += run;
        return true;
    };
    for (const auto& piece : outcome.body) {
        if (const auto* span = std::get_if<base::Octets>(&piece))
            out += *span;
        else if (const auto* text = std::get_if<std::string>(&piece))
            out += *text;
        else
            std::get<Generator>(piece)(sink);
    }
    return out;
}

}  // namespace gateway
