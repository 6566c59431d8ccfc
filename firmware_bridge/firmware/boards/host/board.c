/* The thin layer over what host.h is told. */
#include "board.h"

#include <string.h>

#include "app.h"
#include "generated.h"
#include "host.h"

#define WRITTEN_BYTES 8192u
#define LEVELS 4096u

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
    for (size_t at = 0; at < count; at++) {
        app_byte(bytes[at], host.now);
    }
    app_step(host.now);
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

void board_write(const uint8_t *bytes, size_t count)
{
    if (host.count + count <= WRITTEN_BYTES) {
        memcpy(host.written + host.count, bytes, count);
        host.count += count;
    }
}

void board_alive(void)
{
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
