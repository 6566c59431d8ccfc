#include "app.h"

#include "board.h"
#include "frame.h"
#include "generated.h"
#include "inputs.h"
#include "panel.h"

typedef struct {
    splitter_t splitter;
    uint8_t session;                   /* 0: nobody greeted us */
    uint8_t greetings[GREETINGS_KEPT]; /* sessions of this start; an old greeting that comes late opens none again */
    uint8_t greeting_at;
    frame_t last; /* the answer to the newest command: its number is done, and answered as often as it comes */
    uint32_t executed;
    uint32_t heard_ms;
    bool serve, heard;
    uint16_t status_number;
    uint32_t status_ms, news_ms;
    uint8_t news_sent;
} app_t;

static app_t app;
static const uint8_t BURST_MS[] = STATUS_BURST_MS;
#define BURST_COUNT (sizeof BURST_MS / sizeof BURST_MS[0])

static void send(const frame_t *frame)
{
    uint8_t bytes[FRAME_MAX_BYTES];

    board_write(bytes, frame_encode(frame, bytes));
}

static void put(frame_t *frame, uint32_t value, unsigned bytes)
{
    while (bytes-- > 0) {
        frame->payload[frame->length++] = (uint8_t)(value >> (8 * bytes));
    }
}

static void send_status(uint32_t now)
{
    frame_t status = {.kind = KIND_STATUS, .session = app.session, .number = ++app.status_number};

    put(&status, inputs_bits(), 1);
    put(&status, inputs_presses(), 1);
    put(&status, board_odometer(), 2);
    put(&status, board_supply_mv(), 2);
    app.status_ms = now;
    send(&status);
}

static const declared_t *declared(uint8_t code)
{
    for (unsigned at = 0; at < DECLARED_COUNT; at++) {
        if (DECLARED[at].code == code) {
            return &DECLARED[at];
        }
    }
    return NULL;
}

static void describe(const frame_t *asked, frame_t *answer)
{
    unsigned at = (unsigned)(asked->payload[0] << 8) | asked->payload[1];

    for (unsigned next = 0; next < PAYLOAD_MAX_BYTES; next++) {
        answer->payload[next] = at + next < DECLARATION_BYTES ? (uint8_t)DECLARATION[at + next] : 0;
    }
    answer->length = PAYLOAD_MAX_BYTES;
}

/* In service: the host is there, has not said otherwise, and the supply holds. */
static bool in_service(void)
{
    return app.heard && app.serve && !inputs_have(INPUT_POWER_FAIL);
}

static uint8_t show(const frame_t *asked, uint32_t now)
{
    if (inputs_have(INPUT_POWER_FAIL)) {
        return ANSWER_POWER_FAILS;
    }
    if (!in_service()) {
        return ANSWER_OUT_OF_SERVICE;
    }
    return panel_show(asked->payload[0], asked->payload[1], now) ? ANSWER_DONE : ANSWER_OUT_OF_RANGE;
}

/* Carries it out; the answer's code, its payload in `answer`. */
static uint8_t execute(const frame_t *asked, frame_t *answer, uint32_t now)
{
    const declared_t *known = declared(asked->code);

    if (known == NULL) {
        return ANSWER_UNKNOWN_COMMAND;
    }
    if (asked->length != known->takes) {
        return ANSWER_WRONG_LENGTH;
    }
    switch (asked->code) {
    case COMMAND_DESCRIBE:
        describe(asked, answer);
        return ANSWER_DONE;
    case COMMAND_SHOW:
        return show(asked, now);
    case COMMAND_HINT:
        panel_hint(asked->payload[0] != 0);
        return ANSWER_DONE;
    case COMMAND_IDLE:
        panel_idle();
        return ANSWER_DONE;
    case COMMAND_SERVE:
        app.serve = asked->payload[0] != 0;
        panel_in_service(in_service(), now);
        return ANSWER_DONE;
    case COMMAND_COUNTS:
        put(answer, app.splitter.damaged, 2);
        put(answer, app.executed, 4);
        return ANSWER_DONE;
    case COMMAND_TEST:
        panel_test(now);
        return ANSWER_DONE;
    case COMMAND_BOARD:
        put(answer, FIRMWARE_VERSION, 2);
        put(answer, board_starts(), 2);
        put(answer, board_cause(), 1);
        put(answer, board_parts(), 1);
        return ANSWER_DONE;
    default:
        return ANSWER_UNKNOWN_COMMAND;
    }
}

static void greet(const frame_t *asked)
{
    uint8_t session = asked->payload[1];

    if (asked->length != 2 || session == 0) {
        return;
    }
    if (session != app.session) {
        for (unsigned at = 0; at < GREETINGS_KEPT; at++) {
            if (app.greetings[at] == session) {
                return; /* it lay on the line while a newer one was opened */
            }
        }
        app.session = session;
        app.greetings[app.greeting_at] = session;
        app.greeting_at = (uint8_t)((app.greeting_at + 1u) % GREETINGS_KEPT);
        app.serve = true;
    } else if ((uint16_t)(asked->number - app.last.number) >= 0x8000u) {
        return; /* this session's own greeting, late: commands were done since */
    }
    app.last = (frame_t){.kind = KIND_ANSWER, .session = session, .number = asked->number, .code = ANSWER_DONE};
    put(&app.last, LINK_VERSION, 1);
    put(&app.last, DECLARATION_DIGEST, 4);
    send(&app.last);
}

/* The host is there. */
static void heard(uint32_t now)
{
    app.heard = true;
    app.heard_ms = now;
    panel_in_service(in_service(), now);
}

static void command(const frame_t *asked, uint32_t now)
{
    frame_t answer = {.kind = KIND_ANSWER, .session = app.session, .number = asked->number};
    uint16_t ahead = (uint16_t)(asked->number - app.last.number);

    if (app.session == 0 || asked->session != app.session) {
        answer.code = ANSWER_NO_SESSION;
        send(&answer);
        return;
    }
    heard(now);
    if (ahead == 0) {
        send(&app.last);
    } else if (ahead < 0x8000u) { /* one that lies behind was given up, and comes late */
        answer.code = execute(asked, &answer, now);
        if (answer.code == ANSWER_DONE && asked->code != COMMAND_DESCRIBE) {
            app.executed++;
        }
        if (answer.code != ANSWER_UNKNOWN_COMMAND && answer.code != ANSWER_WRONG_LENGTH) {
            app.last = answer; /* those two are the line's damage, which the check let pass: the number is not done */
        }
        send(&answer);
    }
}

void app_start(uint32_t now)
{
    app = (app_t){.serve = true};
    inputs_start(now);
    panel_start(now);
    app.news_ms = now;
}

void app_byte(uint8_t byte, uint32_t now)
{
    frame_t frame;

    if (!frame_feed(&app.splitter, byte, &frame)) {
        return;
    }
    if (frame.kind == KIND_COMMAND && frame.code == COMMAND_GREET) {
        greet(&frame);
    } else if (frame.kind == KIND_COMMAND) {
        command(&frame, now);
    } else if (frame.kind == KIND_BEAT && frame.session == app.session && app.session != 0) {
        heard(now);
    }
}

void app_step(uint32_t now)
{
    bool rider = inputs_have(INPUT_BUTTON_RIDER);

    if (inputs_step(now)) {
        app.news_ms = now;
        app.news_sent = 0;
        if (inputs_have(INPUT_BUTTON_RIDER) != rider) {
            panel_button(!rider, now);
        }
    }
    if (app.heard && now - app.heard_ms >= HOST_SILENT_MS) {
        app.heard = false;
    }
    panel_in_service(in_service(), now);
    panel_step(now);
    if (app.news_sent < BURST_COUNT && now - app.news_ms >= BURST_MS[app.news_sent]) {
        app.news_sent++;
        send_status(now);
    } else if (now - app.status_ms >= STATUS_EVERY_MS) {
        send_status(now);
    }
}

void app_turn(void)
{
    uint8_t byte;

    /* An answer may be longer than its question: to read until nothing is left would end only when the host does. */
    for (unsigned count = 0; count < TURN_MAX_BYTES && board_read(&byte); count++) {
        app_byte(byte, board_ms());
    }
    app_step(board_ms());
    board_alive();
}

uint32_t app_executed(void)
{
    return app.executed;
}
