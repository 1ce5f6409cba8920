"""A trainer outside a programme does nothing with the drafts of its calls, by no page and no way of the API."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, fields
from tests.web_fixtures import SignIn
from trainer import db, jobs
from trainer.calls.tables import Recording
from trainer.clips import service
from trainer.clips.tables import Clip
from trainer.problems import NotFound
from trainer.rulebook.tables import ProgrammeMember, Rulebook

pytestmark = pytest.mark.usefixtures("rules", "canned_sound")

# what is asked of a clip, by page and by API, and what is sent along
BY_PAGE: dict[str, dict[str, str]] = {
    "edit": {"title": "Mine", "start": "0:05", "end": "0:09", "polarity": "exemplar", "revision": "1"},
    "autosave": {"title": "Mine", "start": "0:05", "end": "0:09", "polarity": "exemplar", "revision": "1"},
    "publish": {"privacy_checked": "1"},
    "retire": {},
    "restore": {},
    "delete": {},
    "tag": {"tag": "complex"},
    "take-down": {"why": "Mine"},
    "put-back": {"why": "Mine"},
    "ask": {},
    "submit": {},
    "review": {"verdict": "note", "words": "Mine"},
    "suggestions": {"answer": "accepted"},
    "renew": {"basis": "contract", "keep_until": "2029-01-01", "checked": "1"},
}
BY_API: dict[str, dict[str, Any] | None] = {
    "publish": {"privacy_checked": True},
    "retire": None,
    "restore": None,
    "tag": {"tag": "complex"},
    "take-down": {"reason": "Mine"},
    "put-back": {"reason": "Mine"},
    "ask-agent": None,
    "submit": None,
    "return": {"words": "Mine"},
    "approve": None,
    "notes": {"words": "Mine"},
    "suggestions": {"answer": "accepted"},
    "consent": {"answer": "yes"},
    "objections": {"words": "Mine"},
    "credit": {"named": True},
    "renew": {"basis": "contract", "keep_until": "2029-01-01", "nobody_recognised": True},
}


@pytest.fixture
async def draft(cast: Cast, a_call: CallMaker) -> UUID:
    """A draft of a call of a programme on which Rosa alone works, with something that may be personal data."""
    call = await a_call()
    book = await Rulebook.select().first()
    assert book is not None
    member = ProgrammeMember(
        id=db.new_id(), rulebook=book["id"], person=cast.trainer.id, added_at=db.utc_now()
    )
    await ProgrammeMember.insert(member)
    await Recording.update({Recording.rulebook: book["id"]}).where(Recording.id == call)
    made = await service.create_clip(cast.viewer("trainer"), call, fields())
    await jobs.drain()
    return made


async def as_it_is(clip: UUID) -> dict[str, Any] | None:
    return await Clip.select().where(Clip.id == clip).first()


async def test_by_pages(cast: Cast, draft: UUID, client: httpx.AsyncClient, sign_in: SignIn) -> None:
    before = await as_it_is(draft)
    await sign_in(client, cast.second_trainer)
    answers = {
        page: (await client.post(f"/clips/{draft}/{page}", data=sent)).status_code
        for page, sent in BY_PAGE.items()
    }
    assert answers == dict.fromkeys(BY_PAGE, 404)
    read = ("", "/edit", "/state", "/versions", "/renew", "/playlists", "/audio", "/transcript.vtt")
    assert {(await client.get(f"/clips/{draft}{part}")).status_code for part in read} == {404}
    assert await as_it_is(draft) == before


async def test_by_the_api(cast: Cast, draft: UUID, client: httpx.AsyncClient, use_token: Any) -> None:
    before = await as_it_is(draft)
    await use_token(client, cast.second_trainer, "clips:read", "clips:write")
    address = f"/api/v1/clips/{draft}"
    answers = {
        act: (await client.post(f"{address}/{act}", json=sent)).status_code for act, sent in BY_API.items()
    }
    assert answers == dict.fromkeys(BY_API, 404)
    changed = await client.patch(address, json={"title": "Mine"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, (await client.delete(address)).status_code) == (404, 404)
    read = ("", "/reviews", "/suggestions", "/audio", "/transcript.vtt")
    assert {(await client.get(f"{address}{part}")).status_code for part in read} == {404}
    assert await as_it_is(draft) == before


async def test_who_works_on_the_programme_and_an_admin_delete_what_others_do_not_know_of(
    cast: Cast, draft: UUID, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    other = await service.create_clip(
        cast.viewer("trainer"), (await service.load_clip(None, draft)).recording, fields()
    )
    with pytest.raises(NotFound):
        await service.load_clip(cast.viewer("admin"), other)
    await sign_in(client, cast.admin)
    assert (await client.delete(f"/api/v1/clips/{other}")).status_code == 204
    await service.delete_clip(cast.viewer("trainer"), draft)
    assert await Clip.count() == 0


async def test_a_trainer_who_hears_a_clip_of_another_programme_stops_it(cast: Cast, draft: UUID) -> None:
    await service.publish_clip(cast.viewer("trainer"), draft, review="self", privacy_checked=True)
    await service.take_down(cast.viewer("second_trainer"), draft, "A name is heard.")
    state = await as_it_is(draft)
    assert state is not None
    assert state["state"] == "taken_down"
