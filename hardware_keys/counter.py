"""A counter in a TPM 2.0 that nothing sets back: not a power cut, not its owner, not TPM2_Clear.

Rules:
- it is an NV index of the type "counter" (TPM 2.0 part 1, 37.2.4): one that is removed and made anew begins above all
  that this chip ever counted. Whatever else lies at that place is refused: an ordinary index holds any number;
- asked through tpm2-tools, a process a question: its Python binding has no wheel for a Pi, and a counter is asked once
  an hour at most.
"""

import re
import subprocess
from collections.abc import Mapping

from hardware_keys.errors import CounterGone
from hardware_keys.limits import TPM_TOOL_MAX_S

_ATTRIBUTES = "nt=counter|ownerwrite|ownerread|authwrite|authread|no_da"
_BYTES = 8
_NO_PROGRAM = "install tpm2-tools, or take [counter] out of validator.toml"
_LOOK = "look at the TPM, at `tcti` of [counter] and at who may open it (group tss)"
_FREE = "name another index in [counter]: this one is taken by something else"
_VALUE = re.compile(r"attributes:\s+friendly: \S+\s+value: 0x([0-9A-Fa-f]{1,8})")
_TYPE_MASK, _COUNTER, _WRITTEN = 0xF0, 0x10, 1 << 29  # TPMA_NV, part 2, 13.4


class TpmCounter:
    """The counter at one index (`0x01……`) of the TPM that `tcti` names. One caller at a time."""

    def __init__(self, tcti: str, index: int, environment: Mapping[str, str]) -> None:
        self._place, self._tcti = f"0x{index:08x}", tcti
        self._environment = {**environment, "TPM2TOOLS_TCTI": tcti, "TSS2_LOG": "all+none"}

    def read(self) -> int | None:
        """How far it has counted; None where this TPM has nothing at that index. Raises CounterGone."""
        if int(self._place, 16) not in self._indices():
            return None
        said = self._ask("tpm2_nvreadpublic", self._place).decode(errors="replace")
        told = _VALUE.search(said)
        attributes = 0 if told is None else int(told[1], 16)
        if attributes & _TYPE_MASK != _COUNTER:
            raise CounterGone(f"what lies at {self._place} is no counter", fix=_FREE, index=self._place)
        if not attributes & _WRITTEN:
            return self.advance()  # it was made, and says nothing before it has counted
        raw = self._ask("tpm2_nvread", "-C", self._place, "-s", str(_BYTES), self._place)
        if len(raw) != _BYTES:
            raise CounterGone(f"the counter answers {len(raw)} bytes", fix=_LOOK, index=self._place)
        return int.from_bytes(raw, "big")

    def make(self) -> None:
        """Where there is none. Raises CounterGone."""
        self._ask("tpm2_nvdefine", "-C", "o", "-s", str(_BYTES), "-a", _ATTRIBUTES, self._place)

    def advance(self) -> int:
        """One further → how far it has counted. Raises CounterGone."""
        self._ask("tpm2_nvincrement", "-C", self._place, self._place)
        found = self.read()
        if found is None:
            raise CounterGone("the counter vanished while it was asked", fix=_LOOK, index=self._place)
        return found

    def _indices(self) -> set[int]:
        listed = self._ask("tpm2_getcap", "handles-nv-index").decode(errors="replace")
        return {int(it, 16) for it in re.findall(r"0x[0-9A-Fa-f]+", listed)}

    def _ask(self, *words: str) -> bytes:
        try:
            done = subprocess.run(  # noqa: S603 - words of ours, and a number
                words, capture_output=True, timeout=TPM_TOOL_MAX_S, check=False, env=self._environment
            )
        except FileNotFoundError as error:
            raise CounterGone(f"there is no program {words[0]}", fix=_NO_PROGRAM, tcti=self._tcti) from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CounterGone(f"{words[0]} does not come back: {error}", fix=_LOOK, tcti=self._tcti) from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            why = said[0] if said else f"it ends with {done.returncode}"
            raise CounterGone(f"{words[0]}: {why[:200]}", fix=_LOOK, tcti=self._tcti)
        return done.stdout
