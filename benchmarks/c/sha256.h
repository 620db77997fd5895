/*
 * HMAC-SHA-256 (FIPS 180-4, RFC 2104) of the first 96 bytes of a STAMP packet; the blocks of the key
 * are computed once. Plain C, so that the benchmark needs no library.
 */
#ifndef SHA256_H
#define SHA256_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COVERED 96
#define DIGEST 16

static const uint32_t sha256Constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

struct hmac {
    uint32_t inner[8], outer[8]; /* after the block of the key */
};

static inline uint32_t rotated(uint32_t x, int by)
{
    return x >> by | x << (32 - by);
}

static void sha256Block(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 64; i++)
        w[i] = w[i - 16] + w[i - 7] +
               (rotated(w[i - 15], 7) ^ rotated(w[i - 15], 18) ^ w[i - 15] >> 3) +
               (rotated(w[i - 2], 17) ^ rotated(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 64; i++) {
        uint32_t a = s[0], e = s[4];
        uint32_t one = s[7] + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) +
                       ((e & s[5]) ^ (~e & s[6])) + sha256Constants[i] + w[i];
        uint32_t two = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) +
                       ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += one;
        s[0] = one + two;
    }
    for (int i = 0; i < 8; i++)
        state[i] += s[i];
}

static void startWith(uint32_t state[8], const uint8_t *key, size_t size, uint8_t pad)
{
    static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    uint8_t block[64];
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (i < size ? key[i] : 0) ^ pad;
    memcpy(state, initial, sizeof initial);
    sha256Block(state, block);
}

/* From at most 128 hexadecimal digits. */
static void hmacKey(struct hmac *hmac, const char *digits)
{
    uint8_t key[64];
    size_t size = 0;
    for (unsigned byte; size < sizeof key && sscanf(digits + 2 * size, "%2x", &byte) == 1; size++)
        key[size] = (uint8_t)byte;
    startWith(hmac->inner, key, size, 0x36);
    startWith(hmac->outer, key, size, 0x5c);
}

static void putWords(uint8_t *to, const uint32_t *words, int count)
{
    for (int i = 0; i < 4 * count; i++)
        to[i] = (uint8_t)(words[i / 4] >> (24 - 8 * (i % 4)));
}

/* The end of a message: 0x80, zeros, and its length in bits, the block of the key included. */
static void finish(uint32_t state[8], uint8_t block[64], size_t used, size_t length)
{
    block[used] = 0x80;
    memset(block + used + 1, 0, 63 - used);
    block[62] = (uint8_t)(8 * length >> 8);
    block[63] = (uint8_t)(8 * length);
    sha256Block(state, block);
}

static void hmacOf(const struct hmac *hmac, const uint8_t *packet, uint8_t digest[DIGEST])
{
    uint32_t inner[8], outer[8];
    uint8_t block[64];
    memcpy(inner, hmac->inner, sizeof inner);
    memcpy(outer, hmac->outer, sizeof outer);
    sha256Block(inner, packet);
    memcpy(block, packet + 64, COVERED - 64);
    finish(inner, block, COVERED - 64, 64 + COVERED);
    putWords(block, inner, 8);
    finish(outer, block, 32, 64 + 32);
    putWords(digest, outer, DIGEST / 4);
}

#endif
