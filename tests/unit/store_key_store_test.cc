// Signing identities from files: what loads, what is said about the rest.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "cms/container.h"
#include "store/key_cache.h"
#include "store/key_store.h"
#include "store_fixture.h"

namespace
{

using namespace fixture;
using namespace std::chrono_literals;
using base::Problem;
using store::KeySource;
using store::KeyStore;

struct Loaded {
    KeyStore keys;
    std::vector<Problem> problems;
};

const std::vector<cms::Certificate>& helpers()
{
    static const std::vector<cms::Certificate> h{pki().sub.certificate, pki().root.certificate};
    return h;
}

Loaded load(const std::vector<KeySource>& sources, const std::vector<cms::Certificate>& with = helpers())
{
    Loaded out;
    out.keys = KeyStore::load(sources, with, now, out.problems);
    return out;
}
Loaded load(const TemporaryDirectory& d, const std::string& password = {})
{
    return load({{"", d.path(), {password}, "smime-milter.conf:3"}});
}

std::string pkcs12(const cms::Identity& who, const char* password = "")
{
    return must(cms::make_pkcs12(*who.key, who.certificate, pki().chain, base::Secret(password)));
}
std::string key_pem(const cms::Identity& who) { return must(cms::to_pem(*who.key)); }
std::string pem(const cms::Identity& who) { return key_pem(who) + cms::to_pem(who.certificate); }

TEST(KeyStoreTest, LoadsADirectoryAndFindsByAddress)  // C04
{
    const TemporaryDirectory d;
    const auto alice = d.put("alice.p12", pkcs12(pki().alice));
    d.put("bob.pem", pem(pki().bob));
    d.put("README", "not a key");
    d.put(".hidden.pem", "neither");
    const auto [keys, problems] = load(d);
    EXPECT_EQ(text(problems), "");
    ASSERT_EQ(keys.all().size(), 2U);
    const auto found = keys.for_signing("ALICE@example.org", now);
    ASSERT_EQ(found.usable.size(), 1U);
    EXPECT_EQ(found.usable[0]->certificate, pki().alice.certificate);
    EXPECT_EQ(found.usable[0]->file, alice);
    EXPECT_EQ(found.usable[0]->name, "alice.p12");
    EXPECT_EQ(found.usable[0]->chain.get(), pki().chain) << "without the self-signed root";
    EXPECT_TRUE(found.rejected.empty());
    EXPECT_TRUE(keys.for_signing("nobody@example.org", now).usable.empty());
    EXPECT_TRUE(keys.for_signing("", now).usable.empty());
    EXPECT_TRUE(must(found.usable[0]->key->matches(pki().alice.certificate)));
}

TEST(KeyStoreTest, UpperCaseExtensionsCountToo)
{
    const TemporaryDirectory d;
    d.put("ALICE.PFX", pkcs12(pki().alice));
    EXPECT_EQ(load(d).keys.all().size(), 1U);
}

TEST(KeyStoreTest, KeyAndCertificateMayLieInFilesOfTheirOwn)
{
    const TemporaryDirectory d;
    d.put("alice.key.pem", key_pem(pki().alice));
    d.put("alice.crt.pem", cms::to_pem(pki().alice.certificate), 0644);  // a certificate is no secret
    d.put("zz.pem", key_pem(pki().bob));
    d.put("aa.pem", cms::to_pem(pki().bob.certificate));
    d.put("chain.pem", cms::to_pem(pki().sub.certificate) + cms::to_pem(pki().root.certificate));
    const auto [keys, problems] = load({{"", d.path(), {}, ""}}, {});
    EXPECT_EQ(text(problems), "");
    ASSERT_EQ(keys.all().size(), 2U);
    EXPECT_EQ(keys.all()[0].chain.get(), pki().chain);
}

TEST(KeyStoreTest, AKeyThatOneFileRetiresIsRetiredInAll)
{
    for (const char* name : {"aa.pem", "zz.pem"}) {
        const TemporaryDirectory d, other;
        d.put(name, pem(pki().alice));
        d.put("alice.retired.p12", pkcs12(pki().alice));
        d.put("bob.pem", pem(pki().bob));
        const auto named = other.put("named.pem", pem(pki().alice));
        const auto [keys, problems] = load({{"", d.path(), {}, "c:1"}, {"boss", named, {}, "c:5"}});
        EXPECT_TRUE(keys.for_signing("alice@example.org", now).usable.empty()) << name;
        EXPECT_TRUE(keys.named("boss", now).usable.empty());
        EXPECT_EQ(keys.for_signing("bob@example.org", now).usable.size(), 1U);
        EXPECT_NE(text(problems).find(named + ": warning: it will not be used for signing: its key is "
                                              "retired by "),
                  std::string::npos)
            << text(problems);
        ASSERT_EQ(keys.all().size(), 3U);
        const auto& alice =
            keys.all()[0].certificate == pki().alice.certificate ? keys.all()[0] : keys.all()[1];
        EXPECT_EQ(alice.more_key_files.size(), 1U) << "both files are known";
        EXPECT_EQ(alice.more_certificate_files.size(), 1U);
    }
}

TEST(KeyStoreTest, ACertificateIsSaidToLieWhereItsOwnFileIs)
{
    const TemporaryDirectory d;
    const auto first = pki().leaf("Alice");
    const cms::Identity again{altered(first.certificate, pki().sub,
                                      [](X509* x) { ASN1_INTEGER_set(X509_get_serialNumber(x), 4711); }),
                              first.key};
    d.put("a.pem", pem(first));
    const auto file = d.put("b.pem", pem(again));
    const auto [keys, problems] = load(d);
    ASSERT_EQ(keys.all().size(), 2U) << text(problems);
    for (const auto& identity : keys.all()) {
        EXPECT_EQ(identity.file, identity.certificate_file);
        EXPECT_EQ(identity.file == file, identity.certificate == again.certificate);
    }
}

TEST(KeyStoreTest, NewestValidCertificateComesFirst)  // P10
{
    const TemporaryDirectory d;
    const auto made = [&](const char* name, base::Time from, base::Time to, const char* eku = "") {
        const auto who = pki().leaf(name, [&](auto& r) {
            r.not_before = from;
            r.not_after = to;
            r.extended_key_usage = eku;
        });
        d.put(name + ".pem"s, pem(who));
        return who.certificate;
    };
    const auto older = made("older", start, end), newer = made("newer", start + 24h, end);
    const auto expired = made("expired", start, now - 24h), future = made("future", now + 24h, end);
    const auto server = made("server", start + 48h, end, "serverAuth");
    const auto [keys, problems] = load(d);
    EXPECT_EQ(errors(problems), 0U);
    EXPECT_EQ(problems.size(), 3U) << text(problems);
    auto found = keys.for_signing("alice@example.org", now);
    ASSERT_EQ(found.usable.size(), 2U);
    EXPECT_EQ(found.usable[0]->certificate, newer);
    EXPECT_EQ(found.usable[1]->certificate, older);
    std::sort(found.rejected.begin(), found.rejected.end());
    std::vector<std::string> wanted{
        "serial " + expired.serial() + ": expired 2026-05-31",
        "serial " + future.serial() + ": not valid before 2026-06-02",
        "serial " + server.serial() + ": its extended key usage does not allow e-mail"};
    std::sort(wanted.begin(), wanted.end());
    EXPECT_EQ(found.rejected, wanted);
    // Later the roll-over happens by itself.
    EXPECT_EQ(keys.for_signing("alice@example.org", now + 48h).usable.at(0)->certificate, future);
}

TEST(KeyStoreTest, ANewCertificateWaitsForItsActivationWhileAnOlderOneServes)  // C11
{
    const TemporaryDirectory d;
    const auto made = [&](const char* name, base::Time from, base::Time to) {
        const auto who = pki().leaf(name, [&](auto& r) {
            r.not_before = from;
            r.not_after = to;
        });
        d.put(name + ".pem"s, pem(who));
        return who.certificate;
    };
    const auto older = made("older", start, now + 72h), newer = made("newer", now - 1h, end);
    store::KeySource source{"", d.path(), {}, "c:1"};
    source.activation_delay = 24;
    const auto keys = load({source}).keys;
    const auto first = [&](base::Time t) {
        return keys.for_signing("alice@example.org", t).usable.at(0)->certificate;
    };
    EXPECT_EQ(keys.for_signing("alice@example.org", now).usable.size(), 2U);
    EXPECT_EQ(first(now), older);
    EXPECT_EQ(first(now + 22h), older);
    EXPECT_EQ(first(now + 23h), newer);
    EXPECT_EQ(first(now + 96h), newer) << "the older one has expired";
    // Alone it signs at once.
    const TemporaryDirectory alone;
    alone.put("newer.pem", pem(pki().leaf("Newer", [](auto& r) { r.not_before = now - 1h; })));
    source.path = alone.path();
    EXPECT_EQ(load({source}).keys.for_signing("alice@example.org", now).usable.size(), 1U);
    // Mail to it is decrypted from the first hour.
    EXPECT_EQ(must(keys.find("alice@example.org", now, store::Purpose::decrypt)).size(), 2U);
}

TEST(KeyStoreTest, NamedFilesAreKeptApartFromTheDirectory)
{
    const TemporaryDirectory d;
    d.put("md.p12", pkcs12(pki().bob, "secret"));
    d.put("alice.pem", pem(pki().alice));
    const auto password = d.put("md.password", "secret\n");
    const auto [keys, problems] =
        load({{"", d.path(), {}, "c:1"},
              {"managing-director", d.path() + "/./md.p12", {"file:" + password}, "c:5"}});
    EXPECT_EQ(text(problems), "");
    ASSERT_EQ(keys.all().size(), 2U);
    EXPECT_TRUE(keys.has_name("managing-director"));
    EXPECT_FALSE(keys.has_name("nobody"));
    ASSERT_EQ(keys.named("managing-director", now).usable.size(), 1U);
    EXPECT_EQ(keys.named("managing-director", now).usable[0]->certificate, pki().bob.certificate);
    EXPECT_TRUE(keys.named("nobody", now).usable.empty());
    EXPECT_EQ(keys.for_signing("bob@example.org", now).usable.size(), 1U);
}

TEST(KeyStoreTest, EachBadFileIsAProblemOfItsOwnAndTheRestLoads)  // C03
{
    const TemporaryDirectory d;
    d.put("good.pem", pem(pki().alice));
    d.put("empty.p12", "");
    d.put("junk.pfx", "junk");
    d.put("open.pem", pem(pki().bob), 0644);
    d.put("locked.p12", pkcs12(pki().bob, "secret"));
    d.put("lonely.pem", key_pem(pki().leaf("Lonely")));
    d.put("orphan.pem", cms::to_pem(pki().leaf("Orphan").certificate));
    d.put("mixed.pem", key_pem(pki().leaf("One")) + cms::to_pem(pki().leaf("Other").certificate));
    const auto [keys, problems] = load(d);
    EXPECT_EQ(keys.all().size(), 1U);
    EXPECT_EQ(errors(problems), 7U) << text(problems);
    const std::string all = text(problems);
    for (const std::string& line :
         {(d / "empty.p12") + ": error: empty file; export it again; smimectl cert check " +
              (d / "empty.p12") + " tells more\n",
          (d / "junk.pfx") +
              ": error: neither PEM nor a PKCS#12, PKCS#7, certificate, CRL or key in DER; export it again; "
              "smimectl cert check " +
              (d / "junk.pfx") + " tells more\n",
          (d / "open.pem") + ": error: mode 0644: readable by others; run: chmod 640 " + (d / "open.pem") +
              "\n",
          (d / "locked.p12") +
              ": error: encrypted, and no password was given; its password belongs into a file "
              "that password = file:PATH names in [keys] at smime-milter.conf:3, or into " +
              (d / "locked.p12") + ".password\n",
          (d / "lonely.pem") +
              ": error: a private key without its certificate; put the certificate into the same file "
              "or beside it as " +
              (d / "lonely") + ".crt.pem\n",
          (d / "orphan.pem") +
              ": error: a certificate without its private key: CN=Orphan; add the key, or remove the "
              "certificate from here\n",
          (d / "mixed.pem") +
              ": error: the private key does not belong to the certificate in it (CN=Other); export key "
              "and certificate together again\n"})
        EXPECT_NE(all.find(line), std::string::npos) << line << "not in\n" << all;
}

TEST(KeyStoreTest, OneBadFileAmongAThousandGoodOnes)
{
    const TemporaryDirectory d;
    for (int i = 0; i < 1000; ++i)
        d.put("user" + std::to_string(i) + ".pem", pem(pki().leaf("User", [&](auto& r) {
                  r.addresses = {"user" + std::to_string(i) + "@example.org"};
              })));
    const auto bad = d.put("user500.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    const auto [keys, problems] = load(d);
    EXPECT_EQ(keys.all().size(), 999U);
    ASSERT_EQ(problems.size(), 1U) << text(problems);
    EXPECT_EQ(problems[0].error.where, bad);
    EXPECT_EQ(keys.for_signing("user999@example.org", now).usable.size(), 1U);
    EXPECT_TRUE(keys.for_signing("user999@example.org", now).usable[0]->key->native());
    EXPECT_TRUE(keys.for_signing("user500@example.org", now).usable.empty());
}

TEST(KeyStoreTest, MismatchAcrossFilesOfOneNameIsNamed)
{
    const TemporaryDirectory d;
    d.put("alice.key.pem", key_pem(pki().alice));
    const auto certificate = d.put("alice.crt.pem", cms::to_pem(pki().bob.certificate));
    const auto [keys, problems] = load(d);
    ASSERT_EQ(problems.size(), 1U) << text(problems);
    EXPECT_NE(text(problems).find("does not belong to the certificate in " + certificate), std::string::npos);
}

TEST(KeyStoreTest, WrongPasswordNamesTheFileAndNotThePassword)
{
    const TemporaryDirectory d;
    d.put("alice.p12", pkcs12(pki().alice, "correct horse"));
    const auto password = d.put("password", "battery staple\n", 0640);
    const auto [keys, problems] = load(d, "file:" + password);
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(text(problems), (d / "alice.p12") + ": error: wrong password; check the password in file:" +
                                  password + " (its first line); if this file has another one, write it to " +
                                  (d / "alice.p12") + ".password\n");
    d.put("password", "\n", 0640);
    EXPECT_EQ(text(load(d, "file:" + password).problems),
              (d / "alice.p12") + ": error: the password file is empty: file:" + password +
                  "; write the password into it, as its only line\n");
    EXPECT_NE(text(load(d).problems)
                  .find("its password belongs into a file that password = file:PATH names in [keys] at "
                        "smime-milter.conf:3, or into " +
                        (d / "alice.p12") + ".password"),
              std::string::npos);
}

TEST(KeyStoreTest, AFileMayHaveAPasswordOfItsOwn)
{
    const TemporaryDirectory d, elsewhere;
    const std::string common = "file:" + elsewhere.put("password", "common\n");
    d.put("alice.p12", pkcs12(pki().alice, "common"));
    d.put("bob.p12", pkcs12(pki().bob, "bobs"));
    EXPECT_EQ(errors(load(d, common).problems), 1U);
    const auto word = d.put("bob.p12.password", "bobs\n");
    const auto [keys, problems] = load(d, common);
    EXPECT_EQ(errors(problems), 0U) << text(problems);
    EXPECT_EQ(keys.all().size(), 2U);
    for (const auto& i : keys.all()) EXPECT_TRUE(i.key->native());
    d.put("bob.p12.password", "wrong\n");
    EXPECT_NE(text(load(d, common).problems).find("wrong password; check the password in " + word),
              std::string::npos);
    d.put("bob.p12.password", "bobs\n", 0644);
    EXPECT_NE(text(load(d, common).problems).find(word + ": error: mode 0644: readable by others"),
              std::string::npos);
}

TEST(KeyStoreTest, UnreadablePasswordIsSaidOnceAndOpenFilesLoad)
{
    const TemporaryDirectory d;
    d.put("alice.pem", pem(pki().alice));
    const auto [keys, problems] = load(d, "file:" + (d / "missing"));
    EXPECT_EQ(keys.all().size(), 1U);
    ASSERT_EQ(problems.size(), 1U) << text(problems);
    EXPECT_EQ(problems[0].severity, base::Severity::error);
}

TEST(KeyStoreTest, AFileThatDoesNotOpenIsTheOnlyOneBlamed)
{
    const TemporaryDirectory d;
    d.put("alice.p12", pkcs12(pki().alice, "secret"));
    d.put("bob.key.pem", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n");
    d.put("bob.crt.pem", cms::to_pem(pki().bob.certificate), 0644);
    const auto missing = load(d, "file:" + (d / "missing"));
    ASSERT_EQ(missing.problems.size(), 2U) << text(missing.problems);
    EXPECT_EQ(missing.problems[0].error.where, d / "missing");
    EXPECT_NE(missing.problems[0].error.remedy, "");
    EXPECT_EQ(missing.problems[1].error.where, d / "bob.key.pem");
}

TEST(KeyStoreTest, EveryProblemHasARemedy)
{
    const TemporaryDirectory d;
    d.put("empty.p12", "");
    d.put("junk.pfx", "junk");
    d.put("nul.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    d.put("old.pem", pem(pki().leaf("Old", [](auto& r) { r.not_after = now - 1h; })));
    d.put("soon.pem", pem(pki().leaf("Soon", [](auto& r) { r.not_before = now + 1h; })));
    d.put("nobody.pem", pem(must(cms::issue(request("Nobody"), &pki().sub))));
    auto all = load(d).problems;
    for (const auto& more :
         {load({{"", d / "nowhere", {}, "c:1"}}), load({{"x", d / "nothing.p12", {}, "c:2"}})})
        all.insert(all.end(), more.problems.begin(), more.problems.end());
    EXPECT_EQ(all.size(), 8U) << text(all);
    for (const auto& p : all) EXPECT_NE(p.error.remedy, "") << p.text();
    EXPECT_NE(text(all).find("install -d -m 0750 -g smime-milter " + (d / "nowhere")), std::string::npos)
        << text(all);
    EXPECT_NE(text(all).find("wait for that day, or check the clock"), std::string::npos);
    EXPECT_NE(text(all).find("allow_mismatch = yes"), std::string::npos);
}

TEST(KeyStoreTest, ExpiredLoadsWithAWarning)
{
    const TemporaryDirectory d;
    const auto old = pki().leaf("Old", [](auto& r) { r.not_after = now - 1h; });
    d.put("old.pem", pem(old));
    const auto [keys, problems] = load(d);
    EXPECT_EQ(keys.all().size(), 1U) << "for decryption it stays useful";
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0].severity, base::Severity::warning);
    EXPECT_NE(text(problems).find("expired 2026-05-31; it will not be used for signing"), std::string::npos);
}

TEST(KeyStoreTest, MissingIntermediateIsAWarning)
{
    const TemporaryDirectory d;
    d.put("alice.pem", pem(pki().alice));
    const auto [keys, problems] = load({{"", d.path(), {}, ""}}, {});
    ASSERT_EQ(keys.all().size(), 1U);
    ASSERT_EQ(problems.size(), 1U) << text(problems);
    EXPECT_EQ(problems[0].severity, base::Severity::warning);
    EXPECT_NE(text(problems).find("the certificate of its issuer is not here: CN=Test Sub CA"),
              std::string::npos);
}

TEST(KeyStoreTest, KeysThatCannotSignAreRefused)  // S57, C03
{
    const TemporaryDirectory d;
    d.put("weak.pem", pem(pki().leaf("Weak", [](auto& r) {
              r.ec = false;
              r.rsa_bits = 1024;
          })));
    const auto [keys, problems] = load(d);
    EXPECT_TRUE(keys.all().empty());
    ASSERT_EQ(errors(problems), 1U);
    EXPECT_NE(text(problems).find("weak.pem: error: CN=Weak: RSA 1024 cannot sign here: too short"),
              std::string::npos);
}

TEST(KeyStoreTest, CertificateWithoutAddressServesByNameOnly)
{
    const TemporaryDirectory d;
    const auto gateway = must(cms::issue(request("Gateway"), &pki().sub));
    const auto file = d.put("gateway.pem", pem(gateway));
    EXPECT_EQ(load(d).problems.size(), 1U);
    const auto [keys, problems] = load({{"gateway", file, {}, ""}});
    EXPECT_EQ(text(problems), "");
    EXPECT_EQ(keys.named("gateway", now).usable.size(), 1U);
}

TEST(KeyStoreTest, AuthoritiesAreNoSigners)
{
    const TemporaryDirectory d;
    auto r = ca_request("Own CA");
    r.addresses = {"ca@example.org"};
    d.put("ca.pem", pem(must(cms::issue(r, nullptr))));
    const auto [keys, problems] = load(d);
    EXPECT_EQ(problems.size(), 1U) << text(problems);
    EXPECT_TRUE(keys.for_signing("ca@example.org", now).usable.empty());
}

TEST(KeyStoreTest, EmptyAndMissingDirectoriesAreTwoThings)
{
    const TemporaryDirectory d;
    const auto none = load(d);
    ASSERT_EQ(none.problems.size(), 1U);
    EXPECT_EQ(none.problems[0].severity, base::Severity::warning);
    const auto missing = load({{"", d / "nowhere", {}, ""}});
    ASSERT_EQ(missing.problems.size(), 1U);
    EXPECT_EQ(missing.problems[0].severity, base::Severity::error);
    EXPECT_TRUE(missing.keys.all().empty());
}

TEST(KeyStoreTest, ACopyOfAFileIsNotASecondIdentity)
{
    const TemporaryDirectory d;
    d.put("a.pem", pem(pki().alice));
    d.put("b.p12", pkcs12(pki().alice));
    const auto [keys, problems] = load(d);
    EXPECT_EQ(text(problems), "");
    EXPECT_EQ(keys.for_signing("alice@example.org", now).usable.size(), 1U);
}

TEST(KeyStoreTest, StaysValidWhenMoved)
{
    const TemporaryDirectory d;
    d.put("a.pem", pem(pki().alice));
    auto loaded = load(d);
    const auto* before = loaded.keys.for_signing("alice@example.org", now).usable.at(0);
    const KeyStore moved = std::move(loaded.keys);
    EXPECT_EQ(moved.for_signing("alice@example.org", now).usable.at(0), before);
}

// --- passwords ---

TEST(Password, ComesFromAFileWithoutItsLastLineEnd)
{
    const TemporaryDirectory d;
    const auto read = [&](std::string_view octets) {
        const auto p = must(store::read_password({"file:" + d.put("p", octets)}));
        return p ? p->reveal() : "none";
    };
    EXPECT_EQ(read("secret"), "secret");
    EXPECT_EQ(read("secret\n"), "secret");
    EXPECT_EQ(read("secret\r\n"), "secret");
    EXPECT_EQ(read("secret \n\n"), "secret \n");
    EXPECT_EQ(read(""), "");
    EXPECT_FALSE(must(store::read_password({""})));
}

TEST(Password, ReadableByOthersIsRefused)
{
    const TemporaryDirectory d;
    const auto r = store::read_password({"file:" + d.put("p", "secret", 0644)});
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code, base::Code::permission);
    EXPECT_EQ(r.error().text().find("secret\n"), std::string::npos);
}

TEST(Password, ComesFromACredentialOfTheUnit)
{
    const TemporaryDirectory d;
    d.put("keys", "from systemd\n", 0400);
    ASSERT_EQ(setenv("CREDENTIALS_DIRECTORY", d.path().c_str(), 1), 0);
    EXPECT_EQ(must(store::read_password({"credential:keys"}))->reveal(), "from systemd");
    EXPECT_FALSE(store::read_password({"credential:other"}));
    EXPECT_FALSE(store::read_password({"credential:../keys"}));
    EXPECT_FALSE(store::read_password({"credential:"}));
    unsetenv("CREDENTIALS_DIRECTORY");
    const auto r = store::read_password({"credential:keys"});
    ASSERT_FALSE(r);
    EXPECT_NE(r.error().remedy.find("LoadCredential=keys:"), std::string::npos);
}

TEST(Password, IsNeverTheConfigurationsOwnText)
{
    const auto r = store::read_password({"hunter2"});
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().text().find("hunter2"), std::string::npos);
    EXPECT_FALSE(store::read_password({"file:"}));
}

TEST(KeyStoreTest, TheKeysOfASmallSiteStayOpen)
{
    const TemporaryDirectory d;
    const auto file = d.put("alice.p12", pkcs12(pki().alice));
    const auto keys = load(d).keys;
    std::filesystem::remove(file);
    EXPECT_TRUE(keys.all()[0].key->native());
}

TEST(KeyCacheTest, HoldsTheLatestAndRemembersNoFailure)
{
    store::KeyCache cache(2);
    int opened = 0;
    const auto get = [&](const char* name) {
        return cache.get(name, [&] {
            ++opened;
            return pki().alice.key->native();
        });
    };
    for (const char* name : {"a", "b", "a", "c", "a"}) EXPECT_TRUE(get(name));
    EXPECT_EQ(opened, 3);
    EXPECT_EQ(cache.size(), 2U);
    EXPECT_TRUE(get("b"));
    EXPECT_EQ(opened, 4) << "given up for c";
    const auto fails = [] { return base::Result<cms::NativeKey>(base::fail(base::Code::io, "f", "no")); };
    EXPECT_FALSE(cache.get("d", fails));
    EXPECT_TRUE(get("d"));
}

// --- the index ---

struct Indexed {
    const TemporaryDirectory& d;
    std::string file = d / "../" + std::filesystem::path(d.path()).filename().string() + ".index";
    std::string password = {};

    explicit Indexed(const TemporaryDirectory& directory) : d(directory) {}
    Indexed(const Indexed&) = delete;
    Indexed& operator=(const Indexed&) = delete;
    ~Indexed() { std::filesystem::remove(file); }

    Loaded load() const
    {
        Loaded out;
        auto index = store::KeyIndex::read(file, 0);
        out.keys = KeyStore::load({{"", d.path(), {password}, "c:3"}}, helpers(), now, out.problems, &index);
        EXPECT_TRUE(index.write());
        return out;
    }
    [[nodiscard]] bool knows(const std::string& path) const
    {
        auto index = store::KeyIndex::read(file, 0);
        const auto stamp = base::stamp_of(path);
        return stamp && index.find(path, *stamp) != nullptr;
    }
};

std::string all_of(const KeyStore& keys)
{
    std::string out;
    for (const auto& i : keys.all()) {
        const auto& c = i.certificate;
        out += i.name + " " + c.subject() + " " + c.serial() + " " + c.addresses().front() + " " +
               base::iso8601(c.not_after()) + " " + cms::describe_key(c) + " " + c.key_fingerprint() + " " +
               std::to_string(i.chain.get().size()) + (c.usage_allows_encryption() ? " e" : "") +
               (i.key->matches(c).value_or(false) ? " matches\n" : "\n");
    }
    return out;
}

TEST(KeyIndexTest, WhatItRemembersIsWhatTheFilesHold)
{
    const TemporaryDirectory d;
    const Indexed indexed(d);
    const auto alice = d.put("alice.p12", pkcs12(pki().alice));
    d.put("bob.key.pem", key_pem(pki().bob));
    d.put("bob.crt.pem", cms::to_pem(pki().bob.certificate), 0644);
    d.put("zoe.pem", pem(alice_rsa()));
    const auto first = indexed.load();
    EXPECT_EQ(errors(first.problems), 0U) << text(first.problems);
    EXPECT_TRUE(indexed.knows(alice));
    const auto second = indexed.load();
    EXPECT_EQ(text(second.problems), text(first.problems));
    EXPECT_EQ(all_of(second.keys), all_of(first.keys));
    EXPECT_EQ(second.keys.for_signing("alice@example.org", now).usable.size(), 2U);
    EXPECT_EQ(all_of(load(d).keys), all_of(first.keys)) << "without an index";
}

TEST(KeyIndexTest, PrivateKeysAreOpenedWhenTheyAreUsed)
{
    const TemporaryDirectory d;
    const Indexed indexed(d);
    const auto file = d.put("alice.p12", pkcs12(pki().alice));
    const auto keys = indexed.load().keys;
    const auto& key = keys.all()[0].key;
    ASSERT_TRUE(key->native());
    const auto others = indexed.load().keys;
    std::filesystem::remove(file);
    EXPECT_TRUE(key->native()) << "in use already";
    const auto gone = others.all()[0].key->native();
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().where, file);
    d.put("alice.p12", pkcs12(pki().bob));
    EXPECT_NE(others.all()[0].key->native().error().what.find("no longer holds the key"), std::string::npos);
    d.put("alice.p12", pkcs12(pki().alice));
    EXPECT_TRUE(others.all()[0].key->native()) << "a repaired file works";
}

TEST(KeyIndexTest, AChangedFileIsOpenedAgain)
{
    const TemporaryDirectory d;
    const Indexed indexed(d);
    const auto file = d.put("alice.p12", pkcs12(pki().alice));
    (void)indexed.load();
    d.put("alice.p12", pkcs12(pki().bob));
    EXPECT_FALSE(indexed.knows(file));
    EXPECT_EQ(indexed.load().keys.all()[0].certificate, pki().bob.certificate);
    EXPECT_TRUE(indexed.knows(file));
    // It holds certificates, but the modes of keys are looked at every time.
    chmod(file.c_str(), 0644);
    EXPECT_EQ(errors(indexed.load().problems), 1U);
    std::filesystem::remove(file);
    (void)indexed.load();
    d.put("alice.p12", pkcs12(pki().bob));
    EXPECT_FALSE(indexed.knows(file)) << "what is gone is forgotten";
}

TEST(KeyIndexTest, AWrongPasswordIsNoticedAllTheSame)
{
    const TemporaryDirectory d;
    Indexed indexed(d);
    d.put("alice.p12", pkcs12(pki().alice, "right"));
    d.put("bob.p12", pkcs12(pki().bob, "right"));
    const TemporaryDirectory elsewhere;
    indexed.password = "file:" + elsewhere.put("password", "right\n");
    EXPECT_EQ(errors(indexed.load().problems), 0U);
    EXPECT_EQ(errors(indexed.load().problems), 0U);
    elsewhere.put("password", "wrong\n");
    EXPECT_EQ(errors(indexed.load().problems), 2U);
}

TEST(KeyIndexTest, DamageAndStrangersAreIgnored)
{
    const TemporaryDirectory d;
    const Indexed indexed(d);
    const auto file = d.put("alice.p12", pkcs12(pki().alice));
    (void)indexed.load();
    const auto content = must(base::read_file(indexed.file, 1U << 20));
    const auto knows = [&](const std::string& octets, unsigned mode = 0600) {
        std::ofstream(indexed.file, std::ios::binary) << octets;
        chmod(indexed.file.c_str(), mode);
        return indexed.knows(file);
    };
    EXPECT_TRUE(knows(content));
    EXPECT_FALSE(knows(content, 0660));
    EXPECT_FALSE(knows(content, 0602));
    EXPECT_FALSE(knows(""));
    EXPECT_FALSE(knows(content.substr(0, 40)));
    EXPECT_FALSE(knows(content.substr(0, content.size() - 1)));
    for (std::size_t at : {std::size_t(3), content.size() / 2, content.size() - 2}) {
        auto damaged = content;
        damaged[at] = static_cast<char>(damaged[at] ^ 1);
        EXPECT_FALSE(knows(damaged)) << at;
    }
    EXPECT_EQ(indexed.load().keys.all().size(), 1U);
}

}  // namespace
