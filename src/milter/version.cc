#include "milter/version.h"

#include <libmilter/mfapi.h>

namespace milter
{

std::string headers_version()
{
    return std::to_string(SM_LM_VRS_MAJOR(SMFI_VERSION)) + "." +
           std::to_string(SM_LM_VRS_MINOR(SMFI_VERSION)) + "." + std::to_string(SM_LM_VRS_PLVL(SMFI_VERSION));
}

}  // namespace milter
