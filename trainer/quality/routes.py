"""Pages of evaluations: the analyst's board, its release, the list, and the result with its words."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer.calls.service import load_for_hearing
from trainer.people.service import visible_people
from trainer.people.teams import list_teams
from trainer.problems import Conflict, FieldError, Invalid
from trainer.quality import import_pages, judging, replies, service, totals
from trainer.quality.forms import put_back, read_judgement, take_refusal
from trainer.quality.pages import (
    Board,
    board_of_call,
    board_of_draft,
    board_page,
    book_choices,
    result_page,
    state_options,
)
from trainer.quality.scoring import results_of
from trainer.quality.views import STATES
from trainer.web.api import key_of, next_cursor, read_page
from trainer.web.forms import Form, read_form
from trainer.web.guards import requires, signed_in
from trainer.web.session import Viewer, viewer_of
from trainer.web.templating import is_htmx, next_address, render, render_block

Page = Request[Any, Any, Any]
ANALYSTS = requires(*service.EVALUATE)
PER_PAGE = 30
MOST_AGENTS = 1000


# The board


@get("/calls/{recording_id:uuid}/evaluate", guards=[ANALYSTS], include_in_schema=False)
async def show_board(
    request: Page, recording_id: FromPath[UUID], rulebook: FromQuery[str] = ""
) -> Response[str] | Redirect:
    """The call beside its rules: the viewer's draft, or a fresh board. What is released already is shown instead."""
    viewer = viewer_of(request)
    call = await load_for_hearing(viewer, recording_id)
    found = await service.visible_evaluations(viewer, recording=recording_id)
    if draft := next((each for each in found if each.state == "draft" and not each.replaces), None):
        return await board_page(request, await board_of_draft(viewer, draft))
    if released := next((each for each in found if each.state == "released"), None):
        return Redirect(f"/evaluations/{released.id}", status_code=303)
    judging.require_agent(viewer, call.agent)
    code = call.rulebook_code or rulebook
    if not code:
        books = await book_choices(viewer)
        if len(books) != 1:
            return render(request, "quality/choose_book.html", call=call, books=books)
        code = books[0][0]
    return await board_page(request, await board_of_call(viewer, call, code))


@post("/calls/{recording_id:uuid}/evaluate", guards=[ANALYSTS], include_in_schema=False)
async def begin(request: Page, recording_id: FromPath[UUID]) -> Response[str] | Redirect:
    """The first thing that is said of a call makes the draft."""
    viewer, form = viewer_of(request), await read_form(request)
    call = await load_for_hearing(viewer, recording_id)
    code = call.rulebook_code or form.raw("rulebook")
    board = await board_of_call(viewer, call, code)
    judged = read_judgement(form, [line.code for line in board.lines])
    if judged is not None:
        try:
            made = await judging.start(viewer, recording_id, judged, rulebook=code)
            return await _saved(request, viewer, made, form)
        except Invalid as problem:
            take_refusal(form, problem)
    return await _refused(request, board, form)


@get("/evaluations/{evaluation_id:uuid}/edit", guards=[ANALYSTS], include_in_schema=False)
async def show_draft(request: Page, evaluation_id: FromPath[UUID]) -> Response[str] | Redirect:
    """A draft's board; a released one is read, not edited."""
    viewer = viewer_of(request)
    found = await service.load_evaluation(viewer, evaluation_id)
    if found.state != "draft":
        return Redirect(f"/evaluations/{evaluation_id}", status_code=303)
    return await board_page(request, await board_of_draft(viewer, found))


@post("/evaluations/{evaluation_id:uuid}/edit", guards=[ANALYSTS], include_in_schema=False)
async def save_draft(request: Page, evaluation_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Save what is said; evaluate.js sends each change, a form without it sends all at once."""
    viewer, form = viewer_of(request), await read_form(request)
    board = await board_of_draft(viewer, await service.load_evaluation(viewer, evaluation_id))
    judged = read_judgement(form, [line.code for line in board.lines])
    revision = form.integer("revision", least=0, most=10**9)
    if judged is not None and revision is not None:
        try:
            await judging.save(viewer, evaluation_id, judged, expected=revision)
            return await _saved(request, viewer, evaluation_id, form)
        except Invalid as problem:
            take_refusal(form, problem)
    return await _refused(request, board, form)


async def _saved(request: Page, viewer: Viewer, evaluation: UUID, form: Form) -> Response[str] | Redirect:
    """A script gets both results as they stand now; a plain form goes on to the next page."""
    if is_htmx(request):
        board = await board_of_draft(viewer, await service.load_evaluation(viewer, evaluation))
        return render_block(request, "quality/evaluate.html", "summary", board=board, errors={})
    onward = "release" if form.raw("then") == "review" else "edit"
    return Redirect(f"/evaluations/{evaluation}/{onward}", status_code=303)


async def _refused(request: Page, board: Board, form: Form) -> Response[str]:
    """The same board with what was sent and what is wrong with it; a script gets the reasons alone."""
    if is_htmx(request):
        raise Invalid(
            next(iter(form.errors.values())),
            errors=[FieldError(name, "invalid", said) for name, said in form.errors.items()],
        )
    board.whole = put_back(form, board.lines)
    return await board_page(request, board, status=422, errors=form.errors)


@post("/evaluations/{evaluation_id:uuid}/discard", guards=[ANALYSTS], include_in_schema=False)
async def discard_draft(request: Page, evaluation_id: FromPath[UUID]) -> Redirect:
    """Throw a draft away."""
    viewer = viewer_of(request)
    found = await service.load_evaluation(viewer, evaluation_id)
    await judging.discard(viewer, evaluation_id)
    back = f"/evaluations/{found.replaces}" if found.replaces else "/evaluations"
    return Redirect(back, status_code=303)


# Releasing


@get("/evaluations/{evaluation_id:uuid}/release", guards=[ANALYSTS], include_in_schema=False)
async def show_release(request: Page, evaluation_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Both results and what has no mark, before it is frozen."""
    viewer = viewer_of(request)
    if (await service.load_evaluation(viewer, evaluation_id)).state != "draft":
        return Redirect(f"/evaluations/{evaluation_id}", status_code=303)
    return await _release_page(request, viewer, evaluation_id)


async def _release_page(
    request: Page, viewer: Viewer, evaluation: UUID, refusal: str = "", status: int = 200
) -> Response[str]:
    checked = await judging.review(viewer, evaluation)
    return render(
        request,
        "quality/release.html",
        status=status,
        each=checked.evaluation,
        results=results_of(checked.marks),
        missed=[mark for mark in checked.marks if mark.mark == "missed"],
        unmarked=checked.unmarked,
        refusal=refusal,
    )


@post("/evaluations/{evaluation_id:uuid}/release", guards=[ANALYSTS], include_in_schema=False)
async def release(request: Page, evaluation_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Freeze it and give it to its agent; sent twice, it is released once."""
    viewer, form = viewer_of(request), await read_form(request)
    try:
        await judging.release(
            viewer,
            evaluation_id,
            confirm_unmarked=form.checked("confirm_unmarked"),
            expected=form.integer("revision", least=0, most=10**9, required=False),
        )
    except Conflict as problem:
        if problem.name in ("unmarked-rules", "no-marks"):
            return await _release_page(request, viewer, evaluation_id, problem.detail, 422)
        if problem.name != "released":
            raise
    return Redirect(f"/evaluations/{evaluation_id}", status_code=303)


@post("/evaluations/{evaluation_id:uuid}/correct", guards=[ANALYSTS], include_in_schema=False)
async def correct(request: Page, evaluation_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Begin a correction."""
    viewer, form = viewer_of(request), await read_form(request)
    try:
        draft = await judging.correct(viewer, evaluation_id, form.raw("reason"))
    except Invalid as problem:
        form.take(problem)
        found = await service.load_evaluation(viewer, evaluation_id)
        return await result_page(request, found, status=422, errors=form.errors)
    return Redirect(f"/evaluations/{draft}/edit", status_code=303)


# Reading


@get("/evaluations", guards=[signed_in], include_in_schema=False)
async def show_evaluations(
    request: Page,
    agent: FromQuery[str] = "",
    team: FromQuery[str] = "",
    status: FromQuery[str] = "",
    mine: FromQuery[str] = "",
    not_helped: FromQuery[str] = "",
    cursor: FromQuery[str] = "",
) -> Response[str]:
    """What the viewer may read, newest first, and sums for those who see sums."""
    viewer = viewer_of(request)
    sight = service.sight_of(viewer)
    found = await service.visible_evaluations(
        viewer,
        state=status if status in STATES else "",
        agent=_chosen(agent),
        team=_chosen(team),
        analyst=viewer.id if mine else None,
        not_helped=bool(not_helped),
        after=key_of(read_page(cursor=cursor), datetime.fromisoformat, UUID),
        limit=PER_PAGE + 1,
    )
    shown = found[:PER_PAGE]
    more = None
    if len(found) > PER_PAGE:
        more = next_address(request, next_cursor([shown[-1].listed_at.isoformat(), str(shown[-1].id)]))
    values: dict[str, Any] = {"evaluations": shown, "more": more, "sight": sight}
    if is_htmx(request) and cursor:
        return render(request, "quality/_rows.html", **values)
    values |= {"filtered": bool(agent or team or status or mine or not_helped)}
    if is_htmx(request):
        return render_block(request, "quality/list.html", "results", **values)
    reads_sums = totals.may_read(viewer)
    return render(
        request,
        "quality/list.html",
        **values,
        **await _filters(viewer),
        chosen={"agent": agent, "team": team, "status": status, "mine": mine, "not_helped": not_helped},
        states=state_options(),
        lists=sight.everything
        or sight.team is not None
        or sight.drafts
        or viewer.has("agent")
        or bool(shown),
        totals=await totals.totals(viewer) if reads_sums else None,
        days=totals.PERIOD.days,
        to_score=await service.calls_to_score(viewer, 5),
    )


def _chosen(text: str) -> UUID | None:
    """The id of a filter; what is none narrows nothing."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


async def _filters(viewer: Viewer) -> dict[str, Any]:
    """Agents and teams to narrow the list by, for those who read others'."""
    sight = service.sight_of(viewer)
    agents, teams = [], []
    if sight.everything or sight.team is not None:
        people = await visible_people(viewer, role="agent", team=sight.team, limit=MOST_AGENTS)
        agents = [(str(each.person.id), each.person.name) for each in people]
    if sight.everything:
        teams = [(str(team.id), team.name) for team in await list_teams(viewer)]
    return {"agents": agents, "teams": teams}


@get("/evaluations/{evaluation_id:uuid}", guards=[signed_in], include_in_schema=False)
async def show_evaluation(request: Page, evaluation_id: FromPath[UUID]) -> Response[str] | Redirect:
    """The result in kind and clear words; that its agent opened it is noted."""
    viewer = viewer_of(request)
    found = await service.load_evaluation(viewer, evaluation_id)
    if found.state == "draft":
        return Redirect(f"/evaluations/{evaluation_id}/edit", status_code=303)
    await replies.note_seen(viewer, found)
    return await result_page(request, found)


@post("/evaluations/{evaluation_id:uuid}/replies", guards=[signed_in], include_in_schema=False)
async def answer(request: Page, evaluation_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Answer in words."""
    viewer, form = viewer_of(request), await read_form(request)
    try:
        await replies.reply(
            viewer, evaluation_id, form.raw("words"), key=form.identifier("key", required=False)
        )
    except Invalid as problem:
        form.take(problem)
        found = await service.load_evaluation(viewer, evaluation_id)
        typed = form.raw("words")
        return await result_page(request, found, status=422, errors=form.errors, typed=typed)
    return Redirect(f"/evaluations/{evaluation_id}#words", status_code=303)


pages: list[Any] = [
    *import_pages.pages,
    show_board,
    begin,
    show_draft,
    save_draft,
    discard_draft,
    show_release,
    release,
    correct,
    show_evaluations,
    show_evaluation,
    answer,
]
