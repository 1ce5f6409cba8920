"""What kind of call it is: said of a call on page and API, taken over by its clips, changed on a clip alone."""

from typing import Any

import httpx
import pytest

from tests.curating.makers import a_call, a_clip
from tests.factories import a_person, a_rulebook, viewer_for
from tests.web_fixtures import SignIn
from trainer.calls.service import visible_recordings
from trainer.calls.tables import Recording
from trainer.clips.service import load_clip, visible_clips
from trainer.clips.tables import Clip
from trainer.clips.tags import tag_clip
from trainer.people.service import PersonView
from trainer.problems import Forbidden, Invalid


@pytest.fixture
async def rosa(app: Any) -> PersonView:
    await a_rulebook()
    return await a_person("trainer", name="Rosa")


async def test_a_clip_is_of_its_calls_kind_until_somebody_says_otherwise(rosa: PersonView) -> None:
    trainer, call = viewer_for(rosa), await a_call()
    clip = await a_clip("R01", call=call)
    assert (await load_clip(trainer, clip)).tag == ""
    await Recording.update({Recording.tag: "complex"}).where(Recording.id == call)
    assert (await load_clip(trainer, clip)).tag == "complex"
    next_version = await a_clip("R01", call=call, state="draft", replaces=clip)
    await tag_clip(trainer, next_version, "emotional")
    assert {(await load_clip(trainer, each)).tag for each in (clip, next_version)} == {"emotional"}
    assert [each.id for each in await visible_clips(trainer, tag="emotional")] == [clip]
    assert await visible_clips(trainer, tag="complex") == []
    await tag_clip(trainer, clip, "")
    assert [each.id for each in await visible_clips(trainer, tag="complex")] == [clip]
    with pytest.raises(Invalid):
        await tag_clip(trainer, clip, "easy")
    with pytest.raises(Forbidden):
        await tag_clip(viewer_for(await a_person("qa_analyst")), clip, "standard")


async def test_the_call_says_its_kind_on_page_and_api(
    rosa: PersonView, client: httpx.AsyncClient, sign_in: SignIn, use_token: Any
) -> None:
    call, other = await a_call(title="The hard one"), await a_call(title="The easy one")
    clip = await a_clip("R01", call=call)
    await sign_in(client, rosa)
    said = {"title": "The hard one", "rulebook": "starter", "consent_basis": "contract", "revision": "1"}
    assert (await client.post(f"/calls/{call}/edit", data={**said, "tag": "easy"})).status_code == 422
    assert (await client.post(f"/calls/{call}/edit", data={**said, "tag": "emotional"})).status_code == 303
    assert [each.id for each in await visible_recordings(viewer_for(rosa), tag="emotional")] == [call]
    listed = (await client.get("/calls?tag=emotional")).text.partition("call-results")[2]
    assert "The hard one" in listed
    assert "The easy one" not in listed
    page = (await client.get(f"/clips/{clip}")).text
    assert "As its call: Emotional" in page
    saved = await client.post(f"/clips/{clip}/tag", data={"tag": "complex"})
    assert saved.headers["location"].endswith("#f-tag"), "back at the choice, not at the top"
    told = (await client.get(saved.headers["location"])).text
    assert "Saved." in told.partition('id="toasts"')[2]
    assert 'id="f-tag"' in told
    assert (await Clip.select(Clip.tag).where(Clip.id == clip).first() or {})["tag"] == "complex"
    assert f"/clips/{clip}" in (await client.get("/clips?tag=complex")).text
    assert f"/clips/{clip}" not in (await client.get("/clips?tag=standard")).text
    await use_token(client, rosa, "all")
    assert (await client.get(f"/api/v1/recordings/{call}")).json()["tag"] == "emotional"
    changed = await client.patch(
        f"/api/v1/recordings/{other}", json={"tag": "standard"}, headers={"If-Match": '"r1"'}
    )
    assert changed.json()["tag"] == "standard"
    found = (await client.get("/api/v1/recordings?tag=standard")).json()["items"]
    assert [item["id"] for item in found] == [str(other)]
    assert (await client.get("/api/v1/recordings?tag=easy")).status_code == 422
    assert (await client.post(f"/api/v1/clips/{clip}/tag", json={"tag": None})).status_code == 204
    assert (await client.get(f"/api/v1/clips/{clip}")).json()["tag"] == "emotional"
    assert (await client.post(f"/api/v1/clips/{clip}/tag", json={"tag": "easy"})).status_code == 422
