// sd_notify(3) without libsystemd.
#pragma once

#include <string_view>

namespace daemon_main
{

// Sends "READY=1" and the like to $NOTIFY_SOCKET; does nothing when there is none.
void notify_manager(std::string_view state);

// "RELOADING=1" with the time that Type=notify-reload wants.
void notify_reloading();

}  // namespace daemon_main
