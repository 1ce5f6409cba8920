"""What the pages of evaluations show: the analyst's board, the result as its agent reads it, the list with totals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from litestar import Response
from litestar.connection import Request

from trainer import db
from trainer.calls.pages import bars_of, speaker_names
from trainer.calls.service import segments_of
from trainer.calls.views import RecordingView
from trainer.clips.service import ClipView, clips_of_rules
from trainer.problems import Conflict
from trainer.quality import judging, replies, service
from trainer.quality.forms import Line, Whole, line_of_mark, line_of_rule, whole_of
from trainer.quality.scoring import Results, results_of
from trainer.quality.views import OUTCOMES, SERVICE_LEVELS, STATES, Authored, EvaluationView, MarkView
from trainer.rulebook.service import rulebook_overview
from trainer.rulebook.views import RuleView
from trainer.web.i18n import _, text_in
from trainer.web.session import Viewer, viewer_of
from trainer.web.templating import render

Page = Request[Any, Any, Any]


@dataclass(slots=True)
class Board:
    """An analyst's work place: the call (None once it is gone), every rule, and what is said so far."""

    call: RecordingView | None
    draft: EvaluationView | None
    action: str
    rulebook: str
    agent: UUID
    agent_name: str
    lines: list[Line]
    whole: Whole
    results: Results
    meanwhile: EvaluationView | None = None

    @property
    def name(self) -> str:
        if self.call is not None:
            return self.call.title or _("Call without a title")
        return (self.draft.recording_title if self.draft else "") or _("A call that is gone")

    @property
    def revision(self) -> int:
        return self.draft.revision if self.draft else 0

    @property
    def unmarked(self) -> int:
        return sum(not line.mark for line in self.lines)

    @property
    def wants(self) -> list[tuple[Authored, list[Line]]]:
        """The rules under the want that they serve, in the book's order."""
        return grouped(self.lines)


def grouped(lines: Iterable[Any]) -> list[tuple[Authored, list[Any]]]:
    """Lines or marks under the want that their rule serves; wants in order of their first rule."""
    found: dict[str, tuple[Authored, list[Any]]] = {}
    for line in lines:
        found.setdefault(str(sorted(line.want_title.items())), (line.want_title, []))[1].append(line)
    return list(found.values())


async def board_of_call(viewer: Viewer, call: RecordingView, rulebook: str) -> Board:
    """The board of a call that is not begun yet. Raises Forbidden and Conflict as `judging.start` would."""
    judging.require_analyst(viewer)
    agent = judging.require_agent(viewer, call.agent)
    rules = await judging.rules_of_book(rulebook)
    if not rules:
        raise Conflict(_("The rule book of this call has no published rule yet."), slug="no-rules")
    lines = [line_of_rule(rule) for rule in rules.values()]
    return Board(
        call,
        None,
        f"/calls/{call.id}/evaluate",
        rulebook,
        agent,
        call.agent_name or "",
        await _with_clips(viewer, lines),
        Whole(csat=str(call.csat or "")),
        results_of([]),
    )


async def board_of_draft(viewer: Viewer, draft: EvaluationView) -> Board:
    """The board of a draft; its call is None once it was erased or was never here."""
    marks = await service.marks_of(draft.id)
    rules = await judging.rules_of_book(draft.rulebook_code)
    meanwhile = None
    if draft.recording and not draft.replaces:
        there = await service.visible_evaluations(
            viewer, recording=draft.recording, state="released", limit=1
        )
        meanwhile = there[0] if there else None
    return Board(
        await service.call_of(viewer, draft.recording),
        draft,
        f"/evaluations/{draft.id}/edit",
        draft.rulebook_code,
        draft.agent,
        draft.agent_name,
        await _with_clips(viewer, lines_of(rules.values(), marks)),
        whole_of(draft),
        results_of(marks),
        meanwhile,
    )


def lines_of(rules: Iterable[RuleView], marks: Iterable[MarkView]) -> list[Line]:
    """Every rule of the book, and what is said of it; a rule that left the book stays while it has a mark."""
    said = {mark.code: mark for mark in marks}
    lines = [line_of_mark(said.pop(rule.code)) if rule.code in said else line_of_rule(rule) for rule in rules]
    return lines + [line_of_mark(mark) for mark in said.values()]


async def _with_clips(viewer: Viewer, lines: list[Line]) -> list[Line]:
    clips = await good_clips(viewer, [line.rule for line in lines])
    for line in lines:
        line.clip = clips.get(line.rule)
    return lines


async def good_clips(viewer: Viewer, rules: Sequence[UUID]) -> dict[UUID, ClipView]:
    """For each rule that has one, the first clip that lets one hear it well done."""
    found = await clips_of_rules(rules, viewer)
    good = {rule: next((c for c in clips if c.polarity == "exemplar"), None) for rule, clips in found.items()}
    return {rule: clip for rule, clip in good.items() if clip is not None}


async def player_of(call: RecordingView | None) -> dict[str, Any]:
    """What the player of a call needs; nothing to hear gives empty lists."""
    heard = call is not None and call.may_hear
    return {
        "bars": await bars_of(call) if call and heard else [],
        "lines": await segments_of(call.id) if call and heard else [],
        "speakers": speaker_names(),
    }


async def board_page(
    request: Page, board: Board, *, status: int = 200, errors: dict[str, str] | None = None
) -> Response[str]:
    """The analyst's work place."""
    return render(
        request,
        "quality/evaluate.html",
        status=status,
        board=board,
        call=board.call,
        errors=errors or {},
        **await player_of(board.call),
        **choices(),
    )


def choices() -> dict[str, Any]:
    """What is asked apart from the rules, in words."""
    outcomes = {
        "not_met": _("Less than they wanted"),
        "met": _("What they wanted"),
        "exceeded": _("More than they wanted"),
    }
    levels = {"service": _("Service"), "good": _("Good service"), "beyond": _("Beyond satisfaction")}
    return {
        "outcomes": [(each, outcomes[each]) for each in OUTCOMES],
        "levels": [(each, levels[each]) for each in SERVICE_LEVELS],
        "satisfactions": [
            ("1", _("1, very unhappy")),
            ("2", "2"),
            ("3", "3"),
            ("4", "4"),
            ("5", _("5, delighted")),
        ],
    }


async def book_choices(viewer: Viewer) -> list[tuple[str, str]]:
    """Rule books by which a call without one may be judged: those with a published rule."""
    whole = await rulebook_overview(viewer)
    return [
        (book.code, text_in(book.title))
        for book in whole.books
        if any(rule.state == "published" for rule in book.all_rules)
    ]


@dataclass(slots=True)
class Result:
    """A released evaluation as it is read: what was missed first, every mark under its want, words below."""

    evaluation: EvaluationView
    call: RecordingView | None
    marks: list[MarkView]
    missed: list[tuple[MarkView, ClipView | None]] = field(default_factory=list)

    @property
    def wants(self) -> list[tuple[Authored, list[MarkView]]]:
        return grouped(self.marks)


async def result_page(
    request: Page,
    evaluation: EvaluationView,
    *,
    status: int = 200,
    errors: dict[str, str] | None = None,
    typed: str = "",
) -> Response[str]:
    """A released evaluation, as its agent sees it and as others may."""
    viewer = viewer_of(request)
    marks = await service.marks_of(evaluation.id)
    missed = sorted((m for m in marks if m.mark == "missed"), key=lambda m: not m.fatal)
    clips = await good_clips(viewer, [mark.rule for mark in missed])
    call = await service.call_of(viewer, evaluation.recording)
    result = Result(evaluation, call, marks, [(mark, clips.get(mark.rule)) for mark in missed])
    return render(
        request,
        "quality/evaluation.html",
        status=status,
        each=evaluation,
        result=result,
        call=call,
        own=viewer.id == evaluation.agent,
        replies=await service.replies_of(evaluation.id),
        writes_as=replies.writes_as(viewer, evaluation),
        key=db.new_id(),
        may_correct=viewer.has(*service.EVALUATE)
        and evaluation.state == "released"
        and evaluation.agent_name != ""
        and viewer.id != evaluation.agent,
        errors=errors or {},
        typed=typed,
        **await player_of(call),
        **{name: dict(values) for name, values in choices().items()},
    )


def state_options() -> list[tuple[str, str]]:
    """The states by which a list is narrowed."""
    names = {"draft": _("My drafts"), "released": _("Released"), "replaced": _("Corrected")}
    return [(state, names[state]) for state in STATES]
