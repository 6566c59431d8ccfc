#include "inputs.h"

#include "board.h"
#include "generated.h"

static uint8_t settled, presses;
static uint32_t differs_ms[8]; /* since when an input has differed from what is settled */
static uint8_t differs;

void inputs_start(void)
{
    settled = board_inputs();
    presses = 0;
    differs = 0;
}

bool inputs_step(uint32_t now)
{
    uint8_t raw = board_inputs();
    uint8_t before = settled;

    for (uint8_t at = 0; at < 8; at++) {
        uint8_t bit = (uint8_t)(1u << at);
        uint32_t wait = at == INPUT_POWER_FAIL ? POWER_FAIL_SETTLE_MS : SETTLE_MS;

        if (((raw ^ settled) & bit) == 0) {
            differs &= (uint8_t)~bit;
        } else if ((differs & bit) == 0) {
            differs |= bit;
            differs_ms[at] = now;
        } else if (now - differs_ms[at] >= wait) {
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
