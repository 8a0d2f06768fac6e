#define _GNU_SOURCE
#include "CEpoll.h"
#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

int cepoll_accept(int listener, struct sockaddr_storage *address) {
    socklen_t length = sizeof(*address);
    return accept4(listener, (struct sockaddr *)address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int cepoll_socket(int family) {
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

long cepoll_receive(int descriptor, void *target, size_t size) {
    long result;
    do {
        result = syscall(SYS_recvfrom, descriptor, target, size, 0, NULL, NULL);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : result;
}

long cepoll_send(int descriptor, const void *source, size_t size) {
    long result;
    do {
        result = syscall(SYS_sendto, descriptor, source, size, MSG_NOSIGNAL, NULL, 0);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : result;
}

void cepoll_name_thread(const char *name) {
    pthread_setname_np(pthread_self(), name);
}
