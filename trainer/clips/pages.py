"""What the pages of clips show: the editor's board, the library, one clip with its next steps."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response
from litestar.connection import Request

from trainer.calls.service import load_for_hearing, segments_of
from trainer.calls.views import TAGS, RecordingView, SegmentView, tag_names
from trainer.clips import conflicts, queries, service, voice
from trainer.clips.arithmetic import LONGEST_MS, SHORTEST_MS, Span
from trainer.clips.forms import Typed
from trainer.clips.points import editor_points, points_of
from trainer.clips.reading import STOPPERS
from trainer.clips.reviewing.service import NEEDED, Word, approvals, said_of
from trainer.clips.service import ClipView
from trainer.clips.suggestions import service as suggestions
from trainer.clips.words import corrected_since
from trainer.problems import PreconditionFailed
from trainer.rulebook.phrases import Hint, hints_for
from trainer.rulebook.service import published_rules, visible_rules
from trainer.web import api
from trainer.web.i18n import _, text_in
from trainer.web.session import Viewer, viewer_of
from trainer.web.templating import is_htmx, render, render_block

Page = Request[Any, Any, Any]

PROPOSED_MS = 12_000
PER_PAGE = 24
RULES_MOST = 10_000
LATELY_MOST = 5


@dataclass(frozen=True, slots=True)
class Board:
    """A call spread out for cutting."""

    recording: RecordingView
    turns: list[SegmentView]

    def proposed(self, start_ms: int, end_ms: int) -> tuple[int, int]:
        """A range that can be cut, near the one that was asked for."""
        length = self.recording.duration_ms or 0
        start = min(max(start_ms, 0), max(length - SHORTEST_MS, 0))
        wanted = end_ms if end_ms > start else start + PROPOSED_MS
        return start, min(max(wanted, start + SHORTEST_MS), start + LONGEST_MS, length)


async def cutting_board(request: Page, recording_id: UUID, *, part: Span | None = None) -> Board:
    """The call with its words, or a part of them. Raises as `load_for_hearing`."""
    recording = await load_for_hearing(viewer_of(request), recording_id)
    if part is None:
        return Board(recording, await segments_of(recording_id))
    turns = await segments_of(recording_id, part.start_ms, part.end_ms)
    return Board(recording, [turn for turn in turns if part.overlaps(Span(turn.start_ms, turn.end_ms))])


async def editor_page(
    request: Page,
    board: Board,
    clip: ClipView | None,
    typed: Typed,
    *,
    errors: dict[str, str] | None = None,
    conflict: PreconditionFailed | None = None,
    opened: str = "",
) -> Response[str]:
    """The editor; 422 with errors, 409 when somebody else saved meanwhile: then with both versions."""
    viewer = viewer_of(request)
    present = typed if clip is None else Typed.of_clip(clip)
    settled = conflicts.settle(typed, present, opened) if conflict else None
    if settled:
        typed = settled.typed
    call = board.recording
    hints: dict[int, list[Hint]] = {}
    for hint in await hints_for(board.turns, viewer=viewer, language=call.language, rulebook=call.rulebook):
        hints.setdefault(hint.position, []).append(hint)
    return render(
        request,
        "clips/editor.html",
        status=422 if errors else 409 if conflict else 200,
        recording=board.recording,
        turns=board.turns,
        hints=hints,
        clip=clip,
        typed=typed,
        errors=errors or {},
        conflict=conflict.detail if conflict else "",
        settled=settled,
        opened=opened if errors else conflicts.marks_of(present),
        action=f"/clips/{clip.id}/edit" if clip else f"/calls/{board.recording.id}/clips/new",
        autosave=autosave_address(clip, board.recording.id) if viewer.has("trainer") else "",
        rule_options=await rule_choices(viewer, typed.rules),
        points=editor_points(call),
        polarity_options=polarity_options(),
        speaker_names=speaker_names(),
        nonce=style_nonce(request),
    )


def autosave_address(clip: ClipView | None, recording: UUID) -> str:
    """Where the editor saves by itself; "" where only a person does: the next version of a clip in use, and one in
    review, which saving takes back.
    """
    if clip is None:
        return f"/calls/{recording}/clips/autosave"
    return f"/clips/{clip.id}/autosave" if clip.state == "draft" else ""


def saved_draft(clip: ClipView) -> dict[str, Any]:
    """What the editor needs to go on with a draft that it saved by itself."""
    return {
        "id": str(clip.id),
        "revision": clip.revision,
        "edit": f"/clips/{clip.id}/edit",
        "autosave": f"/clips/{clip.id}/autosave",
    }


def style_nonce(request: Page) -> str:
    """Allows this one page the style elements of wavesurfer's shadow trees (see web.headers)."""
    nonce = secrets.token_urlsafe(16)
    request.scope.setdefault("state", {})["style_nonce"] = nonce
    return nonce


RuleChoices = list[tuple[str, list[dict[str, str]]]]


async def rule_choices(viewer: Viewer, chosen: Collection[str] = ()) -> RuleChoices:
    """The rules a clip may be pinned to, drafts too, as named groups of rows of a check list (`short`: of a select).

    First those `chosen` already, without a name, then what the viewer pinned clips to last, then the others as
    the rule book has them; each rule is in one group only.
    """
    rows = {
        rule.code: {
            "value": rule.code,
            "label": text_in(rule.title),
            "short": f"{text_in(rule.title)} ({_('Draft')})"
            if rule.state == "draft"
            else text_in(rule.title),
            "sub": f"{rule.code} · {_('Draft')} · {text_in(rule.statement)}"
            if rule.state == "draft"
            else f"{rule.code} · {text_in(rule.statement)}",
        }
        for rule in await visible_rules(viewer, limit=RULES_MOST)
    }
    first = [rows.pop(code) for code in list(rows) if code in chosen]
    lately = await queries.rules_used_lately(viewer.id, limit=LATELY_MOST + len(first))
    used = [rows.pop(code) for code in lately if code in rows][:LATELY_MOST]
    rest = list(rows.values())
    groups = [("", first), (_("Used lately"), used), (_("More rules") if used else "", rest)]
    return [(name, group) for name, group in groups if group]


def polarity_options() -> list[dict[str, str]]:
    """The three kinds of example, in words."""
    return [
        {
            "value": "exemplar",
            "label": _("Exemplar"),
            "sub": _("This is how it should sound."),
            "icon": "badge-check",
        },
        {
            "value": "near_miss",
            "label": _("Near miss"),
            "sub": _("Almost right; one thing is missing."),
            "icon": "crosshair",
        },
        {
            "value": "counterexample",
            "label": _("Counterexample"),
            "sub": _("What not to do, to learn from."),
            "icon": "undo-2",
        },
    ]


def speaker_names() -> dict[str, str]:
    """Who speaks, in words."""
    return {"agent": _("Agent"), "caller": _("Caller"), "": ""}


# The library

STATES = ("published", "draft", "in_review", "retired", "taken_down")


@dataclass(frozen=True, slots=True)
class Shelf:
    """What the library was asked for."""

    state: str
    rule: str
    polarity: str
    words: str
    tag: str = ""

    @classmethod
    def asked(cls, request: Page) -> "Shelf":
        query = request.query_params
        state, polarity = query.get("state", "published"), query.get("polarity", "")
        return cls(
            state=state if state in STATES else "published",
            rule=query.get("rule", "")[:40],
            polarity=polarity if polarity in service.POLARITIES else "",
            words=query.get("q", "")[:80].strip(),
            tag=tag if (tag := query.get("tag", "")) in TAGS else "",
        )

    @property
    def narrowed(self) -> bool:
        return bool(self.rule or self.polarity or self.words or self.tag)

    def query(self, **changes: str) -> str:
        """The address of this shelf with some parts changed."""
        parts = {
            "state": self.state,
            "rule": self.rule,
            "polarity": self.polarity,
            "q": self.words,
            "tag": self.tag,
            **changes,
        }
        return "/clips?" + urlencode({name: value for name, value in parts.items() if value})


async def library_page(request: Page) -> Response[str]:
    """Cards of clips; a further page of them alone for htmx's "Show more"."""
    viewer, shelf = viewer_of(request), Shelf.asked(request)
    after = service.place_after(api.read_page(PER_PAGE, request.query_params.get("after")).after)
    clips = await service.visible_clips(
        viewer,
        states=(shelf.state,),
        rule=shelf.rule or None,
        polarity=shelf.polarity or None,
        words=shelf.words,
        tag=shelf.tag,
        limit=PER_PAGE + 1,
        after=after,
    )
    shown, more = clips[:PER_PAGE], len(clips) > PER_PAGE
    next_href = shelf.query(after=api.next_cursor(service.place_of(shown[-1]))) if more else ""
    values: dict[str, Any] = {"clips": shown, "shelf": shelf, "next_href": next_href}
    if is_htmx(request):
        return render_block(request, "clips/library.html", "more" if after else "results", **values)
    rules = await published_rules()
    return render(
        request,
        "clips/library.html",
        **values,
        rules=[(code, f"{code} · {text_in(rule.title)}") for code, rule in rules.items()],
        tabs=_tabs(viewer, shelf),
        tags=list(tag_names().items()),
        flash=done_toast(request.query_params.get("done", "")),
    )


def _tabs(viewer: Viewer, shelf: Shelf) -> list[dict[str, Any]]:
    open_to = {
        "published": True,
        "draft": viewer.has("trainer", "qa_analyst", "team_lead"),
        "in_review": viewer.has("trainer", "qa_analyst", "team_lead"),
        "retired": viewer.has("trainer"),
        "taken_down": viewer.has(*STOPPERS),
    }
    labels = {
        "published": _("Published"),
        "draft": _("Drafts"),
        "in_review": _("In review"),
        "retired": _("Retired"),
        "taken_down": _("Taken down"),
    }
    return [
        {"label": labels[state], "href": shelf.query(state=state), "current": state == shelf.state}
        for state in STATES
        if open_to[state]
    ]


# One clip


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What was said of a draft, how many have to look, and what this viewer may say.

    Whoever handed it in takes it back; the others may ask for changes.
    """

    said: list[Word]
    needed: int
    may_decide: bool
    may_approve: bool
    may_take_back: bool

    @classmethod
    def of(
        cls, clip: ClipView, viewer: Viewer, review: service.Review, said: list[Word], approved: set[UUID]
    ) -> "Reviewed":
        waits, own = clip.state == "in_review", viewer.id == clip.submitted_by
        decides = waits and not own and viewer.has("trainer") and clip.makes
        return cls(
            said,
            NEEDED[review],
            may_decide=decides,
            may_approve=decides and viewer.id not in approved,
            may_take_back=waits and own,
        )


async def show_clip_page(
    request: Page,
    clip: ClipView,
    *,
    block: str | None = None,
    status: int = 200,
    refusal: str = "",
    errors: dict[str, str] | None = None,
    done: str = "",
) -> Response[str]:
    """A clip with its player, what to hear in it and, for those who make clips, what comes next."""
    viewer = viewer_of(request)
    review = request.app.state.settings.clip_review
    said = await said_of(clip) if clip.makes and clip.state in service.OPEN_STATES else []
    approved = approvals(clip, said)
    suggested = (
        await suggestions.suggested_for(clip) if clip.makes and clip.state in service.OPEN_STATES else []
    )
    undecided = any(one.state == "open" for one in suggested)
    values: dict[str, Any] = {
        "clip": clip,
        "suggested": suggested,
        "points": points_of(clip, viewer, review=review, approved=approved, undecided=undecided),
        "submittable": clip.state == "draft" and (viewer.has("trainer") or clip.curator == viewer.id),
        "reviewed": Reviewed.of(clip, viewer, review, said, approved),
        "trains": viewer.has("trainer") and clip.makes,
        "may_stop": viewer.has(*STOPPERS) and clip.state in ("published", "retired"),
        "consent": consent_words(clip),
        "errors": errors or {},
        "tags": tag_names(),
        "makes": clip.makes,
        "failure": service.failure_sentence(clip.render_error) if clip.render == "failed" else "",
        "refusal": refusal,
        "renewed": block is not None,
        "flash": done_toast(done),
    }
    if block:
        return render_block(request, "clips/clip.html", block, **values)
    values["versions"] = await service.old_versions(viewer, clip) if clip.version > 1 else []
    values["objections"] = await voice.objections_to(viewer, clip)
    values["corrected"] = await corrected_since(clip)
    values["places"] = (await voice.places_of([clip]))[clip.id] if values["may_stop"] else []
    return render(request, "clips/clip.html", status=status, **values)


def done_toast(done: str) -> list[dict[str, str]]:
    """What was just done, as the address after it names it."""
    words = {
        "saved": _("Saved."),
        "deleted": _("Draft deleted."),
        "saved-back": _("Saved and taken back from review. Hand it in again when it is ready."),
        "taken-back": _("Taken back from review. It is a draft again."),
    }
    return [{"kind": "good", "text": words[done]}] if done in words else []


def consent_words(clip: ClipView) -> str:
    """What the agent heard said about a moment that went wrong, for those who work with the call; "" if nobody asks."""
    if not (clip.consent_needed and clip.makes):
        return ""
    name = clip.agent_name or _("The agent")
    return {
        None: _("%(name)s has not been asked yet."),
        "asked": _("%(name)s was asked and has not answered yet."),
        "yes": _("%(name)s said yes; it is not played to their own team."),
        "team": _("%(name)s said yes, also for their own team."),
        "no": _("%(name)s said no."),
        "withdrawn": _("%(name)s took their yes back."),
    }[clip.consent] % {"name": name}
