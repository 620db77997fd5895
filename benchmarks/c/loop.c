/*
 * The lower bound of the echo benchmark: the same timestamp echo as a bare epoll loop in C.
 *
 *     loop STATE [lateness]
 *
 * STATE/ports.json has the ports. With "lateness" a 10 ms timer runs beside the echo, and at SIGTERM
 * the lateness of each tick is written to STATE/lateness.json.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "listening.h"

#define STAMP 27           /* bytes: "[", 24 of ctime, "] " */
#define CHUNK (256 * 1024) /* bytes of one recv at most, as in asyncio */
#define EVENTS 256
#define DATAGRAMS 64          /* datagrams answered before other descriptors are served */
#define PERIOD 10000000L      /* ns between two ticks */
#define TICKS (100 * 60 * 60) /* those of an hour */

struct connection {
    char *pending; /* bytes that the peer has not taken yet; nothing is read before it has */
    size_t offset, size;
};

static struct connection *connections;
static char buffer[STAMP + CHUNK];
static int pollFd, stream, datagram, timer = -1, signals;
static double (*ticks)[2]; /* seconds: the time of a tick, and its lateness */
static int tickCount;
static double due;

static double monotonic(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void restamp(void)
{
    static time_t shown;
    char text[32];
    time_t now = time(NULL);
    if (now == shown)
        return;
    shown = now;
    ctime_r(&now, text);
    buffer[0] = '[';
    memcpy(buffer + 1, text, 24);
    memcpy(buffer + 25, "] ", 2);
}

static void lose(int fd)
{
    free(connections[fd].pending);
    connections[fd] = (struct connection){0};
    close(fd);
}

static void keep(int fd, const char *data, size_t size)
{
    struct connection *c = &connections[fd];
    c->pending = malloc(size);
    memcpy(c->pending, data, size);
    c->offset = 0;
    c->size = size;
    watch(pollFd, fd, EPOLLOUT, EPOLL_CTL_MOD);
}

static void drain(int fd)
{
    struct connection *c = &connections[fd];
    ssize_t n = send(fd, c->pending + c->offset, c->size - c->offset, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        lose(fd);
        return;
    }
    if (n > 0)
        c->offset += (size_t)n;
    if (c->offset == c->size) {
        free(c->pending);
        c->pending = NULL;
        watch(pollFd, fd, EPOLLIN, EPOLL_CTL_MOD);
    }
}

static void answer(int fd)
{
    ssize_t n = recv(fd, buffer + STAMP, CHUNK, 0);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            lose(fd);
        return;
    }
    size_t size = (size_t)n + STAMP;
    ssize_t sent = send(fd, buffer, size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        lose(fd);
    else if (sent < (ssize_t)size)
        keep(fd, buffer + (sent > 0 ? sent : 0), size - (size_t)(sent > 0 ? sent : 0));
}

static void answerDatagrams(void)
{
    for (int i = 0; i < DATAGRAMS; i++) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        ssize_t n = recvfrom(datagram, buffer + STAMP, CHUNK, 0, (struct sockaddr *)&from, &size);
        if (n < 0)
            return;
        sendto(datagram, buffer, (size_t)n + STAMP, 0, (struct sockaddr *)&from, size);
    }
}

static void acceptAll(void)
{
    int fd, one = 1;
    while ((fd = accept4(stream, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        watch(pollFd, fd, EPOLLIN, EPOLL_CTL_ADD);
    }
}

static void arm(void)
{
    struct itimerspec when = {.it_value = {.tv_nsec = PERIOD}};
    due = monotonic() + PERIOD / 1e9;
    timerfd_settime(timer, 0, &when, NULL);
}

static void tick(void)
{
    uint64_t expired;
    double now = monotonic();
    if (read(timer, &expired, sizeof expired) != sizeof expired)
        return;
    if (tickCount < TICKS) {
        ticks[tickCount][0] = now;
        ticks[tickCount++][1] = now > due ? now - due : 0;
    }
    arm();
}

static void writeTicks(const char *state)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/lateness.json", state);
    FILE *out = fopen(path, "w");
    if (!out)
        die(path);
    fputc('[', out);
    for (int i = 0; i < tickCount; i++)
        fprintf(out, "%s[%.6f, %.6f]", i ? ", " : "", ticks[i][0], ticks[i][1]);
    fputs("]\n", out);
    fclose(out);
}

int main(int count, char **words)
{
    struct epoll_event events[EVENTS];
    struct place places[] = {{"timestamp", "tcp", 0}, {"timestamp", "udp", 0}};
    if (count < 2) {
        fprintf(stderr, "usage: loop STATE [lateness]\n");
        return 2;
    }
    connections = calloc(raiseDescriptors(), sizeof *connections);
    pollFd = epoll_create1(0);
    watch(pollFd, stream = openPort(SOCK_STREAM, &places[0].port), EPOLLIN, EPOLL_CTL_ADD);
    watch(pollFd, datagram = openPort(SOCK_DGRAM, &places[1].port), EPOLLIN, EPOLL_CTL_ADD);
    watch(pollFd, signals = openSignals(), EPOLLIN, EPOLL_CTL_ADD);
    if (count > 2) {
        ticks = calloc(TICKS, sizeof *ticks);
        watch(pollFd, timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), EPOLLIN, EPOLL_CTL_ADD);
        arm();
    }
    writePorts(words[1], places, 2);
    for (;;) {
        int n = epoll_wait(pollFd, events, EVENTS, 1000);
        restamp();
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == stream)
                acceptAll();
            else if (fd == datagram)
                answerDatagrams();
            else if (fd == timer)
                tick();
            else if (fd == signals) {
                if (ticks)
                    writeTicks(words[1]);
                return 0;
            } else if (connections[fd].pending)
                drain(fd);
            else
                answer(fd);
        }
    }
}
