// Certification paths: anchors, constraints, revocation.
#include <gtest/gtest.h>

#include <chrono>

#include "cms_fixture.h"

namespace
{

using namespace fixture;
using namespace std::chrono_literals;
using cms::CrlMode;
using cms::Finding;

std::string words(const cms::PathResult& r)
{
    if (r.findings.empty()) return "valid";
    std::string out;
    for (const Finding f : r.findings.list()) out += (out.empty() ? "" : " ") + std::string(cms::word(f));
    return out;
}

cms::PathOptions path_at(base::Time t = now)
{
    cms::PathOptions o;
    o.at = t;
    return o;
}

std::string judged(const cms::Certificate& leaf, const std::vector<cms::Certificate>& untrusted,
                   const cms::Trust& trust = pki().trust, const cms::PathOptions& o = path_at())
{
    return words(trust.validate(leaf, untrusted, o));
}

cms::Trust trusting(const cms::Certificate& anchor, std::vector<cms::Certificate> helpers = {},
                    std::vector<std::string> crls = {})
{
    return must(cms::Trust::make({{anchor}, std::move(helpers), std::move(crls)}));
}

TEST(Path, GoesFromLeafToAnchor)
{
    const auto r = pki().trust.validate(pki().alice.certificate, pki().chain, path_at());
    EXPECT_EQ(words(r), "valid");
    EXPECT_TRUE(r.comments.empty());
    EXPECT_EQ(r.path, (std::vector{pki().alice.certificate, pki().sub.certificate, pki().root.certificate}));
}

TEST(Path, MissingIntermediateComesFromTheMessageOrTheStore)  // V45
{
    EXPECT_EQ(judged(pki().alice.certificate, {}), "untrusted");
    EXPECT_EQ(judged(pki().alice.certificate, pki().chain), "valid");
    EXPECT_EQ(judged(pki().alice.certificate, {}, trusting(pki().root.certificate, pki().chain)), "valid");
}

TEST(Path, WithoutAnchorsNothingIsValid)  // V36
{
    const cms::Trust nothing;
    EXPECT_TRUE(nothing.empty());
    EXPECT_EQ(judged(pki().alice.certificate, {pki().sub.certificate, pki().root.certificate}, nothing),
              "untrusted");
    EXPECT_EQ(judged(pki().root.certificate, {}, nothing), "untrusted");
    // Helpers are not anchors, self-signed or not.
    const auto helpers = must(cms::Trust::make({{}, {pki().root.certificate, pki().sub.certificate}, {}}));
    EXPECT_EQ(judged(pki().alice.certificate, {}, helpers), "untrusted");
}

TEST(Path, RootInTheMessageIsNoAnchor)  // V36
{
    const auto stranger = must(cms::issue(ca_request("Stranger"), nullptr));
    const auto leaf = must(cms::issue(request("Eve", {"eve@example.org"}), &stranger));
    EXPECT_EQ(judged(leaf.certificate, {stranger.certificate}), "untrusted");
}

TEST(Path, IntermediateMayBeAnAnchor)
{
    EXPECT_EQ(judged(pki().alice.certificate, {}, trusting(pki().sub.certificate)), "valid");
    EXPECT_EQ(judged(pki().alice.certificate, {}, trusting(pki().alice.certificate)), "valid");
}

TEST(Path, HelperOfTheStoreWinsOverOneOfTheMessage)
{
    // The same CA, cross-certified by a root nobody knows, comes with the message.
    const auto stranger = must(cms::issue(ca_request("Stranger"), nullptr));
    const auto cross = altered(pki().sub.certificate, stranger, [&](X509* x) {
        X509_set_issuer_name(x, X509_get_subject_name(stranger.certificate.native()));
        const int aki = X509_get_ext_by_NID(x, NID_authority_key_identifier, -1);
        X509_EXTENSION_free(X509_delete_ext(x, aki));
    });
    EXPECT_EQ(judged(pki().alice.certificate, {cross}, trusting(pki().root.certificate, pki().chain)),
              "valid");
}

TEST(Path, ValidityIsThatOfEveryCertificate)  // V38
{
    EXPECT_EQ(judged(pki().alice.certificate, pki().chain, pki().trust, path_at(end + 1s)), "expired");
    EXPECT_EQ(judged(pki().alice.certificate, pki().chain, pki().trust, path_at(start - 1s)),
              "not-yet-valid");
    EXPECT_EQ(judged(pki().alice.certificate, pki().chain, pki().trust, path_at(start)), "valid");
    auto r = ca_request("Old CA");
    r.not_after = now - 24h;
    const auto old = must(cms::issue(r, &pki().root));
    const auto leaf = must(cms::issue(request("Alice"), &old));
    EXPECT_EQ(judged(leaf.certificate, {old.certificate}), "expired");
}

TEST(Path, IssuerMustBeAnAuthority)
{
    const auto leaf = must(cms::issue(request("Mallory", {"m@example.org"}), &pki().alice));
    const auto found = judged(leaf.certificate, {pki().alice.certificate, pki().sub.certificate});
    EXPECT_NE(found, "valid");
    // With the key usage out of the way the basic constraints still say no.
    const auto loose = pki().leaf("No KU", [](auto& r) { r.key_usage = "none"; });
    const auto second = must(cms::issue(request("Mallory", {"m@example.org"}), &loose));
    EXPECT_EQ(judged(second.certificate, {loose.certificate, pki().sub.certificate}), "path-invalid");
}

TEST(Path, LengthConstraintAndDepthAreKept)
{
    auto sub_ca = must(cms::issue(ca_request("Sub Sub"), &pki().sub));
    const auto short_sub = altered(pki().sub.certificate, pki().root, [](X509* x) {
        X509_EXTENSION_free(X509_delete_ext(x, X509_get_ext_by_NID(x, NID_basic_constraints, -1)));
        add_extension(x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    });
    const auto leaf = must(cms::issue(request("Alice"), &sub_ca));
    EXPECT_EQ(judged(leaf.certificate, {sub_ca.certificate, pki().sub.certificate}), "valid");
    EXPECT_EQ(judged(leaf.certificate, {sub_ca.certificate, short_sub}), "path-invalid");

    std::vector<cms::Certificate> deep;
    cms::Identity last = pki().root;
    for (int i = 0; i < 12; ++i) {
        last = must(cms::issue(ca_request("Level " + std::to_string(i)), &last));
        deep.push_back(last.certificate);
    }
    const auto bottom = must(cms::issue(request("Alice"), &last));
    EXPECT_NE(judged(bottom.certificate, deep), "valid");
}

TEST(Path, NameConstraintsHoldForMailAddresses)  // V45
{
    const auto constrained = altered(pki().sub.certificate, pki().root, [](X509* x) {
        add_extension(x, NID_name_constraints, "critical,permitted;email:example.org");
    });
    const auto outside = pki().leaf("Out", [](auto& r) { r.addresses = {"alice@example.com"}; });
    const auto both = pki().leaf("Both", [](auto& r) { r.addresses = {"a@example.org", "a@example.com"}; });
    EXPECT_EQ(judged(pki().alice.certificate, {constrained}), "valid");
    EXPECT_EQ(judged(outside.certificate, {constrained}), "path-invalid");
    EXPECT_EQ(judged(both.certificate, {constrained}), "path-invalid");
    const auto excluded = altered(pki().sub.certificate, pki().root, [](X509* x) {
        add_extension(x, NID_name_constraints, "critical,excluded;email:example.org");
    });
    EXPECT_EQ(judged(pki().alice.certificate, {excluded}), "path-invalid");
}

TEST(Path, UnknownCriticalExtensionIsInvalid)  // C13
{
    const auto odd = altered(pki().alice.certificate, pki().sub,
                             [](X509* x) { add_extension_der(x, "1.2.3.4.5.6", true, "\x05\0"sv); });
    EXPECT_TRUE(odd.unknown_critical_extension());
    EXPECT_EQ(judged(odd, pki().chain), "path-invalid");
}

TEST(Path, ForgedIssuerSignatureIsInvalid)
{
    // The issuer's name, but another key's signature.
    const auto forged = altered(pki().alice.certificate, pki().bob, [](X509*) {});
    EXPECT_EQ(judged(forged, pki().chain), "path-invalid");
}

TEST(Path, IssuerForOtherPurposesMayNotIssueForMail)
{
    auto r = ca_request("Server CA");
    r.extended_key_usage = "serverAuth";
    const auto servers = must(cms::issue(r, &pki().root));
    const auto leaf = must(cms::issue(request("Alice", {"alice@example.org"}), &servers));
    EXPECT_EQ(judged(leaf.certificate, {servers.certificate}), "extended-key-usage");
    EXPECT_EQ(judged(leaf.certificate, {}, trusting(servers.certificate)), "valid")
        << "an anchor is taken as it is";
}

TEST(Path, WeakKeysAndDigestsInThePathCount)
{
    auto r = ca_request("Weak CA");
    r.ec = false;
    r.rsa_bits = 1024;
    const auto weak = must(cms::issue(r, &pki().root));
    const auto leaf = must(cms::issue(request("Alice"), &weak));
    EXPECT_EQ(judged(leaf.certificate, {weak.certificate}), "weak-key");

    const std::unique_ptr<X509, void (*)(X509*)> copy(X509_dup(pki().alice.certificate.native()), X509_free);
    X509_sign(copy.get(), native(pki().sub), EVP_sha1());
    unsigned char* der = nullptr;
    const int n = i2d_X509(copy.get(), &der);
    const auto sha1 =
        must(cms::Certificate::from_der({reinterpret_cast<char*>(der), static_cast<std::size_t>(n)}));
    OPENSSL_free(der);
    EXPECT_EQ(judged(sha1, pki().chain), "weak-digest");
    auto o = path_at();
    o.allow_sha1 = true;
    const auto allowed = pki().trust.validate(sha1, pki().chain, o);
    EXPECT_EQ(words(allowed), "valid");
    EXPECT_EQ(allowed.comments.size(), 1U);
}

// --- revocation (V39) ---

TEST(Revocation, RevokedIsSeenOnlyWhenLookedFor)  // V39
{
    const std::string sub_crl = make_crl(pki().sub, {pki().alice.certificate}),
                      root_crl = make_crl(pki().root, {});
    const auto trust = trusting(pki().root.certificate, {}, {sub_crl, root_crl});
    auto o = path_at();
    EXPECT_EQ(judged(pki().alice.certificate, pki().chain, trust, o), "valid");
    for (const CrlMode mode : {CrlMode::soft, CrlMode::hard}) {
        o.crl = mode;
        EXPECT_EQ(judged(pki().alice.certificate, pki().chain, trust, o), "revoked");
        EXPECT_EQ(judged(pki().bob.certificate, pki().chain, trust, o), "valid");
    }
}

TEST(Revocation, RevokedIssuerCountsToo)
{
    const auto trust = trusting(pki().root.certificate, {},
                                {make_crl(pki().sub, {}), make_crl(pki().root, {pki().sub.certificate})});
    auto o = path_at();
    o.crl = CrlMode::hard;
    EXPECT_EQ(judged(pki().alice.certificate, pki().chain, trust, o), "revoked");
}

TEST(Revocation, MissingListIsACommentOrAFinding)  // V39
{
    auto o = path_at();
    o.crl = CrlMode::soft;
    const auto soft = pki().trust.validate(pki().alice.certificate, pki().chain, o);
    EXPECT_EQ(words(soft), "valid");
    ASSERT_FALSE(soft.comments.empty());
    EXPECT_TRUE(soft.comments[0].starts_with("revocation status not available")) << soft.comments[0];
    o.crl = CrlMode::hard;
    EXPECT_EQ(judged(pki().alice.certificate, pki().chain, pki().trust, o), "revocation-unknown");
}

TEST(Revocation, StaleAndForgedListsAreNoAnswer)
{
    auto o = path_at();
    o.crl = CrlMode::hard;
    const std::string root_crl = make_crl(pki().root, {});
    const auto stale =
        trusting(pki().root.certificate, {}, {make_crl(pki().sub, {}, start, now - 1h), root_crl});
    EXPECT_EQ(judged(pki().alice.certificate, pki().chain, stale, o), "revocation-unknown");
    const auto future =
        trusting(pki().root.certificate, {}, {make_crl(pki().sub, {}, now + 1h, end), root_crl});
    EXPECT_EQ(judged(pki().alice.certificate, pki().chain, future, o), "revocation-unknown");
    std::string forged = make_crl(pki().sub, {});
    forged.back() = static_cast<char>(forged.back() ^ 1);
    EXPECT_EQ(judged(pki().alice.certificate, pki().chain,
                     trusting(pki().root.certificate, {}, {forged, root_crl}), o),
              "revocation-unknown");
}

// Adds an extension (RFC 5280 section 5.2) in the words of x509v3_config(5).
std::function<void(X509_CRL*)> with_extension(int nid, const char* value)
{
    return [=](X509_CRL* crl) {
        X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
        ASSERT_NE(extension, nullptr);
        X509_CRL_add_ext(crl, extension, -1);
        X509_EXTENSION_free(extension);
    };
}

// A number of its own (2.5.29.20) or of the list that a delta builds on (2.5.29.27).
void number(X509_CRL* crl, int nid, long value)
{
    const std::unique_ptr<ASN1_INTEGER, void (*)(ASN1_INTEGER*)> n(ASN1_INTEGER_new(), ASN1_INTEGER_free);
    ASN1_INTEGER_set(n.get(), value);
    ASSERT_EQ(X509_CRL_add1_ext_i2d(crl, nid, n.get(), nid == NID_delta_crl, X509V3_ADD_DEFAULT), 1);
}

std::string revocation_with(const std::vector<std::string>& lists)
{
    auto o = path_at();
    o.crl = CrlMode::hard;
    return judged(pki().alice.certificate, pki().chain, trusting(pki().root.certificate, {}, lists), o);
}

TEST(Revocation, ScopedListsSpeakForTheirScopeOnly)  // V39
{
    const std::string root_crl = make_crl(pki().root, {});
    const auto scoped = [&](const char* scope, const std::vector<cms::Certificate>& revoked) {
        return revocation_with({root_crl, make_crl(pki().sub, revoked, start, end,
                                                   with_extension(NID_issuing_distribution_point, scope))});
    };
    EXPECT_EQ(scoped("critical,onlyuser:TRUE", {}), "valid");
    EXPECT_EQ(scoped("critical,onlyuser:TRUE", {pki().alice.certificate}), "revoked");
    EXPECT_EQ(scoped("critical,onlyCA:TRUE", {}), "revocation-unknown");
    EXPECT_EQ(scoped("critical,onlyAA:TRUE", {}), "revocation-unknown");
    // Only some of the reasons are covered: nobody has said anything about the others.
    EXPECT_EQ(scoped("critical,onlysomereasons:keyCompromise", {}), "revocation-unknown");
    EXPECT_EQ(scoped("critical,onlysomereasons:keyCompromise", {pki().alice.certificate}),
              "revoked revocation-unknown");
}

TEST(Revocation, DeltaListsAddToTheListTheyBuildOn)  // V39
{
    const std::string root_crl = make_crl(pki().root, {});
    const std::string base = make_crl(pki().sub, {}, start, end, [](X509_CRL* crl) {
        number(crl, NID_crl_number, 1);
        with_extension(NID_freshest_crl, "URI:http://crl.example/delta.crl")(crl);
    });
    const auto delta = [](const std::vector<cms::Certificate>& revoked, long builds_on) {
        return make_crl(pki().sub, revoked, start, end, [=](X509_CRL* crl) {
            number(crl, NID_crl_number, builds_on + 1);
            number(crl, NID_delta_crl, builds_on);
        });
    };
    EXPECT_EQ(revocation_with({root_crl, base}), "valid");
    EXPECT_EQ(revocation_with({root_crl, base, delta({pki().alice.certificate}, 1)}), "revoked");
    EXPECT_EQ(revocation_with({root_crl, base, delta({}, 1)}), "valid");
    // A delta without its base is no answer; one that builds on another list is not looked at.
    EXPECT_EQ(revocation_with({root_crl, delta({}, 1)}), "revocation-unknown");
    EXPECT_EQ(revocation_with({root_crl, base, delta({pki().alice.certificate}, 5)}), "valid");
}

TEST(Revocation, AnIndirectListSpeaksOnlyForThoseWhoNameItsIssuer)  // V39
{
    // The root signs a list that claims to speak for what the issuing CA issued;
    // Alice's certificate has no distribution point that names the root.
    const std::string claims =
        make_crl(pki().root, {}, start, end,
                 with_extension(NID_issuing_distribution_point, "critical,indirectCRL:TRUE"));
    EXPECT_EQ(revocation_with({make_crl(pki().root, {}), claims}), "revocation-unknown");
}

TEST(Revocation, CriticalExtensionsNobodyKnowsSpoilAList)
{
    const auto odd = make_crl(pki().sub, {}, start, end, [](X509_CRL* crl) {
        const std::unique_ptr<ASN1_OCTET_STRING, void (*)(ASN1_OCTET_STRING*)> v(ASN1_OCTET_STRING_new(),
                                                                                 ASN1_OCTET_STRING_free);
        ASN1_OCTET_STRING_set(v.get(), reinterpret_cast<const unsigned char*>("\5\0"), 2);
        const std::unique_ptr<ASN1_OBJECT, void (*)(ASN1_OBJECT*)> unknown(
            OBJ_txt2obj("1.3.6.1.4.1.55555.1", 1), ASN1_OBJECT_free);
        X509_EXTENSION* e = X509_EXTENSION_create_by_OBJ(nullptr, unknown.get(), 1, v.get());
        X509_CRL_add_ext(crl, e, -1);
        X509_EXTENSION_free(e);
    });
    EXPECT_NE(revocation_with({make_crl(pki().root, {}), odd}), "valid");
}

TEST(Revocation, AnchorItselfNeedsNoList)
{
    auto o = path_at();
    o.crl = CrlMode::hard;
    const auto trust = trusting(pki().sub.certificate, {}, {make_crl(pki().sub, {})});
    EXPECT_EQ(judged(pki().alice.certificate, {}, trust, o), "valid");
}

TEST(Revocation, BrokenListIsAnErrorWhenLoaded)
{
    const auto r = cms::Trust::make({{pki().root.certificate}, {}, {"no list"}});
    ASSERT_FALSE(r);
    EXPECT_NE(r.error().what.find("revocation list"), std::string::npos);
}

// --- policies ---

TEST(Path, AGraceIsForWhatHasExpiredNoLongerAgo)
{
    const auto end = pki().alice.certificate.not_after();
    auto late = path_at(end + 2h);
    late.expired_grace = 3h;
    const auto r = pki().trust.validate(pki().alice.certificate, pki().chain, late);
    EXPECT_EQ(words(r), "valid");
    ASSERT_FALSE(r.comments.empty());  // the CA's may have expired with it
    EXPECT_TRUE(r.comments.front().starts_with("certificate expired, but not for long: "))
        << r.comments.front();
    late.expired_grace = 1h;
    EXPECT_EQ(judged(pki().alice.certificate, pki().chain, pki().trust, late), "expired");
    auto early = path_at(pki().alice.certificate.not_before() - 1h);
    early.expired_grace = 3h;
    EXPECT_NE(judged(pki().alice.certificate, pki().chain, pki().trust, early), "valid");
}

TEST(Policy, ExplicitPolicyIsAskedForByCertificatesOnly)
{
    const std::string policies = cms::der::wrap(cms::der::sequence, algorithm("1.2.3.4"));
    const auto explicit_sub = altered(pki().sub.certificate, pki().root, [&](X509* x) {
        add_extension(x, NID_policy_constraints, "critical,requireExplicitPolicy:0");
        add_extension_der(x, "certificatePolicies", false, policies);
    });
    const auto with = altered(pki().alice.certificate, pki().sub,
                              [&](X509* x) { add_extension_der(x, "certificatePolicies", false, policies); });
    auto o = path_at();
    EXPECT_EQ(judged(pki().alice.certificate, {explicit_sub}, pki().trust, o), "valid");
    o.policy_check = true;
    EXPECT_EQ(judged(pki().alice.certificate, {explicit_sub}, pki().trust, o), "policy-unsatisfied");
    EXPECT_EQ(judged(with, {explicit_sub}, pki().trust, o), "valid");
    EXPECT_EQ(judged(pki().alice.certificate, pki().chain, pki().trust, o), "valid");
}

// --- what to put beside a signature ---

TEST(Chain, EndsBeforeTheSelfSignedOne)
{
    EXPECT_EQ(pki().trust.chain_of(pki().alice.certificate, pki().chain), pki().chain);
    EXPECT_TRUE(pki().trust.chain_of(pki().alice.certificate, {}).empty());
    EXPECT_TRUE(pki().trust.chain_of(pki().root.certificate, pki().chain).empty());
    const auto lower = must(cms::issue(ca_request("Lower"), &pki().sub));
    const auto leaf = must(cms::issue(request("Alice"), &lower));
    const auto helped = trusting(pki().root.certificate, {pki().sub.certificate, lower.certificate});
    EXPECT_EQ(helped.chain_of(leaf.certificate, {}), (std::vector{lower.certificate, pki().sub.certificate}));
}

TEST(Chain, NameAloneDoesNotMakeAnIssuer)
{
    const auto impostor = must(cms::issue(ca_request("Test Sub CA"), &pki().root));
    EXPECT_TRUE(pki().trust.chain_of(pki().alice.certificate, {impostor.certificate}).empty());
}

TEST(Chain, CirclesEnd)
{
    const auto a = must(cms::issue(ca_request("A"), &pki().root));
    const auto b = must(cms::issue(ca_request("B"), &a));
    const auto circle = altered(a.certificate, b, [&](X509* x) {
        X509_set_issuer_name(x, X509_get_subject_name(b.certificate.native()));
        X509_EXTENSION_free(X509_delete_ext(x, X509_get_ext_by_NID(x, NID_authority_key_identifier, -1)));
    });
    const auto leaf = must(cms::issue(request("Alice"), &b));
    EXPECT_EQ(cms::Trust().chain_of(leaf.certificate, {b.certificate, circle}).size(), 2U);
    EXPECT_EQ(judged(leaf.certificate, {b.certificate, circle}), "untrusted");
}

TEST(TrustMaterial, OffersCertificatesForSignersThatCarryNone)
{
    const auto trust = trusting(pki().root.certificate, {pki().alice.certificate});
    EXPECT_EQ(trust.all_certificates(), (std::vector{pki().alice.certificate, pki().root.certificate}));
    EXPECT_EQ(trust.material().anchors.size(), 1U);
    EXPECT_FALSE(trust.empty());
}

}  // namespace
