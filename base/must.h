/*
 * must.h -- what cannot be otherwise, checked in every build.
 *
 * For bugs alone: an impossible state, an index that our own code got wrong.
 * What comes from a file, a socket or another process is never a must.  A
 * broken must aborts; the supervisor reports it and starts a successor.
 */
#ifndef BASE_MUST_H
#define BASE_MUST_H

#define must(x) ((x) ? (void)0 : must_broken(#x, __FILE__, __LINE__, __func__))

_Noreturn void must_broken(const char *what, const char *file, int line,
    const char *func);

#endif
