/*
 * The packets of RFC 8762: the parts that both sides of the benchmark need.
 */
#ifndef STAMP_H
#define STAMP_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "sha256.h"

#define OPEN_LENGTH 44
#define SEALED_LENGTH 112
#define LONGEST 9000

/* The offset of each field. Sender and reflector have their own number, time and error estimate at
 * the same offsets. */
struct layout {
    size_t length, timestamp, received, senderNumber, senderTime, senderError, ttl;
};

static const struct layout openLayout = {OPEN_LENGTH, 4, 16, 24, 28, 36, 40};
static const struct layout sealedLayout = {SEALED_LENGTH, 16, 32, 48, 64, 72, 80};

static inline void put32(uint8_t *to, uint32_t value)
{
    value = htonl(value);
    memcpy(to, &value, sizeof value);
}

static inline uint32_t get32(const uint8_t *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return ntohl(value);
}

static inline void putTime(uint8_t *to, const struct timespec *t)
{
    put32(to, (uint32_t)((uint64_t)t->tv_sec + 2208988800ULL));
    put32(to + 4, (uint32_t)(((uint64_t)t->tv_nsec << 32) / 1000000000ULL));
}

static inline void putNow(uint8_t *to)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    putTime(to, &now);
}

#endif
