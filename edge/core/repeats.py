"""The rules of what was accepted before: R5 and R8 of `decide`; of R8 the tap-out stands in `tap_out`."""

from edge.core.asked import Asked, Decision
from edge.core.tap_out import tapped_out
from protocol.fares.pricing import Price, adult_fare
from protocol.fares.verdicts import Reason, Verdict


def copied(asked: Asked) -> Decision | None:
    """R5: this very presentation was accepted; also if its boarding was taken back."""
    before = asked.door.window.of_presentation(asked.code.presentation, asked.now)
    return None if before is None else asked.refuse(Verdict.COPIED, asked.which_door(before))


def repeated(asked: Asked) -> Decision | None:
    """R8: this credential boarded within the repeat window. Whose own boarding was taken back has not paid."""
    if asked.repeated and asked.repeated[0].accepted.closes is not None:  # shown again by a nervous hand on the way out
        return asked.refuse(Verdict.ALREADY_PAID, asked.which_door(asked.repeated[0]))
    if all(it.accepted.extends for it in asked.repeated):
        return tapped_out(asked)
    more = asked.code.party - max(it.accepted.party for it in asked.repeated)
    if more <= 0:
        return asked.refuse(Verdict.ALREADY_PAID, asked.which_door(asked.repeated[0]))
    fare = more * adult_fare(asked.tariff, asked.ride())
    if asked.beyond_allowance(fare):
        return asked.refuse(Verdict.DENIED, Reason.ALLOWANCE_SPENT)
    return asked.accept(Verdict.PARTY_EXTENDED, asked.grace, Price(fare, 0, 0, 0, 0))
