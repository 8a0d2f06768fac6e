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

/// Names the calling thread, for those who look at the process; at most 15 bytes.
void cepoll_name_thread(const char *name);

#endif
