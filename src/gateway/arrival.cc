#include "gateway/arrival.h"

#include <utility>

namespace gateway
{

Arrival::Arrival(std::string header, cms::Digest digest)
    : header_(std::move(header)),
      algorithm_(digest == cms::Digest::automatic ? cms::Digest::sha256 : digest),
      running_(algorithm_)
{
    running_.add(header_);
}

void Arrival::take(base::Octets chunk)
{
    if (!clean_) return;
    clean_ = scan_.take(chunk) == mime::Hazard::none;
    if (clean_) running_.add(chunk);
}

void Arrival::finish()
{
    clean_ = clean_ && scan_.finish() == mime::Hazard::none;
    digest_ = running_.finish();
    if (!clean_) digest_.clear();
}

const std::string* Arrival::digest_of(const std::string& header, cms::Digest digest) const
{
    return !digest_.empty() && digest == algorithm_ && header == header_ ? &digest_ : nullptr;
}

}  // namespace gateway
