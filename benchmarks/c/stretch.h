/*
 * The measured time of a generator: the clocks at both ends of it, and the part of the JSON line that
 * all generators have. The server's CPU clock is read here, so CPU time and work are of exactly the
 * same time.
 */
#ifndef STRETCH_H
#define STRETCH_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "histogram.h"

struct stretch {
    long serverPid;
    clockid_t serverClock;
    bool hasServerClock;
    uint64_t began, ended, ownCpu, serverCpu; /* ns; the last two are those since the beginning */
    double ownWait, serverWait;               /* ns at the beginning */
};

static inline void die(const char *what)
{
    perror(what);
    exit(1);
}

static inline uint64_t clockNow(clockid_t clock)
{
    struct timespec t;
    if (clock_gettime(clock, &t) < 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

/* Nanoseconds in which the main thread of a process was ready to run while its core was busy; -1 when
 * the system does not tell. */
static inline double waitedBy(long pid)
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

/* A number of the JSON line, null when there is none. */
static inline void printShare(const char *name, double before, double after, double seconds)
{
    if (before < 0 || after < 0)
        printf("\"%s\": null, ", name);
    else
        printf("\"%s\": %.6f, ", name, (after - before) / 1e9 / seconds);
}

static inline void openStretch(struct stretch *s, long serverPid)
{
    s->serverPid = serverPid;
    s->hasServerClock =
        serverPid > 0 && !clock_getcpuclockid((pid_t)serverPid, &s->serverClock);
}

static inline void beginStretch(struct stretch *s, uint64_t now)
{
    s->began = now;
    s->ownCpu = clockNow(CLOCK_PROCESS_CPUTIME_ID);
    s->serverCpu = s->hasServerClock ? clockNow(s->serverClock) : 0;
    s->ownWait = waitedBy(getpid());
    s->serverWait = waitedBy(s->serverPid);
}

static inline void endStretch(struct stretch *s, uint64_t now)
{
    if (s->hasServerClock)
        s->serverCpu = clockNow(s->serverClock) - s->serverCpu;
    s->ownCpu = clockNow(CLOCK_PROCESS_CPUTIME_ID) - s->ownCpu;
    s->ended = now;
}

/* The part of the JSON line that does not depend on the kind of work; it ends with a comma. */
static inline void printStretch(const struct stretch *s, const struct histogram *latencies)
{
    double seconds = (double)(s->ended - s->began) / 1e9;
    printf("\"seconds\": %.6f, ", seconds);
    printf("\"p50\": %.2f, \"p99\": %.2f, \"maximum\": %.2f, ", histogramAt(latencies, 0.5) / 1e3,
           histogramAt(latencies, 0.99) / 1e3, (double)latencies->maximum / 1e3);
    printf("\"cpuSeconds\": %.6f, \"utilisation\": %.4f, ", (double)s->ownCpu / 1e9,
           (double)s->ownCpu / 1e9 / seconds);
    if (s->hasServerClock)
        printf("\"serverCpuSeconds\": %.6f, ", (double)s->serverCpu / 1e9);
    else
        printf("\"serverCpuSeconds\": null, ");
    printShare("waited", s->ownWait, waitedBy(getpid()), seconds);
    printShare("serverWaited", s->serverWait, waitedBy(s->serverPid), seconds);
    printf("\"began\": %.6f, \"ended\": %.6f, ", (double)s->began / 1e9, (double)s->ended / 1e9);
}

#endif
