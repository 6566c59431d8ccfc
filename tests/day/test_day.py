"""The system's words, lamps and ledger equal the sheet that a finance officer can check: sheet.md.

Every door, every record, signature, batch and transfer is the product's own; simulated are time, card and cable.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from persiantools.jdatetime import JalaliDate

from edge.core.errors import JournalFailed
from protocol.fares.verdicts import TABLE, Reason, Verdict
from protocol.wire.records import ClockQuality
from protocol.wire.tickets import TicketForm
from tests.day.city import DAY, HOUR_MS, MIDNIGHT_MS, SATURDAY_MS, STRANGER, City, Door, Paper, Person, bad

SHEET = (Path(__file__).parent / "sheet.md").read_text(encoding="utf-8")
KINDS: dict[str, dict[str, object]] = {
    "": {}, "student": {"rider_class": 2}, "senior": {"rider_class": 3}, "month pass": {"product": 1}, "denied": {},
    "pass of yesterday": {"days": -1}, "of another city": {"issuer": STRANGER}, "not in the office's list": {},
}  # fmt: skip
PAPER: dict[str, dict[str, object]] = {
    "single ride": {"issue": "singles"}, "ticket of tomorrow": {"issue": "late", "days": (1, 1)},
    "senior's card": {"issue": "cards", "form": TicketForm.CARD, "rider_class": 3, "rides_a_day": 2},
    "denied ticket": {"issue": "singles"},
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One line of the sheet."""

    time: str
    at: str
    who: str
    shows: str
    lamp: str
    told: str
    shown: int
    pays: int


def lines() -> Iterator[Row | str]:
    """Rows and events in their order."""
    for line in SHEET.splitlines():
        if re.match(r"\| \d\d:\d\d:\d\d \|", line):
            *words, shown, pays = (cell.strip() for cell in line.strip("|").split("|"))
            yield Row(*words, int(shown.replace(",", "")), int(pays.replace(",", "")))
        elif re.match(r"> \d\d:", line):
            yield line[2:]


def moment(text: str) -> int:
    hours, minutes, seconds = map(int, text.split(":"))
    return MIDNIGHT_MS + ((hours * 60 + minutes) * 60 + seconds) * 1000


class Day:
    """The city as the sheet goes on."""

    def __init__(self, folder: Path) -> None:
        rows = [it for it in lines() if isinstance(it, Row)]
        kinds = {it.who.partition(", ")[0]: it.who.partition(", ")[2] for it in rows if ", " in it.who}
        self.papers = {name: Paper(name, **PAPER[kind]) for name, kind in kinds.items() if kind in PAPER}
        self.people = {
            name: Person(name, **KINDS[kinds.get(name, "")])
            for name in {it.who.partition(", ")[0] for it in rows} - set(self.papers)
        }
        denied = [self.people[name].credential_id for name, kind in kinds.items() if kind == "denied"]
        denied += [self.papers[name].ticket_id for name, kind in kinds.items() if kind == "denied ticket"]
        self.city = City(folder, denied, self.papers.values())
        for name, person in self.people.items():
            if kinds.get(name) != "not in the office's list":
                self.city.register(person)
        self.last: dict[str, bytes] = {}
        self.taps: list[tuple[Row, Door, int | None]] = []

    def go(self, row: Row) -> tuple[str, str, int]:
        """Live one row → lamp, words and fare as the door said them."""
        city = self.city
        city.now_ms = moment(row.time)
        door = city.doors[f"bus-{row.at[0]}-d{1 if row.at[1] == 'f' else 2}"]
        name = row.who.partition(", ")[0]
        if row.shows.startswith("driver pays"):
            showing = door.station.boarding.proxy(int(row.shows.partition("+")[2] or 0), door.read()).showing
        else:
            showing = door.show(self._code(row, name))
            assert showing is not None
        recorded = showing.verdict is not Verdict.OUT_OF_SERVICE
        self.taps.append((row, door, door.journal.head.sequence if recorded else None))
        city.talk()
        return showing.row.lamp.value, showing.row.rider_fa, showing.fare_rials

    def _code(self, row: Row, name: str) -> bytes:
        now_ms = self.city.now_ms
        if row.shows == "ticket" or row.shows.startswith("photocopy of "):
            return self.papers[row.shows.removeprefix("photocopy of ") if row.shows != "ticket" else name].code(now_ms)
        person = self.people[name]
        if row.shows.startswith("copy of "):
            return self.last[row.shows.removeprefix("copy of ")]
        if row.shows == "payment sticker":
            return b"https://pay.example/4711"
        if row.shows == "forged code":
            return bad(person, now_ms)
        off = re.search(r"clock ([+-]\d+) min", row.shows)
        old = re.search(r"(\d+) min old", row.shows)
        minutes = int(off[1]) if off else -int(old[1]) if old else 0
        party = re.match(r"code \+(\d+)", row.shows)
        code = person.code(now_ms + minutes * 60_000, party=int(party[1]) if party else 0)
        self.last.setdefault(name, code)
        return code

    def happen(self, event: str) -> None:
        """What a line with ">" says."""
        city = self.city
        time, _, what = event.partition(" ")
        city.now_ms = moment(time)
        if match := re.fullmatch(r"the doors of (bus) (\d) (stop hearing|hear) each other( again)?", what):
            city.link(f"bus-{match[2]}", up=match[3] == "hear")
        elif match := re.fullmatch(r"(nobody trusts the clock of|the clock of) (\d)f( is trusted again)?", what):
            city.doors[f"bus-{match[2]}-d1"].quality = ClockQuality.TRUSTED if match[3] else ClockQuality.UNTRUSTED
        elif match := re.fullmatch(r"driver (\S+) signs in on bus (\d)", what):
            city.shift(f"bus-{match[2]}", match[1])
        elif match := re.fullmatch(r"since Saturday (\w+) has paid [\d,]+: three rides on bus 1, two on bus 2", what):
            city.rode(self.people[match[1]], "bus-1", SATURDAY_MS, (8, 10, 12))
            city.rode(self.people[match[1]], "bus-2", SATURDAY_MS + 24 * HOUR_MS, (8, 10))
        elif match := re.fullmatch(r"the driver takes back the boarding of (.+)", what):
            door, tap = next((door, tap) for row, door, tap in reversed(self.taps) if row.who == match[1])
            assert tap is not None
            city.annul(door, tap)
        elif match := re.fullmatch(r"the driver of bus (\d) lets everybody ride: reader out", what):
            city.let_ride(f"bus-{match[1]}", Reason.READER_OUT)
        elif match := re.fullmatch(r"fares again on bus (\d)", what):
            city.let_ride(f"bus-{match[1]}", Reason.NONE)
        elif match := re.fullmatch(r"the card of (\d)r (fails|works again)", what):
            journal = city.doors[f"bus-{match[1]}-d2"].journal
            journal.fails = JournalFailed("cannot sync") if match[2] == "fails" else None
        elif match := re.fullmatch(r"bus (\d) (?:is at ([\d,]+) m of its way|does not know where it is)", what):
            for number in (1, 2):
                metres = None if match[2] is None else int(match[2].replace(",", ""))
                city.doors[f"bus-{match[1]}-d{number}"].metres = metres
        else:
            raise AssertionError(f"nobody knows what this means: {what}")


def ledger() -> dict[str, int]:
    """The table of accounts at the end of the sheet."""
    found = re.findall(
        r"^\| ([a-z][\w:-]*) \| (-?[\d,]+) \|", SHEET.partition("## What stands in the ledger")[2], re.MULTILINE
    )
    return {account: int(rials.replace(",", "")) for account, rials in found}


def before() -> dict[str, int]:
    """What somebody had paid in the week when the day begins."""
    found = re.findall(r"^> .* since Saturday (\w+) has paid ([\d,]+):", SHEET, re.MULTILINE)
    return {name: int(rials.replace(",", "")) for name, rials in found}


def test_a_day_of_sixty_riders_is_told_and_posted_as_the_sheet_says(tmp_path: Path) -> None:
    day = Day(tmp_path)
    verdicts: set[Verdict] = set()
    for line in lines():
        if isinstance(line, str):
            day.happen(line)
            continue
        assert day.go(line) == (line.lamp, line.told, line.shown), line
        verdicts.add(day.taps[-1][1].panel.shown[-1].verdict)
    assert len(day.people) >= 60
    assert verdicts == set(TABLE)

    day.city.sync([name for bus in ("bus-2", "bus-1", "bus-4", "bus-3") for name in (f"{bus}-d1", f"{bus}-d2")])
    for row, door, tap in day.taps:
        assert (0 if tap is None else day.city.posted(door, tap)) == row.pays, row
    accounts = {account: day.city.store.balance(account) for account in ledger() if account != "riders"}
    riders = sum(day.city.store.balance(f"rider:{person.credential_id.hex()}") for person in day.people.values())
    assert accounts | {"riders": riders} == ledger()
    assert sum(ledger().values()) == 0
    assert day.city.alarms == []


def test_the_sheet_adds_up() -> None:
    """By itself, without the system: the column and the accounts."""
    rows = [it for it in lines() if isinstance(it, Row)]
    assert -sum(it.pays for it in rows) - sum(before().values()) == ledger()["riders"]
    assert all(it.pays <= it.shown for it in rows)
    assert [it.time for it in rows] == sorted(it.time for it in rows)
    assert JalaliDate.to_jalali(1970, 1, 1) + timedelta(days=DAY) == JalaliDate(1405, 7, 1)  # as the sheet's title says


@pytest.mark.parametrize("order", [("bus-1", "bus-2", "bus-3", "bus-4"), ("bus-4", "bus-3", "bus-2", "bus-1")])
def test_whichever_bus_reaches_the_office_first(tmp_path: Path, order: tuple[str, ...]) -> None:
    """P20: each rider's sum is the same."""
    day = Day(tmp_path)
    for line in lines():
        day.happen(line) if isinstance(line, str) else day.go(line)
    day.city.sync([f"{bus}-d{door}" for bus in order for door in (2, 1)])
    wanted = {name: -rials for name, rials in before().items()}
    for row, _, _ in day.taps:
        name = row.who.partition(", ")[0]
        wanted[name] = wanted.get(name, 0) - row.pays
    found = {name: day.city.store.balance(f"rider:{p.credential_id.hex()}") for name, p in day.people.items()}
    assert found | dict.fromkeys(day.papers, 0) == wanted
