#ifndef ALLOCATION_COUNTING_H
#define ALLOCATION_COUNTING_H

#include <stddef.h>
#include <stdint.h>

/// Counts what the calling thread takes from the heap.
///
/// Linking this library into a program puts its `malloc` and the rest of the family before the C library's,
/// for that program and every library that it loads. It belongs in benchmarks, never in what is shipped.

/// How often the calling thread has taken memory since it began: `malloc`, `calloc`, `realloc` (which may
/// move), and the aligned ones.
uint64_t allocation_count(void);

/// How many bytes the calling thread has asked for since it began.
uint64_t allocation_bytes(void);

/// The most frames of one call stack.
#define ALLOCATION_STACK_DEPTH 40

/// Where an allocation was asked for, innermost first.
typedef struct {
    void *frames[ALLOCATION_STACK_DEPTH];
    int depth;
    size_t size;
} allocation_stack;

/// Writes down the call stack of each allocation that the calling thread makes from now on.
void allocation_trace_begin(allocation_stack *stacks, size_t capacity);

/// Ends that; how many stacks were written, at most `capacity`.
size_t allocation_trace_end(void);

/// The file that a code address was loaded from, and the address's place in it; NULL when it is in none.
const char *allocation_image(const void *address, size_t *offset);

#endif
