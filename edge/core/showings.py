"""What a panel is told of a decision. Pure."""

from edge.core.asked import Decision
from edge.core.ports import Showing
from protocol.fares.verdicts import Reason, Verdict, row_for


def shown(decision: Decision) -> Showing:
    """A decision that is durable."""
    return Showing(
        decision.verdict, decision.reason, row_for(decision.verdict, decision.reason), decision.fare_rials,
        decision.party, decision.before_rials,
    )  # fmt: skip


def out_of_service() -> Showing:
    """Nothing could be stored."""
    verdict, reason = Verdict.OUT_OF_SERVICE, Reason.JOURNAL_FAILED
    return Showing(verdict, reason, row_for(verdict, reason), 0, 0)
