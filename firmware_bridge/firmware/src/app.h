/* The board's own program: sessions and commands in, lamp and sounder and statuses out. See docs/FIRMWARE.md. */
#ifndef SAVAR_APP_H
#define SAVAR_APP_H

#include <stdint.h>

void app_start(uint32_t now);
/* One byte from the host. */
void app_byte(uint8_t byte, uint32_t now);
/* Everything that is due; once a millisecond, and after bytes. */
void app_step(uint32_t now);
/* One round of the loop: what has come, but no more than TURN_MAX_BYTES of it, and everything that is due. */
void app_turn(void);
/* Commands carried out since the start. */
uint32_t app_executed(void);

#endif
