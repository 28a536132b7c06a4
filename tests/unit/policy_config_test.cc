#include <config.h>  // of configure
#include <unistd.h>

#include <cctype>
#include <set>

#include "base/file.h"
#include "policy/schema.h"
#include "policy_support.h"

namespace
{

using namespace policy;
using policy_test::Directory;
using policy_test::good;
using policy_test::load;
using policy_test::problem;

TEST(Config, DefaultsAreThoseOfTheSchema)
{
    const auto c = good("");
    EXPECT_EQ(c.socket, "unix:/var/spool/postfix/smime-milter/smime-milter.sock");
    EXPECT_EQ(c.control_socket, "/run/smime-milter/control.sock");
    EXPECT_EQ(c.authserv_id, "");
    EXPECT_TRUE(c.local_domains.empty() && c.internal_hosts.empty() && c.trusted_relays.empty());
    EXPECT_EQ(c.sender_login.mode, LoginMap::Mode::equal);
    EXPECT_EQ(c.max_message_size, 64U << 20);
    EXPECT_EQ(c.max_in_flight, 0U);
    EXPECT_EQ(c.crypto_slots, 0U);
    EXPECT_EQ(c.drain_seconds, 30U);
    EXPECT_EQ(c.log_level, base::Level::info);
    EXPECT_EQ(c.log_format, base::LogFormat::text);
    EXPECT_TRUE(c.metrics_file.empty() && c.metrics_listen.empty());
    EXPECT_EQ(c.metrics_interval, 15U);
    EXPECT_FALSE(c.report_none);
    EXPECT_TRUE(c.keys.empty() && c.trust.anchors.empty() && c.rules.empty() && c.settings.empty());
    EXPECT_EQ(c.crl, cms::CrlMode::off);
}

TEST(Config, ReadsEverySection)
{
    const auto c = good(R"([milter]
socket         = inet:8891@127.0.0.1
control_socket =
authserv_id    = mx.example.org
local_domains  = Example.org, example.net
local_domains  = example.com
internal_hosts = 192.0.2.0/24, [2001:db8::1]
trusted_relays = 198.51.100.7
sender_login   = mta
login_domain   = Example.org
max_message_size = 10M
max_in_flight  = 2G
crypto_slots   = 8
drain_seconds  = 5
user           = smime-milter
log_level      = debug
report_none    = yes
[keys]
path     = /k
password = credential:keys
[key md]
file     = /md.pfx
password = file:/md.password
[trust]
anchors       = /a,
                /b c
anchors       = /d
intermediates = /i
crls          = /c
crl           = local
revocation_fail = hard
)");
    EXPECT_EQ(c.socket, "inet:8891@127.0.0.1");
    EXPECT_EQ(c.control_socket, "");
    EXPECT_EQ(c.authserv_id, "mx.example.org");
    EXPECT_EQ(c.local_domains, (std::vector<std::string>{"example.org", "example.net", "example.com"}));
    EXPECT_EQ(c.internal_hosts.size(), 2U);
    EXPECT_EQ(c.trusted_relays.size(), 1U);
    EXPECT_EQ(c.sender_login.mode, LoginMap::Mode::mta);
    EXPECT_EQ(c.sender_login.domain, "example.org");
    EXPECT_EQ(c.max_message_size, 10U << 20);
    EXPECT_EQ(c.max_in_flight, std::uint64_t{2} << 30);
    EXPECT_EQ(c.crypto_slots, 8U);
    EXPECT_EQ(c.drain_seconds, 5U);
    EXPECT_EQ(c.user, "smime-milter");
    EXPECT_EQ(c.log_level, base::Level::debug);
    EXPECT_TRUE(c.report_none);
    ASSERT_EQ(c.keys.size(), 2U);
    EXPECT_EQ(c.keys[0].path + c.keys[0].password.text + c.keys[0].origin, "/kcredential:keysc:18");
    EXPECT_EQ(c.keys[1].name + c.keys[1].path + c.keys[1].password.text, "md/md.pfxfile:/md.password");
    EXPECT_EQ(c.trust.anchors, (std::vector<std::string>{"/a", "/b c", "/d"}));
    EXPECT_EQ(c.trust.intermediates, std::vector<std::string>{"/i"});
    EXPECT_EQ(c.trust.crls, std::vector<std::string>{"/c"});
    EXPECT_EQ(c.crl, cms::CrlMode::hard);
    EXPECT_EQ(good("[trust]\ncrl = local\n").crl, cms::CrlMode::soft);
    EXPECT_TRUE(c.is_local("Alice@EXAMPLE.ORG"));
    EXPECT_FALSE(c.is_local("alice@sub.example.org"));
    EXPECT_FALSE(c.is_local("alice"));
    EXPECT_FALSE(c.is_local(""));
}

TEST(Config, SettingsTellWhatIsSetWhereInFileOrder)
{
    const auto c = good("[rule b]\nsign = clear\n[milter]\nuser = x\n[rule a]\nverify = yes\n");
    ASSERT_EQ(c.settings.size(), 3U);
    EXPECT_EQ(c.settings[0].section + c.settings[0].name + c.settings[0].key + c.settings[0].value +
                  c.settings[0].where,
              "rulebsignclearc:2");
    EXPECT_EQ(c.settings[1].section + c.settings[1].name + c.settings[1].key + c.settings[1].where,
              "milteruserc:4");
    EXPECT_EQ(c.settings[2].name, "a");
}

TEST(Config, EachMistakeHasItsPlaceWhatWasFoundAndWhatIsWanted)
{
    const struct {
        const char *content, *problem;
    } table[] = {
        {"[milter]\nsoket = unix:/x\n",
         "c:2: error: unknown key \"soket\" in [milter] (did you mean \"socket\"?)"},
        {"[milter]\nanchors = /x\n",
         "c:2: error: unknown key \"anchors\" in [milter] (it belongs to [trust])"},
        {"[milter]\nstrip = any\n",
         "c:2: error: unknown key \"strip\" in [milter] (it belongs to [rule NAME])"},
        {"[milter]\nfrobnicate = 1\n",
         "c:2: error: unknown key \"frobnicate\" in [milter]; see smime-milter.conf(5); smimectl config -d "
         "lists all keys"},
        {"[milter]\nmax_connections = 1\n",
         "c:2: error: unknown key \"max_connections\" in [milter] (did you mean \"max_in_flight\"?)"},
        {"[milters]\n",
         "c:1: error: unknown section [milters] (did you mean \"milter\"?); wanted [milter], [keys], "
         "[key NAME], [certificates], [source NAME], [split], [trust] or [rule NAME]"},
        {"[staff]\nsign = no\n", "c:1: error: unknown section [staff]; wanted"},
        {"[milter x]\n", "c:1: error: [milter x] takes no name; wanted [milter]"},
        {"[rule]\nsign = no\n", "c:1: error: [rule] has no name; wanted [rule NAME]"},
        {"[milter]\nuser = a\nuser = b\n", "c:3: error: user is set twice, first at c:2; remove one of them"},
        {"[milter]\nuser = a\n[milter]\nuser = b\n", "c:4: error: user is set twice, first at c:2"},
        {"[milter]\nreport_none = maybe\n", "c:2: error: report_none: \"maybe\" found, wanted yes or no"},
        {"[milter]\nreport_none = Yes\n",
         "c:2: error: report_none: \"Yes\" found, wanted yes or no (did you mean \"yes\"?)"},
        {"[milter]\nreport_none =\n", "c:2: error: report_none: \"\" found, wanted yes or no"},
        {"[milter]\nlog_level = warn\n",
         "c:2: error: log_level: \"warn\" found, wanted debug, info, notice, warning or "
         "error"},
        {"[milter]\nmax_message_size = 64m\n",
         "c:2: error: max_message_size: \"64m\" is no size; wanted a number of "
         "octets, or one with a capital K, M or G, such as 64M"},
        {"[milter]\nmax_message_size = 0\n", "c:2: error: max_message_size: \"0\" found, wanted 1K to 1G"},
        {"[milter]\nmax_in_flight = 4\n", "c:2: error: max_in_flight: \"4\" found, wanted 1M to 1024G, or 0"},
        {"[milter]\nmax_message_size = 64M\nmax_in_flight = 63M\n",
         "c:3: warning: max_in_flight is less than max_message_size: while one large message is in work, all "
         "others are asked to come back; make it several times max_message_size, or leave it out"},
        {"[milter]\nmax_message_size = 2G\n", "c:2: error: max_message_size: \"2G\" found"},
        {"[milter]\ncrypto_slots = 1025\n",
         "c:2: error: crypto_slots: \"1025\" found, wanted a number from 0 to 1024"},
        {"[milter]\ndrain_seconds = 0x10\n", "c:2: error: drain_seconds: \"0x10\" found"},
        {"[milter]\ncontrol_socket = run/x\n", "c:2: error: control_socket: \"run/x\" is no absolute path"},
        {"[milter]\nsender_login = login.map\n",
         "c:2: error: sender_login: \"login.map\" is no absolute path"},
        {"[milter]\nauthserv_id = a b\n", "c:2: error: authserv_id: \"a b\" found, wanted letters"},
        {"[milter]\nlocal_domains = *.example.org\n",
         "c:2: error: local_domains: \"*.example.org\" is no domain"},
        {"[milter]\nlocal_domains = @example.org\n",
         "c:2: error: local_domains: \"@example.org\" is no domain"},
        {"[milter]\nlocal_domains = a.org b.org\n",
         "c:2: error: local_domains: \"a.org b.org\" has a blank inside; separate values by commas"},
        {"[milter]\nlocal_domains = ,\n", "c:2: error: local_domains: \",\" holds no value"},
        {"[milter]\ninternal_hosts = 192.0.2.10/24\n",
         "c:2: error: internal_hosts: \"192.0.2.10/24\" has host bits set; "
         "wanted the network 192.0.2.0/24 or one address"},
        {"[milter]\ninternal_hosts = mail.example.org\n",
         "c:2: error: internal_hosts: \"mail.example.org\" is neither an IP address nor a network"},
        {"[milter]\ninternal_hosts = 0.0.0.0/0\n",
         "c:2: error: internal_hosts: \"0.0.0.0/0\" is too wide to be trusted"},
        {"[milter]\ntrusted_relays = ::/0\n",
         "c:2: error: trusted_relays: \"::/0\" is too wide to be trusted"},
        {"[keys]\npath = keys\n", "c:2: error: path: \"keys\" is no absolute path; start it with \"/\""},
        {"[keys]\npassword = file:/x\n", "c:2: error: password without path"},
        {"[key a]\npassword =\n", "c:1: error: [key a] has no file; add file = /PATH of its PFX or PEM file"},
        {"[key a]\nfile = /x\n[key a]\nfile = /y\n", "c:3: error: [key a] is there twice, first at c:1"},
        {"[key by_sender]\nfile = /x\n",
         "c:1: error: [key by_sender]: certificate = by_sender means something else"},
        {"[trust]\nanchors = a, /b\n", "c:2: error: anchors: \"a\" is no absolute path"},
        {"[trust]\ncrl = remote\n", "c:2: error: crl: \"remote\" found, wanted off, local or fetch"},
        {"[trust]\nrevocation_fail = hard\n",
         "c:2: error: revocation_fail = hard does nothing with crl = off"},
        {"[trust]\ncrls = /x\n", "c:2: warning: crls are not used with crl = off; add crl = local"},
    };
    for (const auto& row : table) {
        const auto text = problem(row.content);
        EXPECT_TRUE(text.starts_with(row.problem)) << text << "\nwanted " << row.problem;
    }
}

#ifdef HAVE_PROMETHEUS

TEST(Config, MetricsAreForThisMachineOnly)
{
    for (const char* text : {"unix:/run/x.sock", "inet:9465@127.0.0.1", "inet:9465@127.9.9.9",
                             "inet6:9465@[::1]", "inet6:9465@::1", ""})
        EXPECT_EQ(good(std::string("[milter]\nmetrics_listen = ") + text + "\n").metrics_listen, text);
    for (const char* text :
         {"inet:9465@0.0.0.0", "inet:9465@192.0.2.1", "inet:9465@localhost",
          "inet6:9465@::", "inet:9465@128.0.0.1", "inet:9465@127.1", "inet:9465@127.0.0.1.example.org",
          "inet6:9465@::ffff:192.0.2.1", "inet:9465", "inet:0@127.0.0.1", "unix:x"})
        EXPECT_NE(problem(std::string("[milter]\nmetrics_listen = ") + text + "\n"), "") << text;
    EXPECT_NE(
        problem("[milter]\nmetrics_file = /x\nmetrics_interval = 0\n").find("wanted a number from 1 to 3600"),
        std::string::npos);
    const auto c = good("[milter]\nmetrics_file = /run/x.prom\nmetrics_interval = 60\nlog_format = json\n");
    EXPECT_EQ(c.metrics_file, "/run/x.prom");
    EXPECT_EQ(c.metrics_interval, 60U);
    EXPECT_EQ(c.log_format, base::LogFormat::json);
}

#endif

TEST(Config, SocketsAreCheckedBeforeLibmilterSeesThem)
{
    for (const char* text : {"unix:/run/x.sock", "local:/run/x.sock", "inet:8891@127.0.0.1",
                             "inet:8891@localhost", "inet6:8891@[::1]", "inet6:8891@::1"})
        EXPECT_EQ(good(std::string("[milter]\nsocket = ") + text + "\n").socket, text);
    for (const char* text : {"", "/run/x.sock", "unix:x.sock", "unix:", "inet:8891", "inet:8891@",
                             "inet:0@127.0.0.1", "inet:65536@127.0.0.1", "inet:@127.0.0.1", "inet:8891@[::1]",
                             "inet6:8891@127.0.0.1", "inet:8891@0.0.0.0", "inet6:8891@[::]",
                             "inet6:8891@::", "inet:8891@a b", "tcp:8891@127.0.0.1", "fd:3"})
        EXPECT_NE(problem(std::string("[milter]\nsocket = ") + text + "\n"), "") << text;
    const auto longest = "unix:/" + std::string(106, 'x');
    EXPECT_EQ(good("[milter]\nsocket = " + longest + "\n").socket, longest);
    EXPECT_NE(problem("[milter]\nsocket = " + longest + "x\n").find("at most 107"), std::string::npos);
    EXPECT_NE(problem("[milter]\nsocket = inet:8891\n").find("such as inet:8891@127.0.0.1"),
              std::string::npos);
}

TEST(Config, PasswordsInClearAreRefusedAndNotRepeated)
{
    for (const char* text :
         {"geheim", "geheim:geheim", "credential:../geheim", "credential:", "file:geheim/x"}) {
        const auto found = problem(std::string("[keys]\npath = /k\npassword = ") + text + "\n");
        EXPECT_TRUE(found.starts_with("c:3: error: password: ")) << found;
        EXPECT_TRUE(!std::string_view(text).starts_with("geheim") ||
                    found.find("geheim") == std::string::npos)
            << found;
    }
    EXPECT_NE(problem("[keys]\npath = /k\npassword = geheim\n").find("password = file:/PATH"),
              std::string::npos);
    EXPECT_EQ(good("[keys]\npath = /k\npassword =\n").keys[0].password.text, "");
}

TEST(Config, KeysInTokensHaveAUriAndACertificateAndNoFile)
{
    const auto source = good(
                            "[key a]\nuri = pkcs11:token=gateway;object=alice%20a\nmodule = /m.so\n"
                            "certificate = /c.pem\npassword = file:/pin\n")
                            .keys[0];
    EXPECT_EQ(source.uri, "pkcs11:token=gateway;object=alice%20a");
    EXPECT_EQ(source.module, "/m.so");
    EXPECT_EQ(source.certificate, "/c.pem");
    EXPECT_EQ(good("[key a]\nuri = tpm2:0x81000001\ncertificate = /c.pem\n").keys[0].path, "");
    const auto found = [](const std::string& text) { return problem("[key a]\n" + text); };
    EXPECT_NE(found("uri = tpm2:0x81000001\n").find("a uri and no certificate"), std::string::npos);
    EXPECT_NE(found("uri = tpm2:/k\ncertificate = /c\nfile = /k.p12\n").find("both file and uri"),
              std::string::npos);
    EXPECT_NE(found("file = /k.p12\ncertificate = /c\n").find("certificate is for keys in tokens"),
              std::string::npos);
    for (const char* uri :
         {"/k.pem", "pkcs11:", "tpm2:", "tpm2:0x", "tpm2:0xzz", "tpm2:0x123456789", "tpm2:k.pem"})
        EXPECT_NE(found(std::string("certificate = /c\nuri = ") + uri + "\n").find("wanted pkcs11:"),
                  std::string::npos)
            << uri;
    const auto pin = found("certificate = /c\nuri = pkcs11:object=a?pin-value=geheim\n");
    EXPECT_NE(pin.find("holds a PIN"), std::string::npos);
    EXPECT_EQ(pin.find("geheim"), std::string::npos);
}

TEST(Config, AllMistakesOfAllFilesComeInOneGo)
{
    const Directory d;
    const auto main = d.write("c", "[milter]\nuser = a b\nfoo = 1\n[rule a]\nsign = perhaps\n");
    d.write("conf.d/10.conf", "[rule b]\n");
    d.write("conf.d/20.conf", "[rule a]\nsign = clear\n");
    std::vector<base::Problem> problems;
    EXPECT_FALSE(load_config(main, problems));
    std::vector<std::string> where;
    for (const auto& p : problems) where.push_back(p.error.where.substr(d.path("").size()));
    EXPECT_EQ(where, (std::vector<std::string>{"c:2", "c:3", "c:5", "conf.d/10.conf:1", "conf.d/20.conf:1"}));
}

TEST(Config, RulesComeInFileOrderThenConfDInNameOrder)
{
    const Directory d;
    const auto main = d.write("c", "[rule z]\nsign = clear\n[rule a]\nverify = yes\n");
    d.write("conf.d/90-default.conf", "[rule last]\nverify = yes\nfallback = yes\n");
    d.write("conf.d/10-site.conf", "[rule m]\nverify = yes\n[milter]\nuser = x\n");
    d.write("conf.d/05-old.conf.bak", "nonsense\n");
    d.write("conf.d/.hidden.conf", "nonsense\n");
    std::vector<base::Problem> problems;
    const auto c = load_config(main, problems);
    ASSERT_TRUE(c);
    EXPECT_TRUE(problems.empty());
    std::string names;
    for (const auto& r : c->rules) names += r.name + " ";
    EXPECT_EQ(names, "z a m last ");
    EXPECT_EQ(c->user, "x");
    EXPECT_EQ(c->file, main);
    EXPECT_EQ(c->rules[3].at(), d.path("conf.d/90-default.conf:1"));
    EXPECT_TRUE(c->rules[3].fallback);
}

TEST(Config, FilesThatCannotBeReadAreErrors)
{
    const Directory d;
    std::vector<base::Problem> problems;
    EXPECT_FALSE(load_config(d.path("none.conf"), problems));
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0].text(), d.path("none.conf") +
                                      ": error: cannot open: No such file or directory; name the "
                                      "configuration with -c FILE; a commented one to begin with is "
                                      "conf/smime-milter.conf of the sources");
    EXPECT_EQ(problems[0].error.code, base::Code::configuration);

    const auto main = d.write("sub/c", "");
    d.write("sub/conf.d", "a file where a directory belongs");
    problems.clear();
    EXPECT_FALSE(load_config(main, problems));
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_TRUE(problems[0].text().starts_with(d.path("sub/conf.d") + ": error: cannot open directory"));

    const auto other = d.write("other/c", "");
    std::filesystem::create_directory(d.path("other/conf.d"));
    std::filesystem::create_symlink("/nonexistent/x", d.path("other/conf.d/10.conf"));
    problems.clear();
    EXPECT_FALSE(load_config(other, problems));
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_TRUE(problems[0].text().starts_with(d.path("other/conf.d/10.conf") + ": error: cannot open"));
}

TEST(Config, AFileThatOthersMayWriteIsRefused)
{
    const Directory d;
    const auto main = d.write("c", "");
    std::filesystem::permissions(main, std::filesystem::perms(0666));
    std::vector<base::Problem> problems;
    EXPECT_FALSE(load_config(main, problems));
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0].text(), main + ": error: writable by others; run: chmod o-w " + main);
}

TEST(Config, TheSystemsAuthoritiesForTlsAreNoAnchors)
{
    for (const char* const path : {"/etc/ssl/certs", "/etc/ssl/certs/", "/etc/ssl/../ssl/certs",
                                   "/etc/ssl/certs/ca-certificates.crt", "/usr/share/ca-certificates"})
        EXPECT_NE(problem(std::string("[trust]\nanchors = ") + path + "\n")
                      .find("trusted for web servers; copy the CA certificates"),
                  std::string::npos)
            << path;
    EXPECT_EQ(load("[trust]\nanchors = /etc/smime-milter/trust, /etc/ssl/certs/Company.pem\n").text(), "");
}

TEST(Config, WarningsDoNotKeepItFromLoading)
{
    const Directory d;
    const auto main = d.write("c", "[rule a]\nsender = a@example.org\n");
    std::vector<base::Problem> problems{{base::Severity::error, {}}};  // somebody else's
    EXPECT_TRUE(load_config(main, problems));
    EXPECT_EQ(problems.size(), 2U);
}

TEST(Config, SenderLoginIsReadWithItsOwnPlaces)
{
    const Directory d;
    const auto map = d.write("map", "alice: a@example.org\nbob\n");
    const auto main = d.write("c", "[milter]\nsender_login = " + map + "\n");
    std::vector<base::Problem> problems;
    EXPECT_FALSE(load_config(main, problems));
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_TRUE(problems[0].text().starts_with(map + ":2: error: no \":\" in the line"))
        << problems[0].text();

    d.write("map", "alice: a@example.org\n");
    problems.clear();
    const auto c = load_config(main, problems);
    ASSERT_TRUE(c);
    EXPECT_EQ(c->sender_login.mode, LoginMap::Mode::map);
    EXPECT_TRUE(c->sender_login.allows("alice", "a@example.org"));

    const auto none = d.write("c2", "[milter]\nsender_login = /nonexistent/map\n");
    problems.clear();
    EXPECT_FALSE(load_config(none, problems));
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_TRUE(problems[0].text().starts_with(none + ":2: error: /nonexistent/map: cannot open"))
        << problems[0].text();
}

TEST(Config, TheShippedFilesLoadWithoutAWordAndDoNoHarm)
{
    std::vector<base::Problem> problems;
    const auto c = load_config(std::string(TEST_DATA) + "/../conf/smime-milter.conf", problems);
    ASSERT_TRUE(c);
    EXPECT_TRUE(problems.empty());
    EXPECT_TRUE(c->keys.empty() && c->trust.anchors.empty() && c->internal_hosts.empty());
    ASSERT_EQ(c->rules.size(), 1U);
    const auto& rule = c->rules[0];
    EXPECT_TRUE(rule.name == "default" && rule.fallback && rule.verify && !rule.signs());
    EXPECT_EQ(rule.direction, Direction::incoming);
    EXPECT_EQ(rule.strip, Strip::never);
    EXPECT_EQ(rule.on_invalid, OnResult::mark);
    EXPECT_EQ(rule.on_untrusted, OnResult::accept);
}

TEST(Config, WhatTheShippedFileSuggestsLoadsWhenUncommented)
{
    const auto file = base::read_file(std::string(TEST_DATA) + "/../conf/smime-milter.conf", 100'000);
    ASSERT_TRUE(file);
    // Settings follow "#" at once, remarks after a blank.
    std::string text;
    for (std::size_t i = 0; i < file->size(); ++i)
        if ((*file)[i] != '#' ||
            !(i + 1 < file->size() && (std::islower((*file)[i + 1]) != 0 || (*file)[i + 1] == '[')))
            text += (*file)[i];
    const auto config = good(text);
    ASSERT_EQ(config.rules.size(), 2U);
    EXPECT_EQ(config.rules[0].name + " " + config.rules[1].name, "partner staff");
    EXPECT_EQ(config.keys.size(), 1U);
    EXPECT_FALSE(config.certificates.path.empty());
    EXPECT_EQ(config.local_domains.size(), 1U);
}

// --- the schema ------------------------------------------------------------

TEST(Schema, EveryKeyIsReadByTheLoader)
{
    // A value that no type takes must be refused for each key but free text.
    for (const auto& spec : schema()) {
        const std::string section(spec.section), key(spec.key);
        const bool named = has_names(section);
        const auto loaded = load("[" + section + (named ? " n]\n" : "]\n") + key + " = <\x7e , , !! x\n");
        // The texts of a source are read when a line uses it: what they mean depends on its kind.
        const bool free =
            spec.type == "pattern" || (section == "source" && (spec.type == "text" || spec.type == "uri"));
        bool refused = false;
        for (const auto& p : loaded.problems) refused = refused || p.error.where == "c:2";
        EXPECT_TRUE(refused || free) << section << "." << key;
    }
}

TEST(Schema, EveryAlternativeOfATypeIsAcceptedOrNotAvailableYet)
{
    for (const auto& spec : schema()) {
        if (spec.type.find('|') == std::string_view::npos || spec.section != "rule") continue;
        if (spec.key == "certificate" || spec.key == "size") continue;
        std::string rest(spec.type);
        for (std::size_t start = 0, end = 0; end != std::string::npos; start = end + 1) {
            end = rest.find('|', start);
            const auto word = rest.substr(start, end - start);
            const auto text = load("[rule a]\n" + std::string(spec.key) + " = " + word + "\n").text();
            EXPECT_EQ(text.find("found, wanted"), std::string::npos) << text;
        }
    }
}

TEST(Config, SourcesStandInTheOrderOfTheirLinesAndTakeWhatTheirSectionsSay)
{
    const auto c = good(
        "[source more]\nuri = directory:/b, with a comma\n"
        "[certificates]\nsource = directory:/a\nsource = more\n[certificates]\nsource = directory:/c\n");
    const auto& sources = c.certificates.sources;
    ASSERT_EQ(sources.size(), 3U);
    EXPECT_EQ(sources[0].uri, "directory:/a");
    EXPECT_EQ(sources[0].name, "directory:/a");
    EXPECT_EQ(sources[1].uri, "directory:/b, with a comma");
    EXPECT_EQ(sources[1].name, "more");
    EXPECT_EQ(sources[2].where, "c:7");
    EXPECT_EQ(sources[0].timeout, 3U);
}

TEST(Config, ASourceThatCannotWorkIsNamedWithWhatIsWanted)
{
    const auto of = [](const std::string& line) {
        return problem("[certificates]\nsource = " + line + "\n");
    };
    EXPECT_EQ(of("nobody").find("c:2: error: \"nobody\" is no source of certificates; wanted directory:"),
              0U);
    EXPECT_NE(of("directory:relative").find("names no absolute path; write directory:/PATH"),
              std::string::npos);
    EXPECT_NE(of("directory:/a\nsource = directory:/a").find("is there already"), std::string::npos);
    EXPECT_NE(problem("[source a]\n").find("[source a] has no uri"), std::string::npos);
    EXPECT_NE(
        problem("[source a]\nuri = directory:/a\n").find("warning: [source a] is not used; add source = a"),
        std::string::npos);
    EXPECT_NE(of("a\n[source a]\nuri = directory:/a\ntimeout = 4")
                  .find("c:5: error: timeout says nothing to a source directory; remove it"),
              std::string::npos);
    EXPECT_NE(problem("[source]\nuri = directory:/a\n").find("[source] has no name"), std::string::npos);
    std::string many = "directory:/0";
    for (int i = 1; i < 17; ++i) many += "\nsource = directory:/" + std::to_string(i);
    EXPECT_NE(of(many).find("more than 16 sources"), std::string::npos);
}

TEST(Schema, KeysAreFoundByNearSpellings)
{
    EXPECT_EQ(nearest_key("rule", "recipents"), "recipient");
    EXPECT_EQ(nearest_key("rule", "on-invalid"), "on_invalid");
    EXPECT_EQ(nearest_key("rule", "Sender"), "sender");
    EXPECT_EQ(nearest_key("rule", "sgin"), "sign");
    EXPECT_EQ(nearest_key("rule", "socket"), "");
    EXPECT_EQ(nearest_key("rule", std::string(5000, 'a')), "");
    EXPECT_EQ(nearest_key("nothing", "sign"), "");
    EXPECT_EQ(find_key("rule", "sign")->fallback, "no");
    EXPECT_EQ(find_key("milter", "sign"), nullptr);
}

TEST(Schema, NoKeyIsListedTwiceAndDefaultsFitTheirTypes)
{
    std::set<std::string> seen;
    for (const auto& spec : schema()) {
        EXPECT_TRUE(seen.insert(std::string(spec.section) + "." + std::string(spec.key)).second) << spec.key;
        EXPECT_FALSE(spec.summary.empty() || spec.type.empty()) << spec.key;
        if (spec.fallback.empty()) continue;
        const bool named = has_names(spec.section);
        const auto text = load("[" + std::string(spec.section) + (named ? " n]\n" : "]\n") +
                               std::string(spec.key) + " = " + std::string(spec.fallback) + "\n")
                              .text();
        EXPECT_EQ(text.find("found"), std::string::npos) << text;
    }
}

TEST(Schema, SizesAreStrict)
{
    EXPECT_EQ(good("[rule a]\nverify = yes\nsize = >10M, <1K\n").rules[0].size[0].octets, 10U << 20);
    for (const char* bad :
         {"M", "1.5M", "-1M", "+1", "1MB", "1 M", "99999999999999999999", "18446744073709551615K", "1k"})
        EXPECT_NE(problem(std::string("[milter]\nmax_in_flight = ") + bad + "\n"), "") << bad;
}

}  // namespace
