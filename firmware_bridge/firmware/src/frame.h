/* Frames: the one encoder and the one decoder of this side. The format stands in firmware_bridge/core/frames.py. */
#ifndef SAVAR_FRAME_H
#define SAVAR_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "generated.h"

typedef struct {
    uint8_t kind, session;
    uint16_t number;
    uint8_t code, length;
    uint8_t payload[PAYLOAD_MAX_BYTES];
} frame_t;

/* Bytes as they come; never more than a frame's are kept. */
typedef struct {
    uint8_t held[FRAME_MAX_BYTES];
    uint8_t count;
    uint16_t damaged;
} splitter_t;

/* Writes a frame with its end to `out`, FRAME_MAX_BYTES long; returns how many bytes. */
size_t frame_encode(const frame_t *frame, uint8_t *out);
/* One byte from the line; true if it ended a frame, which is in `frame` then. */
bool frame_feed(splitter_t *splitter, uint8_t byte, frame_t *frame);

#endif
