"""Finding clips, and what is made of them: playlists and contrast pairs, each as its own list shows it.

Invariant: why a rule is met or missed, and what reviewers wrote, is found by those who make clips of the call alone;
what is written beside a clip in a playlist by those to whom the clip plays.
"""

from typing import Any
from uuid import UUID

from trainer.clips.arithmetic import REMOVED
from trainer.clips.pairs.service import PairView, visible_pairs
from trainer.clips.playlists.service import shown_to, visible_playlists
from trainer.clips.playlists.views import PlaylistView
from trainer.clips.reading import NAMERS, OPEN_STATES, clips_by_ids, reach_of, visible_clips
from trainer.clips.reviewing.queries import last_words
from trainer.clips.views import ClipView
from trainer.search import clip_queries as queries
from trainer.search.filters import Filters
from trainer.search.hits import (
    COUNTED,
    LINES_SHOWN,
    After,
    ClipHit,
    Found,
    Hit,
    ItemHit,
    LineHit,
    PairHit,
    PlaylistHit,
    key_in,
    one_by_one,
)
from trainer.search.sought import Sought
from trainer.web.i18n import text_in
from trainer.web.session import Viewer
from trainer.words import Piece, excerpt, pieces

CLIP_STATES = ("published", "draft", "in_review", "retired")

Row = dict[str, Any]


async def find_clips(
    viewer: Viewer, sought: Sought, filters: Filters, limit: int, after: After | None
) -> Found:
    """Clips from `after` on."""
    rows = await queries.clips(
        sought,
        filters,
        await reach_of(viewer),
        person=viewer.id,
        names=viewer.has(*NAMERS),
        before=key_in(after),
        limit=COUNTED + 1,
    )
    ids = [row["clip"] for row in rows[:limit]]
    found = await visible_clips(viewer, states=CLIP_STATES, ids=ids, limit=limit) if ids else []
    views = {clip.id: clip for clip in found}
    said = await _said_of(found)
    hits: list[Hit] = [
        hit for clip in ids if clip in views and (hit := _clip_hit(sought, views[clip], said.get(clip, [])))
    ]
    return one_by_one("clip", hits, rows, limit)


async def _said_of(clips: list[ClipView]) -> dict[UUID, list[str]]:
    """What reviewers wrote, as the page of a draft shows it to those who work with the call."""
    drafts = [clip.id for clip in clips if clip.makes and clip.state in OPEN_STATES]
    said: dict[UUID, list[str]] = {}
    for row in await last_words(drafts) if drafts else []:
        said.setdefault(row["draft"], []).append(row["words"])
    return said


def _clip_hit(sought: Sought, clip: ClipView, said: list[str]) -> ClipHit | None:
    spoken = [line.text.replace(REMOVED, " ") for line in clip.lines]
    whys = [clip.whys, *(rule.whys for rule in clip.rules)] if clip.makes else []
    authored = [clip.titles, clip.notes, *whys]
    if not sought.held_by([*(text for texts in authored for text in texts.values()), *spoken, *said]):
        return None
    lines = [
        LineHit(line.start_ms, line.speaker, excerpt(read.text, places))
        for line, read in zip(clip.lines, clip.transcript, strict=True)
        if (places := sought.some_places(read.text))
    ]
    title, note = _that_fits(sought, clip.titles), _that_fits(sought, clip.notes)
    return ClipHit(
        clip,
        pieces(title, sought.some_places(title)),
        excerpt(note, sought.some_places(note)),
        lines[:LINES_SHOWN],
        _that_hold(sought, [_that_fits(sought, why) for why in whys]),
        _that_hold(sought, said),
    )


def _that_fits(sought: Sought, texts: dict[str, str]) -> str:
    """A text in the reader's language, unless only another one holds something that was sought."""
    read = text_in(texts)
    return next((text for text in (read, *texts.values()) if sought.some_places(text)), read)


def _that_hold(sought: Sought, texts: list[str]) -> list[list[Piece]]:
    return [excerpt(text, places) for text in texts if (places := sought.some_places(text))]


async def find_playlists(
    viewer: Viewer, sought: Sought, filters: Filters, limit: int, after: After | None
) -> Found:
    """Playlists from `after` on; no filter means anything for them."""
    rows = await queries.playlists(
        sought,
        await reach_of(viewer),
        person=viewer.id,
        shown=shown_to(viewer),
        before=key_in(after),
        limit=COUNTED + 1,
    )
    ids = [row["playlist"] for row in rows[:limit]]
    views = {each.id: each for each in (await visible_playlists(viewer, ids=ids, limit=limit) if ids else [])}
    notes = await queries.item_notes(list(views)) if views else []
    clips = await clips_by_ids(viewer, [note["clip"] for note in notes], with_rules=False)
    playing = {
        key: clip for key, clip in clips.items() if clip.state == "published" and clip.render == "ready"
    }
    hits: list[Hit] = []
    for playlist in ids:
        items = [
            (playing[note["clip"]], note["note"])
            for note in notes
            if note["playlist"] == playlist and note["clip"] in playing
        ]
        if playlist in views and (hit := _playlist_hit(sought, views[playlist], items)):
            hits.append(hit)
    return one_by_one("playlist", hits, rows, limit)


def _playlist_hit(
    sought: Sought, playlist: PlaylistView, items: list[tuple[ClipView, str]]
) -> PlaylistHit | None:
    if not sought.held_by([playlist.title, playlist.note, *(note for _clip, note in items)]):
        return None
    return PlaylistHit(
        playlist,
        pieces(playlist.title, sought.some_places(playlist.title)),
        excerpt(playlist.note, sought.some_places(playlist.note)),
        [
            ItemHit(clip.id, clip.title, excerpt(note, places))
            for clip, note in items
            if (places := sought.some_places(note))
        ][:LINES_SHOWN],
    )


async def find_pairs(
    viewer: Viewer, sought: Sought, filters: Filters, limit: int, after: After | None
) -> Found:
    """Contrast pairs from `after` on."""
    rows = await queries.pairs(
        sought, filters, await reach_of(viewer), before=key_in(after), limit=COUNTED + 1
    )
    ids = [row["pair"] for row in rows[:limit]]
    shown = (await visible_pairs(viewer, ids=ids, limit=limit))[0] if ids else []
    views = {pair.id: pair for pair in shown}
    hits: list[Hit] = [hit for pair in ids if pair in views and (hit := _pair_hit(sought, views[pair]))]
    return one_by_one("pair", hits, rows, limit)


def _pair_hit(sought: Sought, pair: PairView) -> PairHit | None:
    titles = pair.rule_ref.title
    if not sought.held_by([pair.note, *titles.values()]):
        return None
    title = _that_fits(sought, titles)
    return PairHit(
        pair,
        pieces(title, sought.some_places(title)),
        excerpt(pair.note, sought.some_places(pair.note)),
    )
