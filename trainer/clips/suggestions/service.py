"""Suggestions for one clip or one part of a call, what people decide about them, and the names to look for.

Invariant: what is decided is decided by a person with a name (or by an imported library), stays in the log of the
call, and can be decided otherwise; who may not hear the call sees and decides nothing.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from trainer import db, jobs
from trainer.calls.reading import load_for_hearing, segments_of
from trainer.calls.searched_lines import Kind
from trainer.calls.spoken_numbers import plain
from trainer.clips.arithmetic import Cut, Line, Span
from trainer.clips.editing import edit_clip
from trainer.clips.fields import fields_of
from trainer.clips.reading import load_clip
from trainer.clips.suggestions import queries
from trainer.clips.suggestions.finding import Suggestion, as_turns, suggest
from trainer.clips.suggestions.tables import PrivateName, SuggestionDecision
from trainer.clips.views import ClipView
from trainer.jobs import JobContext
from trainer.people.audit import record_audit
from trainer.problems import Forbidden, Invalid, NotFound
from trainer.web.i18n import _
from trainer.web.session import Viewer

Answer = Literal["accepted", "rejected", "undone"]
State = Literal["open", "covered", "rejected"]
ANSWERS: tuple[Answer, ...] = ("accepted", "rejected", "undone")
DECIDERS = ("trainer", "qa_analyst", "team_lead")

# A number may have begun, and the question that it answers been asked, before the clip does.
_AROUND_MS = 90_000
# What would be left of a redaction beside a word, and hide nothing.
_SLIVER_MS = 50
_LONGEST_NAME = 80
_MOST_NAMES = 2000


@dataclass(frozen=True, slots=True)
class Judged:
    """A suggestion for a clip, and where it stands. `by_name` and `at`: who said so last, where somebody did."""

    suggestion: Suggestion
    state: State
    by_name: str | None
    at: datetime | None

    @property
    def key(self) -> str:
        return self.suggestion.key

    @property
    def kind(self) -> Kind:
        return self.suggestion.kind

    @property
    def guessed(self) -> bool:
        """Whether it is told from how people speak, rather than from what it is, as a number or a mail address."""
        return self.kind in ("name", "address", "birth_date")

    @property
    def label(self) -> str:
        """What it looks like, in words."""
        return kind_words()[self.kind]

    @property
    def words(self) -> str:
        """What was said, each wording once."""
        return " / ".join(self.suggestion.words)

    @property
    def spans(self) -> tuple[Span, ...]:
        return self.suggestion.spans


def kind_words() -> dict[Kind, str]:
    """The kinds of personal data, in words."""
    return {
        "card": _("Card number"),
        "code": _("Security code"),
        "number": _("Personal number"),
        "phone": _("Phone number"),
        "email": _("E-mail address"),
        "birth_date": _("Date of birth"),
        "name": _("Name"),
        "address": _("Address"),
    }


@dataclass(frozen=True, slots=True)
class Looked:
    """What may be personal data in a part of a call, in its order, by the words of one revision.

    Looking may take seconds, in which no transaction is held: whoever writes asks `outdated` first.
    """

    recording: UUID
    window: Span
    revision: int | None
    found: Sequence[Suggestion]


async def look(recording: UUID, window: Span, typed: Sequence[Line] | None = None) -> Looked:
    """Look for personal data in a part of a call; whoever asks has loaded the call.

    `typed` are the lines that stand for the call's own, in the recording. Never called inside a transaction.
    """
    call = await queries.call_of(recording)
    if call is None:
        return Looked(recording, window, None, ())
    # the revision was read before the words: they may be newer, and are then looked at again
    turns = await segments_of(recording, window.start_ms - _AROUND_MS, window.end_ms + _AROUND_MS)
    sources: list[Sequence[Any]] = [turns, as_turns(typed or ())]
    if not any(sources):
        return Looked(recording, window, call["revision"], ())
    names, colleagues = await queries.known_names()
    own = call["agent_name"] or ""
    # hostile transcripts take many seconds, in which nobody else has to wait
    found = await asyncio.to_thread(
        suggest,
        sources,
        window,
        call["duration_ms"] or 0,
        salt=f"{recording}:{call['sha256']}",
        names=names,
        exempt=[*colleagues, own, *own.split()],
        language=call["language"],
    )
    return Looked(recording, window, call["revision"], found)


async def look_at(clip: ClipView) -> Looked:
    """Look for personal data in a clip as it is."""
    return await look(clip.recording, clip.span, clip.typed)


async def outdated(looked: Looked) -> bool:
    """Whether the call's words were changed since: then what was found in them counts no more."""
    return await queries.words_revision(looked.recording) != looked.revision


async def judged(looked: Looked, cuts: Iterable[Cut] = ()) -> list[Judged]:
    """Where each finding stands, with these redactions (in the recording)."""
    said = {row["finding"]: row for row in await queries.last_words(looked.recording)} if looked.found else {}
    cuts = list(cuts)
    return [
        _judged(one, said.get(one.key), covered=one.covered_by(cuts, looked.window)) for one in looked.found
    ]


async def suggested_in(
    recording: UUID, window: Span, cuts: Iterable[Cut] = (), typed: Sequence[Line] | None = None
) -> list[Judged]:
    """`look` and `judged` in one, for whoever writes nothing."""
    return await judged(await look(recording, window, typed), cuts)


def _judged(suggestion: Suggestion, said: dict[str, Any] | None, *, covered: bool) -> Judged:
    answer = said["answer"] if said else None
    state: State = "covered" if covered else "rejected" if answer == "rejected" else "open"
    # who accepted counts for what is covered, who rejected for what is not
    tells = said is not None and answer == {"covered": "accepted", "rejected": "rejected"}.get(state)
    return Judged(
        suggestion, state, said["by_name"] if said and tells else None, said["at"] if said and tells else None
    )


async def suggested_for(clip: ClipView) -> list[Judged]:
    """The suggestions for a clip as it is."""
    return await suggested_in(clip.recording, clip.span, clip.redactions, clip.typed)


async def undecided(clip: ClipView, looked: Looked | None = None) -> list[Judged]:
    """Those that nobody has decided about: they stand between a clip and its being published."""
    every = await judged(looked or await look_at(clip), clip.redactions)
    return [one for one in every if one.state == "open"]


async def open_call(viewer: Viewer, recording: UUID) -> None:
    """Whether the viewer may see and decide about suggestions in a call. Raises as `load_for_hearing`, or Forbidden."""
    await load_for_hearing(viewer, recording)
    if not viewer.has(*DECIDERS):
        raise Forbidden(_("Suggestions are decided by those who cut clips."))


async def decide(
    viewer: Viewer,
    recording: UUID,
    key: str,
    answer: Answer,
    *,
    window: Span,
    typed: Sequence[Line] | None = None,
    clip: UUID | None = None,
) -> None:
    """Note what the viewer says about a suggestion in a part of a call. Raises NotFound where it is not suggested."""
    await open_call(viewer, recording)
    looked = await look(recording, window, typed)
    async with db.transaction():
        found = [one for one in await judged(looked) if one.key == key]
        if not found or await outdated(looked):
            raise NotFound(_("This is not suggested any more: the words have changed."))
        await _note(viewer, recording, found, answer, clip)


async def decide_in_clip(viewer: Viewer, clip_id: UUID, keys: Collection[str] | None, answer: Answer) -> UUID:
    """Decide about suggestions for a clip by key, or about all open ones (None); accepting redacts them, undoing
    takes off what hides them.

    Returns the row that was written: of a published clip, the draft of its next version. Raises as `load_clip` and
    `edit_clip`; NotFound where none is suggested.
    """
    clip = await load_clip(viewer, clip_id, stopped=True)
    if not (viewer.has("trainer") and clip.makes):
        raise Forbidden(_("Clips are edited by the trainers who work with the call."))
    looked = await look_at(clip)
    async with db.transaction():
        every = await judged(looked, clip.redactions)
        chosen = [one for one in every if (one.state == "open" if keys is None else one.key in keys)]
        if (keys is not None and not chosen) or await outdated(looked):
            raise NotFound(_("This is not suggested any more: the words have changed."))
        cuts = clip.redactions
        if answer == "accepted":
            new = [span for one in chosen if one.state != "covered" for span in one.spans]
            cuts = (*cuts, *(Cut(span.start_ms, span.end_ms) for span in new))
        if answer == "undone":
            cuts = _uncovered(cuts, [span for one in chosen if one.state == "covered" for span in one.spans])
        if cuts != clip.redactions:
            fields = replace(fields_of(clip), redactions=cuts)
            clip_id = await edit_clip(viewer, clip_id, fields, revision=clip.revision)
        await _note(viewer, clip.recording, chosen, answer, clip.named)
    return clip_id


def _uncovered(cuts: Iterable[Cut], spans: Iterable[Span]) -> tuple[Cut, ...]:
    """What is left of redactions when these spans are heard again; slivers go with them."""
    left = tuple(cuts)
    for span in spans:
        left = tuple(piece for cut in left for piece in _beside(cut, span))
    return left


def _beside(cut: Cut, span: Span) -> Iterator[Cut]:
    """The parts of a redaction before and after a span."""
    if not cut.span.overlaps(span):
        yield cut
        return
    for start, end in ((cut.start_ms, span.start_ms), (span.end_ms, cut.end_ms)):
        if end - start >= _SLIVER_MS:
            yield Cut(start, end, cut.mode)


async def declare_checked(viewer: Viewer | None, clip: ClipView, found: Sequence[Judged]) -> None:
    """Somebody says explicitly that they checked the whole clip: what is open may stay, in their name."""
    await _note(viewer, clip.recording, found, "rejected", clip.named)


async def _note(
    viewer: Viewer | None, recording: UUID, found: Sequence[Judged], answer: Answer, clip: UUID | None
) -> None:
    now = db.utc_now()
    rows = [
        SuggestionDecision(
            id=db.new_id(),
            recording=recording,
            finding=one.key,
            kind=one.kind,
            start_ms=one.spans[0].start_ms if one.spans else 0,
            end_ms=one.spans[-1].end_ms if one.spans else 0,
            answer=answer,
            clip=clip,
            by=viewer.id if viewer else None,
            at=now,
        )
        for one in found
    ]
    if rows:
        await SuggestionDecision.insert(*rows)
        kinds = sorted({one.kind for one in found})
        await record_audit(viewer, f"suggestion_{answer}", "recording", str(recording), {"kinds": kinds})


# The names to look for


async def add_names(viewer: Viewer, text: str) -> int:
    """Add names, one a line, that are suggested wherever they are said; returns how many are new."""
    names = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    wrong = [
        name for name in names if not 2 <= len(name) <= _LONGEST_NAME or not any(c.isalpha() for c in name)
    ]
    if not names or wrong:
        told = _("Write one name a line, of 2 to %(n)s characters.") % {"n": _LONGEST_NAME}
        raise Invalid.field("names", "unreadable", told)
    added = 0
    async with db.transaction():
        if len(names) + await PrivateName.count() > _MOST_NAMES:
            raise Invalid.field(
                "names", "too-many", _("The list holds at most %(n)s names.") % {"n": _MOST_NAMES}
            )
        for name in names:
            row = PrivateName(
                id=db.new_id(), name=name, folded=plain(name).lower, added_by=viewer.id, added_at=db.utc_now()
            )
            new = await PrivateName.insert(row).on_conflict(action="DO NOTHING").returning(PrivateName.id)
            added += len(new)
        await record_audit(viewer, "private_names_added", "private_name", "", {"count": added})
    return added


async def remove_name(viewer: Viewer, name: UUID) -> None:
    """Take a name off the list. Raises NotFound."""
    async with db.transaction():
        if not await PrivateName.delete().where(PrivateName.id == name).returning(PrivateName.id):
            raise NotFound(_("This name is not in the list any more."))
        await record_audit(viewer, "private_name_removed", "private_name", str(name))


@jobs.on("recording_erased")
async def forget_decisions(context: JobContext, event: dict[str, Any]) -> None:
    """With a call go the decisions about what was said in it."""
    await SuggestionDecision.delete().where(SuggestionDecision.recording == UUID(event["recording"]))
