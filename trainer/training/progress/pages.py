"""Pages of progress: the picture and the table, a list as a matrix, sheets to take away, one person."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, get, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer.people.service import people_by_ids
from trainer.people.sight import reach, team_only
from trainer.problems import Invalid
from trainer.sheets.writing import sheet_response
from trainer.training import deciding
from trainer.training.assigning.service import ASSIGNERS
from trainer.training.enrolling import load_enrolment
from trainer.training.progress import kinds, service
from trainer.training.progress.service import FILTERS
from trainer.training.progress.views import Filters, Matrix, ProgressPage, ProgressRow, Share, Tried
from trainer.web import api
from trainer.web.forms import Form, read_form
from trainer.web.guards import requires, signed_in
from trainer.web.i18n import _, ngettext, text_in
from trainer.web.session import Viewer, viewer_of
from trainer.web.templating import is_htmx, next_address, render, render_block

Page = Request[Any, Any, Any]
SEES = ("trainer", "team_lead", "manager", "admin")
MATRIX_PAGE = 40
Key = tuple[str, UUID, int, UUID]


def filters_of(request: Page) -> Filters:
    """The filters in the address; what is no id or no state there is left out."""
    query = request.query_params
    state = str(query.get("state", ""))
    return Filters(
        what=str(query.get("what", ""))[:120],
        team=_id(str(query.get("team", ""))),
        state=state if state in FILTERS else "",
        search=str(query.get("q", ""))[:100],
    )


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def state_names() -> dict[str, str]:
    """The states in words, in the order of a life."""
    return {
        "not_begun": _("Not begun"),
        "under_way": _("Under way"),
        "stuck": _("Stuck"),
        "overdue": _("Overdue"),
        "done": _("Done"),
        "waived": _("Waived"),
    }


@get("/progress", guards=[requires(*SEES)], include_in_schema=False)
async def show_progress(
    request: Page, cursor: FromQuery[str | None] = None, view: FromQuery[str] = ""
) -> Response[str]:
    """The picture, then the table; a list as a matrix. Managers and admins see the picture alone."""
    viewer, filters = viewer_of(request), filters_of(request)
    as_map = bool(filters.curriculum) and view != "table" and reach(viewer, "completion") == "each"
    page = api.read_page(MATRIX_PAGE if as_map else service.PAGE, cursor)
    if as_map:
        key = api.key_of(page, str, UUID)
        found: ProgressPage | Matrix = await service.matrix(viewer, filters, limit=page.limit, after=key)
    else:
        key = api.key_of(page, str, UUID, int, UUID)
        found = await service.progress_page(
            viewer, filters, limit=page.limit, after=key, picture=not is_htmx(request) or not cursor
        )
    return _rendered(request, viewer, found, cursor)


def _rendered(
    request: Page, viewer: Viewer, found: ProgressPage | Matrix, cursor: str | None
) -> Response[str]:
    after = api.next_cursor([str(part) for part in found.after]) if found.after else None
    values: dict[str, Any] = {
        "page": found,
        "matrix": found if isinstance(found, Matrix) else None,
        "each": isinstance(found, Matrix) or found.each,
        "more": next_address(request, after) if after else None,
        "cell": cell,
    }
    if is_htmx(request) and cursor:
        block = "people" if isinstance(found, Matrix) else "rows"
        return render_block(request, "training/progress.html", block, **values)
    filters = found.filters
    return render(
        request,
        "training/progress.html",
        **values,
        states={"open": _("Still to do")} | state_names(),
        whats=_whats(found),
        teams=[] if team_only(viewer, "completion") else found.choices.teams,
        team_name=viewer.team_name if team_only(viewer, "completion") else None,
        narrowed=bool(filters.what or filters.team or filters.state or filters.search),
        may_assign=viewer.has(*ASSIGNERS),
        with_filters=lambda **changes: _address(request, changes),
        parts_of=parts_of,
        share_words=share_words,
    )


def _whats(found: ProgressPage | Matrix) -> list[tuple[str, list[tuple[str, str]]]]:
    choices = found.choices
    groups = [
        (_("Lists"), [(f"list:{code}", text_in(title)) for code, title in choices.curricula]),
        (_("Modules"), [(f"module:{code}", text_in(title)) for code, title in choices.modules]),
    ]
    return [group for group in groups if group[1]]


def _address(request: Page, changes: dict[str, str | None]) -> str:
    """This page's address with other filters, from its beginning; `path` names another page."""
    path = changes.pop("path", None) or "/progress"
    kept = {name: value for name, value in request.query_params.items() if name != "cursor"}
    query = urlencode({name: value for name, value in {**kept, **changes}.items() if value})
    return f"{path}?{query}" if query else path


def parts_of(share: Share) -> list[dict[str, Any]]:
    """A module's bar for the picture."""
    names = state_names()
    kinds = [("done", "accent"), ("under_way", "soft"), ("stuck", "warn"), ("not_begun", "none")]
    parts = [{"label": names[state], "value": share.counts[state], "kind": kind} for state, kind in kinds]
    return [*parts, {"label": names["waived"], "value": share.counts["waived"], "kind": "quiet"}]


def share_words(share: Share) -> str:
    """What the bar shows, said."""
    parts = [f"{part['value']} {part['label'].lower()}" for part in parts_of(share) if part["value"]]
    if share.overdue:
        parts.append(ngettext("%(num)s overdue", "%(num)s overdue", share.overdue) % {"num": share.overdue})
    return f"{text_in(share.title)}: {', '.join(parts)}"


def cell(row: ProgressRow | None) -> dict[str, Any]:
    """One cell of the matrix: its tint (0 to 4, None where nothing was given) and its words."""
    if row is None:
        return {"tint": None, "text": "–", "said": _("not given")}
    words = state_names()[row.state]
    if row.state in ("under_way", "stuck"):
        text = _("%(done)s of %(steps)s") % {"done": row.done, "steps": row.steps}
        tint = 3 if row.done * 2 > row.steps else 2
        return {"tint": tint, "text": text, "said": f"{words}, {text}"}
    tints = {"done": 4, "not_begun": 0, "waived": None}
    return {"tint": tints[row.state], "text": words, "said": words}


# Sheets


@get("/progress/kinds", guards=[requires(*SEES)], include_in_schema=False)
async def show_kinds(request: Page) -> Response[str] | Redirect:
    """The part of the page that tells progress by kind of call; asked for once somebody scrolls to it."""
    if not is_htmx(request):
        return Redirect(_address(request, {}), status_code=303)
    viewer, filters = viewer_of(request), filters_of(request)
    shares = await kinds.by_kind(viewer, filters)
    nobody = not shares and filters.state and bool(await kinds.by_kind(viewer, replace(filters, state="")))
    return render(request, "training/_kinds.html", kinds=shares, nobody=nobody)


@get("/progress.csv", guards=[requires(*SEES)], include_in_schema=False)
async def export_csv(request: Page) -> Response[bytes]:
    """What the filters leave, all of it."""
    return await _sheet(request, "csv")


@get("/progress.xlsx", guards=[requires(*SEES)], include_in_schema=False)
async def export_xlsx(request: Page) -> Response[bytes]:
    """The same as a workbook."""
    return await _sheet(request, "xlsx")


async def _sheet(request: Page, kind: str) -> Response[bytes]:
    rows = await service.export_rows(viewer_of(request), filters_of(request))
    columns = list(service.COLUMNS)
    lines = await asyncio.to_thread(
        lambda: [sheet_line(row) for row in rows]
    )  # thousands: others wait meanwhile
    return await sheet_response("progress", columns, lines, kind, title=_("Progress"))


def sheet_line(row: ProgressRow) -> list[str | int | date | datetime | None]:
    """A row in the order of `service.COLUMNS`."""
    return [
        row.name,
        row.team_name or "",
        row.code,
        text_in(row.title),
        row.version,
        row.state,
        "yes" if row.overdue else "",
        row.done,
        row.steps,
        row.step_title,
        row.stuck_words,
        row.created_at,
        row.due_on,
        row.started_at,
        row.active_at,
        row.completed_at,
        row.waived_why if row.waived_at else "",
        row.signed_off_at,
    ]


# One person


@get("/people/{person_id:uuid}/progress", guards=[signed_in], include_in_schema=False)
async def show_person(request: Page, person_id: FromPath[UUID]) -> Response[str]:
    """Everything one person was given, step by step; the person, their lead and trainers."""
    return await _person_page(request, person_id)


async def _person_page(
    request: Page, person_id: UUID, *, form: Form | None = None, at: UUID | None = None
) -> Response[str]:
    viewer = viewer_of(request)
    found = await service.person_progress(viewer, person_id)
    deciders = {each for one in found.enrolments for each in (one.waived_by, one.signed_off_by) if each}
    return render(
        request,
        "training/person.html",
        status=422 if form and form.errors else 200,
        progress=found,
        kinds=await kinds.kinds_of(person_id) if found.enrolments else [],
        names={key: person.name for key, person in (await people_by_ids(deciders)).items()},
        own=viewer.id == person_id,
        may_waive=deciding.may_waive(viewer, person_id),
        may_sign_off=deciding.may_sign_off(viewer, person_id, found.person.team),
        may_assign=viewer.has(*ASSIGNERS) and found.person.active,
        said=said,
        errors=form.errors if form else {},
        why=form.raw("why") if form else "",
        at=at,
    )


def said(step: Tried, given: dict[str, Any]) -> str:
    """A try in words; the words of a reflection are nobody's but the person's."""
    words: dict[str, Callable[[], str]] = {
        "contrast": lambda: _("chose call %(side)s") % {"side": str(given.get("chosen", "")).upper()},
        "judge": lambda: _("met") if given.get("mark") == "met" else _("missed"),
        "recall": lambda: _recalled(given),
        "reflect": lambda: _("answered in own words, which nobody else reads"),
    }
    return words[step.kind]() if step.kind in words else _("done")


def _recalled(given: dict[str, Any]) -> str:
    """A recall in words; of ideas in other words it says that they are so by the person's own account."""
    text = str(given.get("text", ""))
    if not given.get("own"):
        return text
    return _("%(text)s (in other words, by their own account: %(ideas)s)") % {
        "text": text,
        "ideas": ", ".join(given["own"]),
    }


@post("/enrolments/{enrolment_id:uuid}/waive", guards=[requires("trainer")], include_in_schema=False)
async def waive(request: Page, enrolment_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Need not be done, for a reason."""
    viewer, form = viewer_of(request), await read_form(request)
    view = await load_enrolment(viewer, enrolment_id)
    try:
        await deciding.waive(viewer, enrolment_id, form.raw("why"))
    except Invalid as problem:
        form.take(problem)
        return await _person_page(request, view.person, form=form, at=enrolment_id)
    return _to_person(view.person, enrolment_id)


@post("/enrolments/{enrolment_id:uuid}/unwaive", guards=[requires("trainer")], include_in_schema=False)
async def unwaive(request: Page, enrolment_id: FromPath[UUID]) -> Redirect:
    """Take the waiver back."""
    viewer = viewer_of(request)
    view = await load_enrolment(viewer, enrolment_id)
    await deciding.unwaive(viewer, enrolment_id)
    return _to_person(view.person, enrolment_id)


@post("/enrolments/{enrolment_id:uuid}/sign-off", guards=[requires("team_lead")], include_in_schema=False)
async def sign_off(request: Page, enrolment_id: FromPath[UUID]) -> Redirect:
    """Seen done at work."""
    viewer = viewer_of(request)
    view = await load_enrolment(viewer, enrolment_id)
    await deciding.sign_off_enrolment(viewer, enrolment_id)
    return _to_person(view.person, enrolment_id)


def _to_person(person: UUID, enrolment: UUID) -> Redirect:
    return Redirect(f"/people/{person}/progress#e-{enrolment}", status_code=303)


pages: list[Any] = [
    show_progress,
    show_kinds,
    export_csv,
    export_xlsx,
    show_person,
    waive,
    unwaive,
    sign_off,
]
