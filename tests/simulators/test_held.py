"""Phones, cards and signs, drawn face on: what wears them changes them as its name says, and the code stays clear of hands."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
import zxingcpp

from simulators.camera.codes import modules_of, picture_of
from simulators.camera.conditions import Conditions, Light, LightRanges, Ranges
from simulators.camera.foreign import SIGNS, draw_sign
from simulators.camera.held import Held, draw_card, draw_phone
from simulators.camera.sheet import passes

LONG = passes(1)[0]
EASY = Ranges(distance_mm=(200, 200), notch=0.0).draw(Random(1))
CARD = replace(EASY, medium="worn card")


def phone(seed: int = 1, text: str = LONG, ambient: float = 0.5, **conditions: object) -> Held:
    return draw_phone(text, replace(EASY, **conditions), ambient, Random(seed))  # type: ignore[arg-type]


def card(seed: int = 1, **conditions: object) -> Held:
    return draw_card(LONG, replace(CARD, **conditions), 0.8, Random(seed))  # type: ignore[arg-type]


def symbol(held: Held) -> np.ndarray:
    left, top, right, bottom = (round(edge) for edge in held.symbol)
    return held.picture[top:bottom, left:right].astype(float)


def contrast(held: Held) -> float:
    """Between the lighter and the darker quarter of the symbol."""
    low, high = np.percentile(symbol(held).mean(axis=2), (20, 80))
    return float(high - low)


def text_of(held: Held) -> list[str]:
    return [code.text for code in zxingcpp.read_barcodes(held.picture[:, :, 1].copy()) if code.valid]


@pytest.mark.parametrize("text", [LONG, "SV1:" + "A" * 40, "SV1:" + "7" * 700])
def test_every_drawing_is_read_and_its_symbol_lies_where_it_says(text: str) -> None:
    """A short text has fewer, larger modules on the same place."""
    modules = modules_of(text)
    for held in (phone(text=text), draw_card(text, CARD, 0.8, Random(1))):
        assert text_of(held) == [text]
        seen = symbol(held).mean(axis=2)
        pitch = len(seen) / len(modules)
        middles = ((np.arange(len(modules)) + 0.5) * pitch).astype(int)
        dark = seen[np.ix_(middles, middles)] < (seen.min() + seen.max()) / 2
        assert (dark == modules).mean() > 0.99


def test_a_boost_raises_correction_only_where_the_version_stays() -> None:
    short = "SV1:" + "A" * 50
    assert modules_of(short).shape == modules_of(short, boost=False).shape
    assert (modules_of(short) != modules_of(short, boost=False)).any()
    assert modules_of(LONG).shape == (49, 49)
    assert picture_of(modules_of(LONG), 300).shape == (300, 300)


def test_a_screen_shines_by_its_brightness_and_its_black_is_what_the_day_sends_back() -> None:
    bright, dim = phone(brightness=1.0), phone(brightness=0.2)
    assert contrast(bright) == pytest.approx(5 * contrast(dim), rel=0.1)
    assert symbol(phone(ambient=1.0)).min() > symbol(phone(ambient=0.1)).min() + 10


def test_dark_mode_swaps_light_and_dark() -> None:
    light, dark = symbol(phone()), symbol(phone(dark_mode=True))
    assert np.corrcoef(light.ravel(), dark.ravel())[0, 1] < -0.95


def test_a_notch_is_black_and_above_the_code() -> None:
    plain, notched = phone().picture.astype(int), phone(notch=True).picture.astype(int)
    rows = np.flatnonzero((plain != notched).any(axis=(1, 2)))
    assert len(rows)
    assert rows.max() < phone().symbol[1] / 2


def test_hands_never_reach_the_code() -> None:
    """Whatever hand holds it, the symbol and half its quiet zone are the screen's own two shades."""
    for seed in range(6):
        held = phone(seed=seed)
        left, top, right, bottom = (round(edge) for edge in held.symbol)
        reach = round(2 * (right - left) / 49)
        near = held.picture[top - reach : bottom + reach, left - reach : right + reach]
        assert (near.max(axis=2) == near.min(axis=2)).all()


@pytest.mark.parametrize(("worn", "least"), [({"cracks": 2}, 0.01), ({"fingerprints": 3}, 0.03)])
def test_what_happens_to_glass_changes_a_part_of_it(worn: dict[str, int], least: float) -> None:
    shares = [(np.abs(symbol(phone(s, **worn)) - symbol(phone(s))) > 12).mean() for s in range(8)]
    assert np.mean(shares) > least
    assert max(shares) < 0.6


def test_fading_takes_contrast_and_a_crease_breaks_print_along_a_line() -> None:
    fresh = card(fading=0.0)
    assert contrast(card(fading=0.3)) < 0.85 * contrast(fresh)
    assert contrast(card(fading=0.6)) < 0.6 * contrast(fresh)
    folded = np.mean([(np.abs(symbol(card(s, creases=3)) - symbol(card(s))) > 30).mean() for s in range(6)])
    assert 0.005 < folded < 0.3


def test_a_photocopy_is_grey_and_specked_and_a_worn_card_yellow() -> None:
    worn, copied = symbol(card()), symbol(card(medium="photocopy"))
    assert worn[..., 2].mean() > 1.05 * worn[..., 0].mean()
    assert copied[..., 2].mean() == pytest.approx(copied[..., 0].mean(), rel=0.01)
    clean, copy = (card(medium=medium).picture[:, -40:, 1].astype(float) for medium in ("worn card", "photocopy"))
    assert clean.mean() - copy.mean() > 20  # the drum's shadow along the side
    assert symbol(card(medium="photocopy")).std() < symbol(card()).std()  # ink that spread
    assert text_of(card()) == [LONG]


@pytest.mark.parametrize("what", SIGNS)
def test_signs_carry_their_code(what: str) -> None:
    sign = draw_sign(what, "https://pay.example/q/77777", SIGNS[what][0], 0.7, Random(3))
    assert text_of(sign) == ["https://pay.example/q/77777"]
    assert sign.screen is None


def test_conditions_lie_in_their_ranges() -> None:
    ranges = Ranges(tilt_deg=(30, 45), cracks=range(1, 4), dark_mode=0.5, medium=("a", "b"))
    drawn = [ranges.draw(Random(seed)) for seed in range(200)]
    assert all(isinstance(one, Conditions) and 30 <= one.tilt_deg <= 45 for one in drawn)
    assert {one.cracks for one in drawn} == {1, 2, 3}
    assert {one.dark_mode for one in drawn} == {True, False}
    assert {one.medium for one in drawn} == {"a", "b"}
    night: Light = LightRanges(ambient=(0.05, 0.1)).draw(Random(1))
    assert 0.05 <= night.ambient <= 0.1
