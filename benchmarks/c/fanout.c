/*
 * The lower bound of the chat benchmark: a bare epoll loop in C with one room, which sends the lines
 * of each member to all others.
 *
 *     fanout STATE
 *
 * STATE/ports.json has the port. The first line of a connection is its nick; there is no greeting. The
 * whole lines of a later read are formatted once, with a stamp and the nick in front of each line, and
 * sent with one send for each other member.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "listening.h"

#define CHUNK (64 * 1024) /* bytes of one recv at most */
#define EVENTS 256
#define NICK 32
#define STAMP "[12:10:05] <"
#define PREFIX (sizeof STAMP + NICK + 2) /* bytes at most in front of a line */

struct member {
    int place;     /* in the list of all members */
    int prefix;    /* bytes of the prefix; 0 before the nick came */
    char text[PREFIX];
    char *partial; /* the beginning of a line whose end has not come */
    size_t partialSize;
    char *pending; /* bytes that the member has not taken yet */
    size_t offset, size, room;
};

static struct member *members; /* by descriptor */
static int *present, count;    /* descriptors of all members */
static char input[2 * CHUNK], output[CHUNK * (PREFIX + 1) + CHUNK];
static int pollFd;

static void lose(int fd)
{
    struct member *m = &members[fd];
    present[m->place] = present[--count];
    members[present[m->place]].place = m->place;
    free(m->partial);
    free(m->pending);
    *m = (struct member){0};
    close(fd);
}

static void keep(struct member *m, int fd, const char *data, size_t size)
{
    if (m->offset == m->size) {
        m->offset = m->size = 0;
        watch(pollFd, fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
    }
    if (m->size + size > m->room) {
        m->room = 2 * (m->size + size);
        if (!(m->pending = realloc(m->pending, m->room)))
            die("realloc");
    }
    memcpy(m->pending + m->size, data, size);
    m->size += size;
}

static void drain(int fd)
{
    struct member *m = &members[fd];
    ssize_t n = send(fd, m->pending + m->offset, m->size - m->offset, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        lose(fd);
        return;
    }
    if (n > 0)
        m->offset += (size_t)n;
    if (m->offset == m->size)
        watch(pollFd, fd, EPOLLIN, EPOLL_CTL_MOD);
}

static void deliver(int from, size_t size)
{
    for (int i = count; i-- > 0;) {
        int fd = present[i];
        struct member *m = &members[fd];
        ssize_t sent = 0;
        if (fd == from)
            continue;
        if (m->offset == m->size)
            sent = send(fd, output, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            continue; /* epoll reports its end */
        if (sent < 0)
            sent = 0;
        if ((size_t)sent < size)
            keep(m, fd, output + sent, size - (size_t)sent);
    }
}

static char *name(struct member *m, char *line, char *end)
{
    int length = (int)(end - line);
    m->prefix = snprintf(m->text, sizeof m->text, STAMP "%.*s> ", length < NICK ? length : NICK, line);
    return end + 1;
}

static void hear(int fd)
{
    struct member *m = &members[fd];
    size_t held = m->partialSize, written = 0;
    memcpy(input, m->partial, held);
    m->partialSize = 0;
    ssize_t n = recv(fd, input + held, CHUNK, 0);
    if (n <= 0 && (n == 0 || errno != EAGAIN)) {
        lose(fd);
        return;
    }
    char *line = input, *end = input + held + (n > 0 ? n : 0), *feed;
    while ((feed = memchr(line, '\n', (size_t)(end - line)))) {
        if (!m->prefix) {
            line = name(m, line, feed);
            continue;
        }
        memcpy(output + written, m->text, (size_t)m->prefix);
        written += (size_t)m->prefix;
        memcpy(output + written, line, (size_t)(feed + 1 - line));
        written += (size_t)(feed + 1 - line);
        line = feed + 1;
    }
    /* A line that does not fit is dropped: the buffer has room for one chunk beside a partial line. */
    if (line < end && end - line <= CHUNK) {
        m->partialSize = (size_t)(end - line);
        memcpy(m->partial, line, m->partialSize);
    }
    if (written)
        deliver(fd, written);
}

static void acceptAll(int port)
{
    int fd, one = 1;
    while ((fd = accept4(port, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        members[fd] = (struct member){.place = count, .partial = malloc(CHUNK)};
        present[count++] = fd;
        watch(pollFd, fd, EPOLLIN, EPOLL_CTL_ADD);
    }
}

int main(int words, char **arguments)
{
    struct epoll_event events[EVENTS];
    struct place place = {"chat", "tcp", 0};
    if (words < 2) {
        fprintf(stderr, "usage: fanout STATE\n");
        return 2;
    }
    size_t most = raiseDescriptors();
    members = calloc(most, sizeof *members);
    present = calloc(most, sizeof *present);
    pollFd = epoll_create1(0);
    int port = openPort(SOCK_STREAM, &place.port), signals = openSignals();
    watch(pollFd, port, EPOLLIN, EPOLL_CTL_ADD);
    watch(pollFd, signals, EPOLLIN, EPOLL_CTL_ADD);
    writePorts(arguments[1], &place, 1);
    for (;;) {
        int n = epoll_wait(pollFd, events, EVENTS, 1000);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == signals)
                return 0;
            if (fd == port) {
                acceptAll(port);
                continue;
            }
            if (events[i].events & EPOLLOUT)
                drain(fd);
            if (events[i].events & ~(uint32_t)EPOLLOUT && members[fd].partial)
                hear(fd);
        }
    }
}
