/*
 * What the C servers of the benchmarks share: a port on the loopback interface, and the file with its
 * number.
 */
#ifndef LISTENING_H
#define LISTENING_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

struct place {
    const char *offering, *transport;
    int port;
};

static inline void die(const char *what)
{
    perror(what);
    exit(1);
}

static inline void watch(int pollFd, int fd, uint32_t events, int how)
{
    struct epoll_event interest = {.events = events, .data.fd = fd};
    if (epoll_ctl(pollFd, how, fd, &interest) < 0)
        die("epoll_ctl");
}

/* Raise the limit of descriptors as far as the system allows; returns it. */
static inline size_t raiseDescriptors(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return (size_t)limit.rlim_cur;
}

/* A descriptor that is readable after SIGTERM. */
static inline int openSignals(void)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    return signalfd(-1, &stop, SFD_NONBLOCK);
}

static inline int openPort(int kind, int *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, kind | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0)
        die("bind");
    if (kind == SOCK_STREAM && listen(fd, 4096) < 0)
        die("listen");
    getsockname(fd, (struct sockaddr *)&at, &size);
    *port = ntohs(at.sin_port);
    return fd;
}

/* Write STATE/ports.json; it is renamed when complete, so nobody reads half of it. */
static inline void writePorts(const char *state, const struct place *places, int count)
{
    char path[4096], draft[4096];
    snprintf(path, sizeof path, "%s/ports.json", state);
    snprintf(draft, sizeof draft, "%s/ports.draft", state);
    FILE *out = fopen(draft, "w");
    if (!out)
        die(draft);
    for (int i = 0; i < count; i++)
        fprintf(out,
                "%s{\"offering\": \"%s\", \"transport\": \"%s\", "
                "\"host\": \"127.0.0.1\", \"port\": %d}",
                i ? ", " : "[", places[i].offering, places[i].transport, places[i].port);
    fputs("]\n", out);
    fclose(out);
    if (rename(draft, path) < 0)
        die(path);
}

#endif
