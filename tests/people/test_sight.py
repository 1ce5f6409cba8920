"""The one table of who sees what: every cell, and what team and several roles change in it."""

from uuid import UUID, uuid4

import pytest

from trainer.people.sight import TABLE, reach, require_each, team_only
from trainer.problems import NotFound
from trainer.web.session import Viewer

HERE, THERE = uuid4(), uuid4()
ROLES = ("agent", "trainer", "qa_analyst", "team_lead", "manager", "admin")

# noun → what each of ROLES sees of a colleague in another team, then of one in their own
CELLS = {
    "completion": (("none", "each", "none", "none", "totals", "totals"),
                   ("none", "each", "none", "each", "totals", "totals")),
    "answers": (("none", "each", "none", "none", "totals", "totals"),
                ("none", "each", "none", "each", "totals", "totals")),
    "recall": (("none", "groups", "none", "none", "groups", "none"),
               ("none", "groups", "none", "groups", "groups", "none")),
    "marks": (("none", "groups", "each", "none", "totals", "totals"),
              ("none", "groups", "each", "each", "totals", "totals")),
    "recordings": (("none", "each", "each", "none", "none", "each"),
                   ("none", "each", "each", "each", "none", "each")),
    "plays": (("none", "none", "none", "none", "none", "each"),
              ("none", "none", "none", "none", "none", "each")),
    "path": (("none", "none", "none", "none", "totals", "each"),
             ("none", "none", "none", "each", "totals", "each")),
    "notes": (("none",) * 6, ("none",) * 6),
    "occasions": (("none",) * 6, ("none", "none", "none", "each", "none", "none")),
}  # fmt: skip


def a_viewer(*roles: str, team: UUID | None = HERE) -> Viewer:
    return Viewer(uuid4(), "X", frozenset(roles), team, None, "en", "")


def test_the_table_has_a_row_for_every_noun() -> None:
    assert set(CELLS) == set(TABLE)


@pytest.mark.parametrize("noun", sorted(CELLS))
@pytest.mark.parametrize(("place", "role"), list(enumerate(ROLES)))
def test_a_cell(noun: str, place: int, role: str) -> None:
    viewer, colleague = a_viewer(role), uuid4()
    elsewhere, here = CELLS[noun]
    assert reach(viewer, noun, person=colleague, team=THERE) == elsewhere[place]
    assert reach(viewer, noun, person=colleague, team=HERE) == here[place]
    assert reach(viewer, noun, person=colleague, team=None) == elsewhere[place], "no team is nobody's own"
    assert reach(viewer, noun, person=viewer.id, team=THERE) == "own"


def test_who_holds_several_roles_sees_the_most_that_one_of_them_does() -> None:
    both = a_viewer("manager", "team_lead")
    assert reach(both, "completion", person=uuid4(), team=HERE) == "each"
    assert reach(both, "completion", person=uuid4(), team=THERE) == "totals"
    assert team_only(both, "completion")
    assert not team_only(a_viewer("trainer", "team_lead"), "completion")


def test_a_lead_without_a_team_leads_nobody() -> None:
    assert reach(a_viewer("team_lead", team=None), "completion", person=uuid4(), team=None) == "none"


def test_admins_are_told_of_recordings_and_do_not_hear_them() -> None:
    assert not TABLE["recordings"]["admin"].plays
    assert all(sees.plays for role, sees in TABLE["recordings"].items() if role != "admin")


def test_what_is_not_ones_to_see_is_not_there() -> None:
    with pytest.raises(NotFound):
        require_each(a_viewer("manager"), "answers", person=uuid4(), team=HERE)
    require_each(a_viewer("team_lead"), "answers", person=uuid4(), team=HERE)
