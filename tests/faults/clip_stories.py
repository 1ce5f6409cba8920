"""Stories of two at once: clips, their review, the agents' word about them, playlists and pairs."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tests.counting import count_of
from tests.faults.stage import BOTH, Scene, Told, noted, only, story
from trainer import db
from trainer.clips import service, voice
from trainer.clips.keeping import renewing
from trainer.clips.keeping.tables import ClipRenewal
from trainer.clips.pairs.service import make_pair
from trainer.clips.pairs.tables import ClipPair
from trainer.clips.playlists.tables import Playlist, PlaylistItem
from trainer.clips.reviewing.tables import ClipReview
from trainer.clips.suggestions import service as suggestions
from trainer.clips.suggestions.tables import PrivateName
from trainer.clips.tables import Clip, ClipConsent, ClipObjection
from trainer.problems import Gone


async def state_of(clip: UUID) -> str:
    return str((await only(Clip, Clip.id == clip))["state"])


# Reviewing


@story("hand in", "hand in", "done + wrong-state")
async def handed_in_once(scene: Scene) -> Told:
    yield {"clip": (clip := await scene.draft())}
    assert (await only(ClipReview, ClipReview.clip == clip))["verdict"] == "handed_in"


@story("approve", "approve", "already-decided + done", who=("trainer", "trainer"))
async def approved_once(scene: Scene) -> Told:
    yield {"clip": (clip := await scene.draft(state="in_review"))}
    assert (await only(ClipReview, ClipReview.clip == clip))["verdict"] == "approved"


@story("approve", "give back", BOTH, "changed-meanwhile + done")
@story("approve", "edit", BOTH, "changed-meanwhile + done")
async def what_was_given_back_or_edited_is_a_draft(scene: Scene) -> Told:
    yield {"clip": (clip := await scene.draft(state="in_review")), "revision": 1, "words": "Anew"}
    assert await state_of(clip) == "draft"
    found = await service.load_clip(scene.viewer(), clip)
    assert await ClipReview.count().where((ClipReview.clip == clip) & (ClipReview.verdict == "changes")) <= 1
    assert found.revision == 2


@story("give back", "give back", "done + wrong-state")
async def given_back_once(scene: Scene) -> Told:
    yield {"clip": (clip := await scene.draft(state="in_review"))}
    assert (await only(ClipReview, ClipReview.clip == clip))["verdict"] == "changes"


@story("note", "delete", BOTH, "done + not-found")
@story("delete", "note", BOTH, "done + not-found")
@story("approve", "delete", BOTH, "changed-meanwhile + done")
@story("hand in", "delete", BOTH, "done + wrong-state")
async def of_a_deleted_draft_nothing_is_left(scene: Scene) -> Told:
    state = "in_review" if scene.orders[0] == "approve" else "draft"
    yield {"clip": (clip := await scene.draft(state=state))}
    assert not await Clip.exists().where(Clip.id == clip)
    assert not await ClipReview.exists().where(ClipReview.clip == clip)


# The life of a clip


@story("publish", "publish", "already-published + done", "changed-meanwhile + done")
async def published_once(scene: Scene) -> Told:
    yield {"clip": (clip := await scene.draft())}
    assert await state_of(clip) == "published"
    assert await count_of("clip_published", person=scene.people["trainer"].id, subject=str(clip)) == 1


@story("publish", "edit", "changed-meanwhile + done", "changed-meanwhile + done", "already-published + done")
async def what_is_published_is_what_was_read(scene: Scene) -> Told:
    yield {"clip": (clip := await scene.draft()), "revision": 1, "words": "Other words"}
    found = await service.load_clip(scene.viewer(), clip)
    assert (found.state, found.titles["en"]) in [("published", "Recap the money"), ("draft", "Other words")]


@story(
    "publish", "no", BOTH, "clip-not-publishable + done", "changed-meanwhile + done", who=("trainer", "agent")
)
async def a_no_is_heard_by_whoever_publishes(scene: Scene) -> Told:
    yield {"clip": (clip := await scene.agreed())}
    assert await state_of(clip) != "published"


@story(
    "publish", "erase call", BOTH, "done + gone", "changed-meanwhile + done", "clip-not-publishable + done"
)
async def nothing_of_an_erased_call_plays(scene: Scene) -> Told:
    clip = await scene.draft()
    yield {"clip": clip, "call": (await only(Clip, Clip.id == clip))["recording"]}
    assert (await only(Clip, Clip.id == clip))["state"] in ("draft", "published")
    with pytest.raises(Gone):
        await service.load_sound(scene.viewer(), clip)


@story("edit", "edit", "changed-meanwhile + done")
async def one_edit_is_saved(scene: Scene) -> Told:
    on = {"clip": (clip := await scene.draft()), "revision": 1}
    yield {**on, "words": "One"}, {**on, "words": "Two"}
    found = await service.load_clip(scene.viewer(), clip)
    assert (found.revision, found.titles["en"] in ("One", "Two")) == (2, True)
    assert [rule.code for rule in found.rules] == ["R01"]


@story("edit", "edit", "done + draft-exists")
async def a_published_clip_gets_one_next_version(scene: Scene) -> Told:
    yield {"clip": (clip := await scene.published()), "revision": 1, "words": "Anew"}
    assert (await only(Clip, Clip.replaces == clip))["version"] == 2


@story("retire", "retire", "done + wrong-state")
@story("retire", "take down", BOTH, "done + wrong-state")
@story("take down", "take down", "done + wrong-state")
async def out_of_use_once(scene: Scene) -> Told:
    yield {"clip": (clip := await scene.published())}
    wanted = "taken_down" if scene.orders[1] == "take down" else "retired"
    assert await state_of(clip) == wanted
    assert await noted(f"clip_{wanted}", clip) == 1


@story("put back", "put back", "done + wrong-state")
async def put_back_once(scene: Scene) -> Told:
    yield {"clip": (clip := await scene.published(state="taken_down"))}
    assert await state_of(clip) == "published"
    assert await noted("clip_put_back", clip) == 1


@story("restore", "take down", BOTH, "done + wrong-state")
async def what_was_taken_down_is_not_restored(scene: Scene) -> Told:
    yield {"clip": (clip := await scene.published(state="retired"))}
    assert await state_of(clip) == "taken_down"


@story("publish", "retire", BOTH, "changed-meanwhile + done")
async def a_next_version_published_while_the_clip_is_retired(scene: Scene) -> Told:
    clip = await scene.published()
    view = await service.load_clip(scene.viewer(), clip)
    draft = await service.edit_clip(
        scene.viewer(), clip, service.ClipFields(0, 9_000, "Two", rules=("R01",)), revision=1
    )
    assert view
    yield {"clip": draft}, {"clip": clip}
    rows = await Clip.select().where((Clip.id == clip) | (Clip.replaces == clip))
    assert len(rows) == 2


@story("cut three", "cut three", BOTH)
async def a_batch_is_cut_once(scene: Scene) -> Told:
    yield {"call": (call := await scene.call()), "batch": uuid4()}
    assert await Clip.count().where(Clip.recording == call) == 3


# The agents' word


@story("ask", "ask", BOTH)
async def asked_once(scene: Scene) -> Told:
    yield {"clip": (clip := await scene.draft(polarity="near_miss"))}
    assert (await only(ClipConsent, ClipConsent.clip == clip))["answer"] == "asked"


@story("ask", "delete", BOTH, "done + not-found")
@story("delete", "ask", BOTH, "done + not-found")
async def nobody_is_asked_about_what_is_gone(scene: Scene) -> Told:
    yield {"clip": (clip := await scene.draft(polarity="near_miss"))}
    assert not await ClipConsent.exists().where(ClipConsent.clip == clip)


@story("object", "object", "conflict + done", who=("agent", "agent"))
async def one_open_objection(scene: Scene) -> Told:
    yield {"clip": (clip := await scene.published())}
    assert await noted("clip_objected", clip) == 1


@story("uphold", "decline", "already-decided + done")
async def an_objection_is_decided_once(scene: Scene) -> Told:
    clip = await scene.published()
    objection = await voice.object_to(scene.viewer("agent"), clip, "Not my best day.")
    yield {"objection": objection}
    row = await only(ClipObjection, ClipObjection.id == objection)
    assert await state_of(clip) == {"upheld": "taken_down", "declined": "published"}[row["decision"]]


@story("uphold", "retire", BOTH, "done + wrong-state")
@story("uphold", "take down", BOTH, "done + wrong-state", "done + taken-down")
async def an_upheld_objection_takes_down_what_is_being_put_away(scene: Scene) -> Told:
    clip = await scene.published()
    yield {"objection": await voice.object_to(scene.viewer("agent"), clip, "Not my best day."), "clip": clip}
    assert await state_of(clip) == "taken_down"


@story("renew", "renew", "already-asked + done")
async def a_renewal_is_asked_for_once(scene: Scene) -> Told:
    day = (db.utc_now() + timedelta(days=90)).date().isoformat()
    yield {"clip": (clip := await scene.ending()), "day": day}
    assert (await only(ClipRenewal, ClipRenewal.clip == clip))["state"] == "asked"


@story("agree to renewal", "call renewal off", "already-decided + done", who=("agent", "second"))
async def a_renewal_is_answered_or_called_off(scene: Scene) -> Told:
    clip, last = await scene.ending(), db.utc_now() + timedelta(days=90)
    wish = renewing.Wish("contract", last.date(), last, checked=True)
    renewal = (await renewing.renew(scene.viewer(), clip, wish)).id
    yield {"renewal": renewal}
    kept = (await only(Clip, Clip.id == clip))["expires_at"]
    assert (await only(ClipRenewal, ClipRenewal.id == renewal))["state"] == ("renewed" if kept else "lapsed")


# What may be personal data


@story("accept", "accept", BOTH, "changed-meanwhile + done")
@story("accept", "reject", BOTH)
async def a_suggestion_is_redacted_once(scene: Scene) -> Told:
    clip = await scene.draft("My card is 4111 1111 1111 1111.")
    found = await suggestions.suggested_for(await service.load_clip(scene.viewer(), clip))
    yield {"clip": clip, "keys": [one.key for one in found]}
    cuts = (await service.load_clip(scene.viewer(), clip)).redactions
    assert len(cuts) == sum(len(one.spans) for one in found) > 0


@story("add names", "add names", BOTH)
async def a_name_is_listed_once(scene: Scene) -> Told:
    yield {}
    assert sorted([row["name"] for row in await PrivateName.select()]) == ["Amara", "Nwosu"]


@story("correct words", "correct words", "changed-meanwhile + done")
async def one_correction_of_the_words(scene: Scene) -> Told:
    on = {"call": (call := await scene.call()), "revision": 1}
    yield {**on, "words": "Good day."}, {**on, "words": "Good evening."}
    lines = await db.fetch("SELECT text, position FROM segment WHERE recording = {} ORDER BY position", call)
    assert lines[0]["text"] in ("Good day.", "Good evening.")
    assert [line["position"] for line in lines] == [0, 1]


# Playlists and pairs


@story("add to list", "add to list", BOTH)
async def a_clip_is_in_a_list_once(scene: Scene) -> Told:
    yield {"playlist": (made := await scene.playlist()), "clip": await scene.published()}
    assert await PlaylistItem.count().where(PlaylistItem.playlist == made) == 1


@story("add to list", "add to list", BOTH)
async def two_clips_get_two_places(scene: Scene) -> Told:
    on = {"playlist": (made := await scene.playlist())}
    yield {**on, "clip": await scene.published()}, {**on, "clip": await scene.published()}
    rows = await PlaylistItem.select().where(PlaylistItem.playlist == made)
    assert sorted(row["position"] for row in rows) == [0, 1]


@story("save list", "save list", "changed-meanwhile + done")
@story("save list", "take off list", BOTH, "changed-meanwhile + done", "done + not-found")
async def a_list_is_saved_as_one_saw_it(scene: Scene) -> Told:
    clips = [await scene.published(), await scene.published()]
    on = {"playlist": (made := await scene.playlist(*clips)), "revision": 1, "words": "Second week"}
    yield {**on, "clips": clips[::-1], "clip": clips[0]}
    rows = await PlaylistItem.select().where(PlaylistItem.playlist == made).order_by(PlaylistItem.position)
    taken_off = scene.orders[1] == "take off list" and scene.ends[1] == "done"
    assert {row["clip"] for row in rows} == set(clips[1:] if taken_off else clips)
    assert len(rows) == len({row["position"] for row in rows})


@story("delete list", "delete list", "done + not-found")
@story("add to list", "delete list", BOTH, "done + not-found")
@story("take off list", "delete list", BOTH, "done + not-found")
@story("save list", "delete list", BOTH, "done + not-found")
@story("keep place", "delete list", BOTH, "done + not-found")
@story("delete list", "add to list", BOTH, "done + not-found")
@story("delete list", "take off list", BOTH, "done + not-found")
@story("delete list", "save list", BOTH, "done + not-found")
@story("delete list", "keep place", BOTH, "done + not-found")
async def a_deleted_list_is_gone(scene: Scene) -> Told:
    there, other = await scene.published(), await scene.published()
    clip = other if "add to list" in scene.orders else there
    on = {"playlist": (made := await scene.playlist(there)), "revision": 1, "words": "Next"}
    yield {**on, "clip": clip, "clips": [there]}
    assert not await Playlist.exists().where(Playlist.id == made)
    assert not await PlaylistItem.exists().where(PlaylistItem.playlist == made)
    assert await noted("playlist_deleted", made) == 1


@story("pair", "pair", "done + pair-exists")
async def two_clips_are_one_pair(scene: Scene) -> Told:
    good, other = await scene.published(), await scene.published(await scene.agreed())
    yield {"good": good, "other": other}
    await only(ClipPair, ClipPair.good == good)


@story("unpair", "unpair", "done + not-found")
async def a_pair_is_taken_apart_once(scene: Scene) -> Told:
    good, other = await scene.published(), await scene.published(await scene.agreed())
    pair = await make_pair(scene.viewer(), rule="R01", good=good, other=other)
    yield {"pair": pair}
    assert not await ClipPair.exists().where(ClipPair.id == pair)
    assert await noted("pair_unmade", pair) == 1
