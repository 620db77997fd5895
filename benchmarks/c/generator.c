/*
 * The load generator of the echo benchmark: one thread, one epoll, a fixed number of requests in
 * flight (the next one is sent when one was answered).
 *
 * It prints one JSON line; generator.py takes the same options but --tls, and prints the same line. The measured
 * time begins after the warm-up. The server's CPU clock is read here at both ends of it, so CPU time
 * and requests are of exactly the same time.
 */
#define _GNU_SOURCE
#include <getopt.h>

#include "traffic.h"

#define EVENTS 256
#define SCAN_EVERY 50000000ULL  /* ns between two searches for lost datagrams */

static struct stretch stretch;

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
    uint64_t begins = now + (uint64_t)(options.warmup * 1e9), ends = UINT64_MAX;
    while ((now = clockNow(CLOCK_MONOTONIC)) < ends) {
        if (!stretch.began && now >= begins) {
            ends = now + (uint64_t)(options.seconds * 1e9);
            requests = stamps = lost = 0;
            memset(&latencies, 0, sizeof latencies);
            beginStretch(&stretch, now);
        }
        if (udp && now - scanned > SCAN_EVERY) {
            resendLost(now);
            scanned = now;
        }
        turn(udp, 20);
    }
    endStretch(&stretch, now);
    printf("{\"requests\": %llu, \"requestsPerSecond\": %.1f, ", (unsigned long long)requests,
           (double)requests * 1e9 / (double)(stretch.ended - stretch.began));
    printStretch(&stretch, &latencies);
    printf("\"stamps\": %llu, \"lost\": %llu, \"wrong\": %llu, \"closed\": %llu, ",
           (unsigned long long)stamps, (unsigned long long)lost, (unsigned long long)wrong,
           (unsigned long long)closedByServer);
    printf("\"firstReply\": \"%s\"}\n", firstReply);
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
        {"sources", 1, 0, 'o'}, {"tls", 1, 0, 'l'}, {0, 0, 0, 0}};
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
        case 'l': options.tls = atoi(optarg); break;
        default: return 2;
        }
    }
    bool udp = !strcmp(options.mode, "udp");
    if (options.connections < 1 || options.depth < 1 || options.size < 16 ||
        (udp && (size_t)options.depth * ((size_t)options.size + 2 * STAMP) > READ)) {
        fprintf(stderr, "generator: connections, depth or size out of bounds\n");
        return 2;
    }
    /* This process ends, whatever goes wrong with the server. */
    alarm((unsigned)(options.seconds + options.warmup) + 60);
    openStretch(&stretch, options.serverPid);
    if ((pollFd = epoll_create1(0)) < 0)
        die("epoll_create1");
    if (!strcmp(options.mode, "hold"))
        hold();
    else
        load(udp);
    return 0;
}
