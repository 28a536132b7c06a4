// libmilter's callbacks: they translate, Session does the rest.  Private to milter/.
#pragma once

#include <libmilter/mfapi.h>

#include "milter/runtime.h"

namespace milter
{

// For smfi_register().
[[nodiscard]] smfiDesc callbacks();

// libmilter passes nothing of ours to a callback that has no session yet, so
// there is one Runtime for the process.  Before smfi_main(); it must outlive all
// connections.
void serve(Runtime& runtime);

// How many callbacks are running right now.  libmilter sends the answer of a
// callback after it has returned.
[[nodiscard]] std::int64_t callbacks_running();

// The same without those that wait for the MTA to take an edit, and how many
// callbacks and edits have come to their end, ever.
[[nodiscard]] std::int64_t callbacks_computing();
[[nodiscard]] std::uint64_t callbacks_finished();

}  // namespace milter
