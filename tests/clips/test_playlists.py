"""Playlists: who finds which, order and notes kept by two people at once, gaps in place of what is not heard."""

import asyncio
import io
import re
import zipfile
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, agreed, fields
from tests.factories import a_person, viewer_for
from tests.web_fixtures import SignIn
from trainer import db, jobs
from trainer.calls.service import erase_recording
from trainer.calls.tables import Recording
from trainer.clips import consent
from trainer.clips import service as clips
from trainer.clips.playlists import service
from trainer.clips.playlists.export import safe_name
from trainer.clips.playlists.service import PlaylistFields
from trainer.clips.playlists.tables import Playlist, PlaylistItem, PlaylistPlace
from trainer.clips.tables import Clip
from trainer.problems import Forbidden, Invalid, NotFound, PreconditionFailed
from trainer.storage import storage

pytestmark = pytest.mark.usefixtures("rules", "canned_sound")

SHARED = PlaylistFields("Warm openings", "Hear them in the morning.", "everyone")


@pytest.fixture
async def published(cast: Cast, a_call: CallMaker) -> list[UUID]:
    """Three published clips of one call."""
    trainer, recording = cast.viewer("trainer"), await a_call()
    made = [
        await clips.create_clip(trainer, recording, fields(title=title, start_ms=start, cue_ms=None))
        for title, start in (("One", 5_000), ("Two", 6_000), ("Three", 7_000))
    ]
    await jobs.drain()
    for clip in made:
        await clips.publish_clip(trainer, clip, review="self", privacy_checked=True)
    return made


def noted(found: service.PlaylistView) -> list[tuple[UUID, str]]:
    return [(item.id, item.note) for item in found.items]


async def test_room_is_counted_in_clips_not_in_places(
    cast: Cast, published: list[UUID], monkeypatch: pytest.MonkeyPatch
):
    one, two, three = published
    trainer = cast.viewer("trainer")
    monkeypatch.setattr(service, "MOST_CLIPS", 2)
    made = await service.make_playlist(trainer, SHARED, [(one, ""), (two, "")])
    with pytest.raises(Invalid):
        await service.add_clip(trainer, made, three)
    await service.remove_clip(trainer, made, one)
    assert await service.add_clip(trainer, made, three)


async def test_order_and_notes_are_kept_and_a_clip_has_one_place(cast: Cast, published: list[UUID]):
    one, two, three = published
    trainer = cast.viewer("trainer")
    items = [(two, " Mind the pause. "), (one, ""), (two, "again")]
    made = await service.make_playlist(trainer, SHARED, items)
    playlist = await service.load_playlist(trainer, made)
    assert noted(playlist) == [(two, "Mind the pause."), (one, "")]
    assert await service.add_clip(trainer, made, three, "Last")
    assert not await service.add_clip(trainer, made, one)
    playlist = await service.load_playlist(trainer, made)
    order = [(three, "Last"), (one, ""), (two, "New")]
    await service.save_playlist(trainer, made, SHARED, order, revision=playlist.revision)
    playlist = await service.load_playlist(trainer, made)
    assert (noted(playlist), playlist.duration_ms) == (order, 7_000 + 9_000 + 8_000)
    await service.remove_clip(trainer, made, one)
    assert [item.id for item in (await service.load_playlist(trainer, made)).items] == [three, two]


async def test_who_finds_hears_and_changes_which(cast: Cast, published: list[UUID]):
    trainer = cast.viewer("trainer")
    kinds = {
        kind: await service.make_playlist(trainer, PlaylistFields(kind, visible=kind), [(published[0], "")])
        for kind in service.VISIBLE
    }
    listed, opened = {}, {}
    for who in ("trainer", "second_trainer", "analyst", "other_lead", "manager", "admin", "agent"):
        viewer = cast.viewer(who)
        listed[who] = {found.title for found in await service.visible_playlists(viewer)}
        opened[who] = set()
        for kind, made in kinds.items():
            try:
                found = await service.load_playlist(viewer, made)
            except NotFound:
                continue
            opened[who].add(kind)
            assert found.edits == (who == "trainer" or (who == "second_trainer" and kind != "me"))
    assert listed["trainer"] == opened["trainer"] == set(service.VISIBLE)
    for who in ("second_trainer", "analyst", "other_lead"):
        assert (listed[who], opened[who]) == ({"makers", "everyone"}, {"link", "makers", "everyone"})
    for who in ("manager", "admin", "agent"):
        assert (listed[who], opened[who]) == ({"everyone"}, {"link", "everyone"})
    with pytest.raises(Forbidden):
        await service.make_playlist(cast.viewer("agent"), SHARED)
    for change in (
        service.add_clip(cast.viewer("analyst"), kinds["makers"], published[1]),
        service.delete_playlist(cast.viewer("analyst"), kinds["everyone"]),
    ):
        with pytest.raises(Forbidden):
            await change
    with pytest.raises(NotFound):
        await service.delete_playlist(cast.viewer("second_trainer"), kinds["me"])


async def test_wrong_fields_and_clips_that_are_not_in_use_are_refused(
    cast: Cast, a_call: CallMaker, published: list[UUID]
):
    trainer = cast.viewer("trainer")
    with pytest.raises(Invalid) as refused:
        await service.make_playlist(trainer, PlaylistFields(" ", "n" * 2001, "world"))
    assert {error.field for error in refused.value.errors} == {"title", "note", "visible"}
    draft = await clips.create_clip(trainer, await a_call(), fields())
    for clip in (draft, uuid4()):
        with pytest.raises(Invalid):
            await service.make_playlist(trainer, SHARED, [(clip, "")])
    with pytest.raises(Invalid):
        await service.make_playlist(trainer, SHARED, [(uuid4(), "") for _ in range(service.MOST_CLIPS + 1)])


async def test_a_list_that_is_deleted_at_this_moment_is_not_found(
    cast: Cast, published: list[UUID], monkeypatch: pytest.MonkeyPatch
):
    trainer, other = cast.viewer("trainer"), cast.viewer("second_trainer")
    load = service.load_playlist

    async def and_then_deleted(viewer: Any, playlist: UUID) -> Any:
        found = await load(viewer, playlist)
        if viewer.id == trainer.id:
            await service.delete_playlist(other, playlist)
        return found

    monkeypatch.setattr(service, "load_playlist", and_then_deleted)
    made = await service.make_playlist(trainer, SHARED, [(published[0], "")])
    with pytest.raises(NotFound):
        await service.add_clip(trainer, made, published[1])
    made = await service.make_playlist(trainer, SHARED, [(published[0], "")])
    with pytest.raises(NotFound):
        await service.remember_place(trainer, made, published[0], 5)


async def test_two_who_add_at_once_both_get_a_place_and_an_open_editor_loses_neither(
    cast: Cast, published: list[UUID]
):
    one, two, three = published
    trainer, other = cast.viewer("trainer"), cast.viewer("second_trainer")
    made = await service.make_playlist(trainer, SHARED, [(one, "")])
    seen = (await service.load_playlist(trainer, made)).revision
    added = await asyncio.gather(
        service.add_clip(trainer, made, two),
        service.add_clip(other, made, three),
        service.add_clip(other, made, two),
    )
    assert sorted(added) == [False, True, True]
    playlist = await service.load_playlist(trainer, made)
    assert {item.id for item in playlist.items} == {one, two, three}
    positions = [row["position"] for row in await PlaylistItem.select(PlaylistItem.position)]
    assert sorted(positions) == [0, 1, 2]
    with pytest.raises(PreconditionFailed):
        await service.save_playlist(trainer, made, SHARED, [(one, "x")], revision=seen, known=[one])
    await service.save_playlist(trainer, made, SHARED, [(one, "x")], revision=playlist.revision, known=[one])
    assert (await service.load_playlist(trainer, made)).clips == 3
    # two saves of what both saw: one is told
    seen = (await service.load_playlist(trainer, made)).revision
    saves = await asyncio.gather(
        *(
            service.save_playlist(who, made, SHARED, [(one, note)], revision=seen)
            for who, note in ((trainer, "mine"), (other, "theirs"))
        ),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in saves) == ["NoneType", "PreconditionFailed"]


async def test_what_is_not_heard_any_more_is_a_gap_that_tells_nothing(cast: Cast, published: list[UUID]):
    one, two, three = published
    trainer, agent = cast.viewer("trainer"), cast.viewer("agent")
    made = await service.make_playlist(trainer, SHARED, [(clip, "A note") for clip in published])
    await clips.retire_clip(trainer, one)
    await clips.take_down(trainer, two, "A name is heard")
    found = await service.load_playlist(agent, made)
    assert [item.clip is None for item in found.items] == [True, True, False]
    assert found.items[0].gap == "This clip was retired."
    assert found.items[1].gap == "This clip was taken down."
    assert [item.note for item in found.items] == ["", "", "A note"]
    # what its maker cannot hear either is kept in place with its note when the list is saved
    mine = await service.load_playlist(trainer, made)
    kept = [(item.id, item.note) for item in reversed(mine.items)]
    await service.save_playlist(trainer, made, SHARED, kept, revision=mine.revision)
    await clips.restore_clip(trainer, one)
    back = await service.load_playlist(agent, made)
    assert [(item.id, item.note) for item in back.items if item.clip] == [(three, "A note"), (one, "A note")]
    recording = (await clips.load_clip(trainer, three)).recording
    await erase_recording(trainer, recording, "asked for")
    await jobs.drain()
    gone = await service.load_playlist(trainer, made)
    assert gone.heard == []
    notes = {row["note"] for row in await PlaylistItem.select(PlaylistItem.note)}
    assert notes == {""}


async def test_a_moment_that_went_wrong_is_no_part_of_the_list_for_the_agents_own_team(
    cast: Cast, a_call: CallMaker, published: list[UUID]
):
    trainer = cast.viewer("trainer")
    poor = await clips.create_clip(
        trainer, await a_call(), fields(title="The secret slip", polarity="counterexample")
    )
    await jobs.drain()
    await agreed(cast, poor)
    await clips.publish_clip(trainer, poor, review="self", privacy_checked=True)
    made = await service.make_playlist(trainer, SHARED, [(poor, "He slips here"), (published[0], "")])
    mate = viewer_for(await a_person("agent", team=cast.agent.team))
    stranger = viewer_for(await a_person("agent"))
    theirs = await service.load_playlist(mate, made)
    assert (theirs.items[0].clip, theirs.items[0].note) == (None, "")
    assert theirs.items[0].gap == "This clip is not played here."
    assert len((await service.load_playlist(stranger, made)).heard) == 2
    await consent.answer(cast.viewer("agent"), poor, yes=False)
    assert len((await service.load_playlist(stranger, made)).heard) == 1


async def test_one_goes_on_where_one_was(cast: Cast, published: list[UUID]):
    trainer, agent = cast.viewer("trainer"), cast.viewer("agent")
    made = await service.make_playlist(trainer, SHARED, [(clip, "") for clip in published])
    playlist = await service.load_playlist(agent, made)
    assert await service.place_in(agent, playlist) is None
    await asyncio.gather(*(service.remember_place(agent, made, published[1], ms) for ms in (1_000, 2_000)))
    await service.remember_place(agent, made, published[2], 3_000)
    assert await service.place_in(agent, playlist) == service.Place(published[2], 3_000)
    assert await PlaylistPlace.count() == 1
    assert await service.place_in(trainer, playlist) is None
    with pytest.raises(NotFound):
        await service.remember_place(agent, made, uuid4(), 0)


async def test_private_lists_go_with_their_owner_and_shared_ones_stay(cast: Cast, published: list[UUID]):
    trainer = cast.viewer("trainer")
    private = await service.make_playlist(trainer, PlaylistFields("Mine"), [(published[0], "")])
    shared = await service.make_playlist(trainer, SHARED, [(published[0], "")])
    await service.remember_place(trainer, shared, published[0], 5)
    async with db.transaction():
        await jobs.publish("person_erased", {"person": str(cast.trainer.id)})
    await jobs.drain()
    assert {row["id"] for row in await Playlist.select(Playlist.id)} == {shared} != {private}
    assert await PlaylistPlace.count() == 0


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("../../etc/passwd", "etc passwd"),
        ("a\x00b\u202etxt.exe", "a b txt.exe"),
        ("客户的话 / 复述", "客户的话 复述"),
        (" . ", "Clip"),
        ('<b>"CON"|?*:', "b CON"),
        ("é" * 100, "é" * 40),
    ],
)
def test_names_of_files_are_safe_in_any_script(title: str, name: str):
    assert safe_name(title, "Clip") == name


async def test_the_zip_holds_what_may_be_carried_away_and_names_the_rest(
    client: httpx.AsyncClient, sign_in: SignIn, cast: Cast, a_call: CallMaker, published: list[UUID]
):
    one, two, three = published
    trainer = cast.viewer("trainer")
    poor = await clips.create_clip(trainer, await a_call(), fields(title="Slip", polarity="counterexample"))
    await jobs.drain()
    await agreed(cast, poor)
    await clips.publish_clip(trainer, poor, review="self", privacy_checked=True)
    await clips.take_down(trainer, two, "A name is heard")
    kept_until = datetime(2100, 1, 1, tzinfo=UTC)  # the end of the last day of the century
    await Recording.update({Recording.expires_at: kept_until}).where(Recording.agent == cast.agent.id)
    title = "../Warm <openings>"
    made = await service.make_playlist(
        trainer,
        PlaylistFields(title, "Bring it.", "everyone"),
        [(one, "</script>Hear & see"), (poor, "Slips")],
    )
    await service.add_clip(trainer, made, three)
    row = PlaylistItem(id=db.new_id(), playlist=made, clip=two, position=9, note="Named")
    await PlaylistItem.insert(row)
    gone = await Clip.select(Clip.recording, Clip.render_key).where(Clip.id == three).first()
    assert gone is not None
    await storage().delete(f"clips/{gone['recording']}/{gone['render_key']}.mp3")
    address = f"/clips/playlists/{made}/zip"
    await sign_in(client, cast.agent)
    assert (await client.get(address)).status_code == 403
    await sign_in(client, cast.trainer)
    answer = await client.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["cache-control"] == "private, no-store"
    assert "/" not in answer.headers["content-disposition"].split("filename=")[1].split(";")[0]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert packed.testzip() is None
        folder = "Warm openings"
        assert sorted(packed.namelist()) == sorted(
            f"{folder}/{name}" for name in ("01-One.mp3", "01-One.vtt", "index.html", "notes.txt")
        )
        assert packed.read(f"{folder}/01-One.mp3").startswith(b"not quite an MP3")
        assert packed.read(f"{folder}/01-One.vtt").startswith(b"WEBVTT")
        page = packed.read(f"{folder}/index.html").decode()
        notes = packed.read(f"{folder}/notes.txt").decode()
    assert "01-One.mp3" in page
    assert "&lt;/script&gt;Hear &amp; see" in page
    assert page.count('class="gap"') == 3
    assert not re.search(r"(src|href)=\"(https?:)?/", page)  # nothing is fetched from anywhere
    for hidden in ("Slip", "Named", "Two", "Three", "csrf", cast.agent.name):
        assert hidden not in page + notes
    assert "Delete this folder by 2099-12-31." in notes
    assert notes.count("It was not taken along.") == 2
    assert await db.fetch("SELECT id FROM audit_entry WHERE action = 'playlist_exported'")
    empty = await service.make_playlist(trainer, SHARED, [])
    assert (await client.get(f"/clips/playlists/{empty}/zip")).status_code == 409


async def test_the_pages_make_hear_order_and_share_a_list(
    client: httpx.AsyncClient, sign_in: SignIn, cast: Cast, published: list[UUID]
):
    one, two, three = map(str, published)
    await sign_in(client, cast.trainer)
    assert "No playlists yet" in (await client.get("/clips/playlists")).text
    new = await client.get(f"/clips/playlists/new?clip={one}")
    assert f'value="{one}"' in new.text
    found = await client.get("/clips/playlists/find?q=two", headers={"HX-Request": "true"})
    assert (two in found.text, three in found.text) == (True, False)
    form = {"title": "<i>Mornings</i>", "note": "", "visible": "link", "item": [one], f"note-{one}": "Mind"}
    # without scripts the buttons go to the server, and nothing is saved by them
    for press, order in (
        ({"add": two}, [one, two]),
        ({"item": [one, two], "up": two}, [two, one]),
        ({"item": [one, two], "down": one}, [two, one]),
        ({"item": [one, two], "remove": one}, [two]),
        ({"item": [one], "find": "1", "q": "three"}, [one]),
    ):
        answer = await client.post("/clips/playlists/new", data={**form, **press})
        assert (answer.status_code, re.findall(r'data-row="([0-9a-f-]+)"', answer.text)) == (200, order), (
            press
        )
    assert await Playlist.count() == 0
    wrong = await client.post("/clips/playlists/new", data={**form, "title": ""})
    assert (wrong.status_code, "Give the playlist a title." in wrong.text) == (422, True)
    made = (await client.post("/clips/playlists/new", data=form)).headers["location"]
    page = (await client.get(made)).text
    assert "&lt;i&gt;Mornings" in page
    assert "Mind" in page
    editor = (await client.get(f"{made}/edit")).text
    assert f'name="add" value="{two}"' in editor  # offered before anything is typed
    revision = re.search(r'name="revision" value="(\d+)"', editor)
    assert revision is not None
    added = await client.post(f"/clips/{two}/playlists", data={"playlist": made.rpartition("/")[2]})
    assert "It is in" in added.text
    save = {**form, "title": "Evenings", "known": [one], "revision": revision[1]}
    late = await client.post(f"{made}/edit", data=save)
    assert late.status_code == 409
    assert re.findall(r'data-row="([0-9a-f-]+)"', late.text) == [one, two]
    again = re.search(r'name="revision" value="(\d+)"', late.text)
    assert again is not None
    both = {**save, "item": [two, one], "known": [one, two], "revision": again[1]}
    assert (await client.post(f"{made}/edit", data=both)).status_code == 303
    assert (await client.post(f"{made}/place", data={"clip": one, "ms": "1500"})).status_code == 200
    assert "Go on at 0:01" in (await client.get(made)).text
    assert (await client.post(f"{made}/place", data={"clip": "odd", "ms": "x"})).status_code == 422
    await sign_in(client, cast.agent)
    shared = await client.get(made)
    assert (shared.status_code, "Take along" in shared.text, f"{made}/edit" in shared.text) == (
        200,
        False,
        False,
    )
    assert "Evenings" not in (await client.get("/clips/playlists")).text
    assert (await client.get(f"{made}/edit")).status_code == 403
    await sign_in(client, cast.trainer)
    assert (await client.post(f"{made}/delete")).status_code == 303
    assert (await client.get(made)).status_code == 404


async def test_the_api_does_the_same(
    client: httpx.AsyncClient, sign_in: SignIn, cast: Cast, published: list[UUID]
):
    one, two, three = map(str, published)
    await sign_in(client, cast.trainer)
    body = {"title": "Warm", "visible": "everyone", "items": [{"clip": one, "note": "First"}, {"clip": two}]}
    made = await client.post("/api/v1/playlists", json=body)
    assert made.status_code == 201
    address, tag = made.headers["location"], made.headers["etag"]
    assert [item["clip"] for item in made.json()["items"]] == [one, two]
    assert (await client.post(f"{address}/items", json={"clip": three})).json()["clips"] == 3
    assert (await client.patch(address, json={"title": "x"}, headers={"If-Match": tag})).status_code == 412
    present = await client.get(address)
    order = {"items": [{"clip": three}, {"clip": one, "note": "First"}]}
    changed = await client.patch(address, json=order, headers={"If-Match": present.headers["etag"]})
    assert [item["clip"] for item in changed.json()["items"]] == [three, one]
    assert (await client.delete(f"{address}/items/{three}")).status_code == 204
    assert (await client.delete(f"{address}/items/{three}")).status_code == 404
    packed = await client.get(f"{address}/zip")
    assert zipfile.ZipFile(io.BytesIO(packed.content)).testzip() is None
    second = await client.post("/api/v1/playlists", json={"title": "Second"})
    first_page = (await client.get("/api/v1/playlists?limit=1")).json()
    rest = (await client.get(f"/api/v1/playlists?cursor={first_page['next_cursor']}")).json()
    assert [first_page["items"][0]["title"], rest["items"][0]["title"]] == ["Second", "Warm"]
    assert (await client.post("/api/v1/playlists", json={"title": "", "visible": "x"})).status_code == 422
    assert (await client.get("/api/v1/playlists/odd")).status_code == 404
    await sign_in(client, cast.agent)
    assert (await client.get(second.headers["location"])).status_code == 404
    assert (await client.delete(address)).status_code == 403
