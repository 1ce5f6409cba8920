"""Pages on which rules are written and published.

Invariant: what somebody typed is on the page again after every refusal, and a colleague's edit in between is shown
before anything is written over it.
"""

from dataclasses import dataclass
from typing import Any

from litestar import Response, get, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer.problems import Conflict, Invalid, NotFound, PreconditionFailed
from trainer.rulebook import drafting, service
from trainer.rulebook.arranging import BookFrame, load_frame
from trainer.rulebook.changes import Change, changes, field_names
from trainer.rulebook.forms import (
    Typed,
    kind_options,
    language_asked,
    language_names,
    severity_options,
)
from trainer.rulebook.health import heard_of
from trainer.rulebook.views import RuleView, carries, too_long
from trainer.web.forms import Form, read_form
from trainer.web.guards import requires
from trainer.web.i18n import _, text_in
from trainer.web.session import viewer_of
from trainer.web.templating import render

Page = Request[Any, Any, Any]
WRITE = [requires(*drafting.WRITE)]
PUBLISH = [requires(*drafting.PUBLISH)]


# Writing


@get("/rules/new", guards=WRITE, include_in_schema=False)
async def new_rule(
    request: Page, book: FromQuery[str] = "", want: FromQuery[str] = "", language: FromQuery[str] = ""
) -> Response[str]:
    """An empty rule with the next free code."""
    frame = await _frame(book)
    if frame is None:
        raise NotFound(_("There is no rule book yet. A QA analyst or an admin makes one first."))
    code = await service.next_code(frame.code)
    typed = Typed(language_asked(language, frame.language), code=code, want=want)
    return editor_page(request, frame, typed, None)


@post("/rules/new", guards=WRITE, include_in_schema=False)
async def create_rule(request: Page, book: FromQuery[str] = "") -> Response[str] | Redirect:
    """Keep it as a draft, then on to another language or to its page."""
    frame = await _frame(book)
    if frame is None:
        raise NotFound(_("There is no rule book %(code)s.") % {"code": book})
    form = await read_form(request)
    typed = Typed.of_form(form, language_asked(form.raw("language"), frame.language))
    try:
        rule = await drafting.create_draft(
            viewer_of(request), typed.code, typed.fields(None), rulebook=frame.code
        )
    except Invalid as problem:
        form.take(problem)
        return editor_page(request, frame, typed, None, errors=form.errors)
    return _onward(form, rule)


@get("/rules/{code:str}/edit", guards=WRITE, include_in_schema=False)
async def edit_rule(request: Page, code: FromPath[str], language: FromQuery[str] = "") -> Response[str]:
    """The draft, or what is published as the start of the next version, in one language."""
    history = await service.load_history(viewer_of(request), code)
    base = history.draft or history.current
    frame = await load_frame(base.rulebook_code)
    return editor_page(request, frame, Typed.of_rule(base, language_asked(language, frame.language)), base)


@post("/rules/{code:str}/edit", guards=WRITE, include_in_schema=False)
async def save_rule(request: Page, code: FromPath[str]) -> Response[str] | Redirect:
    """Save over the revision that was read; a colleague's edit since then is shown instead."""
    viewer = viewer_of(request)
    form = await read_form(request)
    try:
        history = await service.load_history(viewer, code)
    except NotFound:
        return await _gone(request, form, code)
    base = history.draft or history.current
    frame = await load_frame(base.rulebook_code)
    typed = Typed.of_form(form, language_asked(form.raw("language"), frame.language))
    try:
        rule = await drafting.edit_rule(viewer, code, typed.fields(base), expected=typed.revision)
    except Invalid as problem:
        form.take(problem)
        return editor_page(request, frame, typed, base, errors=form.errors)
    except PreconditionFailed as problem:
        now = await service.load_history(viewer, code)
        theirs = now.draft or now.current
        return editor_page(request, frame, typed.at(theirs.revision), theirs, conflict=problem)
    return _onward(form, rule)


@dataclass(frozen=True, slots=True)
class Theirs:
    """What a colleague saved meanwhile, where it differs from what was typed."""

    title: str
    differences: list[tuple[str, str]]


def editor_page(
    request: Page,
    frame: BookFrame,
    typed: Typed,
    base: RuleView | None,
    *,
    errors: dict[str, str] | None = None,
    conflict: PreconditionFailed | None = None,
    notice: str = "",
) -> Response[str]:
    """The editor; 422 with errors, 409 when somebody else saved meanwhile."""
    names = language_names()
    return render(
        request,
        "rulebook/editor.html",
        status=422 if errors else 409 if conflict or notice else 200,
        book=frame,
        typed=typed,
        base=base,
        errors=errors or {},
        conflict=_theirs(base, typed, conflict) if base and conflict else None,
        notice=notice,
        action=f"/rules/{base.code}/edit" if base else f"/rules/new?book={frame.code}",
        languages=names,
        others=[(locale, name) for locale, name in names.items() if locale != typed.language],
        labels=field_names() | {"code": _("Code")},
        wants=[(want.code, text_in(want.title)) for want in frame.wants],
        severities=severity_options(),
        kinds=kind_options(),
        long=[service.length_sentence(each) for each in too_long({typed.language: typed.statement})],
    )


def _theirs(base: RuleView, typed: Typed, problem: PreconditionFailed) -> Theirs:
    theirs = Typed.of_rule(base, typed.language)
    differing = [
        (words, getattr(theirs, name))
        for name, words in field_names().items()
        if getattr(theirs, name) != getattr(typed, name)
    ]
    return Theirs(problem.detail, differing)


def _onward(form: Form, rule: RuleView) -> Redirect:
    then = form.raw("then")
    if then in language_names():
        return Redirect(f"/rules/{rule.code}/edit?language={then}", status_code=303)
    return Redirect(f"/rules/{rule.code}?version={rule.version}", status_code=303)


async def _gone(request: Page, form: Form, code: str) -> Response[str]:
    """Somebody threw the draft away while it was edited: what was typed becomes a new one, if they want."""
    frame = await _frame("")
    if frame is None:
        raise NotFound(_("There is no rule with this code."))
    typed = Typed.of_form(form, language_asked(form.raw("language"), frame.language))
    told = _(
        "Somebody threw this draft away meanwhile. What you typed is still here; saving makes it a new rule."
    )
    return editor_page(
        request, frame, Typed(**{**_as_dict(typed), "code": code, "revision": None}), None, notice=told
    )


def _as_dict(typed: Typed) -> dict[str, Any]:
    return {name: getattr(typed, name) for name in Typed.__slots__}


async def _frame(code: str) -> BookFrame | None:
    """The rule book that was asked for, or the first; None where there is none at all."""
    codes = await service.rulebook_codes()
    if not codes:
        return None
    return await load_frame(code or codes[0])


# Publishing


@get("/rules/{code:str}/publish", guards=PUBLISH, include_in_schema=False)
async def look_before_publishing(request: Page, code: FromPath[str]) -> Response[str] | Redirect:
    """What changes, and what that does to the clips."""
    return await publish_page(request, code)


@post("/rules/{code:str}/publish", guards=PUBLISH, include_in_schema=False)
async def publish_rule(request: Page, code: FromPath[str]) -> Response[str] | Redirect:
    """Publish what was looked at, or say what is in the way."""
    form = await read_form(request)
    revision = form.integer("revision", least=1, most=2**31 - 1, required=False)
    try:
        await drafting.publish_rule(viewer_of(request), code, expected=revision)
    except (Conflict, PreconditionFailed) as problem:
        return await publish_page(request, code, refusal=problem.detail)
    return Redirect(f"/rules/{code}", status_code=303)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A draft with what publishing it means."""

    rule: RuleView
    before: RuleView | None
    changes: list[Change]
    missing: list[drafting.Missing]
    clips: int
    carries: bool


async def proposals(drafts: list[RuleView], published: dict[str, RuleView]) -> list[Proposal]:
    """What publishing each of these drafts means; one query for all clips."""
    heard = await heard_of([draft.id for draft in drafts])
    return [
        Proposal(
            rule=draft,
            before=published.get(draft.code),
            changes=changes(published.get(draft.code), draft),
            missing=await drafting.missing_for(draft, heard[draft.id]),
            clips=heard[draft.id].links,
            carries=(before := published.get(draft.code)) is None or carries(before, draft),
        )
        for draft in drafts
    ]


async def publish_page(request: Page, code: str, *, refusal: str = "") -> Response[str] | Redirect:
    """The draft beside what it replaces; a rule without a draft has only its own page."""
    history = await service.load_history(viewer_of(request), code)
    if history.draft is None:
        return Redirect(f"/rules/{code}", status_code=303)
    published = {history.published.code: history.published} if history.published else {}
    (proposal,) = await proposals([history.draft], published)
    return render(
        request,
        "rulebook/publish.html",
        status=409 if refusal else 200,
        proposal=proposal,
        rule=history.draft,
        refusal=refusal,
        languages=language_names(),
        length_sentence=service.length_sentence,
    )


@get("/rules/drafts", guards=[requires(*service.SEE_DRAFTS)], include_in_schema=False)
async def list_drafts(request: Page, book: FromQuery[str] = "") -> Response[str]:
    """All drafts of a book with what keeps each from being published."""
    return await drafts_page(request, book)


@post("/rules/drafts", guards=PUBLISH, include_in_schema=False)
async def publish_drafts(request: Page, book: FromQuery[str] = "") -> Response[str]:
    """Publish every draft that may be published, each as it was shown; the others are named."""
    form = await read_form(request)
    shown = dict(each.rpartition(":")[::2] for each in form.many("draft"))
    done, refused = await drafting.publish_all(
        viewer_of(request), {code: int(n) for code, n in shown.items() if n.isdecimal() and len(n) < 10}
    )
    return await drafts_page(request, book, done=done, refused=refused)


async def drafts_page(
    request: Page, book: str, *, done: list[str] | None = None, refused: dict[str, str] | None = None
) -> Response[str]:
    """The drafts of one book, in its order."""
    viewer = viewer_of(request)
    whole = await service.rulebook_overview(viewer)
    chosen = next(
        (each for each in whole.books if each.code == book), whole.books[0] if whole.books else None
    )
    if chosen is None:
        raise NotFound(_("There is no rule book yet."))
    published = {rule.code: rule for rule in chosen.all_rules if rule.state == "published"}
    return render(
        request,
        "rulebook/drafts.html",
        book=chosen,
        books=whole.books,
        proposals=await proposals(chosen.drafts, published),
        may_publish=viewer.has(*drafting.PUBLISH),
        may_write=viewer.has(*drafting.WRITE),
        languages=language_names(),
        done=done or [],
        refused=refused or {},
    )


pages: list[Any] = [
    new_rule,
    create_rule,
    edit_rule,
    save_rule,
    look_before_publishing,
    publish_rule,
    list_drafts,
    publish_drafts,
]
