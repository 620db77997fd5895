/*
 * The load generator of the chat benchmark: one thread, one epoll, and all members of a room.
 *
 * Closed loop: each sender sends a window of lines with one send, and the next window when every
 * other member has all of it. Open loop (a rate): lines are sent at fixed times, whatever was
 * received, and their latency counts from that time. Every line has its sender and the number of its
 * window, so a line that is lost, doubled or out of order is noticed.
 *
 * It prints one JSON line. A stalled member receives the probe and never reads again; before the
 * measured time, so much is sent that the kernel takes no more for it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <getopt.h>
#include <sys/timerfd.h>

#include "members.h"
#include "stretch.h"

#define WINDOW 64     /* lines of one window at most */
#define RING 256      /* windows of one sender in flight at most */
#define OUT (64 * 1024)
#define FILL_LIMIT 5000000000ULL   /* ns to fill the stalled members, at most */
#define STUCK 10000000000ULL       /* ns without a complete window: something was lost */

struct window {
    char tag[TAG];
    uint32_t lines;
    uint64_t sentAt; /* ns; in the open loop the time when it was due */
    uint64_t missing;
};

struct sender {
    struct member *member;
    struct window ring[RING];
    uint32_t next, done;       /* numbers of windows */
    char batch[2 * WINDOW * TEXT], *tags[WINDOW];
    size_t lineSize;
    char out[OUT];             /* bytes that the server has not taken yet */
    size_t outSize;
};

static struct sender senders[SENDERS];
static struct histogram latencies;
static struct stretch stretch;
static uint64_t deliveries, windows, completedAt;
static int readers, lines; /* lines: those of a window that is sent now */

static void flush(struct sender *s)
{
    ssize_t n = send(s->member->fd, s->out, s->outSize, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN)
        fail("sender %d cannot send: %s", s->member->number, strerror(errno));
    if (n > 0) {
        s->outSize -= (size_t)n;
        memmove(s->out, s->out + n, s->outSize);
    }
    struct epoll_event interest = {.events = EPOLLIN | (s->outSize ? EPOLLOUT : 0),
                                   .data.ptr = s->member};
    epoll_ctl(pollFd, EPOLL_CTL_MOD, s->member->fd, &interest);
}

static void sayWindow(struct sender *s, uint64_t at)
{
    struct window *w = &s->ring[s->next % RING];
    char tag[TAG + 1];
    if (s->next - s->done == RING)
        fail("the server is %d lines of one sender behind", RING);
    snprintf(tag, sizeof tag, "%c%07x", (char)('A' + (s - senders)), s->next++ & 0xfffffff);
    memcpy(w->tag, tag, TAG);
    w->sentAt = at;
    w->lines = (uint32_t)lines;
    w->missing = (uint64_t)(readers - 1) * (uint64_t)lines;
    for (int i = 0; i < lines; i++)
        memcpy(s->tags[i], tag, TAG);
    size_t size = s->lineSize * (size_t)lines;
    ssize_t n = s->outSize ? 0 : send(s->member->fd, s->batch, size, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN)
        fail("sender %d cannot send: %s", s->member->number, strerror(errno));
    size_t rest = size - (size_t)(n > 0 ? n : 0);
    if (!rest)
        return;
    if (s->outSize + rest > OUT)
        fail("the server does not read from sender %d", s->member->number);
    memcpy(s->out + s->outSize, s->batch + size - rest, rest);
    s->outSize += rest;
    flush(s);
}

static void complete(struct sender *s, struct window *w)
{
    completedAt = clockNow(CLOCK_MONOTONIC);
    histogramAdd(&latencies, completedAt - w->sentAt);
    windows++;
    while (s->done < s->next && !s->ring[s->done % RING].missing)
        s->done++;
    if (!options.rate)
        sayWindow(s, completedAt);
}

static void hear(struct member *m)
{
    char *start;
    ssize_t size = receive(m, &start);
    if (size < 0)
        fail("the server closed the connection of member %d", m->number);
    if (size == 0)
        return;
    const char *end = start + size;
    size_t step;
    for (const char *p = start; (p = memchr(p, MARK, (size_t)(end - p))); p += step) {
        /* The head of a frame may have that byte too. */
        step = web && (p == start || p[-1] != '"') ? 1 : TEXT;
        if (step == 1)
            continue;
        unsigned from = (unsigned)(p[1] - 'A');
        /* The text ends where the line ends: nothing was cut or inserted. */
        if (end - p <= TEXT || (p[TEXT] != '\n' && p[TEXT] != '\r' && p[TEXT] != '"') ||
            from >= (unsigned)options.senders)
            fail("member %d got a line that is not whole: %.*s", m->number, TAG, p + 1);
        if (senders[from].member == m && web)
            continue; /* the page shows its own lines as they come back */
        if (senders[from].member == m)
            fail("sender %d got its own line", m->number);
        struct progress *progress = &m->from[from];
        struct sender *s = &senders[from];
        struct window *w = &s->ring[progress->window % RING];
        if (progress->window == s->next || memcmp(p + 1, w->tag, TAG))
            fail("member %d got %.*s after %u lines of window %x: lost, doubled or out of order",
                 m->number, TAG, p + 1, progress->lines, progress->window);
        deliveries++;
        if (++progress->lines == w->lines) {
            progress->lines = 0;
            progress->window++;
        }
        if (--w->missing == 0)
            complete(s, w);
    }
}

static void prepare(void)
{
    if (!(members = calloc((size_t)options.members, sizeof *members)))
        die("calloc");
    readers = options.members - options.stalled;
    for (int i = 0; i < options.senders; i++) {
        struct sender *s = &senders[i];
        /* Senders are spread over the members, so that no one is served first or last. */
        s->member = &members[(long)i * options.members / options.senders];
        for (int line = 0; line < WINDOW; line++)
            s->lineSize = lineOf(s->batch + (size_t)line * s->lineSize, "A0000000", &s->tags[line]);
    }
    for (int i = 0, left = options.stalled; left; i++) {
        struct member *m = &members[((long)i * 7 + 3) % options.members];
        bool speaks = false;
        for (int each = 0; each < options.senders; each++)
            speaks |= senders[each].member == m;
        if (!speaks && !m->stalled) {
            m->stalled = true;
            left--;
        }
    }
}

static void stall(void)
{
    for (int i = 0; i < options.members; i++)
        if (members[i].stalled)
            epoll_ctl(pollFd, EPOLL_CTL_DEL, members[i].fd, NULL);
}

/* Sockets that the server has open; -1 when the system does not tell. A stalled member cannot see
 * that it was disconnected, as the end comes behind bytes that it has not read. */
static int openAtServer(void)
{
    char path[64], target[64];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%ld/fd", options.serverPid);
    DIR *folder = opendir(path);
    if (!folder)
        return -1;
    for (struct dirent *each; (each = readdir(folder));) {
        ssize_t size = readlinkat(dirfd(folder), each->d_name, target, sizeof target);
        count += size > 7 && !memcmp(target, "socket:", 7);
    }
    closedir(folder);
    return count;
}

static void turn(int timer)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(pollFd, events, EVENTS, 100);
    for (int i = 0; i < n; i++) {
        struct member *m = events[i].data.ptr;
        uint64_t expired;
        if (!m) {
            if (read(timer, &expired, sizeof expired) < 0 && errno != EAGAIN)
                die("timer");
            continue;
        }
        for (int each = 0; events[i].events & EPOLLOUT && each < options.senders; each++)
            if (senders[each].member == m && senders[each].outSize)
                flush(&senders[each]);
        if (events[i].events & ~(uint32_t)EPOLLOUT)
            hear(m);
    }
}

static int openTimer(uint64_t first, uint64_t period)
{
    struct epoll_event interest = {.events = EPOLLIN};
    struct itimerspec when = {
        .it_value = {(time_t)(first / 1000000000), (long)(first % 1000000000)},
        .it_interval = {(time_t)(period / 1000000000), (long)(period % 1000000000)}};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (timer < 0 || timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL) < 0 ||
        epoll_ctl(pollFd, EPOLL_CTL_ADD, timer, &interest) < 0)
        die("timer");
    return timer;
}

/* Nothing more comes: name a member that waits. */
static void missed(void)
{
    for (int i = 0; i < options.members; i++)
        for (int from = 0; !members[i].stalled && from < options.senders; from++)
            if (senders[from].member != &members[i] &&
                members[i].from[from].window < senders[from].next)
                fail("member %d got %u lines of window %x of sender %c, and nothing more comes", i,
                     members[i].from[from].lines, members[i].from[from].window, 'A' + from);
    fail("nothing comes");
}

static void load(void)
{
    uint64_t now = clockNow(CLOCK_MONOTONIC), ends = UINT64_MAX, due = 0;
    uint64_t started = completedAt = now, begins = now + (uint64_t)(options.warmup * 1e9);
    bool full = !options.stalled;
    uint64_t period = options.rate > 0 ? (uint64_t)(1e9 / options.rate) : 0;
    int timer = period ? openTimer(started, period) : -1;
    lines = full ? options.window : WINDOW / 2;
    for (int i = 0; !period && i < options.senders; i++)
        sayWindow(&senders[i], now);
    while ((now = clockNow(CLOCK_MONOTONIC)) < ends) {
        if (!full && (windows * WINDOW / 2 * TEXT >= (uint64_t)options.fill ||
                      now > started + FILL_LIMIT)) {
            full = true;
            lines = options.window;
            begins = now + (uint64_t)(options.warmup * 1e9);
        }
        if (full && !stretch.began && now >= begins) {
            ends = now + (uint64_t)(options.seconds * 1e9);
            deliveries = windows = 0;
            memset(&latencies, 0, sizeof latencies);
            beginStretch(&stretch, now);
        }
        for (; period && started + due * period <= now; due++)
            sayWindow(&senders[due % (uint64_t)options.senders], started + due * period);
        turn(timer);
        if (now > completedAt + STUCK)
            missed();
    }
    endStretch(&stretch, now);
}

static void report(uint64_t joining, uint64_t joinCpu, int cutOff)
{
    double seconds = (double)(stretch.ended - stretch.began) / 1e9;
    printf("{\"deliveries\": %llu, \"deliveriesPerSecond\": %.1f, \"windows\": %llu, ",
           (unsigned long long)deliveries, (double)deliveries / seconds,
           (unsigned long long)windows);
    printStretch(&stretch, &latencies);
    if (cutOff < 0)
        printf("\"cutOff\": null, ");
    else
        printf("\"cutOff\": %d, ", cutOff);
    if (stretch.hasServerClock)
        printf("\"joinCpuSeconds\": %.6f, ", (double)joinCpu / 1e9);
    else
        printf("\"joinCpuSeconds\": null, ");
    printf("\"joinSeconds\": %.3f}\n", (double)joining / 1e9);
}

int main(int count, char **words)
{
    static const struct option known[] = {
        {"wire", 1, 0, 'x'},    {"host", 1, 0, 'h'},    {"port", 1, 0, 'p'},
        {"members", 1, 0, 'm'}, {"senders", 1, 0, 's'}, {"stalled", 1, 0, 'n'},
        {"window", 1, 0, 'l'},  {"rate", 1, 0, 'r'},    {"seconds", 1, 0, 't'},
        {"warmup", 1, 0, 'w'},  {"fill", 1, 0, 'f'},    {"outstanding", 1, 0, 'o'},
        {"arrivals", 1, 0, 'a'}, {"server-pid", 1, 0, 'i'}, {0, 0, 0, 0}};
    for (int o; (o = getopt_long(count, words, "", known, NULL)) != -1;) {
        switch (o) {
        case 'x': options.wire = optarg; break;
        case 'h': options.host = optarg; break;
        case 'p': options.port = atoi(optarg); break;
        case 'm': options.members = atoi(optarg); break;
        case 's': options.senders = atoi(optarg); break;
        case 'n': options.stalled = atoi(optarg); break;
        case 'l': options.window = atoi(optarg); break;
        case 'r': options.rate = atof(optarg); break;
        case 't': options.seconds = atof(optarg); break;
        case 'w': options.warmup = atof(optarg); break;
        case 'f': options.fill = atol(optarg); break;
        case 'o': options.outstanding = atoi(optarg); break;
        case 'a': options.arrivals = atof(optarg); break;
        case 'i': options.serverPid = atol(optarg); break;
        default: return 2;
        }
    }
    irc = !strcmp(options.wire, "irc");
    web = !strcmp(options.wire, "web");
    if (options.senders < 1 || options.senders > SENDERS || options.window < 1 ||
        options.window > WINDOW || options.outstanding < 1 || options.stalled < 0 ||
        options.members < options.senders + options.stalled + 1) {
        fprintf(stderr, "crowd: members, senders, stalled, window or outstanding out of bounds\n");
        return 2;
    }
    /* This process ends, whatever goes wrong with the server. */
    alarm((unsigned)(options.seconds + options.warmup) + 100);
    openStretch(&stretch, options.serverPid);
    if ((pollFd = epoll_create1(0)) < 0)
        die("epoll_create1");
    prepare();
    uint64_t joining = clockNow(CLOCK_MONOTONIC);
    uint64_t joinCpu = stretch.hasServerClock ? clockNow(stretch.serverClock) : 0;
    joinAll();
    joining = clockNow(CLOCK_MONOTONIC) - joining;
    joinCpu = stretch.hasServerClock ? clockNow(stretch.serverClock) - joinCpu : 0;
    stall();
    int before = openAtServer();
    load();
    int after = openAtServer();
    report(joining, joinCpu, before < 0 || after < 0 ? -1 : before > after ? before - after : 0);
    return 0;
}
