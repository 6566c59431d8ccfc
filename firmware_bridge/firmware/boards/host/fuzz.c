/* Bytes, pins and time as a fuzzer likes them; the promises that hold whatever comes.
 *
 * A script is read two bytes at a time: what, and how much. Checked all along: green is lit only within the hold of a
 * verdict that was just shown, and never 50 ms after the supply fell, nor before it was good for as long as it has to be,
 * nor two seconds after the host's last word.
 */
#include <stdint.h>
#include <stdlib.h>

#include "frame.h"
#include "generated.h"
#include "host.h"

#define GREEN_ONLY(lamps) ((lamps) == LAMP_GREEN)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[8192];
    static level_t levels[4096];
    uint32_t now = 0xFFFFF000u; /* the clock wraps within a run */
    uint32_t failed_ms = 0, fed_ms = now, low_ms = 0;
    uint8_t inputs = 0, lamps = 0;
    int fell = 0;
    uint16_t number = 0;

    host_start(now);
    for (size_t at = 0; at + 1 < size; at += 2) {
        uint8_t what = data[at], much = data[at + 1];

        if (what < 64) { /* a frame that is one */
            frame_t frame = {.kind = KIND_COMMAND, .session = 1, .code = (uint8_t)(what % 12)};
            uint8_t bytes[FRAME_MAX_BYTES];

            number++;
            frame.number = number;
            frame.length = (uint8_t)(what % 3);
            frame.payload[0] = frame.code == COMMAND_GREET ? LINK_VERSION : (uint8_t)(much % 24);
            frame.payload[1] = frame.code == COMMAND_GREET ? 1 : (uint8_t)(much / 24);
            frame.length = frame.code == COMMAND_GREET || frame.code == COMMAND_SHOW ? 2 : frame.length;
            if (what == 63) {
                frame.kind = KIND_BEAT;
            }
            host_feed(bytes, frame_encode(&frame, bytes));
            fed_ms = now;
        } else if (what < 128) { /* noise */
            host_feed(&data[at], 2);
        } else if (what < 160) {
            uint8_t before = inputs;

            inputs = much;
            host_set(inputs, (uint16_t)(much * 3u), (uint16_t)(much * 100u));
            if ((inputs & ~before & (1u << INPUT_POWER_FAIL)) != 0) {
                failed_ms = now;
            }
        } else {
            size_t count;
            uint32_t from = now;

            now += much * (what < 224 ? 1u : 20u);
            host_run(now);
            count = host_levels(levels, sizeof levels / sizeof levels[0]);
            if ((inputs & (1u << INPUT_POWER_FAIL)) != 0 && now - from > POWER_FAIL_LOWS) {
                fell = 1;
                low_ms = now;
            }
            for (size_t one = 0; one < count; one++) {
                lamps = levels[one].lamps;
                require((lamps & ~(LAMP_RED | LAMP_GREEN | LAMP_BLUE | LAMP_AMBER)) == 0);
                require(!GREEN_ONLY(lamps) || levels[one].ms - fed_ms < 0x80000000u);
            }
            require(!GREEN_ONLY(lamps) || now - fed_ms <= HOST_SILENT_MS + BUTTON_HOLD_MS + TEST_STEPS * TEST_STEP_MS);
            require(!(GREEN_ONLY(lamps) && (inputs & (1u << INPUT_POWER_FAIL)) != 0
                      && now - failed_ms > POWER_FAIL_DARK_MS));
            if (now - low_ms >= POWER_GOOD_MS) {
                fell = 0;
            }
            require(!(GREEN_ONLY(lamps) && fell));
        }
        (void)host_take(out, sizeof out);
    }
    return 0;
}
