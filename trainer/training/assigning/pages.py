"""Pages of assigning: choose what, whom and until when; see whom it reaches; one assignment, and taking it back."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer import db, jobs
from trainer.people.days import day_of
from trainer.people.service import PersonView, people_by_ids, shown_to, visible_people
from trainer.people.teams import list_teams
from trainer.problems import Invalid
from trainer.training import curricula, modules
from trainer.training.assigning import reaching, service
from trainer.training.assigning.service import ASSIGNERS, AssignmentView, Preview
from trainer.web import api
from trainer.web.forms import Form, read_form
from trainer.web.guards import requires, signed_in
from trainer.web.i18n import _, text_in
from trainer.web.session import ROLES, Viewer, viewer_of
from trainer.web.templating import is_htmx, next_address, render, render_block

Page = Request[Any, Any, Any]
FOUND = 30  # people that a search shows
PAGE = 50
WHOM = ("people", "team", "role")


@dataclass
class Chosen:
    """What the form holds. `what` is `module:<code>` or `list:<code>`."""

    what: str = ""
    whom: str = "people"
    people: list[UUID] = field(default_factory=list)
    team: UUID | None = None
    role: str = ""
    due_on: date | None = None

    @property
    def codes(self) -> dict[str, Any]:
        kind, _sep, code = self.what.partition(":")
        return {"module": code if kind == "module" else None, "curriculum": code if kind == "list" else None}

    @property
    def target(self) -> dict[str, Any]:
        """Whom, as `service.assign` wants it: only what the chosen way asks for."""
        return {
            "people": self.people if self.whom == "people" else [],
            "team": self.team if self.whom == "team" else None,
            "role": (self.role or None) if self.whom == "role" else None,
        }

    @property
    def whole(self) -> bool:
        return bool(self.what) and any(self.target.values())


def _chosen(form: Form) -> Chosen:
    people: list[UUID] = []
    for value in form.many("person")[: service.MOST_NAMED + 1]:
        try:
            people.append(UUID(value))
        except ValueError:
            form.errors["person"] = _("Please choose one of these.")
    return Chosen(
        what=form.raw("what")[:120],
        whom=form.raw("whom") if form.raw("whom") in WHOM else "people",
        people=list(dict.fromkeys(people)),
        team=form.identifier("team", required=False),
        role=form.raw("role")[:40],
        due_on=form.day("due_on", required=False),
    )


@get("/assign", guards=[requires(*ASSIGNERS)], include_in_schema=False)
async def show_assign(
    request: Page, module: FromQuery[str] = "", curriculum: FromQuery[str] = "", team: FromQuery[str] = ""
) -> Response[str]:
    """The form; `module`, `curriculum`, `team` and `person` (repeated) in the address are chosen already."""
    query = request.query_params
    fields = {name: [str(each) for each in query.getall(name, [])] for name in ("person", "what", "q")}
    if not fields["what"]:
        fields["what"] = [f"module:{module}" if module else f"list:{curriculum}" if curriculum else ""]
    viewer = viewer_of(request)
    fields["team"] = [team or str(viewer.team or "") if not viewer.has("trainer") else team]
    whom = "team" if fields["team"][0] and not fields["person"] else "people"
    form = Form(fields | {"whom": [whom]})
    chosen = _chosen(form)
    return await _form_page(request, chosen, Form({}), search=fields["q"][0] if fields["q"] else "")


async def _form_page(
    request: Page, chosen: Chosen, form: Form, *, search: str = "", block: str | None = None
) -> Response[str]:
    viewer = viewer_of(request)
    values: dict[str, Any] = {
        "chosen": chosen,
        "errors": form.errors,
        "check": await _check(viewer, chosen, form),
        "today": day_of(db.utc_now(), viewer.time_zone),
        "everywhere": viewer.has("trainer"),
    }
    if block:
        return render_block(request, "training/assign.html", block, **values)
    return render(
        request,
        "training/assign.html",
        status=422 if form.errors else 200,
        **values,
        **await _choices(viewer),
        **await _people(viewer, chosen, search),
    )


async def _check(viewer: Viewer, chosen: Chosen, form: Form) -> Preview | None:
    """Whom it would reach; None while something is missing. What is wrong goes to the form's errors."""
    if not chosen.whole or form.errors:
        return None
    try:
        whom = await service.whom_of(viewer, **chosen.target)
        return await service.preview(viewer, await reaching.what_of(**chosen.codes), whom, chosen.due_on)
    except Invalid as problem:
        form.take(problem)
        return None


async def _choices(viewer: Viewer) -> dict[str, Any]:
    listed = [view for view in await curricula.visible_curricula(viewer) if view.assignable]
    published = [view for view in await modules.visible_modules(viewer) if view.state == "published"]
    groups = [
        (_("Lists"), [(f"list:{view.code}", text_in(view.title)) for view in listed]),
        (_("Modules"), [(f"module:{view.code}", text_in(view.title)) for view in published]),
    ]
    teams = [
        (str(team.id), team.name)
        for team in await list_teams(viewer)
        if viewer.has("trainer") or team.id == viewer.team
    ]
    return {"whats": [group for group in groups if group[1]], "teams": teams, "roles": ROLES}


async def _people(viewer: Viewer, chosen: Chosen, search: str) -> dict[str, Any]:
    """Those chosen, and who fits the search, as rows to tick."""
    team = None if viewer.has("trainer") else viewer.team
    picked = await people_by_ids(chosen.people)
    may = [
        shown_to(viewer, one).person
        for one in picked.values()
        if viewer.has("trainer") or (team and one.team == team)
    ]
    shown = await visible_people(viewer, search=search, team=team, limit=FOUND + 1) if _sees(viewer) else []
    found = [each.person for each in shown if each.person.id not in picked]
    named = Counter(one.name_key for one in [*may, *found])
    return {
        "picked": sorted(may, key=lambda one: one.name_key),
        "found": found[:FOUND],
        "more": len(found) > FOUND,
        "search": search,
        "sub_of": lambda person: _sub(person, alone=named[person.name_key] == 1),
    }


def _sees(viewer: Viewer) -> bool:
    return viewer.has("trainer") or viewer.team is not None


def _sub(person: PersonView, *, alone: bool) -> str:
    """The team; of namesakes also what tells them apart, as far as the viewer may see it."""
    known = None if alone else person.email or person.employee_no
    team = person.team_name or _("No team")
    return f"{team} · {known}" if known else team


@post("/assign/people", guards=[requires(*ASSIGNERS)], status_code=200, include_in_schema=False)
async def find_people(request: Page) -> Response[str]:
    """People whose name fits what is typed; those ticked stay. Without a script, the whole page."""
    form = await read_form(request)
    chosen, search = _chosen(form), form.raw("q")[:100]
    if not is_htmx(request):
        return await _form_page(request, chosen, Form({}), search=search)
    people = await _people(viewer_of(request), chosen, search)
    return render_block(request, "training/assign.html", "people", errors={}, **people)


@post("/assign/check", guards=[requires(*ASSIGNERS)], status_code=200, include_in_schema=False)
async def check_assignment(request: Page) -> Response[str]:
    """Whom it would reach; nothing is done yet. Without a script Enter in the search leads here too."""
    form = await read_form(request)
    chosen, search = _chosen(form), form.raw("q")[:100]
    block = "check" if is_htmx(request) else None
    return await _form_page(request, chosen, form, search=search, block=block)


@post("/assign", guards=[requires(*ASSIGNERS)], include_in_schema=False)
async def assign(request: Page) -> Response[str] | Redirect:
    """Do it, or show the form again with what is wrong."""
    form = await read_form(request)
    chosen = _chosen(form)
    if form.ok:
        try:
            made = await service.assign(
                viewer_of(request), **chosen.codes, **chosen.target, due_on=chosen.due_on
            )
            return Redirect(f"/assignments/{made}", status_code=303)
        except Invalid as problem:
            form.take(problem)
    return await _form_page(request, chosen, form)


# Assignments


@get("/assignments", guards=[requires(*ASSIGNERS)], include_in_schema=False)
async def show_assignments(request: Page, cursor: FromQuery[str | None] = None) -> Response[str]:
    """What was given to whom, newest first."""
    after = api.key_of(api.read_page(PAGE, cursor), datetime.fromisoformat, UUID)
    viewer = viewer_of(request)
    rows = await service.visible_assignments(viewer, limit=PAGE + 1, after=after)
    shown = rows[:PAGE]
    more = None
    if len(rows) > PAGE:
        last = shown[-1]
        more = next_address(request, api.next_cursor([last.created_at.isoformat(), str(last.id)]))
    today = day_of(db.utc_now(), viewer.time_zone)
    values: dict[str, Any] = {"assignments": shown, "more": more, "whom_words": whom_words, "today": today}
    if is_htmx(request):
        return render_block(request, "training/assignments.html", "rows", **values)
    return render(request, "training/assignments.html", **values)


@get("/assignments/{assignment_id:uuid}", guards=[requires(*ASSIGNERS)], include_in_schema=False)
async def show_assignment(request: Page, assignment_id: FromPath[UUID]) -> Response[str]:
    """What, to whom, how far they are; and the way to take it back."""
    viewer = viewer_of(request)
    view = await service.load_assignment(viewer, assignment_id)
    job = await jobs.get_job(view.job) if view.job else None
    return render(
        request,
        "training/assignment.html",
        assignment=view,
        whom=whom_words(view),
        job=job if job and job.status != "done" else None,
        may_end=service.may_end(viewer, view),
    )


def whom_words(view: AssignmentView) -> str:
    """To whom, in words."""
    if view.team_name:
        return view.team_name
    if view.role:
        return _("Everybody in the role: %(role)s") % {"role": role_words(view.role)}
    others = view.named - 1
    if others > 0:
        told = {"name": view.first_named, "others": others}
        return _("%(name)s and one more") % told if others == 1 else _("%(name)s and %(others)s more") % told
    return view.first_named or _("Nobody")


def role_words(role: str) -> str:
    """A role as people say it."""
    return {
        "agent": _("agent"),
        "trainer": _("trainer"),
        "qa_analyst": _("QA analyst"),
        "team_lead": _("team lead"),
        "manager": _("manager"),
        "admin": _("admin"),
    }.get(role, role)


@post("/assignments/{assignment_id:uuid}/end", guards=[requires(*ASSIGNERS)], include_in_schema=False)
async def end_assignment(request: Page, assignment_id: FromPath[UUID]) -> Redirect:
    """Take it back: what nobody began goes, the rest stays."""
    await service.end_assignment(viewer_of(request), assignment_id)
    return Redirect(f"/assignments/{assignment_id}", status_code=303)


@get("/learn/assigned/{assignment_id:uuid}", guards=[signed_in], include_in_schema=False)
async def open_assigned(request: Page, assignment_id: FromPath[UUID]) -> Redirect:
    """Where a notice leads: to one's module, or to the list of them."""
    mine = await service.own_enrolments_by(viewer_of(request).id, assignment_id)
    return Redirect(f"/learn/{mine[0]}" if len(mine) == 1 else "/learn", status_code=303)


pages: list[Any] = [
    show_assign,
    find_people,
    check_assignment,
    assign,
    show_assignments,
    show_assignment,
    end_assignment,
    open_assigned,
]
