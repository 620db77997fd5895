/*
 * The load generator of the echo benchmark: one thread, one epoll, a fixed number of requests in
 * flight (a new one leaves only when its predecessor was answered).
 *
 * It prints one JSON line; generator.py takes the same options and prints the same line. The
 * window it measures begins after the warm-up, and it reads the server's CPU clock at both ends of
 * that window itself, so the CPU time and the requests are of exactly the same stretch.
 */
#define _GNU_SOURCE
#include <getopt.h>

#include "traffic.h"

#define EVENTS 256
#define SCAN_EVERY 50000000ULL  /* ns between two searches for lost datagrams */

static clockid_t serverClock;
static bool hasServerClock;

/* Nanoseconds the main thread of a process was ready to run while its core was taken; -1 when the
 * system does not say. */
static double waitedBy(long pid)
{
    char path[64];
    unsigned long long ran, waited;
    snprintf(path, sizeof path, "/proc/%ld/schedstat", pid);
    FILE *in = fopen(path, "r");
    if (!in)
        return -1;
    int found = fscanf(in, "%llu %llu", &ran, &waited);
    fclose(in);
    return found == 2 ? (double)waited : -1;
}

/* A figure of the JSON line, null when there is none. */
static void printShare(const char *name, double before, double after, double seconds)
{
    if (before < 0 || after < 0)
        printf("\"%s\": null, ", name);
    else
        printf("\"%s\": %.6f, ", name, (after - before) / 1e9 / seconds);
}

static void turn(bool udp, int timeout)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(pollFd, events, EVENTS, timeout);
    for (int i = 0; i < n; i++) {
        struct connection *c = events[i].data.ptr;
        if (udp) {
            readDatagrams(c);
            continue;
        }
        if (events[i].events & EPOLLOUT)
            sendRest(c);
        if (c->fd >= 0 && events[i].events & ~(uint32_t)EPOLLOUT)
            readStream(c);
    }
}

static void load(bool udp)
{
    batchSize = (size_t)options.depth * (size_t)options.size;
    batch = malloc(batchSize);
    for (size_t i = 0; i < batchSize; i++)
        batch[i] = (char)((i + 1) % (size_t)options.size ? 'a' + i % 23 : '\n');
    openAll(udp);
    startAll(udp);
    uint64_t now = clockNow(CLOCK_MONOTONIC), scanned = now;
    uint64_t began = now + (uint64_t)(options.warmup * 1e9), ended = UINT64_MAX;
    uint64_t ownCpu = 0, serverCpu = 0;
    double ownWait = -1, serverWait = -1;
    bool measuring = false;
    while ((now = clockNow(CLOCK_MONOTONIC)) < ended) {
        if (!measuring && now >= began) {
            measuring = true;
            began = now;
            ended = began + (uint64_t)(options.seconds * 1e9);
            requests = stamps = lost = 0;
            memset(&latencies, 0, sizeof latencies);
            ownCpu = clockNow(CLOCK_PROCESS_CPUTIME_ID);
            serverCpu = hasServerClock ? clockNow(serverClock) : 0;
            ownWait = waitedBy(getpid());
            serverWait = waitedBy(options.serverPid);
        }
        if (udp && now - scanned > SCAN_EVERY) {
            resendLost(now);
            scanned = now;
        }
        turn(udp, 20);
    }
    if (hasServerClock)
        serverCpu = clockNow(serverClock) - serverCpu;
    ownCpu = clockNow(CLOCK_PROCESS_CPUTIME_ID) - ownCpu;
    double seconds = (double)(now - began) / 1e9;
    printf("{\"requests\": %llu, \"seconds\": %.6f, \"requestsPerSecond\": %.1f, ",
           (unsigned long long)requests, seconds, (double)requests / seconds);
    printf("\"p50\": %.2f, \"p99\": %.2f, \"maximum\": %.2f, ", histogramAt(&latencies, 0.5) / 1e3,
           histogramAt(&latencies, 0.99) / 1e3, (double)latencies.maximum / 1e3);
    printf("\"cpuSeconds\": %.6f, \"utilisation\": %.4f, ", (double)ownCpu / 1e9,
           (double)ownCpu / 1e9 / seconds);
    if (hasServerClock)
        printf("\"serverCpuSeconds\": %.6f, ", (double)serverCpu / 1e9);
    else
        printf("\"serverCpuSeconds\": null, ");
    printShare("waited", ownWait, waitedBy(getpid()), seconds);
    printShare("serverWaited", serverWait, waitedBy(options.serverPid), seconds);
    printf("\"stamps\": %llu, \"lost\": %llu, \"wrong\": %llu, \"closed\": %llu, ",
           (unsigned long long)stamps, (unsigned long long)lost, (unsigned long long)wrong,
           (unsigned long long)closedByServer);
    printf("\"firstReply\": \"%s\", \"began\": %.6f, \"ended\": %.6f}\n", firstReply,
           (double)began / 1e9, (double)now / 1e9);
}

/* Keep connections open and silent until standard input ends. */
static void hold(void)
{
    struct epoll_event input = {.events = EPOLLIN}, events[EVENTS];
    uint64_t limit = clockNow(CLOCK_MONOTONIC) + (uint64_t)(options.seconds * 1e9);
    openAll(false);
    printf("{\"held\": %d}\n", options.connections);
    fflush(stdout);
    epoll_ctl(pollFd, EPOLL_CTL_ADD, 0, &input);
    for (bool open = true; open && clockNow(CLOCK_MONOTONIC) < limit;) {
        int n = epoll_wait(pollFd, events, EVENTS, 1000);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                drop(events[i].data.ptr);
            else
                open = false;
        }
    }
    printf("{\"closed\": %llu}\n", (unsigned long long)closedByServer);
}

int main(int count, char **words)
{
    static const struct option known[] = {
        {"mode", 1, 0, 'm'},    {"host", 1, 0, 'h'},   {"port", 1, 0, 'p'},
        {"connections", 1, 0, 'c'}, {"depth", 1, 0, 'd'}, {"size", 1, 0, 's'},
        {"seconds", 1, 0, 't'}, {"warmup", 1, 0, 'w'}, {"server-pid", 1, 0, 'i'},
        {"sources", 1, 0, 'o'}, {0, 0, 0, 0}};
    for (int o; (o = getopt_long(count, words, "", known, NULL)) != -1;) {
        switch (o) {
        case 'm': options.mode = optarg; break;
        case 'h': options.host = optarg; break;
        case 'p': options.port = atoi(optarg); break;
        case 'c': options.connections = atoi(optarg); break;
        case 'd': options.depth = atoi(optarg); break;
        case 's': options.size = atoi(optarg); break;
        case 't': options.seconds = atof(optarg); break;
        case 'w': options.warmup = atof(optarg); break;
        case 'i': options.serverPid = atol(optarg); break;
        case 'o': options.sources = atoi(optarg); break;
        default: return 2;
        }
    }
    bool udp = !strcmp(options.mode, "udp");
    if (options.connections < 1 || options.depth < 1 || options.size < 16 ||
        (udp && (size_t)options.depth * ((size_t)options.size + 2 * STAMP) > READ)) {
        fprintf(stderr, "generator: connections, depth or size out of bounds\n");
        return 2;
    }
    /* Whatever goes wrong with the server, this process ends. */
    alarm((unsigned)(options.seconds + options.warmup) + 60);
    hasServerClock = options.serverPid > 0 &&
                     !clock_getcpuclockid((pid_t)options.serverPid, &serverClock);
    if ((pollFd = epoll_create1(0)) < 0)
        die("epoll_create1");
    if (!strcmp(options.mode, "hold"))
        hold();
    else
        load(udp);
    return 0;
}
