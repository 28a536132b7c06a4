// What needs no server of the sources behind a network: names, filters, patience.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include "config.h"
#include "store/connect.h"
#include "store/ldap.h"
#include "store/ldap_filter.h"
#include "store/postgresql_connection.h"
#include "store/smimea.h"
#include "store_fixture.h"

namespace
{

using namespace fixture;
using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;
using store::Patience;

Patience patience(std::chrono::milliseconds time, bool cancelled = false)
{
    return {Steady::now() + time, std::make_shared<const std::atomic<bool>>(cancelled)};
}

// Accepts and never says a word.
struct BlackHole {
    store::Descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    unsigned port = 0;
    BlackHole()
    {
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof a;
        if (bind(socket.get(), reinterpret_cast<sockaddr*>(&a), size) != 0 || listen(socket.get(), 8) != 0 ||
            getsockname(socket.get(), reinterpret_cast<sockaddr*>(&a), &size) != 0)
            throw std::runtime_error("no server");
        port = ntohs(a.sin_port);
    }
};

// --- LDAP ---

TEST(LdapFilter, NothingOfAnAddressIsMoreThanAValue)  // C08
{
    using store::escape_for_filter;
    EXPECT_EQ(escape_for_filter("alice+x@example.org"), "alice+x@example.org");
    EXPECT_EQ(escape_for_filter("*"), "\\2a");
    EXPECT_EQ(escape_for_filter("a)(mail=*"), "a\\29\\28mail=\\2a");
    EXPECT_EQ(escape_for_filter("\\"), "\\5c");
    EXPECT_EQ(escape_for_filter("a\0b"sv), "a\\00b");
    EXPECT_EQ(escape_for_filter("ä "), "\\c3\\a4\\20");
}

TEST(LdapFilter, TheAddressGoesWhereThePatternSays)  // C08
{
    using store::expand_filter;
    EXPECT_EQ(expand_filter(store::default_ldap_filter, "Alice@Example.ORG"),
              "(|(mail=Alice@example.org)(proxyAddresses=smtp:Alice@example.org))");
    EXPECT_EQ(expand_filter("(&(uid=%u)(o=%d)(x=100%%))", "\"a*b\"@example.org"),
              "(&(uid=a\\2ab)(o=example.org)(x=100%))");
    EXPECT_EQ(expand_filter("(mail=%a)", "\"a)(uid=*\"@example.org"),
              "(mail=\"a\\29\\28uid=\\2a\"@example.org)");
    EXPECT_EQ(expand_filter("(mail=%a)", "x@münchen.example"), "(mail=x@xn--mnchen-3ya.example)");
}

TEST(LdapFilter, APatternThatForgetsTheAddressIsRefused)
{
    EXPECT_EQ(store::unfit_filter("(mail=%a)"), "");
    EXPECT_NE(store::unfit_filter("(mail=*)"), "");
    EXPECT_NE(store::unfit_filter("(o=%d)"), "");
    EXPECT_NE(store::unfit_filter("(mail=%x%a)"), "");
    EXPECT_NE(store::unfit_filter("(mail=%a%"), "");
}

store::SourceSettings source(std::string uri)
{
    store::SourceSettings s;
    s.name = s.uri = std::move(uri);
    s.where = "conf:1";
    return s;
}

#ifdef HAVE_LIBLDAP
std::string ldap_error(const store::SourceSettings& s)
{
    const auto right = store::check_ldap(s);
    return right ? "" : right.error().text();
}

TEST(LdapServers, AreAskedWithTlsUnlessTheyAreThisMachine)
{
    using Tls = store::LdapServer::Tls;
    const auto first = [](const char* uri) { return must(store::ldap_servers(source(uri))).front(); };
    EXPECT_EQ(first("ldaps://ldap.example.org/dc=example").tls, Tls::always);
    EXPECT_EQ(first("ldap://ldap.example.org/dc=example").tls, Tls::start);
    EXPECT_EQ(first("ldap://192.0.2.1").tls, Tls::start);
    EXPECT_EQ(first("ldap://localhost.example.org").tls, Tls::start);
    for (const char* here :
         {"ldap://localhost", "ldap://127.0.0.1:3890/dc=x", "ldap://[::1]:3890/", "ldapi://%2Frun%2Fldapi/"})
        EXPECT_EQ(first(here).tls, Tls::none) << here;
    auto s = source("ldap://ldap.example.org/");
    s.starttls = false;
    EXPECT_NE(ldap_error(s).find("without TLS"), std::string::npos);
}

TEST(LdapServers, AreReadFromTheirWords)
{
    auto s = source("ldaps://a.example.org/ou=p%20q,dc=x  ldaps://[2001:db8::1]:6360");
    const auto servers = must(store::ldap_servers(s));
    ASSERT_EQ(servers.size(), 2U);
    EXPECT_EQ(servers[0].base, "ou=p q,dc=x");
    EXPECT_EQ(servers[0].port, 636U);
    EXPECT_EQ(servers[1].host, "2001:db8::1");
    EXPECT_EQ(servers[1].port, 6360U);
    EXPECT_EQ(servers[1].base, "ou=p q,dc=x") << "the first one's";
    EXPECT_EQ(must(store::ldap_servers(source("ldapi://%2Frun%2Fslapd%2Fldapi/dc=x")))[0].host,
              "/run/slapd/ldapi");
    for (const char* bad :
         {"ldap://", "ldap://host:0/", "ldap://host:99999/", "ldap://host:x/", "ldap://[::1/", "ldapi://run/",
          "ldap://h/dc=x?mail", "ldap://h/%zz", "ldap:h", "http://h/"})
        EXPECT_NE(ldap_error(source(bad)), "") << bad;
}

TEST(LdapServers, AFilterHasToBeOne)
{
    auto s = source("ldaps://h/dc=x");
    EXPECT_EQ(ldap_error(s), "");
    for (const char* bad : {"(mail=%a", "mail=%a)", "(&(mail=%a)", "(mail=*)", "((mail=%a))("}) {
        s.filter = bad;
        EXPECT_NE(ldap_error(s), "") << bad;
    }
    s.filter = "(&(objectClass=person)(|(mail=%a)(uid=%u)))";
    EXPECT_EQ(ldap_error(s), "");
    s.user = "cn=reader";
    EXPECT_NE(ldap_error(s).find("user without password"), std::string::npos);
}
#endif

// --- SMIMEA ---

TEST(SmimeaName, IsTheHashOfTheLocalPartUnderTheDomain)  // C09
{
    const std::string hugh =
        "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._smimecert.example.com";
    EXPECT_EQ(store::smimea_name("hugh@example.com"), hugh);
    EXPECT_EQ(store::smimea_name("hugh@EXAMPLE.com"), hugh);
    EXPECT_EQ(store::smimea_name("\"hugh\"@example.com"), hugh) << "without quotes";
    EXPECT_NE(store::smimea_name("Hugh@example.com"), hugh) << "as it is written";
    EXPECT_EQ(store::smimea_name("x@münchen.example")->substr(56), "._smimecert.xn--mnchen-3ya.example");
    EXPECT_FALSE(store::smimea_name("hugh"));
    EXPECT_FALSE(store::smimea_name("hugh@[192.0.2.1]"));
    std::string far = "hugh@";
    for (int i = 0; i < 60; ++i) far += "abc.";
    EXPECT_FALSE(store::smimea_name(far + "example")) << "no name is that long";
}

TEST(Smimea, OnlyWholeCertificatesAreGivenAndTheRestConfirms)  // C09
{
    const std::string der = pki().alice.certificate.der();
    store::SourceAnswer answer;
    store::take_smimea(
        {"\3\0\0"s + der, "\1\0\0"s + der, "\2\0\0"s + pki().sub.certificate.der(), "\0\0\0"s + der,
         "\3\1\0"s + "key", "\3\0\1"s + std::string(32, 'x'), "\3\0\1short"s, "\11\0\0x"s, ""},
        answer);
    ASSERT_EQ(answer.certificates.size(), 2U);
    EXPECT_TRUE(answer.certificates[0].vouched);
    EXPECT_FALSE(answer.certificates[1].vouched) << "usage 1 needs a path";
    EXPECT_EQ(answer.associations.size(), 6U);
    EXPECT_EQ(answer.remarks.size(), 6U);
}

#ifdef HAVE_LIBUNBOUND
TEST(Smimea, WithoutAKeyOfTheRootNothingIsAsked)
{
    const TemporaryDirectory d;
    auto s = source("smimea:");
    const auto error = [&] {
        const auto right = store::check_smimea(s);
        return right ? "" : right.error().text();
    };
    for (const char* content : {"", "; . IN DS 20326 8 2 E06D\n", ". IN NS a.root-servers.net.\n"}) {
        s.trust_anchor = d.put("anchor", content, 0644);
        EXPECT_NE(error().find("no DS or DNSKEY record"), std::string::npos) << content;
    }
    s.trust_anchor = d.put("anchor", ". IN DS 20326 8 2 nothing hexadecimal\n", 0644);
    EXPECT_NE(error(), "");
    s.trust_anchor = d / "missing";
    EXPECT_NE(error(), "");
    s.trust_anchor =
        d.put("anchor",
              ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n", 0644);
    EXPECT_EQ(error(), "");
    s.resolver = "dns.example.org";
    EXPECT_NE(error().find("neither an address"), std::string::npos);
    s.resolver = "127.0.0.1@5353, ::1";
    EXPECT_EQ(error(), "");
}
#endif

// --- PostgreSQL ---

#ifdef HAVE_LIBPQ
TEST(PostgresServers, AreReadFromTheUri)
{
    auto s = source("postgresql://gateway@db1.example.org:6432,db2.example.org/mail");
    const auto servers = must(store::postgres_servers(s));
    ASSERT_EQ(servers.hosts.size(), 2U);
    EXPECT_EQ(servers.hosts[0].name, "db1.example.org");
    EXPECT_EQ(servers.hosts[0].port, "6432");
    EXPECT_EQ(servers.hosts[1].port, "5432");
    EXPECT_EQ(servers.database, "mail");
    EXPECT_EQ(servers.user, "gateway");
    const auto local =
        must(store::postgres_servers(source("postgresql:///mail?host=/run/postgresql&user=g")));
    EXPECT_EQ(local.hosts[0].name, "/run/postgresql");
    for (const char* bad :
         {"postgresql://", "postgresql://h", "postgresql:///db", "postgresql://u:secret@h/db",
          "postgresql://u@h/db?sslmode=disable", "postgresql://u@h:x y/db", "postgresql://h/db"})
        EXPECT_FALSE(store::postgres_servers(source(bad))) << bad;
}
#endif

// --- patience ---

TEST(Connect, LoopbackIsWhatCannotLeaveThisMachine)
{
    for (const char* here : {"localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1"})
        EXPECT_TRUE(store::is_loopback(here)) << here;
    for (const char* away : {"localhost.example.org", "128.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1",
                             "127.0.0.1.example.org", ""})
        EXPECT_FALSE(store::is_loopback(away)) << away;
}

TEST(Connect, ARefusedPortIsAnErrorAtOnceAndNamesItself)
{
    unsigned port = 0;
    {
        const BlackHole gone;
        port = gone.port;
    }
    const auto began = Steady::now();
    const auto connected = store::connect_tcp("127.0.0.1", port, patience(5s));
    ASSERT_FALSE(connected);
    EXPECT_LT(Steady::now() - began, 2s);
    EXPECT_NE(connected.error().what.find("127.0.0.1"), std::string::npos);
}

TEST(Connect, NothingIsWaitedForWhenThePatienceIsOver)
{
    EXPECT_FALSE(store::connect_tcp("127.0.0.1", 1, patience(0ms)));
    EXPECT_FALSE(store::connect_tcp("localhost", 1, patience(5s, true)));
}

TEST(Leash, ALibraryThatWaitsForAServerComesBack)
{
    const BlackHole hole;
    const auto fd = must(store::connect_tcp("127.0.0.1", hole.port, patience(5s)));
    const auto began = Steady::now();
    char octet = 0;
    {
        const store::Leash leash(fd.get(), patience(200ms));
        while (::recv(fd.get(), &octet, 1, 0) < 0 && errno == EAGAIN)
            if (!store::wait_for(fd.get(), POLLIN, patience(5s))) break;
    }
    EXPECT_GE(Steady::now() - began, 150ms);
    EXPECT_LT(Steady::now() - began, 3s);
}

TEST(Leash, WhoIsFastIsNotHeldBack)
{
    const BlackHole hole;
    const auto fd = must(store::connect_tcp("127.0.0.1", hole.port, patience(5s)));
    const auto began = Steady::now();
    {
        const store::Leash leash(fd.get(), patience(10s));
    }
    EXPECT_LT(Steady::now() - began, 2s);
    EXPECT_EQ(::send(fd.get(), "x", 1, MSG_NOSIGNAL), 1) << "and the connection is still one";
}

TEST(Patience, IsSharedFairly)
{
    const auto whole = patience(3s);
    EXPECT_NEAR(static_cast<double>(store::share(whole, 3).left(10s).count()), 1000, 200);
    EXPECT_NEAR(static_cast<double>(store::share(whole, 1).left(10s).count()), 3000, 200);
}

}  // namespace
