// For dladdr.
#define _GNU_SOURCE

#include "AllocationCounting.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <features.h>

#ifndef __GLIBC__
#error "the allocation counter stands on glibc's __libc_malloc and its like"
#endif

// What glibc's own malloc family is called when a program has put another before it.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

// Initial-exec: the dynamic model would call malloc to find the counters.
#define PER_THREAD static __thread __attribute__((tls_model("initial-exec")))

PER_THREAD uint64_t count;
PER_THREAD uint64_t bytes;
PER_THREAD allocation_stack *stacks;
PER_THREAD size_t stack_capacity;
PER_THREAD size_t stack_count;

uint64_t allocation_count(void) { return count; }

uint64_t allocation_bytes(void) { return bytes; }

void allocation_trace_begin(allocation_stack *room, size_t capacity) {
    // The first call loads the unwinder, which allocates.
    void *frame;
    (void)backtrace(&frame, 1);
    stack_count = 0;
    stack_capacity = capacity;
    stacks = room;
}

size_t allocation_trace_end(void) {
    stacks = NULL;
    return stack_count;
}

const char *allocation_image(const void *address, size_t *offset) {
    Dl_info place;
    if (dladdr(address, &place) == 0) return NULL;
    *offset = (size_t)((const char *)address - (const char *)place.dli_fbase);
    return place.dli_fname;
}

static void trace(size_t size) {
    allocation_stack *room = stacks;
    if (stack_count == stack_capacity) return;
    // Taking the stack may itself allocate.
    stacks = NULL;
    allocation_stack *stack = &room[stack_count++];
    stack->depth = backtrace(stack->frames, ALLOCATION_STACK_DEPTH);
    stack->size = size;
    stacks = room;
}

static inline void note(size_t size) {
    count += 1;
    bytes += size;
    if (__builtin_expect(stacks != NULL, 0)) trace(size);
}

void *malloc(size_t size) {
    note(size);
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    note(number * size);
    return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
    note(size);
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
    note(size);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    note(size);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) return EINVAL;
    note(size);
    void *memory = __libc_memalign(alignment, size);
    if (memory == NULL) return ENOMEM;
    *result = memory;
    return 0;
}
