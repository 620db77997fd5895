/*
 * The load generator of the STAMP benchmark: session senders with a fixed number of packets in
 * flight (the next one is sent when one was answered), authenticated when there is a key.
 *
 * It prints one JSON line. The measured time begins after the warm-up.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <sys/epoll.h>

#include "sockets.h"
#include "stamp.h"

#define EVENTS 64
#define DEPTH 64                /* packets of one session in flight, at most */
#define LOST_AFTER 200000000ULL /* ns until a packet counts as lost */
#define SCAN_EVERY 50000000ULL  /* ns between two searches for lost packets */

struct session {
    int fd;
    uint32_t next;            /* the number of the next packet */
    uint32_t numbers[DEPTH];  /* of the packets in flight */
    uint64_t sentAt[DEPTH];   /* ns */
    uint8_t packets[DEPTH][LONGEST];
};

static struct {
    int port, sessions, depth, size;
    double seconds, warmup;
    long serverPid;
    const char *key;
    bool following;
} options = {0, 16, 4, OPEN_LENGTH, 1.0, 0.2, 0, NULL, false};

/* Follow-Up Telemetry of RFC 8972, empty: flag "not understood", type, length. */
static const uint8_t followUp[] = {0x80, 7, 0, 16};

static const struct layout *layout = &openLayout;
static struct hmac hmac;
static struct histogram latencies;
static struct stretch stretch;
static struct session *sessions;
static uint64_t packets, lost, wrong;

static void sendSome(struct session *s, const int *which, int count, uint64_t now)
{
    struct mmsghdr headers[DEPTH];
    struct iovec parts[DEPTH];
    memset(headers, 0, sizeof headers);
    for (int i = 0; i < count; i++) {
        uint8_t *packet = s->packets[which[i]];
        s->numbers[which[i]] = s->next;
        s->sentAt[which[i]] = now;
        put32(packet, s->next++);
        putNow(packet + layout->timestamp);
        if (options.key)
            hmacOf(&hmac, packet, packet + COVERED);
        parts[i] = (struct iovec){packet, (size_t)options.size};
        headers[i].msg_hdr.msg_iov = &parts[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    /* Packets that the kernel does not take now are found by the search for lost packets. */
    if (sendmmsg(s->fd, headers, (unsigned)count, 0) < 0 && errno != EAGAIN && errno != ENOBUFS)
        wrong++;
}

/* Whether it is the answer to the packet in flight in that slot. */
static bool answers(const struct session *s, const uint8_t *answer, size_t size, int *which)
{
    static uint64_t seen;
    uint8_t digest[DIGEST];
    if (size != (size_t)options.size) {
        wrong++;
        return false;
    }
    uint32_t number = get32(answer + layout->senderNumber);
    for (*which = 0; *which < options.depth; ++*which)
        if (s->numbers[*which] == number)
            break;
    if (*which == options.depth)
        return false; /* the late answer to a packet that was counted as lost */
    const uint8_t *packet = s->packets[*which];
    if (memcmp(answer + layout->senderTime, packet + layout->timestamp, 8) ||
        get32(answer + layout->received) < get32(packet + layout->timestamp) ||
        get32(answer + layout->timestamp) < get32(answer + layout->received))
        wrong++;
    /* Only one of many is checked, so that the generator is not the bottleneck. */
    if (options.key && seen++ % 64 == 0) {
        hmacOf(&hmac, answer, digest);
        if (memcmp(digest, answer + COVERED, DIGEST))
            wrong++;
    }
    return true;
}

static void readSome(struct session *s)
{
    static uint8_t answers_[DEPTH][LONGEST];
    struct mmsghdr headers[DEPTH];
    struct iovec parts[DEPTH];
    int done[DEPTH], count = 0;
    memset(headers, 0, sizeof headers);
    for (int i = 0; i < options.depth; i++) {
        parts[i] = (struct iovec){answers_[i], LONGEST};
        headers[i].msg_hdr.msg_iov = &parts[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    int n = recvmmsg(s->fd, headers, (unsigned)options.depth, 0, NULL);
    if (n < 0) {
        wrong += errno != EAGAIN;
        return;
    }
    uint64_t now = clockNow(CLOCK_MONOTONIC);
    for (int i = 0; i < n; i++) {
        int which;
        if (!answers(s, answers_[i], headers[i].msg_len, &which))
            continue;
        histogramAdd(&latencies, now - s->sentAt[which]);
        packets++;
        /* A second answer to the same packet does not count. */
        s->numbers[which] = s->next - 1 - DEPTH;
        done[count++] = which;
    }
    if (count)
        sendSome(s, done, count, now);
}

static void resendLost(uint64_t now)
{
    for (int i = 0; i < options.sessions; i++)
        for (int which = 0; which < options.depth; which++)
            if (now - sessions[i].sentAt[which] > LOST_AFTER) {
                lost++;
                sendSome(&sessions[i], &which, 1, now);
            }
}

static void load(void)
{
    struct epoll_event events[EVENTS];
    int pollFd = epoll_create1(0);
    sessions = calloc((size_t)options.sessions, sizeof *sessions);
    for (int i = 0; i < options.sessions; i++) {
        struct session *s = &sessions[i];
        struct epoll_event interest = {.events = EPOLLIN, .data.ptr = s};
        s->fd = connectTo("127.0.0.1", options.port, SOCK_DGRAM, 0, false);
        if (epoll_ctl(pollFd, EPOLL_CTL_ADD, s->fd, &interest) < 0)
            die("epoll_ctl");
        for (int which = 0; which < options.depth; which++) {
            s->packets[which][layout->timestamp + 9] = 1;
            if (options.following)
                memcpy(s->packets[which] + layout->length, followUp, sizeof followUp);
            sendSome(s, &which, 1, clockNow(CLOCK_MONOTONIC));
        }
    }
    uint64_t now = clockNow(CLOCK_MONOTONIC), scanned = now;
    uint64_t begins = now + (uint64_t)(options.warmup * 1e9), ends = UINT64_MAX;
    while ((now = clockNow(CLOCK_MONOTONIC)) < ends) {
        if (!stretch.began && now >= begins) {
            ends = now + (uint64_t)(options.seconds * 1e9);
            packets = lost = 0;
            memset(&latencies, 0, sizeof latencies);
            beginStretch(&stretch, now);
        }
        if (now - scanned > SCAN_EVERY) {
            resendLost(now);
            scanned = now;
        }
        int n = epoll_wait(pollFd, events, EVENTS, 0);
        for (int i = 0; i < n; i++)
            readSome(events[i].data.ptr);
    }
    endStretch(&stretch, now);
    printf("{\"packets\": %llu, \"packetsPerSecond\": %.1f, ", (unsigned long long)packets,
           (double)packets * 1e9 / (double)(stretch.ended - stretch.began));
    printStretch(&stretch, &latencies);
    printf("\"lost\": %llu, \"wrong\": %llu}\n", (unsigned long long)lost,
           (unsigned long long)wrong);
}

int main(int count, char **words)
{
    static const struct option known[] = {
        {"port", 1, 0, 'p'},   {"sessions", 1, 0, 'n'}, {"depth", 1, 0, 'd'}, {"size", 1, 0, 's'},
        {"seconds", 1, 0, 't'}, {"warmup", 1, 0, 'w'},   {"server-pid", 1, 0, 'i'},
        {"key", 1, 0, 'k'},    {"following", 0, 0, 'f'}, {0, 0, 0, 0}};
    for (int o; (o = getopt_long(count, words, "", known, NULL)) != -1;) {
        switch (o) {
        case 'p': options.port = atoi(optarg); break;
        case 'n': options.sessions = atoi(optarg); break;
        case 'd': options.depth = atoi(optarg); break;
        case 's': options.size = atoi(optarg); break;
        case 't': options.seconds = atof(optarg); break;
        case 'w': options.warmup = atof(optarg); break;
        case 'i': options.serverPid = atol(optarg); break;
        case 'k': options.key = optarg; break;
        case 'f': options.following = true; break;
        default: return 2;
        }
    }
    if (options.key) {
        layout = &sealedLayout;
        hmacKey(&hmac, options.key);
    }
    if (options.sessions < 1 || options.depth < 1 || options.depth > DEPTH ||
        options.size < (int)layout->length + 20 * options.following || options.size > LONGEST) {
        fprintf(stderr, "sender: sessions, depth or size out of bounds\n");
        return 2;
    }
    /* This process ends, whatever goes wrong with the server. */
    alarm((unsigned)(options.seconds + options.warmup) + 60);
    openStretch(&stretch, options.serverPid);
    load();
    return 0;
}
