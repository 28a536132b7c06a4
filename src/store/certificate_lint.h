// Private to store/: warnings by the CA/Browser Forum's Baseline Requirements
// for S/MIME Certificates ("BR"), for certificates of mail users.
#pragma once

#include <vector>

#include "cms/certificate_profile.h"
#include "store/certificate_check.h"

namespace store
{

// Adds a line of Grade::warn for each requirement that is not met.  A private
// CA need not follow them; public receivers may come to insist.
void lint_baseline(const cms::Certificate& certificate, const cms::CertificateProfile& profile,
                   std::vector<CheckLine>& lines);

}  // namespace store
