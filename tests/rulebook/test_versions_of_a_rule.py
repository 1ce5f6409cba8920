"""The life of a rule: draft, published and read-only, superseded; and who may do what."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import a_rule, a_rulebook, a_viewer
from trainer import db
from trainer.people.tables import AuditEntry
from trainer.problems import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from trainer.rulebook import drafting, service
from trainer.rulebook.drafting import Missing
from trainer.rulebook.tables import Rule, RuleVersion
from trainer.rulebook.versions import publish_draft
from trainer.rulebook.views import RuleView, too_long
from trainer.web.session import Viewer

ROLES = ("agent", "trainer", "qa_analyst", "team_lead", "manager", "admin")
FIELDS = {
    "title": {"en": "Name the next step"},
    "statement": {"en": "Say what happens next."},
    "want": "respond",
}

uses_database = pytest.mark.usefixtures("database")


@uses_database
async def test_a_draft_is_written_published_and_superseded() -> None:
    await a_rulebook()
    trainer, analyst = await a_viewer("trainer"), await a_viewer("qa_analyst")
    first = await drafting.create_draft(trainer, "N1", FIELDS)
    assert (first.state, first.version, first.published_at) == ("draft", 1, None)
    assert "N1" not in await service.published_rules()
    published = await drafting.publish_rule(analyst, "N1")
    assert (published.state, published.version) == ("published", 1)
    second = await drafting.edit_rule(trainer, "N1", {"weight": 4})
    assert (second.state, second.version) == ("draft", 2)
    assert (await service.load_rule(trainer, "N1")).version == 1
    await drafting.publish_rule(analyst, "N1")
    history = await service.load_history(trainer, "N1")
    assert [(rule.version, rule.state, rule.weight) for rule in history.versions] == [
        (2, "published", 4),
        (1, "superseded", 0),
    ]
    actions = [row["action"] for row in await AuditEntry.select().where(AuditEntry.noun_id == "N1")]
    assert sorted(actions) == ["rule_drafted", "rule_edited", "rule_published", "rule_published"]


@uses_database
async def test_no_edit_ever_changes_a_published_version() -> None:
    rule = await a_rule("R1")
    before = await RuleVersion.select().where(RuleVersion.id == rule.version_id).first()
    trainer = await a_viewer("trainer")
    for weight in (1, 2, 3):
        await drafting.edit_rule(trainer, "R1", {"weight": weight, "statement": {"en": "Other words."}})
    assert await RuleVersion.select().where(RuleVersion.id == rule.version_id).first() == before
    assert await RuleVersion.count() == 2


@uses_database
async def test_a_rule_without_a_want_cannot_be_published() -> None:  # 003-1
    await a_rulebook()
    trainer, analyst = await a_viewer("trainer"), await a_viewer("qa_analyst")
    await drafting.create_draft(trainer, "N1", {**FIELDS, "want": ""})
    with pytest.raises(Conflict) as refused:
        await drafting.publish_rule(analyst, "N1")
    assert (refused.value.name, refused.value.extra) == ("rule-not-publishable", {"missing": ["goal"]})
    await drafting.edit_rule(trainer, "N1", {"want": "glad"})
    assert (await drafting.publish_rule(analyst, "N1")).want_code == "glad"


@uses_database
async def test_an_upper_room_may_hold_a_publication_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(rule: RuleView) -> list[Missing]:
        return [Missing("clips", "Needs a clip.")] if rule.kind == "judgement" else []

    monkeypatch.setitem(drafting.publish_checks, "test", refuse)
    await a_rulebook()
    trainer, analyst = await a_viewer("trainer"), await a_viewer("qa_analyst")
    await drafting.create_draft(trainer, "N1", {**FIELDS, "kind": "judgement"})
    with pytest.raises(Conflict, match="Needs a clip"):
        await drafting.publish_rule(analyst, "N1")
    assert (await service.load_rule(trainer, "N1")).state == "draft"


@uses_database
async def test_two_people_publish_at_the_same_moment_and_one_does() -> None:
    await a_rule("R1")
    trainer, analyst = await a_viewer("trainer"), await a_viewer("qa_analyst")
    await drafting.edit_rule(trainer, "R1", {"weight": 5})
    answers = await asyncio.gather(
        *(drafting.publish_rule(analyst, "R1") for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(answer, RuleView) for answer in answers) == 1
    assert all(isinstance(answer, RuleView | Conflict | db.DatabaseError) for answer in answers), answers
    states = [
        row["state"] for row in await RuleVersion.select(RuleVersion.state).order_by(RuleVersion.version)
    ]
    assert states == ["superseded", "published"]


@uses_database
async def test_two_people_edit_and_the_second_is_told() -> None:
    await a_rule("R1")
    trainer, other = await a_viewer("trainer"), await a_viewer("trainer")
    draft = await drafting.edit_rule(trainer, "R1", {"weight": 1}, expected=1)
    await drafting.edit_rule(trainer, "R1", {"weight": 2}, expected=draft.revision)
    with pytest.raises(PreconditionFailed):
        await drafting.edit_rule(other, "R1", {"weight": 3}, expected=draft.revision)
    assert (await service.load_history(trainer, "R1")).versions[0].weight == 2


@uses_database
async def test_what_was_edited_after_it_was_checked_is_not_published() -> None:
    await a_rule("R1")
    trainer = await a_viewer("trainer")
    checked = await drafting.edit_rule(trainer, "R1", {"weight": 1})
    await drafting.edit_rule(trainer, "R1", {"weight": 2})
    before = (await service.published_rules(["R1"]))["R1"]
    with pytest.raises(Conflict):
        async with db.transaction():
            await publish_draft(trainer, checked, before)
    assert (await service.published_rules(["R1"]))["R1"] == before


@uses_database
async def test_an_edit_that_meets_a_publication_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    await a_rule("R1")
    trainer, analyst = await a_viewer("trainer"), await a_viewer("qa_analyst")
    await drafting.edit_rule(trainer, "R1", {"weight": 1})
    as_it_was = await service.load_history(trainer, "R1")
    published = await drafting.publish_rule(analyst, "R1")

    async def read_just_before(viewer: Viewer, code: str) -> service.RuleHistory:
        return as_it_was

    monkeypatch.setattr(drafting, "load_history", read_just_before)
    with pytest.raises(PreconditionFailed):
        await drafting.edit_rule(trainer, "R1", {"weight": 9})
    assert (await service.published_rules(["R1"]))["R1"] == published


@uses_database
async def test_a_draft_is_discarded_and_what_is_published_stays() -> None:
    rule = await a_rule("R1")
    trainer = await a_viewer("trainer")
    await drafting.edit_rule(trainer, "R1", {"weight": 1})
    await drafting.discard_draft(trainer, "R1")
    assert [each.version for each in (await service.load_history(trainer, "R1")).versions] == [rule.version]
    with pytest.raises(Conflict):
        await drafting.discard_draft(trainer, "R1")


@uses_database
async def test_a_rule_that_was_never_published_goes_with_its_draft() -> None:
    await a_rulebook()
    trainer = await a_viewer("trainer")
    await drafting.create_draft(trainer, "N1", FIELDS)
    await drafting.discard_draft(trainer, "N1")
    assert not await Rule.exists().where(Rule.code == "N1")


@uses_database
async def test_a_code_is_used_once_over_all_books() -> None:
    await a_rulebook()
    trainer = await a_viewer("trainer")
    with pytest.raises(Invalid) as refused:
        await drafting.create_draft(trainer, "R01", FIELDS)
    assert [(error.field, error.code) for error in refused.value.errors] == [("code", "taken")]


@uses_database
async def test_all_wrong_fields_of_a_draft_are_named_at_once() -> None:
    await a_rulebook()
    trainer = await a_viewer("trainer")
    wrong = {"title": {"en": " "}, "statement": {}, "severity": "x", "kind": "y", "weight": True}
    with pytest.raises(Invalid) as refused:
        await drafting.create_draft(trainer, "no spaces", wrong)
    assert {error.field for error in refused.value.errors} == {
        "code", "title", "statement", "severity", "kind", "weight",
    }  # fmt: skip
    with pytest.raises(Invalid) as unknown:
        await drafting.create_draft(trainer, "N1", {**FIELDS, "want": "fame"})
    assert unknown.value.errors[0].field == "want"
    assert not await Rule.exists().where(Rule.code == "N1")


@uses_database
async def test_which_book_must_be_said_only_where_there_are_several() -> None:
    trainer = await a_viewer("trainer")
    with pytest.raises(Invalid, match="no rule book yet"):
        await drafting.create_draft(trainer, "N1", FIELDS)
    await a_rulebook()
    await drafting.create_draft(trainer, "N1", FIELDS)
    await a_rule("T1")
    with pytest.raises(Invalid, match="which rule book"):
        await drafting.create_draft(trainer, "N2", FIELDS)
    assert (await drafting.create_draft(trainer, "N2", FIELDS, rulebook="starter")).rulebook_code == "starter"


# The rights matrix: rule draft / published


@uses_database
@pytest.mark.parametrize("role", ROLES)
async def test_who_reads_drafts(role: str) -> None:
    await a_rulebook()
    await drafting.create_draft(await a_viewer("trainer"), "N1", FIELDS)
    viewer = await a_viewer(role)
    seen = role in ("trainer", "qa_analyst", "team_lead", "admin")
    listed = [rule.code for rule in await service.visible_rules(viewer, limit=200)]
    [book] = (await service.rulebook_overview(viewer)).books
    assert ("N1" in listed) is ("N1" in [rule.code for rule in book.all_rules]) is seen
    if seen:
        assert (await service.load_rule(viewer, "N1")).state == "draft"
    else:
        with pytest.raises(NotFound):
            await service.load_rule(viewer, "N1")
    assert "R01" in listed
    assert (await service.load_rule(viewer, "R01")).code == "R01"


@uses_database
@pytest.mark.parametrize("role", ROLES)
async def test_who_writes_drafts(role: str) -> None:
    await a_rulebook()
    viewer = await a_viewer(role)
    if role in ("trainer", "qa_analyst"):
        await drafting.create_draft(viewer, "N1", FIELDS)
        await drafting.edit_rule(viewer, "N1", {"weight": 2})
        await drafting.discard_draft(viewer, "N1")
        return
    for change in (
        drafting.create_draft(viewer, "N1", FIELDS),
        drafting.edit_rule(viewer, "R01", {"weight": 2}),
        drafting.discard_draft(viewer, "R01"),
    ):
        with pytest.raises(Forbidden):
            await change
    assert await RuleVersion.count() == 11


@uses_database
@pytest.mark.parametrize("role", ROLES)
async def test_who_publishes(role: str) -> None:
    await a_rulebook()
    await drafting.create_draft(await a_viewer("trainer"), "N1", FIELDS)
    viewer = await a_viewer(role)
    if role in ("qa_analyst", "admin"):
        assert (await drafting.publish_rule(viewer, "N1")).state == "published"
    else:
        with pytest.raises(Forbidden):
            await drafting.publish_rule(viewer, "N1")
        assert "N1" not in await service.published_rules()


# What other rooms ask


@uses_database
async def test_behaviours_have_titles_in_at_most_two_queries() -> None:
    await a_rulebook()
    with db.queries_counted() as counted:
        titles = await service.behaviour_titles([("rule", "R01"), ("value", "like-family"), ("rule", "gone")])
    assert counted.count == 2
    assert titles["rule", "R01"]["en"] == "Listen to the end"
    assert titles["value", "like-family"]["zh-Hans"] == "当作家人"
    assert ("rule", "gone") not in titles
    assert await service.behaviour_title("value", "nothing") == {}


@uses_database
async def test_a_version_that_never_was_is_not_found() -> None:
    rule = await a_rule("R1")
    with pytest.raises(NotFound):
        await service.rule_version(rule.id, 7)


# 003-6: short enough to know by heart


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_statement_is_flagged_from_27_han_characters_or_21_words(han: int, words: int) -> None:
    text = "话" * han + " " + " ".join(["word"] * words)
    flagged = {(long.unit, long.count) for long in too_long({"en": text})}
    expected = {("han", han)} if han > 26 else set()
    assert flagged == expected | ({("words", words)} if words > 20 else set())


def test_punctuation_and_contractions_do_not_count_as_words() -> None:
    twenty = "Don’t " * 10 + "well-known, " * 9 + "— end."
    assert too_long({"en": twenty}) == []
    assert too_long({"en": twenty + " More."}) != []
    assert too_long({"zh-Hans": "，。！" * 20 + "话" * 26}) == []
