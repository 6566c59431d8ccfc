/* The loop: bytes and the time to the program, then sleep until the next of either. */
#include "app.h"
#include "board.h"

extern void board_start(void);
extern bool board_read(uint8_t *byte);
extern void board_sleep(void);

int main(void)
{
    uint8_t byte;

    board_start();
    app_start(board_ms());
    for (;;) {
        uint32_t now = board_ms();

        while (board_read(&byte)) {
            app_byte(byte, now);
        }
        app_step(now);
        board_alive();
        board_sleep();
    }
}
