"""Raw SQL of finding clips, and what is made of them: playlists and contrast pairs.

A clip has an entry of what everybody reads of it, and one (`inside`) of that and what only those read who make clips:
why a rule is met or missed, and what reviewers wrote of a draft. Each person finds it by the one that they may read.
"""

from collections.abc import Sequence
from uuid import UUID

from trainer import db
from trainer.clips.queries import LIVING, TAG
from trainer.clips.queries import Reach as ClipReach
from trainer.search.filters import VALUE, Condition, Filters
from trainer.search.queries import Mark, Row, anything, found, question, those
from trainer.search.sought import Sought

_CREDITED = """(clip.polarity = 'exemplar' AND EXISTS (
    SELECT 1 FROM clip_credit credit WHERE credit.clip = COALESCE(clip.replaces, clip.id)
    AND credit.person = recording.agent AND credit.named))"""

PAIRS_AT_ONCE = 200

# Grows with the clip, and changes with what reviewers wrote of a draft, which is no edit of it.
INSIDE_STAMP = """(clip.revision * 1000 + CASE WHEN clip.state IN ('draft', 'in_review') THEN (
    SELECT COUNT(*) FROM clip_review review WHERE review.clip = COALESCE(clip.replaces, clip.id)
    AND review.version = clip.version AND review.words <> '') ELSE 0 END)"""
# Changes with the clip that is named first, and with what its rule is called.
PAIR_STAMP = "(good.revision * 1000 + pinned.rule_version)"
PAIR_JOINS = """JOIN clip good ON good.id = pair.good
    JOIN clip_rule pinned ON pinned.clip = good.id AND pinned.rule = pair.rule"""


async def clips(
    sought: Sought,
    filters: Filters,
    reach: ClipReach,
    *,
    person: UUID,
    names: bool,
    before: int | None,
    limit: int,
) -> list[Row]:
    """Clips within reach, drafts and retired ones too where that reaches them.

    By agent only those are found whose agent is `person`, or shown to them: exemplars where the agent wants to be
    named, and where they work with the call and see `names`, all.
    """
    makes, makes_params = reach.made()
    made, made_params = (makes, makes_params) if names else ("1 = 0", [])
    named, params = reach.condition(("published", "draft", "in_review", "retired"))
    marks: list[Mark] = {"1 = 1": ["made"], "1 = 0": ["clip"]}.get(makes, ["clip", "made"])  # type: ignore[assignment]
    conditions: list[Condition] = [
        (f"entry.revision = CASE WHEN entry.inside THEN {INSIDE_STAMP} ELSE clip.revision END", []),
        (LIVING, [db.utc_now()]),
        (named, params),
    ]
    if len(marks) > 1:
        conditions.append((f"CASE WHEN {makes} THEN entry.inside ELSE NOT entry.inside END", makes_params))
    conditions += filters.conditions(
        {
            "rule": (
                """EXISTS (SELECT 1 FROM clip_rule JOIN rule ON rule.id = clip_rule.rule
                           WHERE clip_rule.clip = clip.id AND rule.code = {})""",
                [VALUE],
            ),
            "polarity": ("clip.polarity = {}", [VALUE]),
            "agent": (
                f"""(recording.agent = {{}} AND ({_CREDITED} OR recording.agent = {{}} OR {made}))""",
                [VALUE, person, *made_params],
            ),
            "language": ("clip.language = {}", [VALUE]),
            "tag": (f"{TAG} = {{}}", [VALUE]),
            "since": ("COALESCE(clip.published_at, clip.created_at) >= {}", [VALUE]),
            "until": ("COALESCE(clip.published_at, clip.created_at) < {}", [VALUE]),
            "shortest_ms": ("clip.duration_ms >= {}", [VALUE]),
            "longest_ms": ("clip.duration_ms <= {}", [VALUE]),
        }
    )
    return await found(
        question(marks, sought.parts, sought.without),
        "entry.clip",
        """JOIN clip ON clip.id = entry.clip JOIN recording ON recording.id = clip.recording
           LEFT JOIN person heard ON heard.id = recording.agent""",
        conditions,
        before=before,
        limit=limit,
    )


def _plays(reach: ClipReach) -> Condition:
    """Whether a clip plays to somebody, as their playlists and pairs ask."""
    heard, params = reach.condition(("published",))
    return f"clip.render = 'ready' AND {LIVING} AND {heard}", [db.utc_now(), *params]


_HEARD = """clip JOIN recording ON recording.id = clip.recording
    LEFT JOIN person heard ON heard.id = recording.agent"""


async def playlists(
    sought: Sought,
    reach: ClipReach,
    *,
    person: UUID,
    shown: Sequence[str],
    before: int | None,
    limit: int,
) -> list[Row]:
    """Somebody's own playlists and those shown to them (`visible`) whose title, note and notes on clips that play to
    them together hold all parts."""
    if not await anything(question(["playlist"], sought.parts[:1])):
        return []
    plays, params = _plays(reach)
    playing = f"EXISTS (SELECT 1 FROM {_HEARD} WHERE clip.id = item.clip AND {plays})"
    open_to: Condition = (f"(said.playlist_item IS NULL OR (item.note <> '' AND {playing}))", params)
    joins = "LEFT JOIN playlist_item item ON item.id = said.playlist_item"
    where: list[Condition] = [
        ("(playlist.owner = {} OR playlist.visible IN ({}))", [person, list(shown)]),
        ("main.playlist_item IS NULL AND main.revision = playlist.revision", []),
    ]
    for part in sought.parts:
        text, given = those("playlist", question(["playlist"], [part]), joins, open_to)
        where.append((f"main.playlist IN ({text})", given))
    for part in sought.without:
        text, given = those("playlist", question(["playlist"], [part]), joins, open_to)
        where.append((f"main.playlist NOT IN ({text})", given))
    if before is not None:
        where.append(("main.id < {}", [before]))
    # + 0: else all of the index would be walked through in this order
    return await db.fetch(
        f"""SELECT main.id, main.playlist FROM search_entry main JOIN playlist ON playlist.id = main.playlist
            WHERE {" AND ".join(text for text, _params in where)} ORDER BY main.id + 0 DESC LIMIT {{}}""",
        *(param for _text, given in where for param in given),
        limit,
    )


async def item_notes(playlists: Sequence[UUID]) -> list[Row]:
    """What is written beside the clips of these playlists, in order."""
    return await db.fetch(
        """SELECT playlist, clip, note FROM playlist_item WHERE playlist IN ({}) AND note <> ''
           ORDER BY playlist, position, id""",
        list(playlists),
    )


async def pairs(
    sought: Sought, filters: Filters, reach: ClipReach, *, before: int | None, limit: int
) -> list[Row]:
    """Contrast pairs of which somebody hears both clips, by what their rule is called and what was noted.

    In steps, each of which is easily planned: in one, PostgreSQL would think for longer than it takes to answer.
    """
    hears: list[Row] = []
    while True:
        asked = question(["pair"], sought.parts, sought.without)
        rows = await found(asked, "entry.pair, entry.revision", "", [], before=before, limit=PAIRS_AT_ONCE)
        sound = await _sound_pairs(filters, {row["pair"]: row["revision"] for row in rows})
        playing = await _playing(reach, [clip for both in sound.values() for clip in both])
        hears += [row for row in rows if row["pair"] in sound and playing.issuperset(sound[row["pair"]])]
        if len(hears) >= limit or len(rows) < PAIRS_AT_ONCE:
            return hears[:limit]
        before = rows[-1]["id"]


async def _sound_pairs(filters: Filters, stamps: dict[UUID, int]) -> dict[UUID, tuple[UUID, UUID]]:
    """The two clips of each of these pairs that still is one, as it was when it got this stamp."""
    if not stamps:
        return {}
    pinned = "SELECT 1 FROM clip_rule WHERE clip_rule.clip = other.id AND clip_rule.rule = pair.rule"
    narrowed = filters.conditions(
        {"rule": ("rule.code = {}", [VALUE]), "language": ("good.language = {}", [VALUE])}
    )
    rows = await db.fetch(
        f"""SELECT pair.id, pair.good, pair.other, {PAIR_STAMP} AS stamp
            FROM clip_pair pair JOIN rule ON rule.id = pair.rule {PAIR_JOINS} JOIN clip other ON other.id = pair.other
            WHERE pair.id IN ({{}}) AND good.polarity = 'exemplar' AND other.polarity <> 'exemplar'
              AND {" AND ".join([f"EXISTS ({pinned})", *(text for text, _params in narrowed)])}""",
        list(stamps),
        *(param for _text, params in narrowed for param in params),
    )
    return {row["id"]: (row["good"], row["other"]) for row in rows if row["stamp"] == stamps[row["id"]]}


async def _playing(reach: ClipReach, clips: Sequence[UUID]) -> set[UUID]:
    if not clips:
        return set()
    plays, params = _plays(reach)
    rows = await db.fetch(
        f"SELECT clip.id FROM {_HEARD} WHERE clip.id IN ({{}}) AND {plays}", list(clips), *params
    )
    return {row["id"] for row in rows}
