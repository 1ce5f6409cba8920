"""The second pair of eyes: handed in, approved, noted, given back; nobody, one or two others have to look."""

import asyncio
import re
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, fields
from tests.factories import a_person, viewer_for
from tests.web_fixtures import SignIn
from trainer import jobs
from trainer.clips import service
from trainer.clips.reviewing import service as reviewing
from trainer.clips.versions import compared
from trainer.notices.service import latest
from trainer.people.tables import AuditEntry
from trainer.problems import Conflict, Forbidden, Invalid, NotFound
from trainer.settings import Settings

pytestmark = pytest.mark.usefixtures("rules", "canned_sound")


@pytest.fixture
async def draft(cast: Cast, a_call: CallMaker) -> UUID:
    """A draft of Rosa's with its sound, not handed in."""
    clip = await service.create_clip(cast.viewer("trainer"), await a_call(), fields())
    await jobs.drain()
    return clip


async def said(clip: UUID) -> list[tuple[str, str, bool]]:
    view = await service.load_clip(None, clip)
    return [(word.verdict, word.words, word.stands) for word in await reviewing.said_of(view)]


async def kinds_of(cast: Cast, name: str) -> list[str]:
    return [notice.kind for notice in await latest(cast.viewer(name)) if notice.kind.startswith("clip_")]


async def publish(cast: Cast, who: str, clip: UUID, review: service.Review) -> UUID:
    return await service.publish_clip(cast.viewer(who), clip, review=review, privacy_checked=True)


async def logged(clip: UUID) -> dict[str, Any]:
    published = (AuditEntry.action == "clip_published") & (AuditEntry.noun_id == str(clip))
    row = await AuditEntry.select().where(published).first()
    assert row is not None
    found: dict[str, Any] = msgspec.json.decode(row["detail"])
    return found


async def test_with_one_other_person_an_approval_lets_whoever_handed_it_in_publish(cast: Cast, draft: UUID):
    await service.submit_clip(cast.viewer("trainer"), draft, "Is the pause long enough?")
    with pytest.raises(Conflict) as alone:
        await publish(cast, "trainer", draft, "second")
    assert alone.value.extra["missing"] == ["second_person"]
    with pytest.raises(Forbidden):
        await service.approve(cast.viewer("trainer"), draft)
    await service.approve(cast.viewer("second_trainer"), draft, "Yes.")
    await publish(cast, "trainer", draft, "second")
    assert await said(draft) == [("handed_in", "Is the pause long enough?", True), ("approved", "Yes.", True)]
    found = await logged(draft)
    assert (found["approved_by"], found["alone"]) == ([str(cast.second_trainer.id)], False)


async def test_two_others_have_to_look_and_the_second_may_publish(cast: Cast, draft: UUID):
    third = await a_person("trainer", name="Lena Vogt")
    await service.submit_clip(cast.viewer("trainer"), draft)
    with pytest.raises(Conflict) as one:
        await publish(cast, "second_trainer", draft, "two")
    assert one.value.extra["missing"] == ["second_person"]
    await service.approve(cast.viewer("second_trainer"), draft)
    with pytest.raises(Conflict):
        await publish(cast, "trainer", draft, "two")
    await service.publish_clip(viewer_for(third), draft, review="two", privacy_checked=True)
    assert (await service.load_clip(None, draft)).state == "published"


async def test_a_trainer_alone_publishes_alone_and_the_log_says_so(cast: Cast, draft: UUID):
    await publish(cast, "trainer", draft, "self")
    found = await logged(draft)
    assert (found["review"], found["alone"], found["approved_by"]) == ("self", True, [])


async def test_an_approval_is_of_what_was_heard_and_read(cast: Cast, draft: UUID):
    await service.submit_clip(cast.viewer("trainer"), draft)
    await service.approve(cast.viewer("second_trainer"), draft)
    clip = await service.load_clip(cast.viewer("trainer"), draft)
    await service.edit_clip(
        cast.viewer("trainer"), draft, fields(note="Another note."), revision=clip.revision
    )
    await jobs.drain()
    assert ("approved", "", False) in await said(draft)
    await service.submit_clip(cast.viewer("trainer"), draft)
    with pytest.raises(Conflict) as changed:
        await publish(cast, "trainer", draft, "second")
    assert changed.value.extra["missing"] == ["second_person"]
    await service.approve(cast.viewer("second_trainer"), draft)  # the same eyes may look again
    await publish(cast, "trainer", draft, "second")


async def test_one_person_approves_once_also_by_two_presses(cast: Cast, draft: UUID):
    await service.submit_clip(cast.viewer("trainer"), draft)
    viewer = cast.viewer("second_trainer")
    ends = await asyncio.gather(*(service.approve(viewer, draft) for _ in range(3)), return_exceptions=True)
    assert sum(end is None for end in ends) == 1
    assert all(end is None or isinstance(end, Conflict) for end in ends)
    assert [verdict for verdict, *_rest in await said(draft)] == ["handed_in", "approved"]


async def test_changes_are_asked_for_in_words_and_whoever_cut_it_is_told(cast: Cast, draft: UUID):
    await service.submit_clip(cast.viewer("trainer"), draft)
    assert await kinds_of(cast, "second_trainer") == ["clip_to_review"]
    await service.return_clip(cast.viewer("second_trainer"), draft, "Start a second earlier.")
    assert await kinds_of(cast, "second_trainer") == [], "nobody has to look any more"
    assert await kinds_of(cast, "trainer") == ["clip_changes"]
    [mine] = await reviewing.given_back(cast.viewer("trainer"))
    assert (mine.clip.id, mine.last_words) == (draft, "Start a second earlier.")
    await service.submit_clip(cast.viewer("trainer"), draft)
    assert await kinds_of(cast, "trainer") == [], "it was handed in again"
    assert await reviewing.given_back(cast.viewer("trainer")) == []


async def test_who_handed_it_in_takes_it_back_and_nobody_is_asked_any_more(
    cast: Cast, draft: UUID, client: httpx.AsyncClient, sign_in: SignIn
):
    await sign_in(client, cast.trainer)
    await client.post(f"/clips/{draft}/submit", data={"words": ""})
    assert await kinds_of(cast, "second_trainer") == ["clip_to_review"]
    mine = (await client.get(f"/clips/{draft}")).text
    assert f"/clips/{draft}/take-back" in mine
    assert 'value="changes"' not in mine, "one asks nobody for changes of one's own"

    await sign_in(client, cast.second_trainer)
    theirs = (await client.get(f"/clips/{draft}")).text
    assert 'value="changes"' in theirs
    assert "take-back" not in theirs
    assert (await client.post(f"/clips/{draft}/take-back")).status_code == 403

    await sign_in(client, cast.trainer)
    back = await client.post(f"/clips/{draft}/take-back")
    assert "Taken back from review." in (await client.get(back.headers["location"])).text
    assert (await service.load_clip(None, draft)).state == "draft"
    assert await kinds_of(cast, "second_trainer") == []
    assert (await client.post(f"/clips/{draft}/take-back")).status_code == 409


async def test_a_clip_in_review_is_taken_back_by_saving_it_by_hand_and_never_by_itself(
    cast: Cast, draft: UUID, client: httpx.AsyncClient, sign_in: SignIn
):
    await sign_in(client, cast.trainer)
    form = {"start": "0:05.0", "end": "0:14.0", "title": "Another title", "polarity": "exemplar"}
    assert "data-autosave=" in (await client.get(f"/clips/{draft}/edit")).text
    await client.post(f"/clips/{draft}/submit", data={"words": ""})
    form["revision"] = str((await service.load_clip(None, draft)).revision)
    page = (await client.get(f"/clips/{draft}/edit")).text
    assert "This clip is in review" in page
    assert "data-autosave=" not in page
    # an editor that was open before it was handed in
    by_script = {"Accept": "application/json"}
    quietly = await client.post(f"/clips/{draft}/autosave", data=form, headers=by_script)
    assert (quietly.status_code, quietly.json()["type"].rpartition("/")[2]) == (409, "in-review")
    assert (await service.load_clip(None, draft)).state == "in_review"
    saved = await client.post(f"/clips/{draft}/edit", data=form)
    told = (await client.get(saved.headers["location"])).text
    assert "Saved and taken back from review." in told
    assert "Hand in for review" in told
    assert (await service.load_clip(None, draft)).title == "Another title"


async def test_notes_decide_nothing(cast: Cast, draft: UUID):
    await service.note(cast.viewer("analyst"), draft, "The hold music is heard at the end.")
    assert (await service.load_clip(None, draft)).state == "draft"
    assert await kinds_of(cast, "trainer") == ["clip_note"]
    with pytest.raises(Invalid):
        await service.note(cast.viewer("analyst"), draft, "  ")


@pytest.mark.parametrize("name", ["agent", "manager", "other_lead"])
async def test_who_may_not_see_a_draft_says_nothing_about_it(cast: Cast, draft: UUID, name: str):
    await service.submit_clip(cast.viewer("trainer"), draft)
    for act in (service.approve, service.return_clip, service.note):
        with pytest.raises((Forbidden, NotFound)):
            await act(cast.viewer(name), draft, "Hm.")
    for act in (service.approve, service.return_clip):  # an analyst notes, and does not decide
        with pytest.raises(Forbidden):
            await act(cast.viewer("analyst"), draft, "Hm.")
    assert [verdict for verdict, *_rest in await said(draft)] == ["handed_in"]


async def test_words_go_with_the_name_of_an_erased_colleague(cast: Cast, draft: UUID):
    await service.submit_clip(cast.viewer("trainer"), draft)
    await service.approve(cast.viewer("second_trainer"), draft, "I would say so, Mei.")
    await jobs.publish("person_erased", {"person": str(cast.second_trainer.id)})
    await jobs.drain()
    assert ("approved", "", True) in await said(draft)


async def test_the_queue_and_the_page(
    cast: Cast, draft: UUID, client: httpx.AsyncClient, sign_in: SignIn, count_queries: Any
):
    await sign_in(client, cast.trainer)
    handed = await client.post(f"/clips/{draft}/submit", data={"words": "Is <b>this</b> it?"})
    assert handed.status_code == 303
    mine = (await client.get("/clips/review")).text
    assert "Handed in by you" in mine
    assert "Is &lt;b&gt;this&lt;/b&gt; it?" in mine
    assert 'value="approve"' not in (await client.get(f"/clips/{draft}")).text, "not one's own"

    await sign_in(client, cast.second_trainer)
    with count_queries() as counted:
        waiting = (await client.get("/clips/review")).text
    assert counted.count <= 8, counted.statements
    assert "1 clip to look at" in waiting
    silent = await client.post(f"/clips/{draft}/review", data={"what": "changes", "words": ""})
    assert silent.status_code == 422
    assert "Say what should change." in silent.text
    assert (await client.post(f"/clips/{draft}/review", data={"what": "approve"})).status_code == 303
    again = await client.post(f"/clips/{draft}/review", data={"what": "approve"})
    assert again.status_code == 409
    assert "Mei Tan approved it" in (await client.get(f"/clips/{draft}")).text

    await sign_in(client, cast.agent)
    assert (await client.get("/clips/review")).status_code == 403


async def test_the_api_says_the_same(cast: Cast, draft: UUID, client: httpx.AsyncClient, use_token: Any):
    await use_token(client, cast.trainer)
    assert (await client.post(f"/api/v1/clips/{draft}/submit")).json()["status"] == "in_review"
    assert (await client.post(f"/api/v1/clips/{draft}/approve")).status_code == 403
    await use_token(client, cast.second_trainer)
    assert (await client.post(f"/api/v1/clips/{draft}/approve", json={"words": "Good."})).status_code == 200
    assert (await client.post(f"/api/v1/clips/{draft}/notes", json={"words": "Nice."})).status_code == 200
    assert (await client.post(f"/api/v1/clips/{draft}/return", json={"words": "Shorter."})).status_code == 200
    items = (await client.get(f"/api/v1/clips/{draft}/reviews")).json()["items"]
    assert [item["verdict"] for item in items] == ["handed_in", "approved", "note", "changes"]
    await use_token(client, cast.manager)
    assert (await client.get(f"/api/v1/clips/{draft}/reviews")).status_code == 404


@pytest.mark.parametrize(("given", "meant"), [("0", "self"), ("1", "second"), ("2", "two"), ("two", "two")])
def test_the_setting_counts_other_people(given: str, meant: str) -> None:
    assert Settings(clip_review=given).clip_review == meant  # type: ignore[arg-type]


async def test_what_changed_between_versions_is_shown_to_trainers(
    cast: Cast, draft: UUID, client: httpx.AsyncClient, sign_in: SignIn
):
    await publish(cast, "trainer", draft, "self")
    published = await service.load_clip(cast.viewer("trainer"), draft)
    changed = fields(title="Recap the sum", note="听她停顿了多久。", end_ms=13_000)
    following = await service.edit_clip(cast.viewer("trainer"), draft, changed, revision=published.revision)
    await jobs.drain()
    await publish(cast, "trainer", following, "self")
    await sign_in(client, cast.trainer)
    page = (await client.get(f"/clips/{draft}/versions")).text
    assert "Version 2" in page
    assert "Version 1" in page
    assert "The first version." in page
    assert re.search(
        r"<del><span[^>]*>removed: </span>money</del><ins><span[^>]*>added: </span>sum</ins>", page
    )
    assert re.search(r"</span>0:05.0 – 0:14.0</del><ins>.*?</span>0:05.0 – 0:13.0</ins>", page)
    await sign_in(client, cast.analyst)
    assert (await client.get(f"/clips/{draft}/versions")).status_code == 403


def test_texts_are_compared_by_word_and_chinese_by_character() -> None:
    assert compared("Let me check", "Let me look") == [
        ("same", "Let me "),
        ("gone", "check"),
        ("new", "look"),
    ]
    assert compared("请稍等", "请再稍等") == [("same", "请"), ("new", "再"), ("same", "稍等")]
    assert compared("", "new") == [("new", "new")]
    assert compared("same", "same") == [("same", "same")]
