"""Where there is no terminal, progress is lines: at once, at each stage, and every few seconds."""

from cli.progress import LINE_EVERY_S, adding, lines, of_one


def test_a_line_at_once_at_each_stage_and_now_and_then() -> None:
    said, now = list[str](), [100.0]
    tick = lines("frames", 40, say=said.append, monotonic=lambda: now[0])
    assert said == ["frames …"]
    for done in range(10):
        tick("frames", done)
    assert len(said) == 1  # not a line for each
    now[0] += LINE_EVERY_S
    tick("frames", 10)
    tick("frames", 11)
    now[0] += LINE_EVERY_S
    tick("dim", 1)  # a new stage begins its own time
    tick("dim", 2, 2_000)
    now[0] += LINE_EVERY_S
    tick("dim", 3, 2_000)
    assert said == ["frames …", "frames: 10 of 40", "dim …", "dim: 3 of 2,000"]


def test_one_stage_and_steps_are_told_as_what_is_done() -> None:
    told: list[tuple[str, int]] = []

    def tick(what: str, done: int, _of: int | None = None, /) -> None:
        told.append((what, done))

    of_one(tick, "taps")(7)
    more = adding(tick, "symbols")
    more(3)
    more(4)
    assert told == [("taps", 7), ("symbols", 3), ("symbols", 7)]
