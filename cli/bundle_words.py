"""What a bundle says about fares, as lines for a person; the numbers are those of its JSON (`fare_words`)."""

from collections.abc import Iterator
from typing import Any

Row = tuple[str, str]  # what it is about, what is said


def tariff_rows(told: dict[str, Any], *, title: str) -> Iterator[Row]:
    """A tariff, as `tariff_told` has it. Lines of one fare stand together; what is not set is not said."""
    since = "at all times" if told["starts"] is None else f"from {told['starts']}"
    yield title, f"{told['version']}, {since}"
    yield "adult", f"{told['flat_fare_rials']:,} rials; again within {told['repeat_window_s']:,} s is one fare"
    if told["transfer_window_s"]:
        yield "transfers", f"rides within {told['transfer_window_s']:,} s are one journey"
    caps = [f"{told[key]:,} rials a {period}" for key, period in (("day_cap_rials", "day"), ("week_cap_rials", "week"))
            if told[key]]  # fmt: skip
    if caps:
        yield "caps", ", ".join(caps)
    if told["classes"]:
        yield "classes", ", ".join(f"{word} {share:,} ‰" for word, share in told["classes"].items())
    yield from _lines(told["lines"])
    if told["tap_out"]:
        yield "tap-out", "on lines with distances the code is shown again when leaving"
    for peak in told["peaks"]:
        yield "peak", f"{' '.join(peak['days'])} {peak['from']} to {peak['to']}: {peak['permille']:,} ‰"
    if told["free_days"]:
        yield "free days", ", ".join(told["free_days"])
    for number, rule in told["products"].items():
        where = _names("on", rule["lines"]) or " on every line"
        elsewhere = f"; elsewhere {'the wallet pays' if rule['elsewhere'] else 'it is of no use'}"
        yield f"product {number}", f"{rule['permille']:,} ‰{where}{elsewhere if rule['lines'] else ''}"


def policy_rows(told: dict[str, Any]) -> Iterator[Row]:
    """Policies, as `policies_told` has them."""
    yield "policies", f"{told['number']}" if any((told["training"], told["board_free"], told["graces"])) else "none"
    if told["training"]:
        yield "training", ", ".join(told["training"])
    for it in told["board_free"]:
        yield f"free {it['order']}", f"{it['cause']}, {_term(it)}"
    for it in told["graces"]:
        raised = f" by {it['rials']:,} rials" if it["rials"] else ""
        yield f"grace {it['order']}", f"{it['kind']}{raised}, {_term(it)}"


def _term(it: dict[str, Any]) -> str:
    where = ",".join(filter(None, (_names("lines", it["lines"]), _names("vehicles", it["vehicles"])))) or " everywhere"
    bound = f"at most {it['bound_rials']:,} rials a door" if it["bound_rials"] else "without a bound"
    return f"{it['from']} to {it['until']},{where}, {bound}"


def _names(what: str, names: list[str]) -> str:
    return f" {what} {', '.join(names)}" if names else ""


def _lines(lines: dict[str, dict[str, Any]]) -> Iterator[Row]:
    alike: dict[str, list[str]] = {}
    for name, fare in lines.items():
        alike.setdefault(_fare(fare), []).append(name)
    for fare_text, names in alike.items():
        yield "line" if len(names) == 1 else "lines", f"{', '.join(names)}: {fare_text}"


def _fare(fare: dict[str, Any]) -> str:
    if "rials" in fare:
        return f"{fare['rials']:,} rials"
    steps = [f"{rials:,} rials up to {metres:,} m" for metres, rials in fare["bands"]]
    return f"{', '.join(steps)} and beyond"
