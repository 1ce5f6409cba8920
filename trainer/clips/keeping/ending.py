"""What ends when: the page's list with what could stand in for each clip, the warning ahead, and the end itself.

Invariant: a clip in use is warned of once, 14 days before the day on which it ends; it ends on that day whether or
not anybody looked.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.calls import keeping as calls
from trainer.clips import reading
from trainer.clips.keeping import queries
from trainer.clips.keeping.tables import ClipCredit, ClipRenewal
from trainer.clips.out_of_use import end_clips
from trainer.clips.rendering import drop_forgotten
from trainer.clips.tables import Clip
from trainer.clips.views import ClipView, RuleRef, last_day
from trainer.jobs import JobContext
from trainer.notices import kinds
from trainer.notices.service import notify_many
from trainer.people.audit import record_audit
from trainer.people.service import people_by_ids
from trainer.problems import Forbidden
from trainer.rulebook.programmes import workers_on
from trainer.web.i18n import _, ngettext
from trainer.web.session import Viewer

SEE = ("trainer", "qa_analyst", "team_lead")
WARN = timedelta(days=14)
WINDOWS = (14, 30, 90)
MOST_STAND_INS = 3
MOST_CALLS = 50


@dataclass(frozen=True, slots=True)
class StandIns:
    """For one rule of a clip that ends: what lets one hear the rule after that. `last`: no clip in use would."""

    rule: RuleRef
    clips: tuple[ClipView, ...]
    drafts: tuple[ClipView, ...]
    last: bool


@dataclass(frozen=True, slots=True)
class Ending:
    """A clip in use that ends soon."""

    clip: ClipView
    ends_at: datetime
    last_day: date | None
    stand_ins: tuple[StandIns, ...]
    asked: bool

    @property
    def days(self) -> int:
        """Whole days left."""
        return max((self.ends_at - db.utc_now()).days, 0)


@dataclass(frozen=True, slots=True)
class EndingCall:
    """A call without a clip in use that ends soon."""

    id: UUID
    title: str
    agent_name: str | None
    retain_until: date | None
    expires_at: datetime
    drafts: int


def forbidden() -> str:
    """Why somebody does not see what ends when."""
    return _("What ends when is seen by those who work with calls.")


async def ending_soon(viewer: Viewer, within: timedelta = WARN) -> list[Ending]:
    """The clips in use that end within this time, of the calls that the viewer works with; first to end first.

    Raises Forbidden.
    """
    rows = await _reached(viewer, await queries.ending(db.utc_now() + within))
    clips = await reading.clips_by_ids(viewer, [row["id"] for row in rows]) if rows else {}
    rows = [row for row in rows if row["id"] in clips]
    asked = {row["clip"] for row in await queries.renewals(states=("asked",))} if rows else set()
    others: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    rules = list({rule.id for clip in clips.values() for rule in clip.rules})
    for each in await queries.could_stand_in(rules) if rules else []:
        others[each["rule"]].append(each)
    longer = {
        (clip.id, rule.id): _kept_longer(clip, others[rule.id])
        for clip in clips.values()
        for rule in clip.rules
    }
    wanted = {
        each["id"] for found in longer.values() for each in (*_first(found, True), *_first(found, False))
    }
    views = await reading.clips_by_ids(viewer, wanted)
    return [
        Ending(
            clip=clips[row["id"]],
            ends_at=row["expires_at"] or row["call_expires_at"],
            last_day=row["keep_until"] or row["retain_until"],
            stand_ins=tuple(
                _stand_ins(rule, longer[row["id"], rule.id], views) for rule in clips[row["id"]].rules
            ),
            asked=row["id"] in asked,
        )
        for row in rows
    ]


def _kept_longer(clip: ClipView, others: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Clips of the same kind that are kept longer, those in the same language first, and played ones last."""
    found = [
        each
        for each in others
        if each["id"] != clip.id
        and each["polarity"] == clip.polarity
        and _outlasts(reading.end_of(each), clip.expires_at)
    ]
    return sorted(found, key=lambda each: (each["language"] != clip.language, bool(each["staged"])))


def _outlasts(end: datetime | None, other: datetime | None) -> bool:
    return end is None or (other is not None and end > other)


def _first(found: Sequence[dict[str, Any]], used: bool) -> list[dict[str, Any]]:
    """The first few that are in use, or begun; some more than are shown, as not everybody hears all of them."""
    return [each for each in found if (each["state"] == "published") is used][: 2 * MOST_STAND_INS]


def _stand_ins(rule: RuleRef, found: Sequence[dict[str, Any]], views: Mapping[UUID, ClipView]) -> StandIns:
    def heard(used: bool) -> tuple[ClipView, ...]:
        shown = [views[each["id"]] for each in _first(found, used) if each["id"] in views]
        return tuple(shown[:MOST_STAND_INS])

    last = not any(each["state"] == "published" and not each["staged"] for each in found)
    return StandIns(rule, heard(True), heard(False), last)


async def calls_ending(viewer: Viewer, within: timedelta = WARN) -> list[EndingCall]:
    """The calls that end within this time without a clip in use. Raises Forbidden."""
    rows = await _reached(viewer, await queries.calls_ending(db.utc_now() + within))
    names = EndingCall.__dataclass_fields__
    return [EndingCall(**{name: row[name] for name in names}) for row in rows[:MOST_CALLS]]


async def kept_by_themselves(viewer: Viewer) -> list[ClipView]:
    """The clips that were renewed, first to end first. Raises Forbidden."""
    rows = await _reached(viewer, await queries.renewed())
    clips = await reading.clips_by_ids(viewer, [row["id"] for row in rows]) if rows else {}
    return [clips[row["id"]] for row in rows if row["id"] in clips]


async def count_ending(viewer: Viewer, within: timedelta = WARN) -> int:
    """How many clips in use end within this time; 0 for those who do not see it."""
    if not viewer.has(*SEE):
        return 0
    return len(await _reached(viewer, await queries.ending(db.utc_now() + within)))


async def _reached(viewer: Viewer, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not viewer.has(*SEE):
        raise Forbidden(forbidden())
    reach = await reading.reach_of(viewer)
    return [row for row in rows if reach.makes(row["programme"], row["agent_team"])]


# The warning


@jobs.schedule("warn_of_ending_clips", at="05:40")
async def warn_of_ending_clips(context: JobContext) -> None:
    """Daily: whoever cut a clip that ends within 14 days, and the trainers of its programme, are told once."""
    now = db.utc_now()
    async with db.transaction():
        await db.lock("warn_of_ending_clips")
        claimed = {row["id"] for row in await queries.claim_warnings(now, now + WARN, now - WARN)}
        if not claimed:
            return
        told: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
        ending = [row for row in await queries.ending(now + WARN) if row["id"] in claimed]
        curators = await people_by_ids([row["curator"] for row in ending if row["curator"]])
        trainers = {each: await workers_on(each, "trainer") for each in {row["programme"] for row in ending}}
        for row in ending:
            people = set(trainers[row["programme"]])
            curator = curators.get(row["curator"])
            if curator is not None and curator.active and curator.roles & set(SEE):
                people.add(curator.id)
            for person in people:
                told[person].append(row)
        for person, rows in told.items():
            first = rows[0]["expires_at"] or rows[0]["call_expires_at"]
            await notify_many(
                [person],
                "clips_end",
                source=f"clips_end:{context.job_id}",
                href="/clips/keeping",
                # the day on which the first one is silent; the page says the last day of each
                params={"count": len(rows), "on": str(last_day(first))},
            )


# The end


@jobs.schedule("expire_clips", every=timedelta(hours=1))
async def expire_clips(context: JobContext) -> None:
    """Clips whose own day is over end, each in a transaction of its own; those of calls end with them."""
    now = db.utc_now()
    for row in await queries.over(now):
        async with db.transaction():
            await calls.hold(row["recording"])
            await end_what_is_over(row["id"], row["recording"], now)


async def end_what_is_over(clip: UUID, recording: UUID, now: datetime) -> bool:
    """Inside a transaction that holds the call: ends one clip with its versions if its day is over, then what is left
    of its call. False: it was prolonged meanwhile, or is gone.
    """
    row = await queries.still_due(clip, now)
    if row is None:
        return False
    await end_clips((Clip.id == clip) | (Clip.replaces == clip))
    await record_audit(None, "clip_expired", "clip", str(clip))
    await jobs.enqueue(drop_sounds, {"recording": str(recording)})
    await calls.let_go(recording, now)
    return True


@jobs.job("drop_clip_sounds", attempts=20)
async def drop_sounds(context: JobContext, recording: str) -> None:
    """Takes the sounds of ended clips out of the storage, however often that has to be tried."""
    await drop_forgotten(UUID(recording))


@jobs.on("clip_lost")
async def close_renewals(context: JobContext, event: dict[str, Any]) -> None:
    """A question about a clip that is gone is open no more; what was written with the answers goes with it."""
    clip = UUID(event["clip"])
    async with db.transaction():
        still = (ClipRenewal.clip == clip) & (ClipRenewal.state == "asked")
        await ClipRenewal.update({ClipRenewal.state: "lapsed"}).where(still)
        await ClipRenewal.update({ClipRenewal.words: ""}).where(ClipRenewal.clip == clip)
        await ClipCredit.delete().where(ClipCredit.clip == clip)


@jobs.on("person_erased")
async def forget_words(context: JobContext, event: dict[str, Any]) -> None:
    """What somebody wrote with their answers goes with their name; that they answered stays."""
    person = UUID(event["person"])
    await ClipRenewal.update({ClipRenewal.words: ""}).where(ClipRenewal.person == person)
    await ClipCredit.delete().where(ClipCredit.person == person)


kinds.register(
    kinds.Kind(
        "clips_end",
        words=lambda params: (
            ngettext(
                "A clip ends on %(on)s: renew it, or find another",
                "%(count)s clips end soon, the first on %(on)s: renew them, or find others",
                params["count"],
            )
            % params
        ),
        title_for_choice=lambda: _("Clips that end within 14 days"),
        icon="timer",
        default_way="mail",
        roles=SEE,
    )
)
