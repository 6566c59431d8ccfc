"""The named classes of what does not match: whose it is, by when, and what to do next. Pure.

Each says one fact about one item. Facts are independent: an item with two faults is two discrepancies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Owner(Enum):
    """Who has to act, by the role that staff have."""

    OPERATIONS = "operations"
    FINANCE = "finance"
    ENGINEERING = "engineering"


class Side(Enum):
    """Which books are compared with the ledger."""

    JOURNAL = "journal"
    LEDGER = "ledger"
    PROVIDER = "provider"
    BANK = "bank"


class Class(Enum):
    """What does not match."""

    GAP = "journal-gap"
    FORK = "journal-fork"
    QUARANTINED = "quarantined"
    UNPOSTED = "tap-unposted"
    MISPOSTED = "tap-misposted"
    BEYOND = "tap-posted-beyond"
    CLAIM_MISSING = "tap-claim-missing"
    CHARGED_TWICE = "charged-twice"
    STRAY = "transfer-of-no-tap"
    PAID_NOT_CREDITED = "paid-not-credited"
    CREDITED_NOT_PAID = "credited-not-paid"
    AMOUNT_DIFFERS = "amount-differs"
    CREDIT_MISSING = "credit-missing"
    CREDIT_DIFFERS = "credit-differs"
    CREDIT_OF_NO_TOPUP = "credit-of-no-top-up"
    DOUBLED_ROW = "doubled-row"
    REVERSED_THERE = "reversed-there"
    REVERSED_HERE = "reversed-here"
    UNREADABLE_LINE = "unreadable-line"
    PAYOUT_MISSING = "payout-missing"
    PAYOUT_DIFFERS = "payout-differs"
    PAYOUT_MISPOSTED = "payout-misposted"
    BANK_ROW_UNKNOWN = "bank-row-unknown"
    BANK_ROW_DOUBLED = "bank-row-doubled"
    SENT_MISSING = "sent-missing"
    SENT_DIFFERS = "sent-differs"
    SENT_UNKNOWN = "sent-unknown"
    SENT_DOUBLED = "sent-doubled"


@dataclass(frozen=True, slots=True)
class About:
    """One class: what it means, and the next step."""

    side: Side
    owner: Owner
    meaning: str
    fix: str


ABOUT: Mapping[Class, About] = {
    Class.GAP: About(
        Side.JOURNAL, Owner.OPERATIONS, "a device told of records that are not held here, and they do not come",
        "bring the device online, or its other door; else `savar journal export` and `savar backend import`",
    ),
    Class.FORK: About(
        Side.JOURNAL, Owner.OPERATIONS, "a journal has two histories; what the second accepted is not posted",
        "take the device out of service, keep its card; finance decides on the second history's fares",
    ),
    Class.QUARANTINED: About(
        Side.JOURNAL, Owner.ENGINEERING, "bytes of a device were refused and are kept apart",
        "look at the reason in the quarantine; what is genuine is handed in again by `savar backend import`",
    ),
    Class.UNPOSTED: About(
        Side.LEDGER, Owner.ENGINEERING, "an accepted tap stands with an amount, and nothing is posted for it",
        "run `savar backend cases` for its day, send the log to the developers; post by hand with two people",
    ),
    Class.MISPOSTED: About(
        Side.LEDGER, Owner.ENGINEERING, "what is posted for a tap is not what stands for it, or in other accounts",
        "compare the tap's transfers with its claim; correct by hand with two people",
    ),
    Class.BEYOND: About(
        Side.LEDGER, Owner.ENGINEERING, "a transfer stands under a key of a tap that what stands knows nothing of",
        "if the rider paid twice, give it back by hand with two people; send the log to the developers",
    ),
    Class.CLAIM_MISSING: About(
        Side.LEDGER, Owner.ENGINEERING, "what a tap of a remembered day was posted for stands nowhere any more",
        "stop the backend, keep this ledger as it is: only forgetting deletes such rows; hold it against a backup",
    ),
    Class.CHARGED_TWICE: About(
        Side.LEDGER, Owner.FINANCE, "one code is charged as two boardings",
        "give the second fare back; look at the devices for a copied card",
    ),
    Class.STRAY: About(
        Side.LEDGER, Owner.FINANCE, "a fare's transfer is of no tap that is held",
        "who posted it? If nobody can say, give it back by hand with two people",
    ),
    Class.PAID_NOT_CREDITED: About(
        Side.PROVIDER, Owner.FINANCE, "a rider paid there, and has no credit here",
        "let the sweeper ask the provider; if the top-up is unknown here, have the provider reverse it",
    ),
    Class.CREDITED_NOT_PAID: About(
        Side.PROVIDER, Owner.FINANCE, "credited here, and no statement of those days has the payment",
        "ask the provider for that payment; if it was never made, charge it back",
    ),
    Class.AMOUNT_DIFFERS: About(
        Side.PROVIDER, Owner.FINANCE, "the same payment with two amounts",
        "ask the provider which is right; correct the other by hand with two people",
    ),
    Class.CREDIT_MISSING: About(
        Side.LEDGER, Owner.ENGINEERING, "a top-up is marked paid, and the ledger has no transfer for it",
        "credit the rider by hand with two people; send the log to the developers",
    ),
    Class.CREDIT_DIFFERS: About(
        Side.LEDGER, Owner.ENGINEERING, "a top-up's transfer has another amount or other accounts than the top-up",
        "correct by hand with two people; send the log to the developers",
    ),
    Class.CREDIT_OF_NO_TOPUP: About(
        Side.LEDGER, Owner.FINANCE, "a rider's credit is of no top-up that is held as paid",
        "who posted it? If nobody can say, charge it back with two people",
    ),
    Class.DOUBLED_ROW: About(
        Side.PROVIDER, Owner.FINANCE, "the provider tells one payment more than once",
        "ask the provider to correct its statement; it owes us one payment",
    ),
    Class.REVERSED_THERE: About(
        Side.PROVIDER, Owner.FINANCE, "the provider gave a payment back, and its credit stands here",
        "charge it back: wallet, then debt",
    ),
    Class.REVERSED_HERE: About(
        Side.PROVIDER, Owner.FINANCE, "reversed here, and the provider's statement knows of no reversal",
        "ask the provider; if it was not given back, credit the rider again",
    ),
    Class.UNREADABLE_LINE: About(
        Side.PROVIDER, Owner.FINANCE, "a line of a statement cannot be read, and was not compared",
        "have the statement exported again, and reconcile anew",
    ),
    Class.PAYOUT_MISSING: About(
        Side.BANK, Owner.FINANCE, "the provider says that it paid out, and the bank has no such entry",
        "ask the provider for the transfer's trace; payouts take up to two working days",
    ),
    Class.PAYOUT_DIFFERS: About(
        Side.BANK, Owner.FINANCE, "the bank received another sum than the payout's rows less their fees",
        "ask the provider for the payout's rows; look at fees first",
    ),
    Class.PAYOUT_MISPOSTED: About(
        Side.LEDGER, Owner.FINANCE, "what was posted of a provider's payout is not what its statement says by now",
        "ask the provider why it corrected its statement; correct the difference by hand with two people",
    ),
    Class.BANK_ROW_UNKNOWN: About(
        Side.BANK, Owner.FINANCE, "the bank has an entry that names no payout of a statement",
        "find out who paid; load the statement that it belongs to",
    ),
    Class.BANK_ROW_DOUBLED: About(
        Side.BANK, Owner.FINANCE, "the bank tells one entry more than once",
        "ask the bank whether it received it twice; if so, the provider wants it back",
    ),
    Class.SENT_MISSING: About(
        Side.BANK, Owner.FINANCE, "a payout to an operator or owner is marked paid, and the bank has no such entry",
        "ask who told the bank's word, and the bank for that reference; post it back by hand with two people",
    ),
    Class.SENT_DIFFERS: About(
        Side.BANK, Owner.FINANCE, "the bank sent another sum than the payout's",
        "compare the bank's order with the proposal; correct the difference by hand with two people",
    ),
    Class.SENT_UNKNOWN: About(
        Side.BANK, Owner.FINANCE, "money left our bank account under a reference that no payout was marked paid with",
        "whose is it? Tell the payout's word if it is one; else ask the bank at once who ordered it",
    ),
    Class.SENT_DOUBLED: About(
        Side.BANK, Owner.FINANCE, "the bank tells more than once that it sent one payout",
        "ask the bank whether it sent it twice; if so, the receiver owes it back",
    ),
}  # fmt: skip
