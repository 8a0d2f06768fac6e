// The load generator of Benchmarks/run: one thread, keep-alive HTTP/1.1 connections, one epoll.
//
// It does what common generators leave out: a list of paths and tokens of which each can be used once, requests at
// a fixed rate whose latency counts from the moment they were due (so that a server that stalls cannot hide the
// requests that it kept waiting), bodies of any size without keeping them, and connections that stay open and idle.
//
// Every connection first makes one request that is not counted. Then `ready` is printed and a line on standard
// input starts the measurement; the result is one line of JSON; the connections close when standard input ends.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { head_limit = 16384, read_size = 65536, sub_buckets = 128, magnitudes = 40 };

typedef struct {
    char *path;
    char *token;  // NULL: no credential
} item;

typedef struct {
    int fd;
    uint32_t events;      // what epoll watches
    char *out;            // the request's head; kept until it is written
    size_t out_length, out_done;
    int64_t body_left;    // of the request, still to write
    char *head;           // of the answer, until it is whole
    size_t head_length;
    int64_t answer_left;  // of the answer's body, still to read
    int status;
    int busy, in_head, closes;
    int64_t due;          // what latency counts from
} connection;

static struct {
    struct sockaddr_in address;
    const char *method, *list;
    int connections, parallel;
    double seconds, rate;
    int64_t requests, offset, body;
    int once, expect;
} options = {.method = "GET", .connections = 64, .parallel = 64, .expect = 200};

static item *items;
static int64_t item_count, next_item;
static connection *connections;
static int *idle, idle_head, idle_count;
static int epoll;
static int64_t started, finished, unexpected, broken, reconnected, received, status_counts[600];
static int64_t begin_time, end_time, issue_limit;
static int64_t histogram[magnitudes * sub_buckets], longest;
static int measuring, exhausted;

static void fail(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, errno ? strerror(errno) : "");
    exit(2);
}

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

// Buckets whose width is 1/128 of their value: three digits are more than a benchmark can promise.
static int bucket(int64_t value) {
    if (value < sub_buckets) return value < 0 ? 0 : (int)value;
    int shift = 63 - __builtin_clzll((uint64_t)value) - 6;
    return shift * (sub_buckets / 2) + (int)(value >> shift);
}

static int64_t bucket_value(int index) {
    if (index < sub_buckets) return index;
    int shift = index / (sub_buckets / 2) - 1;
    return (int64_t)(index - shift * (sub_buckets / 2)) << shift;
}

static double percentile(double share) {
    int64_t sum = 0, wanted = (int64_t)(share * (double)finished);
    for (int index = 0; index < magnitudes * sub_buckets; index++) {
        sum += histogram[index];
        if (sum > wanted) return (double)bucket_value(index) / 1000;
    }
    return (double)longest / 1000;
}

static void read_list(const char *name) {
    FILE *file = fopen(name, "r");
    if (!file) fail(name);
    char *line = NULL;
    size_t size = 0;
    int64_t capacity = 0;
    for (ssize_t length; (length = getline(&line, &size, file)) > 0;) {
        if (line[length - 1] == '\n') line[--length] = 0;
        if (length == 0) continue;
        if (item_count == capacity) items = realloc(items, (size_t)(capacity = capacity * 2 + 64) * sizeof *items);
        char *space = strchr(line, ' ');
        if (space) *space = 0;
        items[item_count++] = (item){strdup(line), space ? strdup(space + 1) : NULL};
    }
    free(line);
    fclose(file);
    if (item_count == 0) errno = 0, fail("the list of requests is empty");
}

static void watch(connection *this, uint32_t events) {
    if (this->events == events) return;
    struct epoll_event event = {.events = events, .data.ptr = this};
    if (epoll_ctl(epoll, this->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, this->fd, &event) < 0) fail("epoll_ctl");
    this->events = events;
}

static void open_connection(connection *this) {
    this->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (this->fd < 0) fail("socket");
    // Blocking: on loopback a connection is made or refused at once.
    if (connect(this->fd, (struct sockaddr *)&options.address, sizeof options.address) < 0) fail("connect");
    fcntl(this->fd, F_SETFL, O_NONBLOCK);
    int yes = 1;
    setsockopt(this->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    this->events = 0;
    watch(this, EPOLLIN);
}

static void give_back(connection *this) {
    this->busy = 0;
    idle[(idle_head + idle_count++) % options.connections] = (int)(this - connections);
}

static void reopen(connection *this) {
    close(this->fd);
    open_connection(this);
    reconnected++;
}

static void end_request(connection *this, int well) {
    if (measuring) {
        int64_t took = now() - this->due;
        if (well) {
            finished++;
            histogram[bucket(took)]++;
            if (took > longest) longest = took;
            status_counts[this->status]++;
            if (this->status != options.expect) unexpected++;
        } else broken++;
    } else if (!well || this->status != options.expect) unexpected++;
    if (!well || this->closes) reopen(this);
    give_back(this);
}

static const char zeros[read_size];

static void push(connection *this) {
    while (this->out_done < this->out_length) {
        ssize_t count = send(this->fd, this->out + this->out_done, this->out_length - this->out_done, MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN) { watch(this, EPOLLIN | EPOLLOUT); return; }
        if (count < 0) { end_request(this, 0); return; }
        this->out_done += (size_t)count;
    }
    while (this->body_left > 0) {
        size_t part = this->body_left < read_size ? (size_t)this->body_left : read_size;
        ssize_t count = send(this->fd, zeros, part, MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN) { watch(this, EPOLLIN | EPOLLOUT); return; }
        if (count < 0) { end_request(this, 0); return; }
        this->body_left -= count;
    }
    watch(this, EPOLLIN);
}

static void begin_request(connection *this, int64_t due) {
    item *what = &items[next_item++];
    if (next_item == item_count) { next_item = 0; if (options.once) exhausted = 1; }
    char length[64] = "";
    if (options.body >= 0) snprintf(length, sizeof length, "Content-Length: %lld\r\n", (long long)options.body);
    int count = snprintf(
        this->out, head_limit, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s%s%s%s\r\n", options.method, what->path,
        what->token ? "Authorization: Bearer " : "", what->token ? what->token : "", what->token ? "\r\n" : "", length);
    if (count >= head_limit) errno = 0, fail("a request is longer than 16 KiB");
    this->out_length = (size_t)count;
    this->out_done = 0;
    this->body_left = options.body > 0 ? options.body : 0;
    this->head_length = 0;
    this->in_head = 1;
    this->busy = 1;
    this->closes = 0;
    this->due = due;
    started++;
    push(this);
}

// Reads what the answer's head says; -1 where it is nothing that this generator understands.
static int read_head(connection *this) {
    if (this->head_length < 12 || memcmp(this->head, "HTTP/1.", 7)) return -1;
    this->status = atoi(this->head + 9);
    if (this->status < 200 || this->status > 599) return -1;
    this->answer_left = -1;
    for (char *line = strchr(this->head, '\n') + 1; *line && *line != '\r'; line = strchr(line, '\n') + 1) {
        if (!strncasecmp(line, "content-length:", 15)) this->answer_left = atoll(line + 15);
        if (!strncasecmp(line, "connection: close", 17)) this->closes = 1;
    }
    return this->answer_left < 0 ? -1 : 0;
}

static void pull(connection *this) {
    static char buffer[read_size];
    for (;;) {
        ssize_t count = recv(this->fd, buffer, sizeof buffer, 0);
        if (count < 0 && errno == EAGAIN) return;
        if (count <= 0) {
            if (this->busy) end_request(this, 0); else reopen(this);
            return;
        }
        if (measuring) received += count;
        if (!this->busy) { broken++; return; }
        char *rest = buffer;
        size_t left = (size_t)count;
        if (this->in_head) {
            size_t room = head_limit - 1 - this->head_length, part = left < room ? left : room, before = this->head_length;
            memcpy(this->head + before, rest, part);
            this->head[this->head_length += part] = 0;
            char *end = strstr(this->head, "\r\n\r\n");
            if (!end) {
                if (part == room) { end_request(this, 0); return; }
                continue;
            }
            end[2] = 0;
            size_t used = (size_t)(end + 4 - this->head) - before;
            rest += used, left -= used;
            this->in_head = 0;
            if (read_head(this) < 0) { end_request(this, 0); return; }
        }
        this->answer_left -= (int64_t)left;
        if (this->answer_left < 0) { end_request(this, 0); return; }
        if (this->answer_left == 0) { end_request(this, 1); return; }
        if ((size_t)count < sizeof buffer) return;
    }
}

// When request number `number` is due: at once without a rate.
static int64_t due_time(int64_t number) {
    return options.rate > 0 ? begin_time + (int64_t)((double)number * 1e9 / options.rate) : 0;
}

static int may_begin(int64_t time) {
    if (exhausted || (issue_limit >= 0 && started >= issue_limit)) return 0;
    if (options.rate > 0) return due_time(started) <= time && (end_time == 0 || due_time(started) < end_time);
    return end_time == 0 || time < end_time;
}

static int over(int64_t time) {
    if (idle_count < options.connections) return 0;
    if (exhausted || (issue_limit >= 0 && started >= issue_limit)) return 1;
    return end_time != 0 && (options.rate > 0 ? due_time(started) >= end_time : time >= end_time);
}

static void phase(void) {
    int64_t patience = now() + 120000000000LL;
    for (;;) {
        int64_t time = now();
        // What the connections end within a second of the end counts; what hangs longer is broken.
        if (end_time && time > end_time + 20000000000LL) { broken += options.connections - idle_count; return; }
        if (time > patience + (int64_t)(options.seconds * 1e9)) errno = ETIMEDOUT, fail("no end of the requests");
        while (idle_count > 0 && options.connections - idle_count < options.parallel && may_begin(time)) {
            connection *this = &connections[idle[idle_head]];
            idle_head = (idle_head + 1) % options.connections;
            idle_count--;
            begin_request(this, options.rate > 0 && measuring ? due_time(started) : now());
        }
        if (over(now())) return;
        struct timespec wait = {1, 0};
        if (options.rate > 0 && measuring && idle_count > 0) {
            int64_t left = due_time(started) - now();
            if (left < 0) left = 0;
            if (left < 1000000000LL) wait = (struct timespec){0, left};
        }
        struct epoll_event events[256];
        int count = epoll_pwait2(epoll, events, 256, &wait, NULL);
        if (count < 0 && errno != EINTR) fail("epoll_pwait2");
        for (int index = 0; index < count; index++) {
            connection *this = events[index].data.ptr;
            if (events[index].events & EPOLLOUT && this->busy) push(this);
            if (events[index].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) pull(this);
        }
    }
}

static void wait_for_line(void) {
    char byte;
    ssize_t count;
    while ((count = read(0, &byte, 1)) == 1 && byte != '\n') {}
    if (count < 0) fail("standard input");
}

static void usage(int status) {
    fprintf(status ? stderr : stdout,
        "usage: load --port N --list FILE [option]…\n\n"
        "  --list FILE        lines `PATH` or `PATH TOKEN`, used by turns\n"
        "  --once             each line at most once (the first requests, one for each connection, included)\n"
        "  --offset N         begin with line N (from 0)\n"
        "  --connections N    64\n"
        "  --parallel N       requests at a time, 64\n"
        "  --seconds S        how long, or\n"
        "  --requests N       how many requests\n"
        "  --rate R           requests per second, latency from the moment each was due\n"
        "  --method NAME      GET\n"
        "  --body BYTES       a request body of zeros\n"
        "  --expect STATUS    200; every other status is an error\n");
    exit(status);
}

static void read_options(int count, char **arguments) {
    static const struct option names[] = {
        {"port", 1, 0, 'p'}, {"list", 1, 0, 'l'}, {"once", 0, 0, 'o'}, {"offset", 1, 0, 'f'}, {"connections", 1, 0, 'c'},
        {"parallel", 1, 0, 'a'}, {"seconds", 1, 0, 's'}, {"requests", 1, 0, 'n'}, {"rate", 1, 0, 'r'},
        {"method", 1, 0, 'm'}, {"body", 1, 0, 'b'}, {"expect", 1, 0, 'e'}, {"help", 0, 0, 'h'}, {0}};
    options.address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    options.requests = options.body = -1;
    for (int option; (option = getopt_long(count, arguments, "", names, NULL)) != -1;) switch (option) {
        case 'p': options.address.sin_port = htons((uint16_t)atoi(optarg)); break;
        case 'l': options.list = optarg; break;
        case 'o': options.once = 1; break;
        case 'f': options.offset = atoll(optarg); break;
        case 'c': options.connections = atoi(optarg); break;
        case 'a': options.parallel = atoi(optarg); break;
        case 's': options.seconds = atof(optarg); break;
        case 'n': options.requests = atoll(optarg); break;
        case 'r': options.rate = atof(optarg); break;
        case 'm': options.method = optarg; break;
        case 'b': options.body = atoll(optarg); break;
        case 'e': options.expect = atoi(optarg); break;
        case 'h': usage(0); break;
        default: usage(2);
    }
    if (!options.address.sin_port || !options.list || options.connections < 1 || options.parallel < 1
        || (options.seconds <= 0) == (options.requests < 0)) usage(2);
}

static void report(double seconds) {
    printf("{\"requests\":%lld,\"seconds\":%.6f,\"unexpected\":%lld,\"broken\":%lld,\"reconnected\":%lld,"
           "\"received\":%lld,\"next\":%lld,\"exhausted\":%s,"
           "\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"longest\":%.1f,\"statuses\":{",
        (long long)finished, seconds, (long long)unexpected, (long long)broken, (long long)reconnected,
        (long long)received, (long long)next_item, exhausted ? "true" : "false", percentile(0.5), percentile(0.9),
        percentile(0.99), percentile(0.999), (double)longest / 1000);
    const char *separator = "";
    for (int status = 0; status < 600; status++)
        if (status_counts[status]) printf("%s\"%d\":%lld", separator, status, (long long)status_counts[status]), separator = ",";
    printf("}}\n");
    fflush(stdout);
}

int main(int count, char **arguments) {
    read_options(count, arguments);
    // The kernel may put a timer off by 50 µs otherwise, which a fixed rate would show as latency.
    prctl(PR_SET_TIMERSLACK, 1);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    read_list(options.list);
    next_item = options.offset % item_count;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    connections = calloc((size_t)options.connections, sizeof *connections);
    idle = calloc((size_t)options.connections, sizeof *idle);
    for (int index = 0; index < options.connections; index++) {
        connections[index].out = malloc(head_limit);
        connections[index].head = malloc(head_limit);
        open_connection(&connections[index]);
        give_back(&connections[index]);
    }

    issue_limit = options.connections;
    phase();
    if (broken || unexpected) errno = 0, fprintf(stderr, "load: %lld of the first requests, one for each connection, "
        "were not answered with %d\n", (long long)(broken + unexpected), options.expect);
    printf("ready\n");
    fflush(stdout);
    wait_for_line();

    started = finished = reconnected = 0;
    measuring = 1;
    issue_limit = options.requests;
    begin_time = now();
    end_time = options.seconds > 0 ? begin_time + (int64_t)(options.seconds * 1e9) : 0;
    phase();
    report((double)(now() - begin_time) / 1e9);
    wait_for_line();
    return 0;
}
