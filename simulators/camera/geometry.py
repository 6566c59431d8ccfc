"""Where a flat thing before the camera appears: a pinhole camera, and what its rolling shutter does to what moves.

Millimetres in the world (x right, y down, z away from the lens), pixels in the picture.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 1280, 720  # what the cheap cameras give
FOCAL_PX = 1_100.0  # a lens of about 60° over 1280 pixels
ROW_US = 42.0  # between two rows of a rolling shutter: 720 of them in 30 ms, as cheap sensors read
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pose:
    """Middle in the picture (px), distance (mm), angles (degrees), speed (px/s) while the frame is exposed."""

    x_px: float
    y_px: float
    distance_mm: float
    turn_deg: float  # in the picture
    tilt_deg: float  # out of the picture, about `axis_deg`
    axis_deg: float
    speed_x: float = 0.0
    speed_y: float = 0.0

    def at(self, x_px: float, y_px: float) -> "Pose":
        """The same elsewhere, at rest."""
        return replace(self, x_px=x_px, y_px=y_px, speed_x=0.0, speed_y=0.0)


def project(pose: Pose, size_px: tuple[int, int], px_per_mm: float) -> Matrix:
    """3×3 matrix from the pixels of a flat picture of `size_px` (width, height) to those of the frame."""
    turn, tilt, axis = np.radians([pose.turn_deg, pose.tilt_deg, pose.axis_deg])
    leaning, _ = cv2.Rodrigues(np.array([np.cos(axis), np.sin(axis), 0.0]) * tilt)
    turning, _ = cv2.Rodrigues(np.array([0.0, 0.0, turn]))
    rotation = np.asarray(leaning @ turning, np.float64)
    lens = np.array([[FOCAL_PX, 0, WIDTH / 2], [0, FOCAL_PX, HEIGHT / 2], [0, 0, 1]])
    away = pose.distance_mm
    middle = np.array([(pose.x_px - WIDTH / 2) * away / FOCAL_PX, (pose.y_px - HEIGHT / 2) * away / FOCAL_PX, away])
    flat = np.array([[1, 0, -size_px[0] / 2], [0, 1, -size_px[1] / 2], [0, 0, px_per_mm]]) / px_per_mm
    world = np.column_stack([rotation[:, 0], rotation[:, 1], middle])
    return np.asarray(_rolled(pose) @ lens @ world @ flat, np.float64)


def _rolled(pose: Pose) -> Matrix:
    """Rows are exposed one after the other, so what moves sideways leans and what moves down is stretched.

    A point seen in row y was there y rows later: y = y0 + vy·T·y, x = x0 + vx·T·y, counted from the middle row.
    """
    stretch = 1 / (1 - pose.speed_y * ROW_US * 1e-6)
    lean = pose.speed_x * ROW_US * 1e-6 * stretch
    half = HEIGHT / 2
    return np.array([[1, lean, -lean * half], [0, stretch, half * (1 - stretch)], [0, 0, 1.0]])


def corners(matrix: Matrix, left: float, top: float, right: float, bottom: float) -> Matrix:
    """The four corners of a rectangle of the flat picture, in the frame (4×2), clockwise from the top left."""
    flat = np.array([[left, top, 1], [right, top, 1], [right, bottom, 1], [left, bottom, 1]], np.float64)
    seen = flat @ matrix.T
    return np.asarray(seen[:, :2] / seen[:, 2:], np.float64)


def is_whole(quad: Matrix) -> bool:
    """Whether it lies in the frame entirely."""
    return bool((quad >= 0).all() and (quad[:, 0] <= WIDTH).all() and (quad[:, 1] <= HEIGHT).all())


def is_seen(quad: Matrix) -> bool:
    """Whether any part of it lies in the frame."""
    frame = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float32)
    area, _ = cv2.intersectConvexConvex(quad.astype(np.float32), frame)
    return area > 0
