#include "frame.h"

#define HEAD_BYTES 5u
#define CHECK_BYTES 2u
#define BODY_MAX_BYTES (HEAD_BYTES + PAYLOAD_MAX_BYTES + CHECK_BYTES)

static uint16_t crc16(const uint8_t *bytes, size_t count)
{
    uint16_t crc = 0xFFFFu;

    for (size_t at = 0; at < count; at++) {
        crc = (uint16_t)(crc ^ (uint16_t)(bytes[at] << 8));
        for (unsigned bit = 0; bit < 8; bit++) {
            uint16_t out = crc & 0x8000u;

            crc = (uint16_t)(crc << 1);
            if (out != 0) {
                crc = (uint16_t)(crc ^ 0x1021u);
            }
        }
    }
    return crc;
}

size_t frame_encode(const frame_t *frame, uint8_t *out)
{
    uint8_t body[BODY_MAX_BYTES];
    size_t count = HEAD_BYTES + frame->length;
    size_t mark = 0, end = 1;
    uint16_t crc;

    body[0] = frame->kind;
    body[1] = frame->session;
    body[2] = (uint8_t)(frame->number >> 8);
    body[3] = (uint8_t)(frame->number & 0xFFu);
    body[4] = frame->code;
    for (size_t at = 0; at < frame->length; at++) {
        body[HEAD_BYTES + at] = frame->payload[at];
    }
    crc = crc16(body, count);
    body[count++] = (uint8_t)(crc >> 8);
    body[count++] = (uint8_t)(crc & 0xFFu);
    /* COBS: each zero becomes the distance to the next one; a frame is far shorter than the 254 that would break it. */
    for (size_t at = 0; at < count; at++) {
        if (body[at] == 0) {
            out[mark] = (uint8_t)(end - mark);
            mark = end++;
        } else {
            out[end++] = body[at];
        }
    }
    out[mark] = (uint8_t)(end - mark);
    out[end++] = 0;
    return end;
}

/* COBS undone and the check held; false: it was no frame. */
static bool decode(const uint8_t *held, size_t held_count, frame_t *frame)
{
    uint8_t body[FRAME_MAX_BYTES];
    size_t count = 0, at = 0, length;
    uint16_t crc;

    while (at < held_count) {
        size_t block = held[at];

        if (block == 0 || at + block > held_count) {
            return false;
        }
        for (size_t next = at + 1; next < at + block; next++) {
            body[count++] = held[next];
        }
        at += block;
        if (at < held_count) {
            body[count++] = 0;
        }
    }
    if (count < HEAD_BYTES + CHECK_BYTES || count > BODY_MAX_BYTES) {
        return false;
    }
    length = count - HEAD_BYTES - CHECK_BYTES;
    crc = crc16(body, count - CHECK_BYTES);
    if (body[count - 2] != (uint8_t)(crc >> 8) || body[count - 1] != (uint8_t)(crc & 0xFFu)) {
        return false;
    }
    frame->kind = body[0];
    frame->session = body[1];
    frame->number = (uint16_t)((uint16_t)(body[2] << 8) | body[3]);
    frame->code = body[4];
    frame->length = (uint8_t)length;
    for (size_t next = 0; next < length; next++) {
        frame->payload[next] = body[HEAD_BYTES + next];
    }
    return true;
}

bool frame_feed(splitter_t *splitter, uint8_t byte, frame_t *frame)
{
    bool whole;

    if (byte != 0) {
        if (splitter->count < FRAME_MAX_BYTES) {
            splitter->held[splitter->count++] = byte;
        }
        return false;
    }
    if (splitter->count == 0) {
        return false;
    }
    whole = splitter->count < FRAME_MAX_BYTES && decode(splitter->held, splitter->count, frame);
    splitter->count = 0;
    if (!whole) {
        splitter->damaged++;
    }
    return whole;
}
