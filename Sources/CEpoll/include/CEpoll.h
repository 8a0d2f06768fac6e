// What Linux offers beyond POSIX for event loops; the Swift toolchain's own module leaves it out.
#ifndef CEPOLL_H
#define CEPOLL_H

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/// Takes a waiting connection as a descriptor that never blocks and is not inherited; see accept4(2).
int cepoll_accept(int listener, struct sockaddr_storage *address);

/// Makes a TCP socket that never blocks and is not inherited; see socket(2).
int cepoll_socket(int family);

/// Receives; see recv(2). Without the thread cancellation point that the C library puts around it.
///
/// Returns the number of bytes, or the errno negated.
long cepoll_receive(int descriptor, void *target, size_t size);

/// Sends, without a signal when the peer is gone; see send(2). Returns and does as cepoll_receive.
long cepoll_send(int descriptor, const void *source, size_t size);

/// Names the calling thread, for those who look at the process; at most 15 bytes.
void cepoll_name_thread(const char *name);

#endif
