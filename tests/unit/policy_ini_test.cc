#include <gtest/gtest.h>

#include "policy/ini.h"

namespace
{

using namespace policy;

struct Read {
    std::vector<Section> sections;
    std::vector<base::Problem> problems;
    [[nodiscard]] std::string first() const { return problems.empty() ? "" : problems.front().text(); }
};

Read read(std::string_view content)
{
    Read out;
    out.sections = parse_ini("f", content, out.problems);
    return out;
}

// "kind name key=value@line ..." of everything read.
std::string flat(const std::vector<Section>& sections)
{
    std::string out;
    for (const auto& s : sections) {
        out += "[" + s.kind + (s.name.empty() ? "" : " " + s.name) + "]@" + std::to_string(s.line) + " ";
        for (const auto& e : s.entries) out += e.key + "=" + e.value + "@" + std::to_string(e.line) + " ";
    }
    return out;
}

TEST(Ini, KeepsOrderPlacesDuplicatesAndEmptySections)
{
    const auto r = read(
        "# comment\n[milter]\nsocket = unix:/x=y:z\n\n[rule b]\n[rule a]\nsign=no\nsign =  yes "
        "\n[milter]\nuser=");
    EXPECT_EQ(r.first(), "");
    EXPECT_EQ(
        flat(r.sections),
        "[milter]@2 socket=unix:/x=y:z@3 [rule b]@5 [rule a]@6 sign=no@7 sign=yes@8 [milter]@9 user=@10 ");
    EXPECT_EQ(r.sections[2].at(7), "f:7");
}

TEST(Ini, JoinsIndentedLinesByOneBlank)
{
    const auto r = read("[rule a]\nsender = a@x,\n   b@x,\n\t# a comment\n\n\tc@x\nsign = no\n");
    EXPECT_EQ(r.first(), "");
    EXPECT_EQ(flat(r.sections), "[rule a]@1 sender=a@x, b@x, c@x@2 sign=no@7 ");
}

TEST(Ini, AValueMayStartOnTheNextLine)
{
    EXPECT_EQ(flat(read("[rule a]\nsender =\n  a@x\n").sections), "[rule a]@1 sender=a@x@2 ");
}

TEST(Ini, TakesByteOrderMarkAndCrlf)
{
    const auto r = read("\xef\xbb\xbf[keys]\r\npath = /a b\r\n");
    EXPECT_EQ(r.first(), "");
    EXPECT_EQ(flat(r.sections), "[keys]@1 path=/a b@2 ");
}

TEST(Ini, LinesFarLongerThanInihsBufferArriveWhole)
{
    for (const std::size_t length : {150U, 197U, 198U, 199U, 200U, 250U, 400U, 5000U, 60000U}) {
        std::string value;
        while (value.size() < length) value += "a" + std::to_string(value.size()) + "@x, evil=1,";
        const auto r = read("[rule a]\nsender = " + value + "\nsign = no\n");
        EXPECT_EQ(r.first(), "");
        ASSERT_EQ(r.sections.size(), 1U);
        ASSERT_EQ(r.sections[0].entries.size(), 2U) << length;
        EXPECT_EQ(r.sections[0].entries[0].value, value);
        EXPECT_EQ(r.sections[0].entries[1].line, 3);
    }
}

TEST(Ini, LongLinesKeepBlanksAndCommentSignsWithinWords)
{
    // Whatever the place at which inih's buffer ends, nothing is lost there.
    for (std::size_t pad = 120; pad < 220; ++pad) {
        const std::string value = std::string(pad, 'x') + "  y#;z w=1: " + std::string(pad, 'v') + ";#";
        const auto r = read("[rule a]\nsubject = " + value + "\n");
        EXPECT_EQ(r.first(), "") << pad;
        ASSERT_EQ(flat(r.sections), "[rule a]@1 subject=" + value + "@2 ");
    }
}

TEST(Ini, LongContinuationsArriveWhole)
{
    const std::string a(300, 'a'), b(500, 'b');
    EXPECT_EQ(flat(read("[rule a]\nsubject = " + a + "\n    " + b + "\n").sections),
              "[rule a]@1 subject=" + a + " " + b + "@2 ");
}

TEST(Ini, RefusesWhatInihWouldMisread)
{
    const struct {
        const char *content, *problem;
    } table[] = {
        {"[rule a]\nsender = x\n  sign = no\n",
         "f:3: error: indented \"sign =\" continues the value of \"sender\"; start keys at the left margin"},
        {"[rule a]\nsender = x # y\n",
         "f:2: error: \"#\" or \";\" after a blank in the value of \"sender\"; put the comment on a line of "
         "its own "
         "(in a pattern write ? for the character)"},
        {"[rule a]\nsender = x ; y\n", "f:2: error: \"#\" or \";\" after a blank in the value of \"sender\""},
        {"[rule a]\nsender = # y\n", "f:2: error: \"#\" or \";\" after a blank in the value of \"sender\""},
        {"[rule a]\nsender =;y\n", "f:2: error: \"#\" or \";\" after a blank in the value of \"sender\""},
        {"[rule a]\nsender = x,\n  y # z\n",
         "f:3: error: \"#\" or \";\" after a blank in the value of \"sender\""},
        {"sign = no\n", "f:1: error: key \"sign\" before the first section"},
        {"[rule a]\nsender: x\n", "f:2: error: \":\" after \"sender\"; wanted \"key = value\""},
        {"[rule a]\nunix:/x = 1\n", "f:2: error: \":\" after \"unix\""},
        {"[rule a]\nsender\n", "f:2: error: no \"=\" after \"sender\"; wanted \"key = value\""},
        {"[rule a]\npassword geheim\n", "f:2: error: no \"=\" after \"password\"; wanted"},
        {"[rule a]\n= x\n", "f:2: error: \"\" is no key"},
        {"[rule a]\na b = x\n", "f:2: error: \"a b\" is no key"},
        {"[rule a] junk\n", "f:1: error: text after \"]\""},
        {"[rule a]b]\n", "f:1: error: text after \"]\""},
        {"[rule a\n", "f:1: error: section without \"]\""},
        {"[]\n", "f:1: error: section []"},
        {"[rule \"a\"]\n", "f:1: error: section [rule \"a\"]; a name is one word"},
        {"[rule a b]\n", "f:1: error: section [rule a b]"},
        {"[rule a]\n  sign = no\n", "f:2: error: indented line without a key above"},
        {"[rule a]\nsign = no\n  [rule b]\n", "f:3: error: indented section \"[rule b]\""},
        {"[rule a]\nsubject = \x01\n", "f:2: error: control character 0x01"},
        {"[rule a]\nsubject = \xe4\n", "f:2: error: octets that are not UTF-8"},
        {"[rule abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij]\n",
         "f:1: error: section name of 55 octets; at most 49"},
    };
    for (const auto& row : table) {
        const auto r = read(row.content);
        EXPECT_EQ(r.problems.size(), 1U) << row.content;
        EXPECT_TRUE(r.first().starts_with(row.problem)) << r.first() << "\nwanted " << row.problem;
    }
}

TEST(Ini, RefusesNulAndOverlongLines)
{
    EXPECT_EQ(read(std::string_view("[rule a]\nsubject = a\0b\n", 23)).first(),
              "f:2: error: NUL octet; mend the line");
    const auto r = read("[rule a]\nsubject = " + std::string(70000, 'x') + "\nsign = no\n");
    EXPECT_EQ(r.first(), "f:2: error: line of 70010 octets, at most 65536; mend the line");
    EXPECT_EQ(flat(r.sections), "[rule a]@1 sign=no@3 ");
}

TEST(Ini, NeverTellsWhatMayBeAPassword)
{
    for (const char* content : {"[keys]\npassword = geheim # my dog\n", "[keys]\npassword: geheim\n",
                                "[keys]\npassword geheim\n", "[keys]\npassword = a\n  geheim ; x\n"})
        EXPECT_EQ(read(content).first().find("geheim"), std::string::npos) << read(content).first();
}

TEST(Ini, GoesOnAfterEachMistake)
{
    const auto r = read(
        "x = 1\ny = 2\n[rule a\nsign = no\n[rule b]\nnonsense\n  more of it\nsign = yes ; no\nverify = no\n");
    ASSERT_EQ(r.problems.size(), 4U);
    EXPECT_TRUE(r.problems[0].text().starts_with("f:1:"));
    EXPECT_TRUE(r.problems[1].text().starts_with("f:3:"));
    EXPECT_TRUE(r.problems[2].text().starts_with("f:6:"));
    EXPECT_TRUE(r.problems[3].text().starts_with("f:8:"));
    // The keys below a broken header are not those of the section above.
    EXPECT_EQ(flat(r.sections), "[rule a]@3 sign=no@4 [rule b]@5 verify=no@9 ");
}

TEST(Ini, ARunOfBlanksLongerThanTheBufferIsRefused)
{
    const auto r = read("[rule a]\nsubject = a" + std::string(1000, ' ') + "b\nsign = no\n");
    EXPECT_TRUE(r.first().starts_with("f:2: error: more than a hundred blanks in a row")) << r.first();
    EXPECT_EQ(r.sections[0].entries.back().key, "sign");
}

TEST(Ini, ManyLinesTakeLinearTime)
{
    std::string content = "[rule a]\nsender = x\n";
    for (int i = 0; i < 20000; ++i) content += "  y@example.org,\n";
    EXPECT_EQ(read(content).sections[0].entries[0].value.size(), 1U + 20000U * 15U);
}

}  // namespace
