/*
 * Connections to the server that is measured.
 */
#ifndef SOCKETS_H
#define SOCKETS_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "stretch.h"

#define CONNECT_LIMIT 10    /* seconds */
#define NARROW_BUFFER 4096  /* bytes of the receive buffer of a narrow socket */
#define NARROW_SEGMENT 536  /* bytes of a segment to it: the smallest that every network takes */

/* A socket that does not block. SOURCE is its loopback address, or 0. NARROW: the kernel buffers little
 * for it on both sides, as for a client far away; over plain loopback it buffers megabytes before a
 * server notices that a client does not read. */
static inline int connectTo(const char *host, int port, int kind, uint32_t source, bool narrow)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval limit = {.tv_sec = CONNECT_LIMIT};
    int one = 1, segment = NARROW_SEGMENT, buffer = NARROW_BUFFER, fd = socket(AF_INET, kind, 0);
    if (fd < 0)
        die("socket");
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1)
        die("host");
    if (source) {
        struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
        /* Without this, bind picks the port before the destination is known, and ports run out
         * that are free for this destination. */
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0)
            die("bind");
    }
    if (narrow) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
        setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        die("connect");
    if (kind == SOCK_STREAM)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        die("fcntl");
    return fd;
}

/* Acknowledge at once what was received. Linux may delay acknowledgements by 40 ms; a server with
 * Nagle's algorithm waits for them before it sends more. Such pauses are no work of a server, and
 * would hide how fast it is. */
static inline void acknowledgeAtOnce(int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
}

#endif
