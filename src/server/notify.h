/* Telling the service manager how it goes: sd_notify(3) without its library. */
#pragma once

/* `state` as "READY=1". Does nothing where nobody asked to be told (NOTIFY_SOCKET). */
void notify_state(const char *state);
