#include "cms/digest.h"

#include <array>

#include "cms/algorithms.h"
#include "cms/openssl.h"

namespace cms
{
namespace
{

const EVP_MD* implementation_of(Digest algorithm)
{
    switch (algorithm) {
        case Digest::sha384: return implementation(*find_digest(NID_sha384));
        case Digest::sha512: return implementation(*find_digest(NID_sha512));
        case Digest::automatic:
        case Digest::sha256: break;
    }
    return implementation(*find_digest(NID_sha256));
}

}  // namespace

struct RunningDigest::State {
    ossl::DigestContextPtr context;
};

RunningDigest::RunningDigest(Digest algorithm) : state_(std::make_unique<State>())
{
    const ossl::ErrorScope errors;
    const EVP_MD* md = implementation_of(algorithm);
    state_->context.reset(EVP_MD_CTX_new());
    if (md == nullptr || !state_->context || EVP_DigestInit_ex2(state_->context.get(), md, nullptr) != 1)
        state_.reset();
}

RunningDigest::~RunningDigest() = default;

void RunningDigest::add(base::Octets octets)
{
    const ossl::ErrorScope errors;
    if (state_ && EVP_DigestUpdate(state_->context.get(), octets.data(), octets.size()) != 1) state_.reset();
}

std::string RunningDigest::finish()
{
    const ossl::ErrorScope errors;
    const auto state = std::move(state_);
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned n = 0;
    if (!state || EVP_DigestFinal_ex(state->context.get(), out.data(), &n) != 1) return {};
    return std::string(ossl::octets(out.data(), n));
}

}  // namespace cms
