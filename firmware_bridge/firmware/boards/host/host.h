/* The board as tests and the fuzzer drive it: its time, its pins and its line are what they say. */
#ifndef SAVAR_HOST_H
#define SAVAR_HOST_H

#include <stddef.h>
#include <stdint.h>

/* What lamp and sounder are from `ms` on. */
typedef struct {
    uint32_t ms;
    uint16_t hz;
    uint8_t lamps;
} level_t;

/* Starts at this time, which may be near the clock's wrap. */
void host_start(uint32_t now);
/* A step a millisecond, as the board's own clock gives it. */
void host_run(uint32_t until);
void host_feed(const uint8_t *bytes, size_t count);
/* The line in its true time for so long: these bytes again and again without a pause, each byte written costs a byte's time. */
void host_flood(const uint8_t *bytes, size_t count, uint32_t ms);
/* The clock jumps, and nothing was done in between: what 49 days without a change come to. */
void host_jump(uint32_t to);
/* The longest time in ms for which the watchdog heard nothing in a flood. */
uint32_t host_silence(void);
void host_set(uint8_t inputs, uint16_t pulses, uint16_t supply_mv);
/* What the board wrote since the last call. */
size_t host_take(uint8_t *out, size_t most);
/* The changes since the last call. */
size_t host_levels(level_t *out, size_t most);
uint32_t host_executed(void);

#endif
