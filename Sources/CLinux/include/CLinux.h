// What Linux and its C library offer beyond POSIX; the Swift toolchain's own module leaves it out.
#ifndef CLINUX_H
#define CLINUX_H

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/// Takes a waiting connection as a descriptor that never blocks and is not inherited; see accept4(2).
int linux_accept(int listener, struct sockaddr_storage *address);

/// Makes a TCP socket that never blocks and is not inherited; see socket(2).
int linux_socket(int family);

/// Receives; see recv(2). Without the thread cancellation point that the C library puts around it.
///
/// Returns the number of bytes, or the errno negated.
long linux_receive(int descriptor, void *target, size_t size);

/// Sends, without a signal when the peer is gone; see send(2). Returns and does as linux_receive.
long linux_send(int descriptor, const void *source, size_t size);

/// Gives heap memory that is free back to the system; see malloc_trim(3).
void linux_trim_heap(void);

/// Names the calling thread, for those who look at the process; at most 15 bytes.
void linux_name_thread(const char *name);

#endif
