/*
 * A histogram of nanoseconds in buckets that grow with the value: 128 buckets for each doubling, so
 * a percentile is off by less than 0.4 %. histogram.py is the same arithmetic.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

#define SUB_BITS 7
#define SUB_BUCKETS (1 << SUB_BITS)
#define BUCKETS ((64 - SUB_BITS + 1) * SUB_BUCKETS)

struct histogram {
    uint64_t counts[BUCKETS];
    uint64_t total;
    uint64_t maximum;
};

static inline void histogramAdd(struct histogram *h, uint64_t value)
{
    unsigned index = (unsigned)value;
    if (value >= SUB_BUCKETS) {
        unsigned shift = 63 - (unsigned)__builtin_clzll(value) - SUB_BITS;
        index = ((shift + 1) << SUB_BITS) + (unsigned)((value >> shift) - SUB_BUCKETS);
    }
    h->counts[index]++;
    h->total++;
    if (value > h->maximum)
        h->maximum = value;
}

/* The middle of the bucket that holds the value at FRACTION (0 to 1), in nanoseconds. */
static inline double histogramAt(const struct histogram *h, double fraction)
{
    uint64_t seen = 0;
    for (unsigned index = 0; index < BUCKETS; index++) {
        seen += h->counts[index];
        if (h->counts[index] && (double)seen >= fraction * (double)h->total) {
            unsigned group = index >> SUB_BITS;
            if (group == 0)
                return (double)index;
            double width = (double)(1ULL << (group - 1));
            return (double)((index & (SUB_BUCKETS - 1)) + SUB_BUCKETS) * width + (width - 1) / 2;
        }
    }
    return 0;
}

#endif
