/* From reset to main: the vector table, memory as C expects it. A fault waits for the watchdog. */
#include <stdint.h>

extern uint32_t stack_top[], data_start[], data_end[], data_load[], bss_start[], bss_end[];
extern int main(void);
extern void on_tick(void);
extern void on_uart(void);
extern void on_odometer(void);
extern void on_watchdog(void);

void reset(void);

void reset(void)
{
    const uint32_t *from = data_load;

    for (uint32_t *to = data_start; to != data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = bss_start; to != bss_end; to++) {
        *to = 0;
    }
    (void)main();
    for (;;) {
    }
}

static void fault(void)
{
    for (;;) { /* the watchdog ends this */
    }
}

#define SYSTEM_VECTORS 16
#define UART0_IRQ 5
#define WATCHDOG_IRQ 18
#define GPIO_G_IRQ 31

typedef void (*vector_t)(void);

__attribute__((section(".vectors"), used)) static const vector_t vectors[SYSTEM_VECTORS + GPIO_G_IRQ + 1] = {
    [0] = (vector_t)(uintptr_t)stack_top,
    [1] = reset,
    [2] = fault,
    [3] = fault,
    [4] = fault,
    [5] = fault,
    [6] = fault,
    [11] = fault,
    [14] = fault,
    [15] = on_tick,
    [SYSTEM_VECTORS + UART0_IRQ] = on_uart,
    [SYSTEM_VECTORS + WATCHDOG_IRQ] = on_watchdog,
    [SYSTEM_VECTORS + GPIO_G_IRQ] = on_odometer,
};
