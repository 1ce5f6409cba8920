"""A criterion on somebody's own path leads to where it is done; a colleague's path leads nowhere."""

from trainer.career import wording
from trainer.career.progress import Criterion, CriterionView

TAKEN = {"safe-and-honest": "/learn/1234"}


def _way(fact: str, subject: str | None = None, *, have: int = 0) -> object:
    view = CriterionView(Criterion(fact, 1, subject), have)
    return wording.as_item(view, {}, TAKEN)["href"]


def test_what_is_open_leads_to_where_it_is_done() -> None:
    assert _way("module_completed", "safe-and-honest") == "/learn/1234"
    assert _way("module_completed", "not-given-yet") == "/learn"
    assert _way("appreciation_given") == "/recognition/thank"


def test_what_somebody_else_or_time_brings_and_what_is_met_leads_nowhere() -> None:
    assert _way("signed_off", "buddy-shift") is None
    assert _way("tenure_days") is None
    assert _way("module_completed", "safe-and-honest", have=1) is None


def test_a_colleagues_list_has_no_way_in() -> None:
    view = CriterionView(Criterion("module_completed", 1, "safe-and-honest"), 0)
    assert wording.as_item(view, {})["href"] is None
