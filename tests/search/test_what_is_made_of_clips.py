"""Why a rule is met, what reviewers wrote, playlists and contrast pairs: found by those who may read them, at once and
not a moment longer."""

import msgspec
import pytest

from tests.search.makers import Cast, a_call, a_clip, a_pair, find, indexed, said, says_yes, text_of
from trainer import jobs
from trainer.clips.out_of_use import retire_clip, take_down
from trainer.clips.pairs.service import unmake_pair
from trainer.clips.playlists.service import (
    PlaylistFields,
    add_clip,
    delete_playlist,
    load_playlist,
    make_playlist,
    save_playlist,
)
from trainer.clips.reviewing import service as reviewing
from trainer.clips.reviewing.tables import ClipReview
from trainer.clips.tables import Clip, ClipRule
from trainer.people.erasing import erase_person
from trainer.search import service
from trainer.search.index import sweep_search
from trainer.search.queries import Kind
from trainer.search.tables import SearchEntry

EVERYBODY = ("trainer", "analyst", "lead", "other_lead", "manager", "admin", "agent", "mate", "other_agent")


async def finders(cast: Cast, typed: str, kind: Kind) -> set[str]:
    """Who finds something; a count never tells of more than is shown."""
    found: set[str] = set()
    for who in EVERYBODY:
        answer = await service.find(cast.viewer(who), service.Wanted(typed), kind)
        assert answer.count == len(answer.hits), who
        if answer.hits:
            found.add(who)
    return found


MAKERS = {"trainer", "analyst", "lead"}
WHY = msgspec.json.encode({"en": "The plimsoll came late.", "zh-Hans": "说得晚了。"}).decode()


async def test_reasons_are_found_by_those_who_make_clips_of_the_call(cast: Cast, rule: str) -> None:
    call = await a_call(cast.agent.id, ["A fee."])
    clip = await a_clip(call, "Harbour", lines=(0, 1), rules=[rule], why=WHY)
    await ClipRule.update({ClipRule.why: text_of("No keel was named.")}).where(ClipRule.clip == clip)
    await indexed()
    for typed in ("plimsoll", "keel", "harbour plimsoll keel"):
        assert await finders(cast, typed, "clip") == MAKERS, typed
    assert await finders(cast, "harbour", "clip") == set(EVERYBODY)
    # who may not read a reason learns nothing of it by leaving it out
    assert await finders(cast, "harbour -plimsoll", "clip") == set(EVERYBODY) - MAKERS
    (hit,) = await find(cast.viewer("trainer"), "harbour keel", "clip")
    assert [said(text) for text in hit.reasons] == ["No [keel] was named."]
    # in the language that has it, where the reader's has not
    (hit,) = await find(cast.viewer("trainer"), "晚了", "clip")
    assert [said(text) for text in hit.reasons] == ["说得[晚了]。"]
    await Clip.update({Clip.why: "{}", Clip.revision: 2}).where(Clip.id == clip)
    assert await finders(cast, "plimsoll", "clip") == set()
    await jobs.publish("clip_changed", {"clip": str(clip)})
    await jobs.drain()
    assert await finders(cast, "plimsoll", "clip") == set()
    assert await finders(cast, "keel", "clip") == MAKERS


async def test_what_reviewers_wrote_is_found_by_those_who_work_with_the_draft(cast: Cast) -> None:
    call = await a_call(cast.agent.id, ["A fee."])
    clip = await a_clip(call, "Harbour", lines=(0, 1), state="draft")
    await reviewing.note(cast.viewer("analyst"), clip, "Cut the plimsoll out.")
    await jobs.drain()
    assert await finders(cast, "plimsoll harbour", "clip") == MAKERS
    (hit,) = await find(cast.viewer("trainer"), "plimsoll", "clip")
    assert [said(text) for text in hit.said] == ["Cut the [plimsoll] out."]
    # once it is published its page shows them no more
    await Clip.update({Clip.state: "published"}).where(Clip.id == clip)
    assert await finders(cast, "plimsoll", "clip") == set()
    await Clip.update({Clip.state: "draft"}).where(Clip.id == clip)
    assert await finders(cast, "plimsoll", "clip") == MAKERS
    # before any job has run
    await ClipReview.update({ClipReview.words: ""}).where(ClipReview.clip == clip)
    assert await finders(cast, "plimsoll", "clip") == set()


async def test_an_erased_reviewers_words_leave_the_index(cast: Cast) -> None:
    call = await a_call(cast.agent.id, ["A fee."])
    clip = await a_clip(call, "Harbour", lines=(0, 1), state="draft")
    await reviewing.note(cast.viewer("analyst"), clip, "Cut the plimsoll out.")
    await jobs.drain()
    await erase_person(cast.viewer("admin"), cast.analyst.id, "Zhou Min")
    await jobs.drain()
    assert await finders(cast, "plimsoll", "clip") == set()
    assert await finders(cast, "harbour", "clip") == MAKERS
    assert "plimsoll" not in str(await SearchEntry.select(SearchEntry.words))


@pytest.mark.parametrize(
    ("visible", "found_by"),
    [
        ("me", {"analyst"}),
        ("link", {"analyst"}),
        ("makers", {"trainer", "analyst", "lead", "other_lead"}),
        ("everyone", set(EVERYBODY)),
    ],
)
async def test_playlists_are_found_as_their_list_shows_them(
    cast: Cast, visible: str, found_by: set[str]
) -> None:
    call = await a_call(cast.agent.id, ["A fee."])
    clip = await a_clip(call, lines=(0, 1))
    fields = PlaylistFields("Plimsolls", "How to weigh an anchor.", visible)
    made = await make_playlist(cast.viewer("analyst"), fields, [(clip, "The keel comes first.")])
    await jobs.drain()
    for typed in ("plimsoll", "anchor", "keel", "keel plimsoll", "plimsoll -mast"):
        assert await finders(cast, typed, "playlist") == found_by, typed
    for typed in ("mast", "plimsoll -keel", '"anchor keel"'):
        assert await finders(cast, typed, "playlist") == set(), typed
    (hit,) = await find(cast.viewer("analyst"), "keel weigh", "playlist")
    assert (said(hit.note), [said(item.note) for item in hit.items]) == (
        "How to [weigh] an anchor.",
        ["The [keel] comes first."],
    )
    # shown to fewer, before any job has run
    await save_playlist(
        cast.viewer("analyst"), made, PlaylistFields("Plimsolls", "", "me"), [(clip, "")], revision=1
    )
    assert await finders(cast, "plimsoll", "playlist") == set()
    await jobs.drain()
    assert await finders(cast, "plimsoll", "playlist") == {"analyst"}
    assert await finders(cast, "keel", "playlist") == set()
    await delete_playlist(cast.viewer("analyst"), made)
    assert not await SearchEntry.exists().where(SearchEntry.playlist.is_not_null())


async def test_what_is_written_beside_a_clip_is_found_by_those_to_whom_it_plays(cast: Cast) -> None:
    call = await a_call(cast.agent.id, ["A fee."])
    bad = await a_clip(call, lines=(0, 1), polarity="counterexample", about="x")
    await says_yes(cast.agent.id, bad)
    good = await a_clip(call, lines=(0, 1))
    trainer = cast.viewer("trainer")
    made = await make_playlist(trainer, PlaylistFields("Harbour", "", "everyone"), [(good, "Fine.")])
    await add_clip(trainer, made, bad, "The plimsoll is forgotten.")
    await jobs.drain()
    # the agent's own team does not hear it, and so reads nothing of it
    hearers = set(EVERYBODY) - {"mate"}
    assert await finders(cast, "plimsoll", "playlist") == hearers
    assert await finders(cast, "harbour plimsoll", "playlist") == hearers
    assert await finders(cast, "harbour -plimsoll", "playlist") == {"mate"}
    for who in EVERYBODY:
        shown = await load_playlist(cast.viewer(who), made)
        assert any("plimsoll" in item.note for item in shown.items) == (who in hearers)
    await take_down(trainer, bad, "Too much of the caller.")
    assert await finders(cast, "plimsoll", "playlist") == set()
    await jobs.drain()
    assert "plimsoll" not in str(await SearchEntry.select(SearchEntry.words))
    assert await finders(cast, "harbour fine", "playlist") == set(EVERYBODY)


async def test_pairs_are_found_by_those_who_hear_both_clips(cast: Cast, rule: str) -> None:
    pair, good, _other = await a_pair(cast.viewer("trainer"), cast.agent.id, rule, "Hear the plimsoll.")
    await jobs.drain()
    hearers = set(EVERYBODY) - {"mate"}
    for typed in ("plimsoll", "plimsoll fee", "name every fee"):
        assert await finders(cast, typed, "pair") == hearers, typed
    assert await finders(cast, "plimsoll -fee", "pair") == set()
    (hit,) = await find(cast.viewer("agent"), "fee plimsoll", "pair")
    assert (hit.pair.id, said(hit.title), said(hit.note)) == (
        pair,
        "Name every [fee]",
        "Hear the [plimsoll].",
    )
    assert await find(cast.viewer("agent"), "plimsoll", "pair", rule="R9") == []
    await retire_clip(cast.viewer("trainer"), good)
    assert await finders(cast, "plimsoll", "pair") == set()


async def test_a_pair_that_is_taken_apart_is_found_no_more(cast: Cast, rule: str) -> None:
    pair, good, _other = await a_pair(cast.viewer("trainer"), cast.agent.id, rule, "Hear the plimsoll.")
    await indexed()
    before = await SearchEntry.select().order_by(SearchEntry.id)
    await sweep_search(None)  # type: ignore[arg-type]
    assert await SearchEntry.select().order_by(SearchEntry.id) == before
    # its clip was edited: found anew once it was looked at
    await Clip.update({Clip.revision: 5}).where(Clip.id == good)
    assert await finders(cast, "plimsoll", "pair") == set()
    await jobs.publish("clip_changed", {"clip": str(good)})
    await jobs.drain()
    assert "trainer" in await finders(cast, "plimsoll", "pair")
    await unmake_pair(cast.viewer("trainer"), pair)
    assert await finders(cast, "plimsoll", "pair") == set()
    assert not await SearchEntry.exists().where(SearchEntry.pair.is_not_null())
