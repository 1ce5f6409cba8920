"""Clips as others see them: who may see which, and the one view that pages, the API and upper domains use.

`load_clip` opens one and `visible_clips` lists many; both follow the same rights (tests hold them together):
published ones are for everybody who is signed in; drafts for those who may hear the call that they are cut from
(trainers and QA analysts of its programme, its agent's lead); retired and superseded ones for its trainers and for
whoever's history needs them; what was taken down is heard by nobody, and known to trainers and admins.
A counterexample or near miss sounds only with the yes of the agent heard, and not to that agent's own team unless
they said so; until they have answered, the agent too may hear what they are asked about.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from trainer import db
from trainer.calls.proofs import EXPIRED
from trainer.calls.reading import Within, within
from trainer.clips import queries
from trainer.clips.arithmetic import Cut, Line
from trainer.clips.views import ClipView, RuleRef, Sound
from trainer.problems import Conflict, Gone, NotFound
from trainer.web.api import Page, key_of
from trainer.web.i18n import _
from trainer.web.session import Viewer

POLARITIES = ("exemplar", "near_miss", "counterexample")
OPEN_STATES = ("draft", "in_review")
STOPPERS = ("trainer", "admin")
NAMERS = ("trainer", "qa_analyst")

HistoryCheck = Callable[[UUID, UUID], Awaitable[bool]]
_history_checks: list[HistoryCheck] = []


def allow_history(check: HistoryCheck) -> None:
    """An upper domain says whose past needs a clip: `check(person, clip)` → may hear it though retired."""
    if check not in _history_checks:
        _history_checks.append(check)


def sound_key(recording: UUID, render_key: str) -> str:
    """The storage key of a rendered clip: below the recording's id, so that erasing a call finds it."""
    return f"clips/{recording}/{render_key}.mp3"


async def reach_of(viewer: Viewer | None, bounds: Within | None = None) -> queries.Reach:
    """What a viewer may find; None is the system itself. `bounds`: the viewer's, where they are at hand."""
    if viewer is None:
        return queries.Reach(everything=True)
    bounds = bounds or await within(viewer)
    return queries.Reach(
        works=bounds.works,
        programmes=bounds.programmes,
        drafts_of_team=bounds.team,
        retires=viewer.has("trainer"),
        stops=viewer.has(*STOPPERS),
        person=viewer.id,
        team=viewer.team,
    )


def asked_of(viewer: Viewer | None, row: dict[str, Any]) -> bool:
    """Whether the viewer is the agent heard and was asked about this very clip."""
    return viewer is not None and row["agent"] == viewer.id and row["consent"] is not None


def needs_yes(row: dict[str, Any]) -> bool:
    """Whether the agent heard has to agree before a clip is published.

    Staged calls are exempt (they were played for training), and calls without an agent (nobody of this centre is
    heard in them).
    """
    return row["polarity"] != "exemplar" and not row["staged"] and row["agent"] is not None


def _agreed(row: dict[str, Any]) -> bool:
    return not needs_yes(row) or row["consent"] in ("yes", "team")


def _kept_from(viewer: Viewer | None, row: dict[str, Any], reach: queries.Reach) -> bool:
    """Whether a clip is not played to this viewer because they are of the team of the agent heard."""
    if viewer is None or viewer.team is None or viewer.team != row["agent_team"] or not needs_yes(row):
        return False
    made = reach.makes(row["programme"], row["agent_team"])
    return row["consent"] != "team" and viewer.id != row["agent"] and not made


async def load_clip(viewer: Viewer | None, clip_id: UUID, *, stopped: bool = False) -> ClipView:
    """One clip; with `stopped`, trainers and admins also get one that was taken down, to decide about it.

    Raises NotFound where the viewer may not know of it, Gone once its call is erased or over, or it was taken down.
    """
    row = await queries.clip_row(clip_id)
    reach = await reach_of(viewer)
    await _check_sight(viewer, row, reach, stopped=stopped)
    assert row is not None
    return (await _views(viewer, [row], reach))[0]


async def visible_clips(
    viewer: Viewer | None,
    *,
    states: Sequence[str] = ("published",),
    rule: str | None = None,
    polarity: str | None = None,
    recording: UUID | None = None,
    curator: UUID | None = None,
    words: str = "",
    tag: str = "",
    ids: Sequence[UUID] | None = None,
    limit: int = 50,
    after: tuple[datetime, UUID] | None = None,
) -> list[ClipView]:
    """Clips that the viewer may see, latest change first: of one rule (its code), kind, call or with words.

    `ids` keeps to these clips. `after`: (updated_at, id) of the last one that was shown. States out of the viewer's
    reach are left out silently.
    """
    wanted = queries.Wanted(tuple(states), rule, polarity, recording, curator, words.strip(), tag, ids)
    reach = await reach_of(viewer)
    return await _views(viewer, await queries.listed(reach, wanted, limit=limit, after=after), reach)


async def clips_by_ids(
    viewer: Viewer | None, ids: Iterable[UUID], *, with_rules: bool = True
) -> dict[UUID, ClipView]:
    """Several clips by id, retired ones too (history needs them); none that is erased, was taken down, is a draft
    of others or is kept from this viewer.

    `with_rules=False` leaves their rules out and saves a query, where the caller knows the rule already.
    """
    wanted = list(dict.fromkeys(ids))
    reach = await reach_of(viewer) if wanted else queries.Reach()
    rows = [row for row in (await queries.clip_rows(wanted) if wanted else []) if _sounds(viewer, row, reach)]
    return {view.id: view for view in await _views(viewer, rows, reach, with_rules=with_rules)}


def _sounds(viewer: Viewer | None, row: dict[str, Any], reach: queries.Reach) -> bool:
    """Whether a clip, retired or not, may be played to this viewer now."""
    if not living(row) or row["state"] in ("taken_down", "erased"):
        return False
    if row["state"] in OPEN_STATES:
        return reach.makes(row["programme"], row["agent_team"])
    return _agreed(row) and not _kept_from(viewer, row, reach)


async def gap_sentence(viewer: Viewer | None, ids: Iterable[UUID]) -> str:
    """What stands in the place of clips that this viewer does not hear (any more), kindly.

    It never tells that somebody of the viewer's own team is heard.
    """
    reach = await reach_of(viewer)
    rows = [row for row in await queries.clip_rows(list(ids)) if not _sounds(viewer, row, reach)]
    go_on = _("You can go on without it.")
    if any("erased" in (row["state"], row["recording_state"]) and not _ran_out(row) for row in rows):
        return _("The call that this clip was cut from was erased, and the clip with it.") + " " + go_on
    if any(not living(row) and not _kept_from(viewer, row, reach) for row in rows):
        return over_sentence() + " " + go_on
    if any(row["state"] == "taken_down" and not _kept_from(viewer, row, reach) for row in rows):
        return taken_down_sentence() + " " + go_on
    return _("This clip is not played here.") + " " + go_on


async def clips_by_slugs(slugs: Iterable[str]) -> dict[str, ClipView]:
    """Clips of a library by their stable names, whoever asks; unknown names are left out."""
    rows = await queries.clips_by_slug(list(dict.fromkeys(slugs)))
    clips = await clips_by_ids(None, [row["id"] for row in rows.values()])
    return {slug: clips[row["id"]] for slug, row in rows.items() if row["id"] in clips}


async def clips_of_rules(
    rule_ids: Sequence[UUID], viewer: Viewer | None = None
) -> dict[UUID, list[ClipView]]:
    """Published clips per rule, oldest first; a rule without one has an empty list: the gap."""
    rows = await queries.published_of_rules(rule_ids) if rule_ids else []
    reach = await reach_of(viewer) if rows else queries.Reach()
    views = await _views(viewer, [row for row in rows if _sounds(viewer, row, reach)], reach)
    return {rule: [view for view in views if any(ref.id == rule for ref in view.rules)] for rule in rule_ids}


async def old_versions(viewer: Viewer, clip: ClipView) -> list[ClipView]:
    """What a clip was before, newest first; empty for those who may not hear it."""
    reach = await reach_of(viewer)
    if not reach.retires:
        return []
    rows = [
        row
        for row in await queries.versions_of(clip.named)
        if reach.makes(row["programme"], row["agent_team"])
    ]
    return await _views(viewer, [row for row in rows if _sounds(viewer, row, reach)], reach)


async def load_sound(viewer: Viewer, clip_id: UUID) -> Sound:
    """Where the audio of a clip lies. Raises as `load_clip`, and Conflict while it is still being made."""
    row = await queries.sound_row(clip_id)
    await _check_sight(viewer, row, await reach_of(viewer))
    assert row is not None
    if row["render"] != "ready":
        raise Conflict(
            _("The sound of this clip is still being made."), slug="render-not-ready", render=row["render"]
        )
    return Sound(sound_key(row["recording"], row["render_key"]), row["render_key"], row["size_bytes"])


def end_of(row: dict[str, Any]) -> datetime | None:
    """When a clip ends: on its own day once it was renewed, else with its call."""
    ends: datetime | None = row["own_expires_at"] or row["expires_at"]
    return ends


def living(row: dict[str, Any]) -> bool:
    """Whether a clip may still be heard; the job that ends it or its call may be an hour away."""
    end = end_of(row)
    there = row["recording_state"] == "ready" or (
        row["recording_state"] == "expired" and row["own_expires_at"] is not None
    )
    return there and (end is None or end > db.utc_now())


def _ran_out(row: dict[str, Any]) -> bool:
    """Whether a clip that is gone ended on its day; else somebody had its call erased."""
    end = end_of(row)
    if row["recording_state"] == "erased":
        return bool(row["recording_erased_why"] == EXPIRED)
    return end is not None and end <= db.utc_now()


def over_sentence() -> str:
    """What stands in the place of a clip whose day is over."""
    return _("The day until which this clip was kept is over.")


async def _check_sight(
    viewer: Viewer | None, row: dict[str, Any] | None, reach: queries.Reach, *, stopped: bool = False
) -> None:
    missing = NotFound(_("There is no such clip, or it is not open to you."))
    if row is None:
        raise missing
    made = reach.makes(row["programme"], row["agent_team"])
    if row["state"] == "erased" or not living(row):
        # whoever could know of the clip learns what became of it; of a draft, others never hear
        if row["published_at"] is None and not made:
            raise missing
        if not _ran_out(row) and "erased" in (row["state"], row["recording_state"]):
            raise Gone(_("The call that this clip was cut from was erased, and the clip with it."))
        raise Gone(over_sentence(), slug="expired")
    if row["state"] in OPEN_STATES:
        if not made and not asked_of(viewer, row):
            raise missing
    elif _kept_from(viewer, row, reach):
        # nobody is told why: that would say who is heard
        raise missing
    elif row["state"] == "taken_down":
        if not (stopped and (reach.stops or reach.everything)):
            raise Gone(taken_down_sentence(), slug="taken-down")
    elif not _agreed(row):
        if not made:
            raise Gone(taken_down_sentence(), slug="taken-down")
    elif row["state"] in ("retired", "superseded") and not (reach.everything or (made and reach.retires)):
        person = viewer.id if viewer else None
        needed = [person is not None and await check(person, row["id"]) for check in _history_checks]
        if not any(needed):
            raise missing


def taken_down_sentence() -> str:
    """What stands in the place of a clip that was stopped."""
    return _("This clip was taken down.")


async def _views(
    viewer: Viewer | None, rows: list[dict[str, Any]], reach: queries.Reach, *, with_rules: bool = True
) -> list[ClipView]:
    if not rows:
        return []
    rules: dict[UUID, list[RuleRef]] = {}
    for rule in await queries.rules_of([row["id"] for row in rows]) if with_rules else []:
        clip = rule.pop("clip")
        texts = {name: msgspec.json.decode(rule[name]) for name in ("title", "statement", "whys")}
        rules.setdefault(clip, []).append(RuleRef(**{**rule, **texts}))
    return [_view(viewer, row, reach, tuple(rules.get(row["id"], ()))) for row in rows]


def _view(
    viewer: Viewer | None, row: dict[str, Any], reach: queries.Reach, rules: tuple[RuleRef, ...]
) -> ClipView:
    decode = msgspec.json.decode
    makes = reach.makes(row["programme"], row["agent_team"])
    # Others are told whose good moment it is where that agent said so, and of one that went wrong never.
    works = viewer is None or (makes and viewer.has(*NAMERS)) or viewer.id == row["agent"]
    named = works or (row["polarity"] == "exemplar" and bool(row["credited"]))
    taken = {name: row[name] for name in _TAKEN}
    return ClipView(
        **taken,
        titles=decode(row["title"]),
        notes=decode(row["note"]),
        whys=decode(row["why"]),
        redactions=tuple(Cut(**cut) for cut in decode(row["redactions"])),
        duration_ms=row["duration_ms"] or row["end_ms"] - row["start_ms"],
        recording_ms=row["recording_ms"] or 0,
        bars=decode(row["bars"]),
        lines=[Line(**line) for line in decode(row["transcript"])],
        typed=None if row["typed"] is None else tuple(Line(**line) for line in decode(row["typed"])),
        expires_at=end_of(row),
        credited=bool(row["credited"]),
        agent=row["agent"] if named else None,
        agent_name=row["agent_name"] if named else None,
        makes=makes,
        consent_needed=needs_yes(row),
        rules=rules,
    )


_TAKEN = (
    "id",
    "recording",
    "recording_title",
    "recording_state",
    "keep_basis",
    "keep_until",
    "replaces",
    "draft",
    "version",
    "state",
    "slug",
    "polarity",
    "language",
    "start_ms",
    "end_ms",
    "cue_ms",
    "no_speech",
    "privacy_checked_at",
    "render",
    "render_error",
    "staged",
    "tag",
    "own_tag",
    "agent_team",
    "curator",
    "curator_name",
    "revision",
    "created_at",
    "updated_at",
    "updated_by",
    "updated_by_name",
    "submitted_by",
    "submitted_by_name",
    "published_at",
    "about",
    "consent",
    "taken_down_at",
    "taken_down_by_name",
    "taken_down_why",
)


def place_of(clip: ClipView) -> list[str]:
    """Where a clip stands in lists, for a cursor."""
    return [clip.updated_at.isoformat(), str(clip.id)]


def place_after(cursor: list[Any] | None) -> tuple[datetime, UUID] | None:
    """What `place_of` made, read back. Raises Malformed."""
    found: tuple[datetime, UUID] | None = key_of(Page(1, cursor), datetime.fromisoformat, UUID)
    return found
