/*
 * The lower bound of the STAMP benchmark: a session reflector as a bare loop in C.
 *
 *     reflector STATE [KEY]
 *
 * STATE/ports.json has the port; with a KEY in hexadecimal packets are authenticated. It reads the
 * kernel's time and the TTL of each packet, as our server does, and sends the answer at once. It has
 * no sessions and no guards.
 */
#define _GNU_SOURCE
#include "listening.h"

#include <sys/uio.h>

#include "stamp.h"

#define AT_ONCE 64 /* packets reflected before other descriptors are served */

static const struct layout *layout = &openLayout;
static struct hmac hmac;
static bool sealed;

/* Returns false when no packet is left. */
static bool reflectOne(int fd)
{
    static uint8_t packet[LONGEST], answer[LONGEST];
    uint8_t room[256], digest[DIGEST];
    struct sockaddr_in from;
    struct iovec part = {packet, sizeof packet};
    struct msghdr header = {.msg_name = &from,
                            .msg_namelen = sizeof from,
                            .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = room,
                            .msg_controllen = sizeof room};
    struct timespec received = {0};
    int ttl = 255;
    ssize_t size = recvmsg(fd, &header, 0);
    if (size < 0)
        return false;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS)
            memcpy(&received, CMSG_DATA(c), sizeof received);
        else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL)
            memcpy(&ttl, CMSG_DATA(c), sizeof ttl);
    }
    if ((size_t)size < layout->length)
        return true;
    if (sealed) {
        hmacOf(&hmac, packet, digest);
        if (memcmp(digest, packet + COVERED, DIGEST))
            return true;
    }
    memset(answer, 0, layout->length);
    memcpy(answer, packet, 4);
    answer[layout->timestamp + 8] = 0x20;
    answer[layout->timestamp + 9] = 0xff;
    memcpy(answer + layout->timestamp + 10, packet + layout->timestamp + 10, 2);
    putTime(answer + layout->received, &received);
    memcpy(answer + layout->senderNumber, packet, 4);
    memcpy(answer + layout->senderTime, packet + layout->timestamp, 8);
    memcpy(answer + layout->senderError, packet + layout->timestamp + 8, 2);
    answer[layout->ttl] = (uint8_t)ttl;
    memcpy(answer + layout->length, packet + layout->length, (size_t)size - layout->length);
    putNow(answer + layout->timestamp);
    if (sealed)
        hmacOf(&hmac, answer, answer + COVERED);
    sendto(fd, answer, (size_t)size, 0, (struct sockaddr *)&from, header.msg_namelen);
    return true;
}

int main(int count, char **words)
{
    struct epoll_event events[2];
    struct place place = {"stamp", "udp", 0};
    int one = 1;
    if (count < 2) {
        fprintf(stderr, "usage: reflector STATE [KEY]\n");
        return 2;
    }
    if (count > 2) {
        layout = &sealedLayout;
        sealed = true;
        hmacKey(&hmac, words[2]);
    }
    int pollFd = epoll_create1(0), signals = openSignals();
    int fd = openPort(SOCK_DGRAM, &place.port);
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
    setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &one, sizeof one);
    watch(pollFd, fd, EPOLLIN, EPOLL_CTL_ADD);
    watch(pollFd, signals, EPOLLIN, EPOLL_CTL_ADD);
    writePorts(words[1], &place, 1);
    for (;;) {
        int n = epoll_wait(pollFd, events, 2, 1000);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == signals)
                return 0;
            for (int k = 0; k < AT_ONCE && reflectOne(fd); k++)
                ;
        }
    }
}
