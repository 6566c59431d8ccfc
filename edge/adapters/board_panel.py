"""Lamp, sounder and button of a door on a panel board, over its serial line.

The board lights and sounds by itself what a verdict says (rules S1 to S5, generated into its program), repeats a
refusal for the button, and says "out of service" when this computer is silent. Here a verdict is one command.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace

from edge.core.errors import LocalError, PanelFailed
from edge.core.ports import Showing
from firmware_bridge.app.board import Board
from firmware_bridge.core.declaration import BOARD, HINT, IDLE, SHOW, Answer, Command, Input
from firmware_bridge.core.errors import BoardBusy, BoardGone, BoardRefused
from firmware_bridge.core.link import Done, Inputs, Lost
from protocol.fares.hints import Hint
from protocol.wire.health import BoardCause, BoardHealth, BoardState

_log = logging.getLogger(__name__)
_FIX = "look at the board's cable and supply, and at [panel] in validator.toml"


class BoardPanel:
    """Fills `edge.core.ports.Panel`. `start` it, `stop` it; `show`, `idle`, `hint` from any thread.

    `port`: a path or a serial adapter's number. `session`: another number at each start. `on_power_fails` is called on
    the board's thread when the supply begins to fail, and must return at once.
    """

    def __init__(
        self,
        port: str,
        *,
        session: int,
        on_power_fails: Callable[[], None] = lambda: None,
        on_inputs: Callable[[Inputs], None] = lambda _: None,
    ) -> None:
        self._on_power_fails, self._on_inputs = on_power_fails, on_inputs
        self._failing = False
        self._refused: PanelFailed | None = None
        self._said = BoardHealth(BoardState.GONE)
        self._asked: int | None = None  # the ticket of the question what it is
        self._lock = threading.Lock()  # what the board is asked and what is remembered of it are one step
        self._hint = False
        self._lamp: int | None = None  # the ticket of the lamp's newest word
        self._out_of_date = False  # … which was never asked, or is lost
        self._board = Board(
            port, session=session, on_inputs=self._inputs_came, on_ready=self._ready, on_done=self._done,
            on_lost=self._lost,
        )  # fmt: skip

    # --- any thread ---------------------------------------------------------------------------------------------------

    def show(self, showing: Showing) -> None:
        """A verdict: its lamp and its tune."""
        with self._lock:
            self._ask_lamp(SHOW, showing.verdict, showing.reason)

    def idle(self) -> None:
        """Dark and silent; a hint goes, too."""
        with self._lock:
            self._hint = False
            self._ask_lamp(IDLE)

    def hint(self, hint: Hint | None) -> None:
        """White while something would help; a board that comes back is told anew."""
        with self._lock:
            self._hint = hint is not None
            self._ask(HINT, int(self._hint))

    def _ask_lamp(self, command: Command, *values: int) -> None:
        self._lamp = self._ask(command, *values)
        self._out_of_date = self._lamp is None

    def _ask(self, command: Command, *values: int) -> int | None:
        try:
            return self._board.ask(command, *values)
        except (BoardGone, BoardBusy) as error:  # said as the panel's problem; a tap is durable without its lamp
            _log.debug("%s is not shown: %s", command.name, error)
            return None

    @property
    def problem(self) -> LocalError | None:
        """Why riders may see or hear nothing."""
        gone = self._board.problem
        return self._refused if gone is None else PanelFailed(gone.message, fix=gone.fix or _FIX)

    @property
    def failure(self) -> BaseException | None:
        """What its thread died of, for the supervisor that ends the process."""
        return self._board.failure

    def facts(self) -> BoardHealth:
        """How the board is: what it said of itself last, None before, and what is counted here. Not its inputs."""
        problem, counted = self._board.problem, self._board.statistics
        state = BoardState.REFUSED if isinstance(problem, BoardRefused) else BoardState.GONE
        return replace(
            self._said, state=BoardState.THERE if problem is None else state, damaged=self._board.damaged,
            sent_again=counted.sent_again, lost=counted.lost, sessions=counted.sessions,
        )  # fmt: skip

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Look for the board from now on."""
        self._board.start()

    def stop(self) -> None:
        """The board says "out of service" by itself from then on."""
        self._board.stop()

    # --- the board's thread -------------------------------------------------------------------------------------------

    def _inputs_came(self, inputs: Inputs) -> None:
        failing = bool(inputs.inputs & 1 << Input.POWER_FAIL)
        if failing and not self._failing:
            _log.error("the supply fails: no more taps are taken")
            self._on_power_fails()
        self._failing = failing
        self._on_inputs(inputs)

    def _ready(self) -> None:
        """Told anew. A verdict that was lost is not shown late, its rider may be gone; but an older one's lamp ends."""
        with self._lock:
            if self._out_of_date:
                self._ask_lamp(IDLE)
            self._ask(HINT, int(self._hint))
            self._asked = self._ask(BOARD)

    def _lost(self, lost: Lost) -> None:
        with self._lock:
            self._out_of_date |= lost.ticket == self._lamp

    def _done(self, done: Done) -> None:
        if done.ticket == self._asked and done.answer is Answer.DONE:
            firmware, starts, cause, _ = done.values
            known = cause in frozenset(map(int, BoardCause))
            self._said = BoardHealth(BoardState.THERE, firmware, starts, BoardCause(cause) if known else None)
        if done.answer is Answer.DONE:
            self._refused = None
        elif done.answer is not Answer.POWER_FAILS:
            self._refused = PanelFailed(f"the board does not show it: {done.answer.name}", fix=_FIX)
