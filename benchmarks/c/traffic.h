/*
 * The traffic of generator.c: connections, and one request after another on each. A stream sends DEPTH
 * requests in one write; a datagram socket has DEPTH numbered datagrams in flight.
 */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sockets.h"
#include "stretch.h"
#include "tls.h"

#define STAMP 27          /* bytes: "[", 24 of ctime, "] " */
#define READ (256 * 1024) /* bytes of one recv at most */
#define LOST_AFTER 200000000ULL /* ns until a datagram counts as lost */
#define CONNECT_BURST 32        /* connections opened before a pause: small listen queues overflow */
#define CONNECT_PAUSE 4000      /* us */

struct slot {
    uint64_t sentAt; /* ns */
    uint32_t number;
};

struct connection {
    int fd;
    tlsSession *tls;  /* NULL without TLS */
    size_t sent, got; /* bytes of this batch */
    int lines;        /* complete replies of this batch */
    uint64_t startedAt;
    bool waitsToWrite;
    struct slot *slots; /* UDP: one for each datagram in flight */
    char *messages;     /* UDP: depth times size bytes */
};

static struct {
    const char *mode, *host;
    int port, connections, depth, size, sources;
    double seconds, warmup;
    long serverPid;
    bool tls;
} options = {"tcp", "127.0.0.1", 0, 1, 1, 64, 0, 1.0, 0.2, 0, false};

static struct histogram latencies;
static struct connection *connections;
static int pollFd;
static char *batch, reply[READ], firstReply[STAMP + 1];
static size_t batchSize;
static uint64_t requests, stamps, lost, wrong, closedByServer;

static void openAll(bool udp)
{
    connections = calloc((size_t)options.connections, sizeof *connections);
    for (int i = 0; i < options.connections; i++) {
        struct connection *c = &connections[i];
        struct epoll_event interest = {.events = EPOLLIN, .data.ptr = c};
        uint32_t source = 0;
        if (i && i % CONNECT_BURST == 0)
            usleep(CONNECT_PAUSE);
        if (options.sources)
            source = INADDR_LOOPBACK + 1 + (uint32_t)(i % options.sources);
        c->fd = connectTo(options.host, options.port, udp ? SOCK_DGRAM : SOCK_STREAM, source, false);
        if (options.tls)
            c->tls = beginTls(c->fd);
        if (epoll_ctl(pollFd, EPOLL_CTL_ADD, c->fd, &interest) < 0)
            die("epoll_ctl");
    }
}

static void drop(struct connection *c)
{
    closedByServer++;
    close(c->fd);
    c->fd = -1;
}

/* Keep the first stamp; load.py checks its form. */
static void keepFirst(const char *data, size_t n)
{
    if (firstReply[0] || n < STAMP)
        return;
    for (int i = 0; i < STAMP; i++) {
        char c = data[i];
        firstReply[i] = c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c;
    }
}

static void sendRest(struct connection *c)
{
    ssize_t n = sendBytes(c->fd, c->tls, batch + c->sent, batchSize - c->sent);
    if (n < 0 && errno != EAGAIN) {
        drop(c);
        return;
    }
    if (n > 0)
        c->sent += (size_t)n;
    bool more = c->sent < batchSize;
    if (more != c->waitsToWrite) {
        struct epoll_event interest = {.events = EPOLLIN | (more ? EPOLLOUT : 0), .data.ptr = c};
        epoll_ctl(pollFd, EPOLL_CTL_MOD, c->fd, &interest);
        c->waitsToWrite = more;
    }
}

static void startBatch(struct connection *c, uint64_t now)
{
    c->sent = c->got = 0;
    c->lines = 0;
    c->startedAt = now;
    sendRest(c);
}

/* The server puts a stamp in front of each chunk that it reads, and the kernel chooses where chunks
 * end. So a reply ends with its newline, and each stamp adds exactly STAMP bytes. */
static void readStream(struct connection *c)
{
    ssize_t n = receiveBytes(c->fd, c->tls, reply, READ);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            drop(c);
        return;
    }
    if (c->got == 0 && reply[0] != '[')
        wrong++;
    keepFirst(reply, (size_t)n);
    const char *end = reply + n;
    for (const char *p = reply; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        c->lines++;
    c->got += (size_t)n;
    if (c->lines < options.depth)
        return;
    size_t added = c->got - batchSize;
    bool whole = c->got == (size_t)n && added == STAMP;
    if (c->lines > options.depth || c->got < batchSize + STAMP || added % STAMP ||
        (whole && memcmp(reply + STAMP, batch, batchSize)))
        wrong++;
    uint64_t now = clockNow(CLOCK_MONOTONIC);
    histogramAdd(&latencies, now - c->startedAt);
    requests += (uint64_t)options.depth;
    stamps += added / STAMP;
    startBatch(c, now);
}

static void sendSlots(struct connection *c, const int *which, int count, uint64_t now)
{
    struct mmsghdr headers[count];
    struct iovec parts[count];
    memset(headers, 0, sizeof headers);
    for (int i = 0; i < count; i++) {
        struct slot *s = &c->slots[which[i]];
        char *message = c->messages + (size_t)which[i] * (size_t)options.size;
        s->sentAt = now;
        s->number++;
        memcpy(message + 3, &s->number, sizeof s->number);
        parts[i] = (struct iovec){message, (size_t)options.size};
        headers[i].msg_hdr.msg_iov = &parts[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    /* Datagrams that the kernel does not take now are found by the search for lost ones. */
    if (sendmmsg(c->fd, headers, (unsigned)count, 0) < 0 && errno != EAGAIN && errno != ENOBUFS)
        wrong++;
}

static void readDatagrams(struct connection *c)
{
    size_t room = (size_t)options.size + 2 * STAMP;
    struct mmsghdr headers[options.depth];
    struct iovec parts[options.depth];
    int done[options.depth], count = 0;
    memset(headers, 0, sizeof headers);
    for (int i = 0; i < options.depth; i++) {
        parts[i] = (struct iovec){reply + (size_t)i * room, room};
        headers[i].msg_hdr.msg_iov = &parts[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    int n = recvmmsg(c->fd, headers, (unsigned)options.depth, 0, NULL);
    if (n < 0) {
        wrong += errno != EAGAIN;
        return;
    }
    uint64_t now = clockNow(CLOCK_MONOTONIC);
    for (int i = 0; i < n; i++) {
        const char *data = reply + (size_t)i * room;
        uint16_t which;
        uint32_t number;
        keepFirst(data, headers[i].msg_len);
        if (headers[i].msg_len != (unsigned)options.size + STAMP || data[0] != '[') {
            wrong++;
            continue;
        }
        memcpy(&which, data + STAMP + 1, sizeof which);
        memcpy(&number, data + STAMP + 3, sizeof number);
        if (which >= options.depth) {
            wrong++;
            continue;
        }
        if (number != c->slots[which].number)
            continue; /* the late answer to a datagram that was counted as lost */
        if (memcmp(data + STAMP, c->messages + which * (size_t)options.size, (size_t)options.size))
            wrong++;
        histogramAdd(&latencies, now - c->slots[which].sentAt);
        requests++;
        stamps++;
        done[count++] = which;
    }
    if (count)
        sendSlots(c, done, count, now);
}

static void resendLost(uint64_t now)
{
    for (int i = 0; i < options.connections; i++)
        for (int which = 0; which < options.depth; which++)
            if (now - connections[i].slots[which].sentAt > LOST_AFTER) {
                lost++;
                sendSlots(&connections[i], &which, 1, now);
            }
}

static void startAll(bool udp)
{
    for (int i = 0; i < options.connections; i++) {
        struct connection *c = &connections[i];
        if (!udp) {
            startBatch(c, clockNow(CLOCK_MONOTONIC));
            continue;
        }
        c->slots = calloc((size_t)options.depth, sizeof *c->slots);
        c->messages = malloc(batchSize);
        memcpy(c->messages, batch, batchSize);
        for (int which = 0; which < options.depth; which++) {
            uint16_t place = (uint16_t)which;
            memcpy(c->messages + (size_t)which * (size_t)options.size + 1, &place, sizeof place);
            sendSlots(c, &which, 1, clockNow(CLOCK_MONOTONIC));
        }
    }
}

#endif
