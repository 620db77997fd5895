/*
 * The members of crowd.c: their connections, and how they join the room in each protocol.
 *
 * Line protocol: the nick is the first line, every other line is a message. Only marked lines are
 * looked for in what is received, so greetings and notices cost nothing. IRC: NICK, USER and JOIN; a
 * PING is answered until all have joined. Web: a WebSocket with objects of JSON, whose frames are masked
 * by zeros; the room is entered when "done" comes. Frames of the server are not taken apart: each ends
 * with a line feed, and what is looked for stands between quotes.
 */
#ifndef MEMBERS_H
#define MEMBERS_H

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>

#include "sockets.h"

#define ROOM "lobby"
#define MARK '^'      /* once in each sent line, and nowhere else */
#define TAG 8         /* bytes behind the mark: the sender's letter and the window's number */
#define TEXT 64       /* bytes of a sent line, without what the protocol puts around it */
#define FRAME 6       /* bytes of the head of a frame that a browser sends */
#define SHORT_FRAME 125 /* bytes of its contents at most */
#define SENDERS 8     /* at most */
#define READ (64 * 1024)
#define CARRY 1024    /* bytes kept of a line whose end has not come */
#define EVENTS 256
#define JOIN_LIMIT 60000000000ULL  /* ns until all members must have joined */
#define SETTLED 200                /* ms without a byte: the notices of joins are over */
#define QUIET 30                   /* ms without a byte: the greeting of the line protocol is over */
#define PROBE_AGAIN 1000000000ULL  /* ns until the next probe, as a member had not joined yet */

struct progress {
    uint32_t window; /* the first window that is not complete */
    uint32_t lines;  /* lines of it that have come */
};

struct member {
    int fd, number;
    bool joined, stalled, probed;
    size_t carried;
    char carry[CARRY];
    struct progress from[SENDERS];
};

static struct {
    const char *host, *wire;
    int port, members, senders, stalled, window, outstanding;
    double seconds, warmup, rate, arrivals;
    long fill, serverPid;
} options = {"127.0.0.1", "line", 0, 20, 1, 0, 1, 50, 1.0, 0.2, 0, 0, 0, 0};

static struct member *members;
static bool irc, web;
static int pollFd, joined, probed;
static char space[CARRY + READ]; /* carried bytes stand right before received bytes */
static char probe[TAG + 1];

static inline void fail(const char *form, ...)
{
    va_list rest;
    va_start(rest, form);
    vfprintf(stderr, form, rest);
    va_end(rest);
    fputc('\n', stderr);
    exit(1);
}

/* The few bytes that are sent while joining fit into an empty socket buffer. */
static void say(struct member *m, const char *form, ...)
{
    char text[512];
    va_list rest;
    va_start(rest, form);
    int size = vsnprintf(text, sizeof text, form, rest);
    va_end(rest);
    if (size >= (int)sizeof text || send(m->fd, text, (size_t)size, MSG_NOSIGNAL) != size)
        fail("member %d could not send %.20s", m->number, text);
}

static void sayFrame(struct member *m, const char *form, ...)
{
    char text[256] = {(char)0x81};
    va_list rest;
    va_start(rest, form);
    int size = vsnprintf(text + FRAME, sizeof text - FRAME, form, rest);
    va_end(rest);
    text[1] = (char)(0x80 | size);
    if (size > SHORT_FRAME || send(m->fd, text, (size_t)size + FRAME, MSG_NOSIGNAL) != size + FRAME)
        fail("member %d could not send %.20s", m->number, text + FRAME);
}

/* Write a line in the protocol of the server; returns its bytes. TAGGED is set to the tag in it. */
static size_t lineOf(char *line, const char *tag, char **tagged)
{
    size_t size = 0;
    if (irc)
        size = (size_t)sprintf(line, "PRIVMSG #" ROOM " :");
    if (web)
        size = FRAME + (size_t)sprintf(line + FRAME, "{\"do\":\"say\",\"room\":\"" ROOM "\",\"text\":\"");
    line[size] = MARK;
    memcpy(line + size + 1, tag, TAG);
    if (tagged)
        *tagged = line + size + 1;
    for (size_t i = 1 + TAG; i < TEXT; i++)
        line[size + i] = (char)(i % 8 ? 'a' + i % 23 : ' ');
    size += TEXT;
    size += (size_t)sprintf(line + size, web ? "\"}" : irc ? "\r\n" : "\n");
    if (web)
        memcpy(line, (char[FRAME]){(char)0x81, (char)(0x80 | (size - FRAME))}, FRAME);
    return size;
}

/* Receive behind the carried bytes. Returns how many bytes from START on are whole lines; 0: no whole
 * line; -1: the connection has ended. */
static ssize_t receive(struct member *m, char **start)
{
    ssize_t n = recv(m->fd, space + CARRY, READ, 0);
    if (n <= 0)
        return n < 0 && errno == EAGAIN ? 0 : -1;
    acknowledgeAtOnce(m->fd);
    *start = space + CARRY - m->carried;
    memcpy(*start, m->carry, m->carried);
    char *end = space + CARRY + n, *feed = memrchr(space + CARRY, '\n', (size_t)n);
    char *rest = feed ? feed + 1 : *start;
    if (end - rest > CARRY)
        rest = end - CARRY; /* a greeting longer than any message */
    m->carried = (size_t)(end - rest);
    memcpy(m->carry, rest, m->carried);
    return feed ? feed + 1 - *start : 0;
}

static void enter(struct member *m)
{
    m->joined = true;
    joined++;
}

static void hearIrc(struct member *m, char *line)
{
    char *word = strchr(line, ' ');
    if (!strncmp(line, "PING ", 5))
        say(m, "PONG %s\r\n", line + 5);
    else if (!strncmp(line, "ERROR", 5))
        fail("member %d: %s", m->number, line);
    else if (m->joined || line[0] != ':' || !word)
        return;
    else if (!strncmp(word, " 001 ", 5))
        say(m, "JOIN #" ROOM "\r\n");
    else if (!strncmp(word, " 366 ", 5))
        enter(m);
    else if ((word[1] == '4' || word[1] == '5') && strncmp(word, " 422 ", 5))
        fail("member %d: %s", m->number, line); /* 422: there is no message of the day */
}

static void hearWeb(struct member *m, const char *line, size_t size)
{
    /* Not strstr: the head of a frame may have a zero. */
    if (memmem(line, size, "HTTP/1.1 101", 12)) {
        sayFrame(m, "{\"do\":\"enter\",\"nick\":\"nick%d\"}", m->number);
        sayFrame(m, "{\"do\":\"join\",\"room\":\"" ROOM "\",\"id\":1}");
    } else if (memmem(line, size, "HTTP/1.1 ", 9) || memmem(line, size, "\"refused\"", 9)) {
        fail("member %d: %.*s", m->number, (int)size, line);
    } else if (!m->joined && memmem(line, size, "\"done\"", 6)) {
        enter(m);
    }
}

static void hearJoining(struct member *m)
{
    char *line, *feed;
    ssize_t size = receive(m, &line);
    if (size < 0)
        fail("the server closed the connection of member %d while all were joining", m->number);
    for (char *end = line + size; size > 0 && line < end; line = feed + 1) {
        feed = memchr(line, '\n', (size_t)(end - line));
        const char *mark = memchr(line, MARK, (size_t)(feed - line));
        if (mark && probe[0] && feed - mark > TAG && !memcmp(mark + 1, probe, TAG) && !m->probed) {
            m->probed = true;
            probed++;
        }
        *feed = 0;
        if (feed > line && feed[-1] == '\r')
            feed[-1] = 0;
        if (irc)
            hearIrc(m, line);
        if (web)
            hearWeb(m, line, (size_t)(feed - line));
    }
}

/* One wait of the joining phase; returns whether anything came. */
static bool hearAll(int milliseconds)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(pollFd, events, EVENTS, milliseconds);
    for (int i = 0; i < n; i++)
        hearJoining(events[i].data.ptr);
    return n > 0;
}

static void come(int number)
{
    struct member *m = &members[number];
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = m};
    m->number = number;
    m->fd = connectTo(options.host, options.port, SOCK_STREAM, 0, m->stalled);
    if (epoll_ctl(pollFd, EPOLL_CTL_ADD, m->fd, &interest) < 0)
        die("epoll_ctl");
    if (irc)
        say(m, "NICK nick%d\r\nUSER nick%d 0 * :nick%d\r\n", number, number, number);
    else if (web)
        say(m, "GET /ws HTTP/1.1\r\nHost: %s:%d\r\nOrigin: http://%s:%d\r\nUpgrade: websocket\r\n"
               "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
            options.host, options.port, options.host, options.port);
    else
        say(m, "nick%d\n", number);
}

static void inTime(uint64_t limit, const char *what)
{
    if (clockNow(CLOCK_MONOTONIC) > limit)
        fail("%s: %d of %d are in, %d heard the probe", what, joined, options.members, probed);
}

/* The probe is a line of the first member that all others must receive, stalled members too. Then the
 * room is complete, whatever greetings the server sends. */
static void probeAll(uint64_t limit)
{
    char line[2 * TEXT];
    while (probed < options.members - 1) {
        static unsigned number;
        uint64_t again = clockNow(CLOCK_MONOTONIC) + PROBE_AGAIN;
        snprintf(probe, sizeof probe, "Z%07x", ++number);
        probed = 0;
        for (int i = 0; i < options.members; i++)
            members[i].probed = false;
        size_t size = lineOf(line, probe, NULL);
        if (send(members[0].fd, line, size, MSG_NOSIGNAL) != (ssize_t)size)
            fail("the first member could not send the probe");
        while (probed < options.members - 1 && clockNow(CLOCK_MONOTONIC) < again) {
            hearAll(QUIET);
            inTime(limit, "not all can hear the first");
        }
    }
}

/* How many members may have come by now: a few at a time, or so many in a second. */
static int mayCome(uint64_t since)
{
    uint64_t now = clockNow(CLOCK_MONOTONIC);
    double due = options.arrivals > 0 ? (double)(now - since) / 1e9 * options.arrivals + 1
                                      : joined + options.outstanding;
    return due < options.members ? (int)due : options.members;
}

/* Let all members join, and wait until no more notices of joins come. */
static void joinAll(void)
{
    uint64_t began = clockNow(CLOCK_MONOTONIC), limit = began + JOIN_LIMIT;
    int coming = 0;
    while (joined < options.members) {
        while (coming < mayCome(began))
            come(coming++);
        bool paced = options.arrivals > 0 && coming < options.members;
        bool something = hearAll(paced ? 1 : QUIET);
        for (int i = 0; !irc && !web && !something && !paced && i < coming; i++)
            if (!members[i].joined)
                enter(&members[i]);
        inTime(limit, "not all came in");
    }
    while (hearAll(SETTLED))
        inTime(limit, "the room does not settle");
    probeAll(limit);
    while (hearAll(SETTLED))
        inTime(limit, "the room does not settle");
}

#endif
