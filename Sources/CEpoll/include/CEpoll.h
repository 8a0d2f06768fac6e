// What Linux offers beyond POSIX for event loops; the Swift toolchain's own module leaves it out.
#ifndef CEPOLL_H
#define CEPOLL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/// Takes a waiting connection as a descriptor that never blocks and is not inherited; see accept4(2).
static inline int cepoll_accept(int listener, struct sockaddr_storage *address) {
    socklen_t length = sizeof(*address);
    return accept4(listener, (struct sockaddr *)address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/// Makes a TCP socket that never blocks and is not inherited; see socket(2).
static inline int cepoll_socket(int family) {
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/// Names a thread, for those who look at the process; at most 15 bytes.
static inline void cepoll_name_thread(pthread_t thread, const char *name) {
    pthread_setname_np(thread, name);
}

#endif
