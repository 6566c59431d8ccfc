"""QR pictures for the tests: clean, in grey, as numpy arrays."""

import numpy as np
import segno

from protocol.wire.codes import write_code

PASS_BYTES = bytes((7 * n + 3) % 256 for n in range(183))  # as long as a long pass


def qr(text: str, *, version: int | None = None, scale: int = 4, dark: bool = False) -> np.ndarray:
    """Text → picture with its quiet zone; `dark`: light modules on a dark ground."""
    code = segno.make(text, error="l", version=version, boost_error=False, micro=False)
    modules = np.array([list(row) for row in code.matrix_iter(scale=scale, border=4)], dtype=np.uint8)
    return np.ascontiguousarray(modules * 255 if dark else (1 - modules) * 255)


def pass_text(payload: bytes = PASS_BYTES) -> str:
    """The text of a code of ours."""
    return write_code(payload)


def pass_picture(payload: bytes = PASS_BYTES, **how: object) -> np.ndarray:
    """A code of ours in version 8-L, where 183 bytes just fit."""
    return qr(pass_text(payload), version=8, **how)  # type: ignore[arg-type]
