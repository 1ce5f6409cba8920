"""Rule health (003-4, 000-3): what can be heard of a rule, as clips come and go and days pass."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from tests.factories import a_person, a_rule, a_rulebook, a_viewer
from tests.rulebook.makers import a_pin
from tests.web_fixtures import SignIn
from trainer import app as _wired  # noqa: F401  registers the clips' ear
from trainer import db, jobs
from trainer.calls.tables import Recording
from trainer.clips import fits
from trainer.clips.tables import Clip, ClipRule
from trainer.problems import Conflict, Forbidden
from trainer.rulebook import drafting
from trainer.rulebook.health import Heard, health_of, judge

uses_database = pytest.mark.usefixtures("database")
JUDGEMENT = {"kind": "judgement"}
ROLES = ("agent", "trainer", "qa_analyst", "team_lead", "manager", "admin")


async def states(*codes: str) -> list[tuple[str, str]]:
    health = await health_of(codes)
    return [(health[code].state, health[code].why) for code in codes]


@contextmanager
def days_later(days: float) -> Iterator[None]:
    with db.as_of(db.utc_now() + timedelta(days=days)):
        yield


@uses_database
async def test_a_rule_is_as_well_as_what_can_be_heard_of_it() -> None:
    await a_rule("T1")
    assert await states("T1") == [("red", "silent")]
    await a_pin("T1", polarity="counterexample")
    await a_pin("T1", state="draft")
    assert await states("T1") == [("red", "silent")]
    await a_pin("T1", staged=True)
    assert await states("T1") == [("amber", "staged")]
    await a_pin("T1")
    assert await states("T1") == [("green", "heard")]
    assert await health_of(["nothing"]) == {}
    assert await health_of([]) == {}


@uses_database
@pytest.mark.parametrize("loss", ["retired", "taken_down", "erased", "expired"])
async def test_losing_the_last_good_clip_turns_the_rule_red(loss: str) -> None:
    await a_rule("T1")
    first, last = await a_pin("T1"), await a_pin("T1")
    await Clip.update({Clip.state: "retired"}).where(Clip.id == first)
    assert await states("T1") == [("green", "heard")]
    if loss == "expired":
        call = await Clip.select(Clip.recording).where(Clip.id == last).first()
        assert call
        past = {Recording.expires_at: db.utc_now() - timedelta(hours=1)}
        await Recording.update(past).where(Recording.id == call["recording"])
    else:
        await Clip.update({Clip.state: loss}).where(Clip.id == last)
    assert await states("T1") == [("red", "silent")]


@uses_database
async def test_a_rule_of_judgement_needs_two_voices() -> None:
    await a_rule("T1", **JUDGEMENT)
    mei, tom = (await a_person("agent")).id, (await a_person("agent")).id
    await a_pin("T1", agent=mei)
    await a_pin("T1", agent=mei)
    assert await states("T1") == [("amber", "one_agent")]
    await a_pin("T1", agent=tom, staged=True)
    assert await states("T1") == [("amber", "one_agent")]
    await a_pin("T1", agent=tom)
    assert await states("T1") == [("green", "heard")]


@uses_database
async def test_a_rule_of_judgement_with_one_voice_is_not_published() -> None:
    """000-3; a scripted one is, and one that nobody can hear yet is too (see rulebook/health.py)."""
    await a_rule("T1")
    analyst = await a_viewer("qa_analyst")
    says = {"title": {"en": "Kind"}, "statement": {"en": "Be kind."}, "want": "understand"}
    await drafting.create_draft(analyst, "J1", {**says, **JUDGEMENT})
    await a_pin("J1", agent=(await a_person("agent")).id)
    with pytest.raises(Conflict) as refused:
        await drafting.publish_rule(analyst, "J1")
    assert refused.value.extra["missing"] == ["second-agent"]
    await a_pin("J1", agent=(await a_person("agent")).id)
    assert (await drafting.publish_rule(analyst, "J1")).state == "published"
    await drafting.create_draft(analyst, "S1", says)
    await a_pin("S1", agent=(await a_person("agent")).id)
    assert (await drafting.publish_rule(analyst, "S1")).state == "published"
    await drafting.create_draft(analyst, "J2", {**says, **JUDGEMENT})
    assert (await drafting.publish_rule(analyst, "J2")).state == "published"


@uses_database
async def test_clips_of_former_words_count_for_thirty_days_and_then_no_more() -> None:
    await a_rule("T1")
    clip = await a_pin("T1")
    await a_rule("T1", statement={"en": "Say back what you heard, then act."})
    await jobs.drain()
    assert await states("T1") == [("amber", "to_reconfirm")]
    until = (await health_of(["T1"]))["T1"].until
    assert until
    assert timedelta(days=29, hours=23) < until - db.utc_now() <= timedelta(days=30)
    with days_later(29.9):
        assert await states("T1") == [("amber", "to_reconfirm")]
    with days_later(30.1):
        assert await states("T1") == [("red", "overdue")]
        await fits.still_fits(await a_viewer("trainer"), clip, "T1")
        assert await states("T1") == [("green", "heard")]


@uses_database
async def test_the_days_are_counted_from_the_first_change_and_not_anew() -> None:
    await a_rule("T1")
    await a_pin("T1")
    await a_rule("T1", statement={"en": "Second words."})
    with days_later(20):
        await a_rule("T1", statement={"en": "Third words."})
    with days_later(29):
        assert await states("T1") == [("amber", "to_reconfirm")]
    with days_later(31):
        assert await states("T1") == [("red", "overdue")]


@uses_database
async def test_clips_stay_when_only_other_fields_change_even_before_the_job_has_run() -> None:
    await a_rule("T1")
    await a_pin("T1")
    await a_rule("T1", why={"en": "Because."}, weight=7)
    assert await states("T1") == [("green", "heard")]
    await jobs.drain()
    assert await states("T1") == [("green", "heard")]


@uses_database
async def test_words_that_come_back_fit_again() -> None:
    await a_rule("T1")
    await a_pin("T1")
    await a_rule("T1", statement={"en": "Other words."})
    assert await states("T1") == [("amber", "to_reconfirm")]
    await a_rule("T1")
    assert await states("T1") == [("green", "heard")]


@uses_database
async def test_the_agents_of_former_words_are_heard_as_long_as_their_clips_count() -> None:
    await a_rule("T1", **JUDGEMENT)
    await a_pin("T1", agent=(await a_person("agent")).id)
    await a_rule("T1", **JUDGEMENT, statement={"en": "Other words."})
    await a_pin("T1", agent=(await a_person("agent")).id)
    assert await states("T1") == [("green", "heard")]
    with days_later(31):
        assert await states("T1") == [("amber", "one_agent")]


def test_judging_needs_no_database() -> None:
    now = db.utc_now()
    assert judge("scripted", Heard(), now).state == "red"
    assert judge("scripted", Heard(fitting=1), now).state == "green"
    assert judge("judgement", Heard(fitting=1), now).why == "one_agent"
    assert judge("scripted", Heard(changed=(now - timedelta(days=30),)), now).why == "overdue"
    assert judge("scripted", Heard(staged=1, changed=(now,)), now).why == "to_reconfirm"
    for words in (judge("scripted", Heard(staged=1), now), judge("scripted", Heard(), now)):
        assert words.words
        assert words.sentence
        assert words.icon


# Still fits


@uses_database
@pytest.mark.parametrize("role", ROLES)
async def test_who_says_that_a_clip_still_fits(role: str) -> None:
    await a_rule("T1")
    clip = await a_pin("T1")
    await a_rule("T1", statement={"en": "Other words."})
    viewer = await a_viewer(role)
    if role in ("trainer", "qa_analyst"):
        await fits.still_fits(viewer, clip, "T1")
        await fits.still_fits(viewer, clip, "T1")
        assert await ClipRule.select(ClipRule.rule_version).first() == {"rule_version": 2}
    else:
        with pytest.raises(Forbidden):
            await fits.still_fits(viewer, clip, "T1")


@uses_database
async def test_a_clip_of_another_rule_is_not_confirmed() -> None:
    await a_rule("T1")
    await a_rule("T2")
    clip = await a_pin("T1")
    with pytest.raises(Conflict):
        await fits.still_fits(await a_viewer("trainer"), clip, "T2")


# Pages and API


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("<main")[2])).replace("&#39;", "'")


async def changed_rule() -> UUID:
    await a_rule("T1")
    clip = await a_pin("T1")
    await a_rule("T1", statement={"en": "Other words."})
    return clip


async def test_one_click_on_the_rules_page_says_that_a_clip_fits(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    clip = await changed_rule()
    await sign_in(client, await a_person("agent"))
    assert "Still fits" not in (await client.get("/rules/T1")).text
    assert (await client.post(f"/rules/T1/clips/{clip}/still-fits")).status_code == 403
    await sign_in(client, await a_person("qa_analyst"))
    page = (await client.get("/rules/T1")).text
    assert "Do these still fit?" in words(page)
    assert "Look at its clips again" in words(page)
    assert f"/rules/T1/clips/{clip}/still-fits" in page
    assert (await client.post(f"/rules/T1/clips/{clip}/still-fits")).status_code == 303
    page = words((await client.get("/rules/T1")).text)
    assert "Do these still fit?" not in page
    assert "Can be heard" in page


async def test_the_api_tells_the_health_and_takes_the_word(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    clip = await changed_rule()
    await sign_in(client, await a_person("trainer"))
    shown = (await client.get("/api/v1/rules/T1")).json()["health"]
    assert (shown["state"], shown["reason"], shown["until"] is not None) == ("amber", "to_reconfirm", True)
    assert (await client.post(f"/api/v1/rules/T1/clips/{clip}/still-fits")).status_code == 204
    [rule] = (await client.get("/api/v1/rules")).json()["items"]
    assert rule["health"]["state"] == "green"
    assert (await client.get("/api/v1/rules/T1?version=1")).json()["health"] is None


async def test_the_overview_says_health_in_words_in_one_query(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await a_rulebook()
    await a_pin("R01", staged=True)
    await sign_in(client, await a_person("trainer"))
    await client.get("/rules")
    with db.queries_counted() as counted:
        page = words((await client.get("/rules")).text)
    assert counted.count <= 4, counted.statements
    assert page.count("Role-played only") == 1
    assert page.count("No clip yet") == 10
