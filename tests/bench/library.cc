// The library in this process, with Google Benchmark: what a message costs
// without MTA and socket, by size and kind of key, beside the raw cryptography
// that cannot be avoided.  --benchmark_filter=REGEX chooses.
#include <benchmark/benchmark.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "cms/test_ca.h"
#include "gateway/arrival.h"
#include "gateway/decrypt.h"
#include "gateway/enclosed.h"
#include "gateway/encrypt.h"
#include "gateway/sign.h"
#include "gateway/strip.h"
#include "gateway/verify.h"
#include "mime/structure.h"
#include "mime/transform.h"

namespace
{

enum class Key { rsa2048, rsa3072, p256, ed25519 };
constexpr const char* key_names[] = {"rsa2048", "rsa3072", "p256", "ed25519"};

template <class Value, class Error>
Value must(tl::expected<Value, Error> result)
{
    if (!result) throw std::runtime_error("the benchmark could not be set up");
    return std::move(*result);
}

const base::Time now = *base::parse_time("2026-06-01");

cms::CertificateRequest request(const std::string& name, bool ca)
{
    cms::CertificateRequest r;
    r.common_name = name;
    r.ca = ca;
    r.not_before = *base::parse_time("2026-01-01");
    r.not_after = *base::parse_time("2030-01-01");
    return r;
}

// Root, intermediate, and alice with each kind of key: what most mail is signed with.
struct Pki {
    cms::Identity root = must(cms::issue(request("Root", true), nullptr));
    cms::Identity sub = must(cms::issue(request("Sub CA", true), &root));
    cms::Trust trust = must(cms::Trust::make({{root.certificate}, {}, {}}));
    std::vector<store::Identity> alice;

    Pki()
    {
        for (const Key kind : {Key::rsa2048, Key::rsa3072, Key::p256, Key::ed25519}) {
            auto r = request("Alice", false);
            r.addresses = {"alice@example.org"};
            r.rsa_bits = kind == Key::rsa3072 ? 3072 : 2048;
            r.ec = kind == Key::p256;
            r.ed25519 = kind == Key::ed25519;
            const auto issued = must(cms::issue(r, &sub));
            alice.push_back({.name = "alice",
                             .section = "",
                             .file = "alice",
                             .certificate_file = "alice",
                             .certificate = issued.certificate,
                             .key = issued.key,
                             .chain = store::Chain(std::vector<cms::Certificate>{sub.certificate})});
        }
    }
    [[nodiscard]] const store::Identity& with(Key kind) const
    {
        return alice[static_cast<std::size_t>(kind)];
    }
};

const Pki& pki()
{
    static const Pki once;
    return once;
}

// --- messages ---

std::string lines(std::size_t octets, std::string_view line)
{
    std::string out;
    while (out.size() < octets) out.append(line).append("\r\n");
    return out;
}

const std::string base64_line(76, 'Q');
constexpr std::string_view german =
    "Die Stra\xc3\x9f"
    "en von K\xc3\xb6ln f\xc3\xbchren alle zum Flu\xc3\x9f.";

gateway::Message message(const std::string& type, const std::string& body)
{
    return must(
        gateway::message_from_octets("From: alice@example.org\r\nTo: bob@example.org\r\nSubject: bench\r\n"
                                     "Date: Mon, 1 Jun 2026 00:00:00 +0000\r\nMIME-Version: 1.0\r\n" +
                                         type + "\r\n\r\n" + body,
                                     {}));
}

gateway::Message attachment(std::size_t octets)
{
    return message("Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64",
                   lines(octets, base64_line));
}

gateway::Message german_text(std::size_t octets)
{
    return message("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit",
                   lines(octets, german));
}

// As the MTA delivers it.
gateway::Message delivered(const gateway::Message& before, gateway::Rewrite rewrite)
{
    gateway::Outcome outcome;
    outcome.header = std::move(rewrite.header);
    outcome.replace_body = true;
    outcome.body = std::move(rewrite.body);
    return must(gateway::message_from_octets(gateway::render(before, outcome), {}));
}

gateway::Message signed_message(const gateway::Message& what, Key key, bool opaque)
{
    const base::FixedClock clock(now);
    base::SeededRandom random(1);
    gateway::SignSpec spec;
    spec.identity = &pki().with(key);
    spec.opaque = opaque;
    return delivered(what, std::move(must(gateway::sign_message(what, spec, clock, random)).rewrite));
}

gateway::Verdict verdict_on(const gateway::Message& what, bool afresh = false)
{
    gateway::VerifyRequest r;
    r.trust = &pki().trust;
    r.at = now;
    r.afresh = afresh;
    auto verdict = gateway::verify_message(what.header(), what.body(), r);
    if (verdict.result() != cms::Code::pass) throw std::runtime_error("does not pass: " + verdict.reason());
    return verdict;
}

void count_octets(benchmark::State& state, const gateway::Message& m)
{
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * m.size()));
}

// --- the raw cryptography: the floor ---

struct FreeContext {
    void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

EVP_PKEY* new_key(Key kind)
{
    switch (kind) {
        case Key::rsa2048: return EVP_RSA_gen(2048);
        case Key::rsa3072: return EVP_RSA_gen(3072);
        case Key::p256: return EVP_EC_gen("P-256");
        case Key::ed25519: break;
    }
    return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
}

void raw_sign(benchmark::State& state, Key kind)
{
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(new_key(kind), EVP_PKEY_free);
    const std::string attributes(200, 'a');
    unsigned char signature[1024];
    for (auto _ : state) {
        const Context context(EVP_MD_CTX_new());
        std::size_t size = sizeof signature;
        if (EVP_DigestSignInit(context.get(), nullptr, kind == Key::ed25519 ? nullptr : EVP_sha256(), nullptr,
                               key.get()) != 1 ||
            EVP_DigestSign(context.get(), signature, &size,
                           reinterpret_cast<const unsigned char*>(attributes.data()), attributes.size()) != 1)
            state.SkipWithError("cannot sign");
    }
}

void raw_verify(benchmark::State& state, Key kind)
{
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(new_key(kind), EVP_PKEY_free);
    const std::string attributes(200, 'a');
    const auto* octets = reinterpret_cast<const unsigned char*>(attributes.data());
    const EVP_MD* md = kind == Key::ed25519 ? nullptr : EVP_sha256();
    unsigned char signature[1024];
    std::size_t size = sizeof signature;
    const Context signing(EVP_MD_CTX_new());
    if (EVP_DigestSignInit(signing.get(), nullptr, md, nullptr, key.get()) != 1 ||
        EVP_DigestSign(signing.get(), signature, &size, octets, attributes.size()) != 1)
        return state.SkipWithError("cannot sign");
    for (auto _ : state) {
        const Context context(EVP_MD_CTX_new());
        if (EVP_DigestVerifyInit(context.get(), nullptr, md, nullptr, key.get()) != 1 ||
            EVP_DigestVerify(context.get(), signature, size, octets, attributes.size()) != 1)
            state.SkipWithError("does not verify");
    }
}

void raw_digest(benchmark::State& state)
{
    const std::string octets(static_cast<std::size_t>(state.range(0)), 'x');
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    for (auto _ : state) EVP_Digest(octets.data(), octets.size(), digest, &size, EVP_sha256(), nullptr);
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

// --- what the gateway does with a message ---

void sign(benchmark::State& state, Key key, bool opaque)
{
    const auto what = attachment(static_cast<std::size_t>(state.range(0)));
    const base::FixedClock clock(now);
    base::SeededRandom random(1);
    gateway::SignSpec spec;
    spec.identity = &pki().with(key);
    spec.opaque = opaque;
    for (auto _ : state) benchmark::DoNotOptimize(must(gateway::sign_message(what, spec, clock, random)));
    count_octets(state, what);
}

void verify(benchmark::State& state, Key key, bool opaque, bool afresh)
{
    const auto what = signed_message(attachment(static_cast<std::size_t>(state.range(0))), key, opaque);
    for (auto _ : state) benchmark::DoNotOptimize(verdict_on(what, afresh));
    count_octets(state, what);
}

void strip(benchmark::State& state, bool opaque)
{
    const auto what =
        signed_message(attachment(static_cast<std::size_t>(state.range(0))), Key::rsa2048, opaque);
    const auto verdict = verdict_on(what);
    for (auto _ : state) benchmark::DoNotOptimize(must(gateway::strip_signature(what, verdict, false)));
    count_octets(state, what);
}

gateway::EncryptSpec for_alice(Key key, cms::Cipher cipher)
{
    gateway::EncryptSpec spec;
    spec.recipients = {&pki().with(key).certificate, 1};
    spec.cipher = cipher;
    return spec;
}

void encrypt(benchmark::State& state, Key key, cms::Cipher cipher)
{
    const auto what = attachment(static_cast<std::size_t>(state.range(0)));
    const auto spec = for_alice(key, cipher);
    for (auto _ : state) benchmark::DoNotOptimize(must(gateway::encrypt_message(what, spec)));
    count_octets(state, what);
}

void decrypt(benchmark::State& state, Key key, cms::Cipher cipher)
{
    const auto what = attachment(static_cast<std::size_t>(state.range(0)));
    const auto envelope = delivered(what, must(gateway::encrypt_message(what, for_alice(key, cipher))));
    gateway::DecryptSpec spec;
    spec.identities = {&pki().with(key)};
    for (auto _ : state) {
        const auto opened = gateway::decrypt_message(envelope, spec);
        if (opened.kind != gateway::Decryption::Kind::decrypted) state.SkipWithError(opened.reason.c_str());
    }
    count_octets(state, what);
}

// What is done while a body arrives: looked at and digested.
void arrive(benchmark::State& state)
{
    const auto what = attachment(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        gateway::Arrival arrival("Content-Type: text/plain\r\n\r\n", cms::Digest::sha256);
        for (auto rest = what.body(); !rest.empty();
             rest.remove_prefix(std::min<std::size_t>(rest.size(), 65535)))
            arrival.take(rest.substr(0, 65535));
        arrival.finish();
        if (!arrival.body_is_clean()) state.SkipWithError("not clean");
    }
    count_octets(state, what);
}

void scan(benchmark::State& state)
{
    const auto what = attachment(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state)
        benchmark::DoNotOptimize(mime::to_seven_bit(mime::parse_structure(what.header(), what.body())));
    count_octets(state, what);
}

void transform(benchmark::State& state)
{
    const auto what = german_text(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state)
        benchmark::DoNotOptimize(mime::to_seven_bit(mime::parse_structure(what.header(), what.body())));
    count_octets(state, what);
}

constexpr std::int64_t small = 10'000, middle = 1'000'000, large = 25'000'000;

template <class Function>
void by_size(const std::string& name, Function function)
{
    benchmark::RegisterBenchmark(name.c_str(), function)
        ->Arg(small)
        ->Arg(100'000)
        ->Arg(middle)
        ->Arg(large)
        ->Unit(benchmark::kMicrosecond);
}

void register_all()
{
    for (const Key key : {Key::rsa2048, Key::rsa3072, Key::p256, Key::ed25519}) {
        const std::string name = key_names[static_cast<std::size_t>(key)];
        const auto one = [&](const std::string& what, auto function) {
            benchmark::RegisterBenchmark((what + "/" + name).c_str(), function)
                ->Unit(benchmark::kMicrosecond);
        };
        one("raw/sign", [key](benchmark::State& s) { raw_sign(s, key); });
        one("raw/verify", [key](benchmark::State& s) { raw_verify(s, key); });
        by_size("sign/clear/" + name, [key](benchmark::State& s) { sign(s, key, false); });
        by_size("verify/clear/" + name, [key](benchmark::State& s) { verify(s, key, false, false); });
    }
    by_size("raw/sha256", raw_digest);
    by_size("sign/opaque/rsa2048", [](benchmark::State& s) { sign(s, Key::rsa2048, true); });
    by_size("verify/opaque/rsa2048", [](benchmark::State& s) { verify(s, Key::rsa2048, true, false); });
    by_size("verify/afresh/rsa2048", [](benchmark::State& s) { verify(s, Key::rsa2048, false, true); });
    by_size("strip/clear", [](benchmark::State& s) { strip(s, false); });
    by_size("strip/opaque", [](benchmark::State& s) { strip(s, true); });
    for (const Key key : {Key::rsa2048, Key::p256})
        for (const cms::Cipher cipher : {cms::Cipher::aes256_cbc, cms::Cipher::aes256_gcm}) {
            const std::string name =
                std::string(key_names[static_cast<std::size_t>(key)]) + "/" + cms::name(cipher);
            by_size("encrypt/" + name, [key, cipher](benchmark::State& s) { encrypt(s, key, cipher); });
            by_size("decrypt/" + name, [key, cipher](benchmark::State& s) { decrypt(s, key, cipher); });
        }
    by_size("arrive", arrive);
    by_size("scan", scan);
    by_size("transform", transform);
}

}  // namespace

int main(int argc, char** argv)
{
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 64;
    register_all();
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
