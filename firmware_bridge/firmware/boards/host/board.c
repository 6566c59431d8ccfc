/* The thin layer over what host.h is told. */
#include "board.h"

#include <string.h>

#include "app.h"
#include "generated.h"
#include "host.h"

#define WRITTEN_BYTES 8192u
#define LEVELS 4096u
#define BYTE_US (10u * 1000000u / BAUD) /* one start and one stop bit */
#define READ_US 15u                     /* what the board's program takes for a byte, about */
#define RX_BYTES 255u

static struct {
    uint32_t now;
    uint8_t inputs;
    uint16_t pulses, supply_mv;
    uint8_t written[WRITTEN_BYTES];
    size_t count;
    level_t levels[LEVELS];
    size_t level_count;
    uint8_t lamps;
    uint16_t hz;
    const uint8_t *fed; /* what the host says: once, or without end while `us` runs to `us_end` */
    size_t fed_count, fed_at;
    uint32_t began, us, us_end, alive_ms, silence_ms;
} host;

static void note(void)
{
    level_t level = {host.now, host.hz, host.lamps};

    if (host.level_count > 0 && host.levels[host.level_count - 1].ms == host.now) {
        host.levels[host.level_count - 1] = level;
    } else if (host.level_count < LEVELS) {
        host.levels[host.level_count++] = level;
    }
}

void host_start(uint32_t now)
{
    memset(&host, 0, sizeof host);
    host.now = now;
    host.supply_mv = 24000;
    app_start(now);
}

void host_run(uint32_t until)
{
    while (host.now != until) {
        host.now++;
        app_step(host.now);
    }
}

void host_feed(const uint8_t *bytes, size_t count)
{
    host.fed = bytes;
    host.fed_count = count;
    host.fed_at = 0;
    do {
        app_turn();
    } while (host.fed_at < host.fed_count);
    host.fed_count = 0;
}

static bool flooded(void)
{
    return host.us < host.us_end;
}

static void pass(uint32_t us)
{
    if (flooded()) {
        host.us = host.us_end - host.us < us ? host.us_end : host.us + us;
        host.now = host.began + host.us / 1000u;
    }
}

void host_flood(const uint8_t *bytes, size_t count, uint32_t ms)
{
    host.fed = bytes;
    host.fed_count = count;
    host.fed_at = 0;
    host.began = host.alive_ms = host.now;
    host.silence_ms = 0;
    host.us = 0;
    host.us_end = ms * 1000u;
    while (flooded()) {
        app_turn();
        pass(host.fed_at * BYTE_US < host.us ? READ_US : 1000u - host.us % 1000u); /* or it sleeps */
    }
    host.us = host.us_end = 0;
    host.fed_count = 0;
}

void host_jump(uint32_t to)
{
    host.now = to;
}

uint32_t host_silence(void)
{
    return host.silence_ms;
}

void host_set(uint8_t inputs, uint16_t pulses, uint16_t supply_mv)
{
    host.inputs = inputs;
    host.pulses = pulses;
    host.supply_mv = supply_mv;
}

size_t host_take(uint8_t *out, size_t most)
{
    size_t count = host.count < most ? host.count : most;

    memcpy(out, host.written, count);
    memmove(host.written, host.written + count, host.count - count);
    host.count -= count;
    return count;
}

size_t host_levels(level_t *out, size_t most)
{
    size_t count = host.level_count < most ? host.level_count : most;

    memcpy(out, host.levels, count * sizeof *out);
    host.level_count = 0;
    return count;
}

uint32_t host_executed(void)
{
    return app_executed();
}

uint32_t board_ms(void)
{
    return host.now;
}

void board_lamps(uint8_t lamps)
{
    host.lamps = lamps;
    note();
}

void board_sound(uint16_t hz)
{
    host.hz = hz;
    note();
}

uint8_t board_inputs(void)
{
    return host.inputs;
}

uint16_t board_odometer(void)
{
    return host.pulses;
}

uint16_t board_supply_mv(void)
{
    return host.supply_mv;
}

bool board_read(uint8_t *byte)
{
    if (flooded()) {
        size_t come = host.us / BYTE_US;

        if (come > host.fed_at + RX_BYTES) {
            host.fed_at = come - RX_BYTES; /* what the board had no room for */
        }
        if (host.fed_at >= come) {
            return false;
        }
        *byte = host.fed[host.fed_at++ % host.fed_count];
        pass(READ_US);
        return true;
    }
    if (host.us_end != 0 || host.fed_at >= host.fed_count) {
        return false;
    }
    *byte = host.fed[host.fed_at++];
    return true;
}

void board_write(const uint8_t *bytes, size_t count)
{
    pass((uint32_t)count * BYTE_US);
    if (host.count + count <= WRITTEN_BYTES) {
        memcpy(host.written + host.count, bytes, count);
        host.count += count;
    }
}

void board_alive(void)
{
    if (host.now - host.alive_ms > host.silence_ms) {
        host.silence_ms = host.now - host.alive_ms;
    }
    host.alive_ms = host.now;
}

uint8_t board_parts(void)
{
    return 1u << PART_LAMPS;
}

uint16_t board_starts(void)
{
    return 1;
}

uint8_t board_cause(void)
{
    return CAUSE_POWER;
}
