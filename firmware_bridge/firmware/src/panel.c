#include "panel.h"

#include "board.h"
#include "generated.h"

typedef struct {
    const look_t *look; /* the last verdict, for the button; none: nothing was shown */
    uint32_t look_ms;
    bool sound_set, hint, holding, testing, in_service;
    const look_t *lit; /* what the lamp shows, from `lit_ms` to `until_ms` */
    uint32_t lit_ms, until_ms;
    const tune_t *tune;
    uint32_t tune_ms, test_ms;
    bool pressed;
    uint32_t pressed_ms;
    uint8_t lamps;
    uint16_t hz;
} panel_t;

static panel_t panel;

/* Whether `now` is at or behind `then`, over the wrap of the clock. */
static bool reached(uint32_t now, uint32_t then)
{
    return (uint32_t)(now - then) < 0x80000000u;
}

static const look_t *find(uint8_t verdict, uint8_t reason)
{
    const look_t *found = NULL;

    for (unsigned at = 0; at < LOOK_COUNT; at++) {
        if (LOOKS[at].verdict == verdict) {
            if (LOOKS[at].reason == reason) {
                return &LOOKS[at];
            }
            if (LOOKS[at].reason == 0) {
                found = &LOOKS[at];
            }
        }
    }
    return found;
}

static uint8_t flashing(const look_t *look, uint32_t since)
{
    if (look->off_ms != 0 && since % (uint32_t)(look->on_ms + look->off_ms) >= look->on_ms) {
        return 0;
    }
    return look->lamps;
}

static uint16_t pitch_of(const tune_t *tune, uint32_t since)
{
    for (unsigned at = 0; at < tune->notes; at++) {
        if (since < tune->ms[at]) {
            return tune->hz[at];
        }
        since -= tune->ms[at];
        if (since < GAP_MS) {
            return 0;
        }
        since -= GAP_MS;
    }
    return 0;
}

static uint32_t length_of(const tune_t *tune)
{
    uint32_t length = 0;

    for (unsigned at = 0; at < tune->notes; at++) {
        length += tune->ms[at] + GAP_MS;
    }
    return length;
}

static uint8_t lamps_now(uint32_t now)
{
    if (!panel.in_service) {
        return flashing(panel.lit, now - panel.lit_ms);
    }
    if (panel.testing) {
        return TEST_LAMPS[(now - panel.test_ms) / TEST_STEP_MS];
    }
    if (panel.holding) {
        return reached(now, panel.lit_ms) ? flashing(panel.lit, now - panel.lit_ms) : 0;
    }
    return panel.hint ? HINT_LAMPS : 0;
}

static uint16_t sound_now(uint32_t now)
{
    if (panel.testing) {
        return TEST_HZ[(now - panel.test_ms) / TEST_STEP_MS];
    }
    return panel.sound_set && reached(now, panel.tune_ms) ? pitch_of(panel.tune, now - panel.tune_ms) : 0;
}

/* What has run out by now: it has to be forgotten, or it comes again when the clock has gone round. */
static void settle(uint32_t now)
{
    if (panel.testing && now - panel.test_ms >= (uint32_t)TEST_STEPS * TEST_STEP_MS) {
        panel.testing = false;
    }
    if (panel.holding && reached(now, panel.until_ms)) {
        panel.holding = false;
    }
    if (panel.sound_set && reached(now, panel.tune_ms) && now - panel.tune_ms >= length_of(panel.tune)) {
        panel.sound_set = false;
    }
    if (panel.look != NULL && now - panel.look_ms > BUTTON_REPEAT_MS) {
        panel.look = NULL;
    }
}

static void play(const look_t *look, uint32_t now)
{
    settle(now);
    panel.lit_ms = lamps_now(now) == look->lamps ? now + LAMP_DARK_MS : now;
    panel.tune_ms = sound_now(now) == 0 ? now : now + GAP_MS;
    panel.until_ms = panel.lit_ms + LAMP_HOLD_MS;
    panel.lit = look;
    panel.tune = &TUNES[look->tune];
    panel.holding = panel.sound_set = true;
    panel.testing = false;
}

void panel_start(uint32_t now)
{
    panel = (panel_t){.in_service = true};
    board_lamps(0);
    board_sound(0);
    panel_in_service(false, now);
}

bool panel_show(uint8_t verdict, uint8_t reason, uint32_t now)
{
    const look_t *look = find(verdict, reason);

    if (look == NULL || !panel.in_service) {
        return false;
    }
    panel.look = look;
    panel.look_ms = now;
    play(look, now);
    return true;
}

void panel_hint(bool lit)
{
    panel.hint = lit && panel.in_service;
}

void panel_idle(void)
{
    panel.hint = panel.holding = panel.testing = panel.sound_set = false;
}

void panel_test(uint32_t now)
{
    if (panel.in_service) {
        panel.testing = panel.holding = true;
        panel.sound_set = false;
        panel.test_ms = now;
        panel.until_ms = now + (uint32_t)TEST_STEPS * TEST_STEP_MS;
    }
}

void panel_button(bool down, uint32_t now)
{
    if (down) {
        panel.pressed = true;
        panel.pressed_ms = now;
        return;
    }
    if (panel.pressed && now - panel.pressed_ms < BUTTON_HOLD_MS && panel.in_service && panel.look != NULL
        && !panel.look->boards && now - panel.look_ms <= BUTTON_REPEAT_MS) {
        play(panel.look, now);
    }
    panel.pressed = false;
}

void panel_in_service(bool in_service, uint32_t now)
{
    bool sounds;

    if (in_service == panel.in_service) {
        return;
    }
    settle(now);
    sounds = sound_now(now) != 0;
    panel_idle();
    panel.look = NULL;
    panel.in_service = in_service;
    if (!in_service) {
        panel.lit = find(VERDICT_OUT_OF_SERVICE, 0);
        panel.tune = &TUNES[panel.lit->tune];
        panel.lit_ms = now;
        panel.tune_ms = sounds ? now + GAP_MS : now;
        panel.sound_set = true;
    }
}

void panel_step(uint32_t now)
{
    uint8_t lamps;
    uint16_t hz;

    if (panel.pressed && now - panel.pressed_ms >= BUTTON_HOLD_MS) {
        panel.pressed = false;
        panel_test(now);
    }
    settle(now);
    lamps = lamps_now(now);
    hz = sound_now(now);
    if (lamps != panel.lamps) {
        panel.lamps = lamps;
        board_lamps(lamps);
    }
    if (hz != panel.hz) {
        panel.hz = hz;
        board_sound(hz);
    }
}
