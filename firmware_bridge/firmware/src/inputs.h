/* The inputs without their bounces, and the news of them. */
#ifndef SAVAR_INPUTS_H
#define SAVAR_INPUTS_H

#include <stdbool.h>
#include <stdint.h>

void inputs_start(uint32_t now);
/* Looks; true if something changed. The supply's line is looked at once a millisecond, however often this is called. */
bool inputs_step(uint32_t now);
bool inputs_have(uint8_t input);
uint8_t inputs_bits(void);
/* Presses since the start, modulo 16: the rider's button in the low half, the driver's in the high one. */
uint8_t inputs_presses(void);

#endif
