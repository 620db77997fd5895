/*
 * The members of crowd.c: their connections, and how they join the room in both protocols.
 *
 * Line protocol: the nick is the first line, every other line is a message. Only marked lines are
 * looked for in what is received, so greetings and notices cost nothing. IRC: NICK, USER and JOIN; a
 * PING is answered until all have joined.
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
    double seconds, warmup, rate;
    long fill, serverPid;
} options = {"127.0.0.1", "line", 0, 20, 1, 0, 1, 50, 1.0, 0.2, 0, 0, 0};

static struct member *members;
static bool irc;
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

/* Write a line in the protocol of the server; returns its bytes. TAGGED is set to the tag in it. */
static size_t lineOf(char *line, const char *tag, char **tagged)
{
    size_t size = 0;
    if (irc)
        size = (size_t)sprintf(line, "PRIVMSG #" ROOM " :");
    line[size] = MARK;
    memcpy(line + size + 1, tag, TAG);
    if (tagged)
        *tagged = line + size + 1;
    for (size_t i = 1 + TAG; i < TEXT; i++)
        line[size + i] = (char)(i % 8 ? 'a' + i % 23 : ' ');
    size += TEXT;
    return size + (size_t)sprintf(line + size, irc ? "\r\n" : "\n");
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
        say(&members[0], "%.*s", (int)size, line);
        while (probed < options.members - 1 && clockNow(CLOCK_MONOTONIC) < again) {
            hearAll(QUIET);
            inTime(limit, "not all can hear the first");
        }
    }
}

/* Let all members join, a few at a time, and wait until no more notices of joins come. */
static void joinAll(void)
{
    uint64_t limit = clockNow(CLOCK_MONOTONIC) + JOIN_LIMIT;
    int coming = 0;
    while (joined < options.members) {
        while (coming < options.members && coming - joined < options.outstanding)
            come(coming++);
        bool something = hearAll(QUIET);
        for (int i = 0; !irc && !something && i < coming; i++)
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
