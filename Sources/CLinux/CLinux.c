#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

int linux_accept(int listener, struct sockaddr_storage *address) {
    socklen_t length = sizeof(*address);
    return accept4(listener, (struct sockaddr *)address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int linux_socket(int family) {
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

long linux_receive(int descriptor, void *target, size_t size) {
    long result;
    do {
        result = syscall(SYS_recvfrom, descriptor, target, size, 0, NULL, NULL);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : result;
}

long linux_send(int descriptor, const void *source, size_t size) {
    long result;
    do {
        result = syscall(SYS_sendto, descriptor, source, size, MSG_NOSIGNAL, NULL, 0);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : result;
}

void linux_trim_heap(void) {
    malloc_trim(0);
}

void linux_name_thread(const char *name) {
    pthread_setname_np(pthread_self(), name);
}
