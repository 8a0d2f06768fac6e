#define _GNU_SOURCE
#include "CEpoll.h"
#include <pthread.h>

int cepoll_accept(int listener, struct sockaddr_storage *address) {
    socklen_t length = sizeof(*address);
    return accept4(listener, (struct sockaddr *)address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int cepoll_socket(int family) {
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

void cepoll_name_thread(const char *name) {
    pthread_setname_np(pthread_self(), name);
}
