"""Making, hearing and taking apart contrast pairs.

Rights: whoever hears both clips hears the pair; trainers and QA analysts make pairs, and unmake their own (trainers:
any). Invariant: a pair that is shown has two clips in use, both pinned to its rule, one an exemplar and the other not;
one of the kind `same_words` also says the same today (an edited clip may not any more, and then it is not shown).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.clips.pairs import queries
from trainer.clips.pairs.similarity import LEAST, similarity, spoken_tokens
from trainer.clips.pairs.tables import ClipPair
from trainer.clips.service import ClipView, RuleRef, clips_by_ids
from trainer.jobs import JobContext
from trainer.people.audit import record_audit
from trainer.problems import Conflict, FieldError, Forbidden, Invalid, NotFound
from trainer.web.i18n import _
from trainer.web.session import Viewer

MAKERS = ("trainer", "qa_analyst")
KINDS = ("contrast", "same_words")
NOTE_MOST = 2000


@dataclass(frozen=True, slots=True)
class PairView:
    """A pair for one listener, with both clips as they hear them."""

    id: UUID
    rule: UUID
    code: str
    kind: str
    note: str
    good: ClipView
    other: ClipView
    made_by: UUID | None
    made_by_name: str | None
    created_at: datetime
    alike: Fraction
    unmakes: bool

    @property
    def rule_ref(self) -> RuleRef:
        """Its rule, in the version that the good clip is pinned to."""
        return next(ref for ref in self.good.rules if ref.id == self.rule)

    @property
    def percent(self) -> int:
        """How many of a hundred words are the same, rounded down so that 90 is never less than that."""
        return int(self.alike * 100)


def likeness(one: ClipView, other: ClipView) -> Fraction:
    """How alike what is said in two clips is, 0 to 1."""
    spoken = [spoken_tokens(line.text for line in clip.lines) for clip in (one, other)]
    return similarity(*spoken)


async def make_pair(
    viewer: Viewer, *, rule: str, good: UUID, other: UUID, kind: str = "contrast", note: str = ""
) -> UUID:
    """Put two published clips of a rule (its code) side by side; returns the pair's id.

    Raises Forbidden; Invalid naming every wrong field, `other: words-differ` for `same_words` under 0.9; Conflict
    `pair-exists` with `pair` when somebody made this one already.
    """
    if not viewer.has(*MAKERS):
        raise Forbidden(_("Contrast pairs are made by trainers and QA analysts."))
    clips = await clips_by_ids(viewer, [good, other])
    errors = _faults(clips, rule=rule, good=good, other=other, kind=kind, note=note)
    if errors:
        raise Invalid(_("These two are no pair yet."), errors=errors)
    rule_id = next(ref.id for ref in clips[good].rules if ref.code == rule)
    pair = ClipPair(
        id=db.new_id(),
        rule=rule_id,
        good=good,
        other=other,
        kind=kind,
        note=note.strip(),
        made_by=viewer.id,
        created_at=db.utc_now(),
    )
    async with db.transaction():
        if not await ClipPair.insert(pair).on_conflict(action="DO NOTHING").returning(ClipPair.id):
            there = await queries.the_same(rule_id, good, other)
            raise Conflict(
                _("These two are a pair of this rule already."), slug="pair-exists", pair=str(there)
            )
        await jobs.publish("pair_made", {"pair": str(pair.id)})
        await record_audit(viewer, "pair_made", "pair", str(pair.id), {"rule": rule, "kind": kind})
    return pair.id


def _faults(
    clips: dict[UUID, ClipView], *, rule: str, good: UUID, other: UUID, kind: str, note: str
) -> list[FieldError]:
    errors: list[FieldError] = []
    if kind not in KINDS:
        errors.append(FieldError("kind", "unknown", _("Choose what kind of pair this is.")))
    if len(note) > NOTE_MOST:
        message = _("Please keep this under %(most)s characters.") % {"most": NOTE_MOST}
        errors.append(FieldError("note", "too-long", message))
    for name, clip_id in (("good", good), ("other", other)):
        clip = clips.get(clip_id)
        if clip is None or not _in_use(clip):
            errors.append(FieldError(name, "not-published", _("Choose a published clip that you may hear.")))
        elif (clip.polarity == "exemplar") != (name == "good"):
            message = (
                _("The first of a pair is an exemplar.")
                if name == "good"
                else _("The second of a pair is a counterexample or a near miss.")
            )
            errors.append(FieldError(name, "polarity", message))
        elif rule not in [ref.code for ref in clip.rules]:
            errors.append(
                FieldError(name, "other-rule", _("This clip is not pinned to the rule of the pair."))
            )
    if errors:
        return errors
    if clips[good].language != clips[other].language:
        errors.append(FieldError("other", "language", _("Both clips of a pair speak one language.")))
    elif kind == "same_words" and (alike := likeness(clips[good], clips[other])) < LEAST:
        message = _(
            "They share %(percent)s of 100 words. A pair of the same words shares at least 90, said differently."
        ) % {"percent": int(alike * 100)}
        errors.append(FieldError("other", "words-differ", message))
    return errors


def _in_use(clip: ClipView) -> bool:
    return clip.state == "published" and clip.render == "ready"


def _shown(viewer: Viewer | None, row: dict[str, Any], clips: dict[UUID, ClipView]) -> PairView | None:
    """The pair, unless one of its clips is not heard, was edited into something else, or says something else now."""
    good, other = clips.get(row["good"]), clips.get(row["other"])
    if good is None or other is None or not (_in_use(good) and _in_use(other)):
        return None
    pinned = all(row["rule"] in [ref.id for ref in clip.rules] for clip in (good, other))
    if not pinned or good.polarity != "exemplar" or other.polarity == "exemplar":
        return None
    alike = likeness(good, other)
    if row["kind"] == "same_words" and alike < LEAST:
        return None
    mine = viewer is not None and (
        viewer.has("trainer") or (viewer.has(*MAKERS) and row["made_by"] == viewer.id)
    )
    values = {name: row[name] for name in ("id", "rule", "code", "kind", "note", "made_by", "made_by_name")}
    return PairView(**values, good=good, other=other, created_at=row["created_at"], alike=alike, unmakes=mine)


async def _views(viewer: Viewer | None, rows: Sequence[dict[str, Any]]) -> list[PairView]:
    clips = await clips_by_ids(viewer, [row[name] for row in rows for name in ("good", "other")])
    return [pair for row in rows if (pair := _shown(viewer, row, clips))]


async def visible_pairs(
    viewer: Viewer,
    *,
    rule: str = "",
    kind: str = "",
    ids: Sequence[UUID] | None = None,
    limit: int = 50,
    after: tuple[datetime, UUID] | None = None,
) -> tuple[list[PairView], tuple[datetime, UUID] | None]:
    """Pairs of which the viewer hears both clips, newest first, out of the next `limit`; and where to go on, if
    there are more. `ids` keeps to these.
    """
    rows = await queries.listed(rule=rule, kind=kind, ids=ids, limit=limit + 1, after=after)
    more = (rows[limit - 1]["created_at"], rows[limit - 1]["id"]) if len(rows) > limit else None
    return await _views(viewer, rows[:limit]), more


async def load_pair(viewer: Viewer, pair_id: UUID) -> PairView:
    """One pair. Raises NotFound also when one of its clips is not heard by this viewer (any more)."""
    row = await queries.one(pair_id)
    found = await _views(viewer, [row]) if row else []
    if not found:
        raise NotFound(_("There is no such pair, or one of its clips is not heard here any more."))
    return found[0]


async def pairs_of_rules(rules: Sequence[UUID], viewer: Viewer | None = None) -> dict[UUID, list[PairView]]:
    """The pairs of each rule, oldest first, of which the viewer (None: the system) hears both clips."""
    rows = await queries.of_rules(rules) if rules else []
    found: dict[UUID, list[PairView]] = {rule: [] for rule in rules}
    for pair in await _views(viewer, rows) if rows else []:
        found[pair.rule].append(pair)
    return found


async def unmake_pair(viewer: Viewer, pair_id: UUID) -> None:
    """Take a pair apart; both clips stay. Raises NotFound, Forbidden."""
    pair = await load_pair(viewer, pair_id)
    if not pair.unmakes:
        raise Forbidden(_("A pair is taken apart by whoever made it, or by a trainer."))
    async with db.transaction():
        if not await ClipPair.delete().where(ClipPair.id == pair_id).returning(ClipPair.id):
            raise NotFound(_("There is no such pair, or one of its clips is not heard here any more."))
        await record_audit(viewer, "pair_unmade", "pair", str(pair_id), {"rule": pair.code})


@jobs.on("clip_lost")
async def forget_pairs(context: JobContext, event: dict[str, Any]) -> None:
    """With an erased clip go its pairs, and what was written about the two."""
    lost = UUID(event["clip"])
    await ClipPair.delete().where((ClipPair.good == lost) | (ClipPair.other == lost))
