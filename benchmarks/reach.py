"""How far a code is read: the share of symbols read at so many pixels a module, and what that means in distance.

A symbol is drawn at a fractional size, turned and shifted by chance, blurred by lens and pixel, with noise. A phone
draws it with its quiet zone across a screen of fixed width, so fewer modules are larger ones: distance goes with the
width of a module, over the pixels that a module needs.
"""

import os
from collections.abc import Callable
from itertools import product
from random import Random
from typing import Any

import cv2
import numpy as np

from edge.adapters.readers.zxing import ZxingReader
from protocol.wire.codes import write_code
from simulators.camera.codes import QUIET_MODULES, Grey, modules_of

PAYLOAD_BYTES = {5: 81, 8: 183}  # short and long pass → the version that they fill
_DRAWN_PX = 16  # a module before the lens scales it
_BLUR_PX = 0.6  # sigma of lens and pixel, in the frame
_NOISE = 5.0
_WHITE, _BLACK = 190, 25
_TURN_DEG = 15.0
_STEPS = [1.2 + 0.1 * n for n in range(19)]  # pixels a module
_WANTED = (0.5, 0.95)
SYMBOLS = len(_STEPS) * len(PAYLOAD_BYTES)


def run(*, trials: int, seed: int, tick: Callable[[int], None]) -> dict[str, Any]:
    """So many symbols a step and version → figures."""
    rng = Random(f"reach {seed}")
    grain = np.random.default_rng(seed)
    rates: dict[int, list[float]] = {version: [] for version in PAYLOAD_BYTES}
    for version, px in product(PAYLOAD_BYTES, _STEPS):
        rates[version].append(_rate(version, px, trials, rng, grain))
        tick(trials)
    figures: dict[str, Any] = {
        "trials": trials,
        "seed": seed,
        "load": os.getloadavg()[0],
        "px_a_module": _rounded(_STEPS),
    }
    needed: dict[tuple[int, float], float] = {}
    for version, shares in rates.items():
        figures[f"read_v{version}"] = _rounded(shares)
        for wanted in _WANTED:
            needed[version, wanted] = _reached(shares, wanted)
            figures[f"px_v{version}_{wanted:.0%}"] = round(needed[version, wanted], 2)
    for wanted in _WANTED:
        figures[f"distance_ratio_{wanted:.0%}"] = round(
            _distance(5, needed[5, wanted]) / _distance(8, needed[8, wanted]), 2
        )
    return figures


def _rate(version: int, px: float, trials: int, rng: Random, grain: np.random.Generator) -> float:
    reader = ZxingReader()
    read = 0
    for _ in range(trials):
        text = write_code(rng.randbytes(PAYLOAD_BYTES[version]))
        read += text.encode() in reader.read(_seen(text, px, rng, grain))
    return read / trials


def _seen(text: str, px: float, rng: Random, grain: np.random.Generator) -> Grey:
    """A symbol as a sensor sees it at so many pixels a module."""
    modules = np.pad(modules_of(text, boost=False), QUIET_MODULES)
    drawn = np.kron(1 - modules, np.full((_DRAWN_PX, _DRAWN_PX), 255, np.uint8))
    scale = px / _DRAWN_PX
    flat = cv2.GaussianBlur(drawn, (0, 0), _BLUR_PX / scale)  # before it is sampled: nothing may alias
    side = int(len(modules) * px * 1.5) + 24
    matrix = cv2.getRotationMatrix2D((len(flat) / 2, len(flat) / 2), rng.uniform(-_TURN_DEG, _TURN_DEG), scale)
    shift = side / 2 - len(flat) / 2
    placed = np.asarray(matrix, np.float64) + np.array([[0, 0, shift + rng.random()], [0, 0, shift + rng.random()]])
    picture = cv2.warpAffine(flat, placed, (side, side), flags=cv2.INTER_LINEAR, borderValue=(255,))
    lit = _BLACK + picture * ((_WHITE - _BLACK) / 255) + grain.normal(0, _NOISE, picture.shape)
    return np.asarray(np.clip(lit, 0, 255), np.uint8)


def _reached(shares: list[float], wanted: float) -> float:
    """Pixels a module from which the share stays at the wanted one, between steps; the last step if it never does."""
    for n in range(len(shares) - 1, -1, -1):
        if shares[n] < wanted:
            if n + 1 == len(shares):
                break
            part = (wanted - shares[n]) / (shares[n + 1] - shares[n])
            return _STEPS[n] + part * (_STEPS[n + 1] - _STEPS[n])
    return _STEPS[-1] if shares[-1] < wanted else _STEPS[0]


def _distance(version: int, px: float) -> float:
    """Of a code across a screen of width 1 before a lens of focal length 1."""
    return 1 / ((4 * version + 17 + 2 * QUIET_MODULES) * px)


def _rounded(values: list[float]) -> list[float]:
    return [round(value, 2) for value in values]
