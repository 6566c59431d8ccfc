/* The thin layer: what a board must give. Another board is another folder under boards/ with these functions. */
#ifndef SAVAR_BOARD_H
#define SAVAR_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Milliseconds since the start; wraps after 49 days, which every comparison here allows for. */
uint32_t board_ms(void);
/* Lights these lamps (LAMP_* bits of generated.h), and no other. */
void board_lamps(uint8_t lamps);
/* A pitch in Hz; 0 is silence. */
void board_sound(uint16_t hz);
/* The inputs as they are now (INPUT_* bits), a set bit meaning what generated.h says; bounces and all. */
uint8_t board_inputs(void);
/* Pulses of the odometer since the start, modulo 65536. */
uint16_t board_odometer(void);
/* Supply in mV. */
uint16_t board_supply_mv(void);
/* The next byte of the host; false: none has come. */
bool board_read(uint8_t *byte);
/* Writes all of it; may wait as long as a frame takes on the line. */
void board_write(const uint8_t *bytes, size_t count);
/* Says that time goes on and the loop runs; one that is not told so for a second resets the board. */
void board_alive(void);
/* Which parts it has (PART_* bits). */
uint8_t board_parts(void);
/* Starts since the power came, this one included, and why this one (CAUSE_* of generated.h). */
uint16_t board_starts(void);
uint8_t board_cause(void);

#endif
