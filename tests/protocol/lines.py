"""A small timetable that tests of the contract, the vectors, the office and the bus share."""

from protocol.wire.timetable import Call, Days, Line, Pattern, Stop, Trip

WEEKDAYS = Days(0b0011111, 20_700, 21_064, removed=(20_720,))
FRIDAY = Days(0, 20_717, 20_717, added=(20_717, 20_724))
STOPS = (
    Stop("s-1", "میدان امام حسین", "Imam Hossein Square", 32_657_000, 51_678_000),
    Stop("s-2", "سی‌وسه‌پل", "Si-o-se-pol", 32_652_000, 51_678_000),
    Stop("s-3", "دروازه شیراز", "", 32_647_000, 51_681_000),
)
OUT = Pattern(
    0, "دروازه شیراز", "Darvazeh Shiraz",
    ((32_657_000, 51_678_000), (32_652_000, 51_678_000), (32_647_000, 51_681_000)),
    (Call(STOPS[0], 0), Call(STOPS[1], 556), Call(STOPS[2], 1179)),
    (
        Trip(21_600, "9-1", WEEKDAYS, (0, 90, 200)),
        Trip(22_500, "9-3", WEEKDAYS, (0, 120, 260)),
        Trip(22_500, "9-5", FRIDAY, (0, 90, 200)),
    ),
)  # fmt: skip
BACK = Pattern(
    1, "میدان امام حسین", "", OUT.shape[::-1],
    (Call(STOPS[2], 0), Call(STOPS[0], 1179)),
    (Trip(23_400, "9-2", WEEKDAYS, (0, 180)), Trip(90_000, "9-4", FRIDAY, (0, 180))),
)  # fmt: skip
LINE_9 = Line("9", "۹", "9", (OUT, BACK))
LINE_91 = Line("91", "۹۱", "91", (Pattern(0, "", "", OUT.shape, OUT.calls[1:], ()),))
