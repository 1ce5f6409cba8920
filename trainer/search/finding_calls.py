"""Finding calls: first those with all words in one line, then those that hold them in several, the nearest first.

Both parts of the list go by when a call was indexed, the latest first. The second is ranked in runs of `RANKED` calls,
as how near the words stand is told by reading lines: neighbouring lines before the same call.
Invariant: a line is found by those who may hear the call, a title by those who may list it.
"""

from typing import Any
from uuid import UUID

from trainer.calls.reading import reaches, visible_recordings
from trainer.calls.views import RecordingView
from trainer.quality.service import sight_of
from trainer.search import call_queries as queries
from trainer.search.filters import Filters
from trainer.search.hits import COUNTED, HIGHEST, LINES_SHOWN, After, CallHit, Found, LineHit
from trainer.search.nearness import Held, Nearest, nearest
from trainer.search.sought import Sought
from trainer.web.session import Viewer
from trainer.words import excerpt, pieces

RANKED = 50
# lines that are looked at for each call of a page, most: frequent words stand in every other line
LINES_READ = 60

Row = dict[str, Any]


async def find_calls(
    viewer: Viewer, sought: Sought, filters: Filters, limit: int, after: After | None
) -> Found:
    """Calls from `after` on."""
    lists, hears = await reaches(viewer)
    within = queries.Within(filters, hears=hears, lists=lists, marks=sight_of(viewer))
    if after is not None and after[1] > 0:
        return await _scattered(viewer, sought, within, limit, after)
    found, whole = await _in_one_line(viewer, sought, within, limit, after[2] if after else None)
    if not whole or len(sought.parts) == 1:
        return found
    room = limit - len(found.hits)
    further = await _scattered(viewer, sought, within, 0 if found.after else room, (0, 1, HIGHEST))
    count = found.count + further.count
    return Found(
        "call",
        [*found.hits, *further.hits],
        min(count, COUNTED),
        found.many or further.many or count > COUNTED,
        found.after or further.after,
    )


async def _in_one_line(
    viewer: Viewer, sought: Sought, within: queries.Within, limit: int, before: int | None
) -> tuple[Found, bool]:
    """Calls with a line or title that holds all, and whether these are all that there are."""
    rows = await queries.lines(sought, within, before=before, limit=LINES_READ * limit)
    groups: dict[UUID, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["recording"], []).append(row)
    cut_off = len(rows) == LINES_READ * limit
    if cut_off and len(groups) > 1:
        groups.popitem()  # its other lines were not read
    shown = dict(list(groups.items())[:limit])
    views = await _views(viewer, list(shown))
    first = [row["segment"] for group in shown.values() for row in _lines_of(group)[:LINES_SHOWN]]
    texts = await _texts(first)
    hits = [_hit(sought, views[call], group, texts) for call, group in shown.items() if call in views]
    last = min((row["id"] for group in shown.values() for row in group), default=None)
    more = len(groups) > limit or (cut_off and bool(groups))
    found = Found(
        "call",
        [hit for hit in hits if hit.lines or hit.title_fits],
        min(len(groups), COUNTED),
        cut_off or len(groups) > COUNTED,
        (0, 0, last) if more and last is not None else None,
    )
    return found, not cut_off


def _lines_of(group: list[Row]) -> list[Row]:
    return [row for row in group if row["segment"] is not None]


def _hit(sought: Sought, call: RecordingView, group: list[Row], texts: dict[UUID, Row]) -> CallHit:
    spoken = _lines_of(group) if call.may_hear else []
    lines: list[LineHit] = []
    for row in spoken[:LINES_SHOWN]:
        line = texts.get(row["segment"])
        places = sought.places(line["text"]) if line else None
        if line and places:
            lines.append(LineHit(line["start_ms"], line["speaker"], excerpt(line["text"], places)))
    title = sought.places(call.title)
    return CallHit(
        call,
        pieces(call.title, title or []),
        lines,
        max(0, len(spoken) - LINES_SHOWN),
        title_fits=bool(title),
    )


async def _scattered(
    viewer: Viewer, sought: Sought, within: queries.Within, limit: int, after: After
) -> Found:
    """Calls that hold all, but not in one line: `limit` of them after (start of the run, tier, key), and how many
    there are from the start of the run on."""
    start, tier, key = after
    rows = await queries.scattered(sought, within, before=start or None, limit=COUNTED + 1)
    counted = Found("call", (), min(len(rows), COUNTED), len(rows) > COUNTED)
    if not rows:
        return counted
    if not limit:
        return Found("call", (), counted.count, counted.many, after)
    run = rows[:RANKED]
    near = await _nearest(sought, [row["recording"] for row in run])
    ranked = sorted(
        (near[row["recording"]].tier, -row["id"], row["recording"]) for row in run if row["recording"] in near
    )
    left = [each for each in ranked if (each[0], each[1]) > (tier, -key)]
    shown = left[:limit]
    going_on: After | None = None
    if len(left) > limit:
        going_on = (start, shown[-1][0], -shown[-1][1])
    elif len(rows) > RANKED:
        going_on = (run[-1]["id"], 1, HIGHEST)
    calls = [call for _tier, _key, call in shown]
    views = await _views(viewer, calls)
    texts = await _texts([segment for call in calls for segment in near[call].segments])
    hits = [
        hit
        for call in calls
        if call in views and (hit := _scattered_hit(sought, views[call], near[call], texts))
    ]
    return Found("call", hits, counted.count, counted.many, going_on)


async def _nearest(sought: Sought, calls: list[UUID]) -> dict[UUID, Nearest]:
    held: dict[UUID, list[Held]] = {}
    for row in await queries.lines_with_any(sought, calls):
        held.setdefault(row["recording"], []).append(Held(row["segment"], row["position"], row["held"]))
    return {call: nearest(lines, len(sought.parts)) for call, lines in held.items()}


def _scattered_hit(
    sought: Sought, call: RecordingView, near: Nearest, texts: dict[UUID, Row]
) -> CallHit | None:
    lines = [texts[segment] for segment in near.segments if segment in texts]
    if not call.may_hear or not sought.held_by([call.title, *(line["text"] for line in lines)]):
        return None
    return CallHit(
        call,
        pieces(call.title, sought.some_places(call.title)),
        [
            LineHit(
                line["start_ms"], line["speaker"], excerpt(line["text"], sought.some_places(line["text"]))
            )
            for line in lines
        ],
        0,
        title_fits=False,
        within=near.within,
    )


async def _views(viewer: Viewer, calls: list[UUID]) -> dict[UUID, RecordingView]:
    found = await visible_recordings(viewer, ids=calls, limit=len(calls)) if calls else []
    return {call.id: call for call in found if call.state == "ready"}


async def _texts(segments: list[UUID]) -> dict[UUID, Row]:
    return {row["id"]: row for row in (await queries.line_texts(segments) if segments else [])}
