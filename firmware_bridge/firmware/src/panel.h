/* Lamp and sounder of one door, in time: rules S1 to S5 of edge/core/signals.py, and what the board adds to them.
 *
 * B1  while it is not in service (no host, told so, or the supply fails) the lamp shows "out of service" without end and
 *     its tune sounds once; nothing else is shown or sounded, and what was shown is forgotten;
 * B2  green is never lit but by `panel_show`, while it is in service.
 */
#ifndef SAVAR_PANEL_H
#define SAVAR_PANEL_H

#include <stdbool.h>
#include <stdint.h>

void panel_start(uint32_t now);
/* A verdict. False: there is no such one, or the door is out of service. */
bool panel_show(uint8_t verdict, uint8_t reason, uint32_t now);
void panel_hint(bool lit);
void panel_idle(void);
void panel_test(uint32_t now);
void panel_button(bool down, uint32_t now);
void panel_in_service(bool in_service, uint32_t now);
/* Brings lamp and sounder to what they should be now. */
void panel_step(uint32_t now);

#endif
