"""The page that the payment provider leads to leads on into the passenger's app, where there is one."""

import pytest

from backend.adapters.http.payment_page import Outcome, payment_page


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_leads_back_into_the_app(outcome: Outcome) -> None:
    page = payment_page(outcome, 500_000, '../../passenger/#topup"')
    assert page.count('href="../../passenger/#topup&quot;"') == 2
    assert "بازگشت به برنامه" in page
    assert "Back to the app" in page


def test_a_backend_without_the_app_leads_nowhere() -> None:
    assert "<a " not in payment_page(Outcome.PAID, 500_000)
