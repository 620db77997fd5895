/*
 * Bytes to and from the server that is measured: as they are, or by TLS. A program that is compiled
 * without WITH_TLS has no TLS, and needs no OpenSSL.
 *
 * Both functions are like send and recv of a socket that does not block. The certificate is not looked
 * at: it is the same machine.
 */
#ifndef TLS_H
#define TLS_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "stretch.h"

#ifdef WITH_TLS
#include <fcntl.h>
#include <openssl/ssl.h>

typedef SSL tlsSession;

/* Bytes that OpenSSL reads from a socket at once; its default is less than one record. */
#define TLS_READ (256 * 1024)

/* Do the handshake on a connected socket. */
static inline tlsSession *beginTls(int fd)
{
    static SSL_CTX *context;
    if (!context) {
        context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
        SSL_CTX_set_mode(context,
                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        /* Else each record costs two recv: one for its length. */
        SSL_CTX_set_read_ahead(context, 1);
        SSL_CTX_set_default_read_buffer_len(context, TLS_READ);
    }
    SSL *session = SSL_new(context);
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    if (!session || !SSL_set_fd(session, fd) || SSL_connect(session) != 1) {
        fprintf(stderr, "no TLS handshake\n");
        exit(1);
    }
    fcntl(fd, F_SETFL, flags);
    return session;
}

static inline ssize_t failedTls(tlsSession *session, int result)
{
    switch (SSL_get_error(session, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: errno = EAGAIN; return -1;
    case SSL_ERROR_ZERO_RETURN: return 0;
    default: errno = ECONNRESET; return -1;
    }
}

static inline ssize_t sendTls(tlsSession *session, const char *data, size_t size)
{
    size_t sent = 0;
    while (sent < size) {
        int n = SSL_write(session, data + sent, (int)(size - sent));
        if (n <= 0)
            return sent ? (ssize_t)sent : failedTls(session, n);
        sent += (size_t)n;
    }
    return (ssize_t)sent;
}

static inline ssize_t receiveTls(tlsSession *session, char *data, size_t room)
{
    size_t got = 0;
    do {
        int n = SSL_read(session, data + got, (int)(room - got));
        if (n <= 0)
            return got ? (ssize_t)got : failedTls(session, n);
        got += (size_t)n;
        /* What OpenSSL has read already, no epoll reports. */
    } while (got < room && SSL_has_pending(session));
    return (ssize_t)got;
}
#else
typedef void tlsSession;

static inline tlsSession *beginTls(int fd)
{
    (void)fd;
    fprintf(stderr, "this program was compiled without TLS\n");
    exit(2);
}

static inline ssize_t sendTls(tlsSession *session, const char *data, size_t size)
{
    (void)session, (void)data, (void)size;
    return -1;
}

static inline ssize_t receiveTls(tlsSession *session, char *data, size_t room)
{
    (void)session, (void)data, (void)room;
    return -1;
}
#endif

/* SESSION: NULL for a connection without TLS. */
static inline ssize_t sendBytes(int fd, tlsSession *session, const char *data, size_t size)
{
    return session ? sendTls(session, data, size) : send(fd, data, size, MSG_NOSIGNAL);
}

static inline ssize_t receiveBytes(int fd, tlsSession *session, char *data, size_t room)
{
    return session ? receiveTls(session, data, room) : recv(fd, data, room, 0);
}

#endif
