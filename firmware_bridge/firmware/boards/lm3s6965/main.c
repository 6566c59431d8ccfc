/* The loop: a round of the program, then sleep until the next byte or millisecond. */
#include "app.h"
#include "board.h"

extern void board_start(void);
extern void board_sleep(void);

int main(void)
{
    board_start();
    app_start(board_ms());
    for (;;) {
        app_turn();
        board_sleep();
    }
}
