#include "inputs.h"

#include "board.h"
#include "generated.h"

#define POWER_FAILS (1u << INPUT_POWER_FAIL)

static uint8_t settled, presses;
static uint32_t differs_ms[8]; /* since when an input has differed from what is settled */
static uint8_t differs;
static uint32_t lows; /* the supply's newest samples, one a bit, the newest the lowest; set: it was low */
static uint32_t sampled_ms, low_ms; /* when it was looked at last, and when it was low last */

void inputs_start(uint32_t now)
{
    settled = (uint8_t)(board_inputs() & ~POWER_FAILS); /* one sample is none: the next ones say it */
    presses = 0;
    differs = 0;
    lows = 0;
    sampled_ms = now;
}

/* A line that falls is believed at once, one that rises only when it stays: else one that chatters would be good between. */
static void sample_power(bool low, uint32_t now)
{
    unsigned count = 0;

    sampled_ms = now;
    lows = (lows << 1 | (low ? 1u : 0u)) & ((1u << POWER_FAIL_OF) - 1u);
    if (low) {
        low_ms = now;
    }
    for (uint32_t left = lows; left != 0; left &= left - 1u) {
        count++;
    }
    if (count >= POWER_FAIL_LOWS) {
        settled |= (uint8_t)POWER_FAILS;
    } else if (now - low_ms >= POWER_GOOD_MS) {
        settled &= (uint8_t)~POWER_FAILS;
    }
}

bool inputs_step(uint32_t now)
{
    uint8_t raw = board_inputs();
    uint8_t before = settled;

    for (uint8_t at = 0; at < 8; at++) {
        uint8_t bit = (uint8_t)(1u << at);

        if (at == INPUT_POWER_FAIL) {
            if (now != sampled_ms) {
                sample_power((raw & bit) != 0, now);
            }
        } else if (((raw ^ settled) & bit) == 0) {
            differs &= (uint8_t)~bit;
        } else if ((differs & bit) == 0) {
            differs |= bit;
            differs_ms[at] = now;
        } else if (now - differs_ms[at] >= SETTLE_MS) {
            settled ^= bit;
            differs &= (uint8_t)~bit;
        }
    }
    if ((settled & (uint8_t)~before & (1u << INPUT_BUTTON_RIDER)) != 0) {
        presses = (uint8_t)((presses & 0xF0u) | ((presses + 1u) & 0x0Fu));
    }
    if ((settled & (uint8_t)~before & (1u << INPUT_BUTTON_DRIVER)) != 0) {
        presses = (uint8_t)(presses + 0x10u);
    }
    return settled != before;
}

bool inputs_have(uint8_t input)
{
    return (settled & (1u << input)) != 0;
}

uint8_t inputs_bits(void)
{
    return settled;
}

uint8_t inputs_presses(void)
{
    return presses;
}
