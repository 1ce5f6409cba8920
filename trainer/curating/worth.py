"""Calls worth hearing: of all that nobody has time to hear, those for which something speaks (issue 4).

It falls silent for long, people talk over each other, the caller was unhappy or delighted, an analyst marked a no-go
zone or the very rule that a clip is wanted of. A call leaves the list once a trainer heard it, a clip was cut from it,
or somebody said "not this one". Invariant: only calls that the viewer may hear are proposed (`calls.reading`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer import db
from trainer.calls.queries import Reach
from trainer.calls.reading import Within, within
from trainer.calls.service import load_for_hearing
from trainer.curating import queries
from trainer.curating.queries import REASONS, Limits, Wanted
from trainer.curating.tables import PassedCall
from trainer.people.audit import record_audit
from trainer.problems import Forbidden
from trainer.rulebook.views import RuleView
from trainer.web.i18n import _, ngettext
from trainer.web.session import Viewer

CURATORS = ("trainer", "qa_analyst")
KINDS = ("exemplar", "near_miss", "counterexample")
LIMITS = Limits(silence_ms=15_000, talk_over_ms=4_000)
# A moment is opened a little before it happens.
RUN_UP_MS = 4_000

__all__ = ["CURATORS", "KINDS", "REASONS", "Proposal", "Reason", "pass_by", "proposals", "put_back"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a call is proposed, in words; `at_ms` is where it happens, if that is known."""

    name: str
    words: str
    icon: str
    at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A call worth hearing. `key` is its place in the list; `passed_by` who put it away, `passed_at` when."""

    id: UUID
    title: str
    agent_name: str | None
    called_at: datetime | None
    duration_ms: int | None
    language: str
    tag: str
    reasons: tuple[Reason, ...]
    passed_at: datetime | None
    passed_by: str | None
    key: tuple[int, datetime, UUID]

    @property
    def at_ms(self) -> int | None:
        """Where to begin to listen: shortly before the first thing that has a place."""
        places = [reason.at_ms for reason in self.reasons if reason.at_ms is not None]
        return max(0, places[0] - RUN_UP_MS) if places else None


async def proposals(
    viewer: Viewer,
    *,
    rule: RuleView | None = None,
    kind: str = "",
    language: str = "",
    but_agent: UUID | None = None,
    why: str = "",
    passed: bool = False,
    after: tuple[int, datetime, UUID] | None = None,
    limit: int = 30,
    bounds: Within | None = None,
) -> list[Proposal]:
    """Calls worth hearing, the weightiest first; of one rule, those of its programme. One query after the rights.

    `kind`: exemplar looks for what went well, the others for what did not. `passed`: those that were put away.
    `bounds`: the viewer's, where they are at hand. Raises Forbidden for who does not curate.
    """
    if not viewer.has(*CURATORS):
        raise Forbidden(_("Trainers and QA analysts look for clips."))
    bounds = bounds or await within(viewer)
    reach = Reach(
        everything=bounds.works and bounds.programmes is None,
        programmes=bounds.programmes if bounds.works else None,
        team=None,
        own=frozenset(),
    )
    wanted = Wanted(
        viewer=viewer.id,
        # single marks are for those who read evaluations; trainers are told of no-go zones alone
        rule=rule.id if rule and viewer.has("qa_analyst") else None,
        rulebook=rule.rulebook_code if rule else "",
        kind=kind if kind in KINDS else "",
        language=language,
        but_agent=but_agent,
        why=why if why in REASONS else "",
        passed=passed,
    )
    rows = await queries.worth_hearing(reach, wanted, LIMITS, limit=limit, after=after)
    return [_proposal(row, rule, wanted.kind) for row in rows]


def _proposal(row: dict[str, Any], rule: RuleView | None, kind: str) -> Proposal:
    return Proposal(
        id=row["id"],
        title=row["title"],
        agent_name=row["agent_name"],
        called_at=row["called_at"],
        duration_ms=row["duration_ms"],
        language=row["language"],
        tag=row["tag"],
        reasons=tuple(_reasons(row, rule, kind)),
        passed_at=row["passed_at"],
        passed_by=row["passed_by"],
        key=(row["weight"], row["created_at"], row["id"]),
    )


def _reasons(row: dict[str, Any], rule: RuleView | None, kind: str) -> list[Reason]:
    """Everything that speaks for a call; what fits the kind that is sought comes first."""
    found = []
    if rule is not None and row["said"]:
        met = row["said"] == "met"
        told = _("An analyst heard %(rule)s met here") if met else _("An analyst heard %(rule)s missed here")
        icon = "circle-check" if met else "circle-x"
        found.append(Reason("marked", told % {"rule": rule.code}, icon, row["said_at_ms"]))
    if row["fatal"]:
        found.append(Reason("fatal", _("No-go zone entered"), "octagon-alert", row["fatal_at_ms"]))
    if row["csat"] is not None and row["csat"] <= 2:
        told = _("Caller unhappy: %(n)s of 5") % {"n": row["csat"]}
        found.append(Reason("unhappy", told, "thumbs-down"))
    if row["csat"] == 5:
        found.append(Reason("delighted", _("Caller delighted: 5 of 5"), "thumbs-up"))
    if (row["longest_silence_ms"] or 0) >= LIMITS.silence_ms:
        told = _("%(n)s seconds of silence") % {"n": round(row["longest_silence_ms"] / 1000)}
        found.append(Reason("silence", told, "volume-x", row["silence_at_ms"]))
    if (row["talk_over_ms"] or 0) >= LIMITS.talk_over_ms:
        told = _("They talk over each other for %(n)s seconds") % {"n": round(row["talk_over_ms"] / 1000)}
        found.append(Reason("talk_over", told, "users", row["talk_over_at_ms"]))
    if row["phrases"]:
        told = ngettext(
            "Something said that has a better way",
            "%(num)s things said that have a better way",
            row["phrases"],
        )
        found.append(Reason("phrase", told % {"num": row["phrases"]}, "quote", row["phrase_at_ms"]))
    if kind == "exemplar":
        found.sort(key=lambda reason: reason.name not in ("marked", "delighted"))
    return found


def reason_names() -> dict[str, str]:
    """The reasons by which the list is narrowed, in words."""
    return {
        "fatal": _("No-go zones"),
        "silence": _("Long silences"),
        "talk_over": _("Talking over each other"),
        "unhappy": _("Unhappy callers"),
        "delighted": _("Delighted callers"),
        "phrase": _("Phrases with a better way"),
    }


async def pass_by(viewer: Viewer, recording: UUID) -> None:
    """ "Not this one": it is proposed to nobody any more. Twice is once. Raises Forbidden, NotFound, Gone, Conflict."""
    await _require(viewer, recording)
    async with db.transaction():
        row = PassedCall(id=db.new_id(), recording=recording, person=viewer.id, at=db.utc_now())
        try:
            async with db.savepoint():
                await PassedCall.insert(row)
        except db.UniqueViolation:
            return  # somebody else said so at this moment
        await record_audit(viewer, "call_passed_by", "recording", str(recording))


async def put_back(viewer: Viewer, recording: UUID) -> None:
    """It is proposed again. Raises as `pass_by`."""
    await _require(viewer, recording)
    async with db.transaction():
        gone = await PassedCall.delete().where(PassedCall.recording == recording).returning(PassedCall.id)
        if gone:
            await record_audit(viewer, "call_put_back", "recording", str(recording))


async def _require(viewer: Viewer, recording: UUID) -> None:
    if not viewer.has(*CURATORS):
        raise Forbidden(_("Trainers and QA analysts look for clips."))
    await load_for_hearing(viewer, recording)
