"""What happens to glass and to paper: cracks, fingerprints, creases, stains, fading, a photocopier's noise."""

from random import Random

import cv2
import numpy as np
from numpy.typing import NDArray

from simulators.camera.codes import Grey
from simulators.camera.conditions import Conditions

COPIES = {"photocopy": 1, "second copy": 2}  # how often it went through a photocopier
_FORKS = 0.22  # how often a piece of a crack ends in a fork


def crack(face: NDArray[np.uint8], scale: float, ambient: float, rng: Random) -> None:
    """One blow: lines that run out from a point and branch, bright beside dark; splinters near it."""
    height, width = face.shape[:2]
    hit = np.array([rng.uniform(0.1, 0.9) * width, rng.uniform(0.15, 0.85) * height])
    glint = int(90 + 150 * ambient)
    for _ in range(rng.randint(4, 7)):
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(10, 45) * scale
        run, forks = _run(hit, angle, length, scale, rng)
        runs = [run, *(_run(at, angle + rng.choice((-0.7, 0.7)), rest * 0.6, scale, rng)[0] for at, rest in forks)]
        wide = max(1, round(scale * rng.uniform(0.12, 0.35)))
        for line in runs:
            cv2.polylines(face, [(line + max(1, wide // 2)).astype(np.int32)], False, (8, 8, 8), wide, cv2.LINE_AA)
            cv2.polylines(face, [line.astype(np.int32)], False, (glint,) * 3, wide, cv2.LINE_AA)
    for ring in (2.0, 4.5):
        around = np.linspace(0, 2 * np.pi, rng.randint(5, 8), endpoint=False)
        reach = np.array([ring * scale * rng.uniform(0.6, 1.4) for _ in around])
        points = hit + np.column_stack([np.cos(around) * reach, np.sin(around) * reach])
        cv2.polylines(face, [points.astype(np.int32)], True, (glint,) * 3, max(1, round(scale * 0.25)), cv2.LINE_AA)


def _run(
    start: NDArray[np.float64], angle: float, length: float, scale: float, rng: Random
) -> tuple[NDArray[np.float64], list[tuple[NDArray[np.float64], float]]]:
    """A crack of `length` px in short straight pieces, and where it forks with how much of it is left there."""
    points, forks = [start], []
    while length > 0:
        step = rng.uniform(3, 9) * scale
        angle += rng.gauss(0, 0.22)
        points.append(points[-1] + step * np.array([np.cos(angle), np.sin(angle)]))
        length -= step
        if length > 0 and rng.random() < _FORKS:
            forks.append((points[-1], length))
    return np.array(points), forks


def finger(face: NDArray[np.uint8], scale: float, ambient: float, rng: Random) -> None:
    """A smear of grease with ridges in it: it scatters, so dark under it gets lighter and light darker."""
    height, width = face.shape[:2]
    axes = (rng.uniform(6, 9) * scale, rng.uniform(8, 14) * scale)
    x, y = rng.uniform(0.1, 0.9) * width, rng.uniform(0.2, 0.8) * height
    reach = int(max(axes))
    left, top = max(0, int(x) - reach), max(0, int(y) - reach)
    patch = face[top : int(y) + reach, left : int(x) + reach]
    if not patch.size:
        return
    across, down = np.meshgrid(np.arange(patch.shape[1]) + left - x, np.arange(patch.shape[0]) + top - y)
    away = np.hypot(across / axes[0], down / axes[1])
    ridges = 0.7 + 0.3 * np.cos(np.hypot(across, down * 0.7) * 2 * np.pi / (0.9 * scale))
    thick = (np.clip(1.15 - away, 0, 1) ** 0.7 * ridges * rng.uniform(0.15, 0.4))[:, :, None]
    haze = 35 + 90 * ambient
    patch[:] = np.asarray(patch * (1 - thick) + (patch.mean() * 0.5 + haze * 0.5) * thick, np.uint8)


def age_paper(face: Grey, scale: float, under: Conditions, rng: Random) -> NDArray[np.float32]:
    """Print as it looks after years in a pocket, or after a photocopier: 0–255."""
    grain = np.random.default_rng(rng.getrandbits(64))
    height, width = face.shape
    for _ in range(COPIES.get(under.medium, 0)):
        face = _copied(face, scale, grain)
    rough = cv2.resize(grain.normal(0, 1, (height // 6 + 1, width // 6 + 1)).astype(np.float32), (width, height))
    worn = face.astype(np.float32)
    patchy = np.clip(under.fading * (0.75 + 0.35 * np.asarray(rough)), 0, 0.92)
    worn += (235 - worn) * patchy * (worn < 200)
    worn -= 6 * np.asarray(rough)
    for _ in range(under.creases):
        _crease(worn, scale, rng)
    if under.medium == "soiled card":
        _soil(worn, scale, rng)
    return np.clip(worn, 0, 255)


def _copied(face: Grey, scale: float, grain: np.random.Generator) -> Grey:
    """Ink that spread, toner specks on the white, gaps in the black, a grey drum shadow along one side."""
    height, width = face.shape
    spread = cv2.GaussianBlur(face, (0, 0), 0.28 * scale)
    hard = np.clip((spread.astype(np.float32) - 118) * 2.2 + 118, 20, 240)
    specks = grain.random((height, width), np.float32)
    hard[specks > 0.9985] = 30
    hard[specks < 0.003] = 225
    shadow = np.linspace(0, 1, width, dtype=np.float32) ** 3 * 45
    return np.asarray(np.clip(cv2.GaussianBlur(hard, (0, 0), 0.6) - shadow, 0, 255), np.uint8)


def _crease(worn: NDArray[np.float32], scale: float, rng: Random) -> None:
    """A fold: print broken off along it, a shadow beside it."""
    height, width = worn.shape
    upright = rng.random() < 0.5
    along = rng.uniform(0.1, 0.9)
    lean = rng.uniform(-0.15, 0.15)
    ends = (along - lean, along + lean)
    if upright:
        start, end = (int(ends[0] * width), 0), (int(ends[1] * width), height)
    else:
        start, end = (0, int(ends[0] * height)), (width, int(ends[1] * height))
    wide = max(1, round(rng.uniform(0.3, 0.8) * scale))
    beside = (start[0] + wide, start[1] + wide), (end[0] + wide, end[1] + wide)
    cv2.line(worn, *beside, 150, max(1, wide // 2), cv2.LINE_AA)
    cv2.line(worn, start, end, 240, wide, cv2.LINE_AA)


def _soil(worn: NDArray[np.float32], scale: float, rng: Random) -> None:
    """Years among keys and coins: scratches to the white, and grease that darkens the paper."""
    height, width = worn.shape
    for _ in range(rng.randint(4, 9)):
        start = np.array([rng.uniform(0, width), rng.uniform(0, height)])
        line, _ = _run(start, rng.uniform(0, 2 * np.pi), rng.uniform(6, 25) * scale, scale, rng)
        cv2.polylines(worn, [line.astype(np.int32)], False, 225, max(1, round(0.25 * scale)), cv2.LINE_AA)
    for _ in range(rng.randint(1, 3)):
        stain = np.zeros((height, width), np.float32)
        middle = (round(rng.uniform(0, width)), round(rng.uniform(0, height)))
        axes = (round(rng.uniform(3, 9) * scale), round(rng.uniform(3, 9) * scale))
        cv2.ellipse(stain, middle, axes, rng.uniform(0, 180), 0, 360, rng.uniform(0.15, 0.4), cv2.FILLED)
        worn *= 1 - cv2.GaussianBlur(stain, (0, 0), 1.2 * scale)
