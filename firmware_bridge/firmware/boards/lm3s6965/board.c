/* Texas Instruments (Luminary) LM3S6965, as on its evaluation board and in QEMU. Wiring: docs/FIRMWARE.md.
 *
 *   PD0 red  PD1 green  PD2 blue  PD3 amber  PD4 sounder on (its pitch: timer 0 A)
 *   PB0 door front  PB1 door rear  PB2 ignition  PB3 power fails (low)  PB4 tamper  PB5 button driver  PB6 button rider
 *   PG0 odometer    ADC0 supply over 11:1    UART0 host
 *
 * PB7 is the debugger's TRST, and locked as that: nothing here touches it.
 */
#include "board.h"

#include "generated.h"

#define REG(address) (*(volatile uint32_t *)(uintptr_t)(address))

#define GPIO_B 0x40005000u
#define GPIO_D 0x40007000u
#define GPIO_G 0x40026000u
#define GPIO_DATA(port, pins) REG((port) + ((uint32_t)(pins) << 2))
#define GPIO_DIR 0x400u
#define GPIO_IEV 0x40Cu
#define GPIO_IM 0x410u
#define GPIO_ICR 0x41Cu
#define GPIO_PUR 0x510u
#define GPIO_PDR 0x514u
#define GPIO_DEN 0x51Cu
#define GPIO_AFSEL 0x420u
#define GPIO_A 0x40004000u

#define UART 0x4000C000u
#define UART_DR REG(UART + 0x00u)
#define UART_FR REG(UART + 0x18u)
#define UART_IBRD REG(UART + 0x24u)
#define UART_FBRD REG(UART + 0x28u)
#define UART_LCRH REG(UART + 0x2Cu)
#define UART_CTL REG(UART + 0x30u)
#define UART_IM REG(UART + 0x38u)
#define UART_ICR REG(UART + 0x44u)
#define FR_RX_EMPTY 0x10u
#define FR_TX_FULL 0x20u
#define RX_AND_TIMEOUT 0x50u

#define TIMER 0x40030000u
#define TIMER_CFG REG(TIMER + 0x00u)
#define TIMER_TAMR REG(TIMER + 0x04u)
#define TIMER_CTL REG(TIMER + 0x0Cu)
#define TIMER_TAILR REG(TIMER + 0x28u)
#define TIMER_TAMATCHR REG(TIMER + 0x30u)
#define TIMER_PWM 0x0Au

#define WATCHDOG 0x40000000u
#define WATCHDOG_LOAD REG(WATCHDOG + 0x00u)
#define WATCHDOG_CTL REG(WATCHDOG + 0x08u)
#define WATCHDOG_ICR REG(WATCHDOG + 0x0Cu)

#define ADC 0x40038000u
#define ADC_ACTSS REG(ADC + 0x000u)
#define ADC_PSSI REG(ADC + 0x028u)
#define ADC_SSCTL3 REG(ADC + 0x0A4u)
#define ADC_SSFIFO3 REG(ADC + 0x0A8u)
#define ADC_SSFSTAT3 REG(ADC + 0x0ACu)
#define FIFO_EMPTY 0x100u

#define SYSCTL_RIS REG(0x400FE050u)
#define SYSCTL_RCC REG(0x400FE060u)
#define RIS_PLL_LOCKED 0x40u
#define RCC_SAFE 0x078E3B80u  /* main oscillator, 8 MHz crystal, PLL off and by-passed */
#define RCC_INTERNAL 0x00000010u /* the internal oscillator, 12 MHz and a third more or less; the main one starts beside it */
#define RCC_POWER 0x00002000u /* clear: the PLL runs */
#define RCC_BYPASS 0x00000800u
#define RCC_DIVIDE 0x07C00000u /* the PLL's 200 MHz over 16 */
#define SYSCTL_RESC REG(0x400FE05Cu)
#define SYSCTL_RCGC0 REG(0x400FE100u)
#define SYSCTL_RCGC1 REG(0x400FE104u)
#define SYSCTL_RCGC2 REG(0x400FE108u)
#define RESC_POWER_ON 0x02u
#define RESC_BROWN_OUT 0x04u
#define RESC_WATCHDOG 0x08u

#define SYST_CSR REG(0xE000E010u)
#define SYST_RVR REG(0xE000E014u)
#define NVIC_ENABLE REG(0xE000E100u)
#define NVIC_DISABLE REG(0xE000E180u)
#define UART_IRQ (1u << 5)
#define WATCHDOG_IRQ (1u << 18)
#define GPIO_G_IRQ (1u << 31)

#define CLOCK_HZ 12500000u       /* enough, and little current */
#define WATCHDOG_HALF_MS 450u /* the first time it warns, the second it resets: under a second in all */
#define RX_BYTES 256u         /* 22 ms of a full line: a round of the loop takes five at most */
#define CRYSTAL_TURNS 524288u /* of an empty loop, over 100 ms: nothing on this chip says that its crystal swings */
#define KEPT_MAGIC 0x5A7A12B0u

#define PIN_POWER_OK 3u
#define PIN_TAMPER 4u
#define PIN_BUTTON_DRIVER 5u
#define PINS_B 0x7Fu
#define PULLED_UP_B (1u << PIN_TAMPER) /* a switch to ground: cut, it says "opened" */
#define PULLED_DOWN_B (PINS_B & ~PULLED_UP_B) /* cut: the supply fails, shut, off, not pressed */

typedef struct {
    uint32_t magic;
    uint32_t starts;
    uint32_t warned; /* the watchdog's first word; if the second comes, the next start knows why */
} kept_t;

/* Outlives a reset, not a loss of power: then it is rubbish, and the magic says so. */
__attribute__((section(".kept"))) static kept_t kept;

static volatile uint32_t ticks;
static volatile uint16_t pulses;
static volatile uint8_t rx[RX_BYTES];
static volatile uint16_t rx_in;
static volatile uint16_t rx_out; /* read by the interrupt, too */
static uint32_t alive_tick;
static uint8_t cause; /* CAUSE_*, of this start */

void on_tick(void);
void on_uart(void);
void on_odometer(void);
void on_watchdog(void);
void board_start(void);
void board_sleep(void);

void on_tick(void)
{
    ticks++;
}

void on_uart(void)
{
    UART_ICR = RX_AND_TIMEOUT;
    while ((UART_FR & FR_RX_EMPTY) == 0) {
        uint8_t byte = (uint8_t)UART_DR;
        uint16_t next = (uint16_t)((rx_in + 1u) % RX_BYTES);

        if (next != rx_out) { /* one too many is lost as the line loses bytes: its frame comes again */
            rx[rx_in] = byte;
            rx_in = next;
        }
    }
}

void on_odometer(void)
{
    REG(GPIO_G + GPIO_ICR) = 1u;
    pulses++;
}

static void start_clock(void)
{
    SYSCTL_RCC = RCC_SAFE | RCC_INTERNAL;
    for (uint32_t turn = 0; turn < CRYSTAL_TURNS; turn++) {
        __asm volatile("nop"); /* a clock that does not swing yet would stop the program, and the watchdog with it */
    }
    SYSCTL_RCC = RCC_SAFE;
    SYSCTL_RCC = (RCC_SAFE | RCC_DIVIDE) & ~RCC_POWER;
    for (uint32_t tries = 0; tries < 100000u && (SYSCTL_RIS & RIS_PLL_LOCKED) == 0; tries++) {
    }
    SYSCTL_RCC = (RCC_SAFE | RCC_DIVIDE) & ~(RCC_POWER | RCC_BYPASS);
}

void on_watchdog(void)
{
    kept.warned = 1;
    NVIC_DISABLE = WATCHDOG_IRQ; /* it is not answered: a loop that only was slow may still do that */
}

/* How often it started, and why this time. The causes stay set until somebody clears them: told twice they would lie. */
static void start_count(void)
{
    uint32_t why = SYSCTL_RESC;

    SYSCTL_RESC = 0;
    if (kept.magic != KEPT_MAGIC || (why & RESC_POWER_ON) != 0) {
        kept.magic = KEPT_MAGIC;
        kept.starts = 0;
        kept.warned = 0;
    }
    kept.starts++;
    if (kept.starts == 1u) {
        cause = CAUSE_POWER;
    } else if ((why & RESC_WATCHDOG) != 0) {
        cause = CAUSE_WATCHDOG;
    } else if ((why & RESC_BROWN_OUT) != 0) {
        cause = CAUSE_POWER;
    } else {
        cause = kept.warned != 0 ? CAUSE_WATCHDOG : CAUSE_ASKED; /* QEMU's reset names no cause */
    }
    kept.warned = 0;
}

static void start_pins(void)
{
    REG(GPIO_A + GPIO_AFSEL) = 3u;
    REG(GPIO_A + GPIO_PUR) |= 1u; /* a cable that is not there is a line at rest */
    REG(GPIO_A + GPIO_DEN) = 3u;
    REG(GPIO_D + GPIO_DIR) = 0x1Fu;
    REG(GPIO_D + GPIO_DEN) = 0x1Fu;
    REG(GPIO_B + GPIO_DIR) &= ~PINS_B;
    REG(GPIO_B + GPIO_PUR) |= PULLED_UP_B;
    REG(GPIO_B + GPIO_PDR) |= PULLED_DOWN_B;
    REG(GPIO_B + GPIO_DEN) |= PINS_B;
    REG(GPIO_G + GPIO_PDR) |= 1u;
    REG(GPIO_G + GPIO_DEN) = 1u;
    REG(GPIO_G + GPIO_IEV) = 1u;
    REG(GPIO_G + GPIO_IM) = 1u;
}

void board_start(void)
{
    uint32_t divider = CLOCK_HZ * 4u / BAUD;

    start_count();
    start_clock();
    SYSCTL_RCGC0 = 0x00010008u; /* ADC, watchdog */
    SYSCTL_RCGC1 = 0x00010001u; /* timer 0, UART 0 */
    SYSCTL_RCGC2 = 0x0000004Bu; /* ports A, B, D, G */
    (void)SYSCTL_RCGC2;
    start_pins();

    UART_IBRD = divider / 64u;
    UART_FBRD = divider % 64u;
    UART_LCRH = 0u;    /* empties the FIFO: what a host sent to the program before wakes nobody, and would fill it */
    UART_LCRH = 0x70u; /* eight bits, FIFO */
    UART_CTL = 0x301u;
    UART_IM = RX_AND_TIMEOUT;

    TIMER_CFG = 4u;
    TIMER_TAMR = TIMER_PWM;

    ADC_SSCTL3 = 6u;
    ADC_ACTSS = 8u;

    WATCHDOG_LOAD = CLOCK_HZ / 1000u * WATCHDOG_HALF_MS;
    WATCHDOG_CTL = 3u;

    SYST_RVR = CLOCK_HZ / 1000u - 1u;
    SYST_CSR = 7u;
    NVIC_ENABLE = UART_IRQ | WATCHDOG_IRQ | GPIO_G_IRQ;
}

uint32_t board_ms(void)
{
    return ticks;
}

void board_lamps(uint8_t lamps)
{
    GPIO_DATA(GPIO_D, 0x0Fu) = lamps;
}

void board_sound(uint16_t hz)
{
    if (hz == 0) {
        GPIO_DATA(GPIO_D, 0x10u) = 0;
        TIMER_CTL = 0;
        return;
    }
    TIMER_TAILR = CLOCK_HZ / hz;
    TIMER_TAMATCHR = CLOCK_HZ / hz / 2u;
    TIMER_CTL = 1u;
    GPIO_DATA(GPIO_D, 0x10u) = 0x10u;
}

uint8_t board_inputs(void)
{
    uint8_t pins = (uint8_t)GPIO_DATA(GPIO_B, PINS_B);
    uint8_t straight = (1u << INPUT_DOOR_FRONT_LEAF) | (1u << INPUT_DOOR_REAR_LEAF) | (1u << INPUT_IGNITION)
                       | (1u << INPUT_TAMPER) | (1u << INPUT_BUTTON_RIDER); /* on the pins of their own numbers */
    uint8_t inputs = pins & straight;

    if ((pins & (1u << PIN_POWER_OK)) == 0) { /* pulled down: a wire that breaks says that the supply fails */
        inputs |= 1u << INPUT_POWER_FAIL;
    }
    if ((pins & (1u << PIN_BUTTON_DRIVER)) != 0) {
        inputs |= 1u << INPUT_BUTTON_DRIVER;
    }
    return inputs;
}

uint16_t board_odometer(void)
{
    return pulses;
}

uint16_t board_supply_mv(void)
{
    uint32_t raw;

    ADC_PSSI = 8u;
    for (unsigned tries = 0; tries < 64 && (ADC_SSFSTAT3 & FIFO_EMPTY) != 0; tries++) {
    }
    raw = ADC_SSFIFO3 & 0x3FFu;
    return (uint16_t)(raw * 33000u / 1023u); /* 3.0 V at the converter are 33 V at the clamp, over 11:1 */
}

void board_write(const uint8_t *bytes, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        while ((UART_FR & FR_TX_FULL) != 0) {
        }
        UART_DR = bytes[at];
    }
}

void board_alive(void)
{
    uint32_t now = ticks;

    if (now != alive_tick) { /* a clock that stands is no life: the watchdog ends it */
        alive_tick = now;
        WATCHDOG_ICR = 1u;
        WATCHDOG_LOAD = CLOCK_HZ / 1000u * WATCHDOG_HALF_MS;
        if (kept.warned != 0) {
            kept.warned = 0;
            NVIC_ENABLE = WATCHDOG_IRQ;
        }
    }
}

uint8_t board_parts(void)
{
    return (1u << PART_LAMPS) | (1u << PART_SOUND) | (1u << PART_DOORS) | (1u << PART_ODOMETER) | (1u << PART_SUPPLY);
}

uint16_t board_starts(void)
{
    return (uint16_t)kept.starts;
}

uint8_t board_cause(void)
{
    return cause;
}

bool board_read(uint8_t *byte)
{
    if (rx_out == rx_in) {
        return false;
    }
    *byte = rx[rx_out];
    rx_out = (uint16_t)((rx_out + 1u) % RX_BYTES);
    return true;
}

void board_sleep(void)
{
    /* With interrupts held back a byte cannot slip in between the look and the sleep; a pending one wakes all the same. */
    __asm volatile("cpsid i");
    if (rx_out == rx_in) {
        __asm volatile("wfi");
    }
    __asm volatile("cpsie i");
}
