/*
 * notify.h -- telling systemd how it goes, where systemd has asked for it.
 */
#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

/* "READY=1", "STOPPING=1", ...  Does nothing without $NOTIFY_SOCKET. */
void notify_send(const char *state);

#endif
