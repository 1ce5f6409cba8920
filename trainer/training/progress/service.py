"""Who is how far: the page's rows and picture, the matrix of a list, one person, and what homes ask.

Everything asks `people.sight` whom the viewer sees: trainers everybody, leads their own team, managers and admins
sums over everybody and of at least five people. Invariant: rows, sums and exports go through the same filters.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from trainer import db
from trainer.people.days import day_of
from trainer.people.service import get_person
from trainer.people.sight import SMALLEST_GROUP, reach, require_each, team_only
from trainer.problems import Forbidden, Invalid, NotFound
from trainer.training.enrolling import enrolments_of
from trainer.training.modules import StepRule, StepView
from trainer.training.progress import queries
from trainer.training.progress.queries import STATES, Scope, Today
from trainer.training.progress.views import (
    Choices,
    Filters,
    I18n,
    Matrix,
    MatrixPerson,
    PersonProgress,
    ProgressPage,
    ProgressRow,
    Share,
    TeamTotal,
    Tried,
    row_view,
)
from trainer.training.step_pages import title_of
from trainer.web.i18n import _
from trainer.web.session import Viewer

QUIET = timedelta(days=3)  # under way, and nothing done for so long: stuck
FILTERS = (*STATES, "overdue", "open")
PAGE = 50
MOST_EXPORTED = 200_000


# Scope: rights and filters together


@dataclass(frozen=True, slots=True)
class _Known:
    choices: Choices
    codes: Mapping[str, tuple[UUID, I18n]]
    ids: Mapping[UUID, tuple[str, I18n]]
    listed: list[UUID]
    today: Today


async def _known(curriculum: str) -> _Known:
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for row in await queries.choices(curriculum):
        by_kind.setdefault(row["kind"], []).append(row)
    modules = sorted(by_kind.get("module", []), key=lambda row: (row["position"], row["code"]))
    titles = {row["code"]: (row["id"], json.loads(row["title"])) for row in modules}
    return _Known(
        choices=Choices(
            modules=[(code, title) for code, (_id, title) in titles.items()],
            curricula=[(row["code"], json.loads(row["title"])) for row in by_kind.get("list", [])],
            teams=sorted(
                ((row["id"], row["title"]) for row in by_kind.get("team", [])), key=lambda t: t[1].casefold()
            ),
        ),
        codes=titles,
        ids={key: (code, title) for code, (key, title) in titles.items()},
        listed=[row["id"] for row in sorted(by_kind.get("in", []), key=lambda row: row["position"])],
        today=_today([row["code"] for row in by_kind.get("zone", [])]),
    )


def _today(zones: Sequence[str]) -> Today:
    now = db.utc_now()
    site = day_of(now, "")
    groups: dict[date, list[str]] = {}
    for zone in zones:
        if zone and (day := day_of(now, zone)) != site:
            groups.setdefault(day, []).append(zone)
    return Today(site, tuple((day, tuple(group)) for day, group in groups.items()))


async def scope_of(viewer: Viewer, filters: Filters) -> Scope:
    """Whose rows are meant, for sums of other sorts. Raises Forbidden, Invalid."""
    return _scope(viewer, filters, await _known(filters.curriculum))


def _scope(viewer: Viewer, filters: Filters, known: _Known) -> Scope:
    """Raises Forbidden for who sees no completions, Invalid for a filter that names nothing."""
    sees = reach(viewer, "completion")
    if sees == "none":
        raise Forbidden(_("How far others are is seen by trainers and leads."))
    team = filters.team
    if team_only(viewer, "completion"):
        team = viewer.team or UUID(int=0)
    if sees != "each":  # sums over everybody: no team, name or state may narrow them to somebody
        filters, team = Filters(what=filters.what), None
    if filters.state and filters.state not in FILTERS:
        raise Invalid.field("state", "unknown", _("There is no such state."))
    return Scope(
        today=known.today,
        quiet_since=db.utc_now() - QUIET,
        team=team,
        modules=_modules(filters, known),
        person=filters.person,
        search=" ".join(filters.search.split()),
        state=filters.state,
    )


def _modules(filters: Filters, known: _Known) -> list[UUID] | None:
    if filters.module:
        if filters.module not in known.codes:
            raise Invalid.field("module", "unknown", _("There is no such published module."))
        return [known.codes[filters.module][0]]
    if filters.curriculum:
        if filters.curriculum not in [code for code, _title in known.choices.curricula]:
            raise Invalid.field("curriculum", "unknown", _("There is no such list."))
        return known.listed
    return None


# The page


async def progress_page(
    viewer: Viewer,
    filters: Filters,
    *,
    limit: int = PAGE,
    after: tuple[str, UUID, int, UUID] | None = None,
    picture: bool = True,
) -> ProgressPage:
    """The page of rows after a key, with the picture. Three queries. Raises Forbidden, Invalid."""
    known = await _known(filters.curriculum)
    scope = _scope(viewer, filters, known)
    each = reach(viewer, "completion") == "each"
    found = await queries.rows(scope, limit=limit + 1, after=after) if each else []
    rows = [row_view(row) for row in found[:limit]]
    return ProgressPage(
        filters=filters,
        choices=known.choices,
        each=each,
        shares=await _shares(scope, known, each) if picture else [],
        rows=rows,
        after=rows[-1].key if len(found) > limit else None,
    )


async def _shares(scope: Scope, known: _Known, each: bool) -> list[Share]:
    shares = []
    for row in await queries.totals(scope, by="module"):
        if row["subject"] not in known.ids:
            continue
        code, title = known.ids[row["subject"]]
        few = not each and row["people"] < SMALLEST_GROUP
        counts = {name: 0 if few else row[name] for name in STATES}
        shares.append(
            Share(
                row["subject"],
                code,
                title,
                0 if few else row["people"],
                counts,
                0 if few else row["overdue"],
                few,
            )
        )
    order = known.listed or list(known.ids)
    return sorted(shares, key=lambda share: order.index(share.module) if share.module in order else 0)


async def matrix(
    viewer: Viewer, filters: Filters, *, limit: int = PAGE, after: tuple[str, UUID] | None = None
) -> Matrix:
    """People by the modules of a list (or by all modules), a page of people. Four queries.

    Raises Forbidden (also for who sees sums alone), Invalid.
    """
    known = await _known(filters.curriculum)
    scope = _scope(viewer, filters, known)
    if reach(viewer, "completion") != "each":
        raise Forbidden(_("How far each person is is seen by trainers and leads."))
    people = await queries.people(scope, limit=limit + 1, after=after)
    shown = people[:limit]
    columns = scope.modules if scope.modules is not None else list(known.ids)
    cells: dict[tuple[UUID, UUID], ProgressRow] = {}
    if shown:
        whose = Scope(
            scope.today, scope.quiet_since, modules=columns, people=[person["id"] for person in shown]
        )
        for row in await queries.rows(whose, limit=limit * max(1, len(columns))):
            cells[row["person"], row["module"]] = row_view(row)
    last = shown[-1] if len(people) > limit else None
    return Matrix(
        filters=filters,
        choices=known.choices,
        shares=await _shares(scope, known, True),
        modules=[(module, known.ids[module][1]) for module in columns if module in known.ids],
        people=[
            MatrixPerson(
                person["id"],
                person["name"],
                person["team_name"],
                [cells.get((person["id"], module)) for module in columns if module in known.ids],
            )
            for person in shown
        ],
        after=(last["name_key"], last["id"]) if last else None,
    )


# Exports

COLUMNS = (
    "name",
    "team",
    "module",
    "title",
    "version",
    "state",
    "overdue",
    "steps_done",
    "steps",
    "at_step",
    "stuck_on",
    "given_on",
    "due_on",
    "started_at",
    "last_active_at",
    "completed_at",
    "waived_why",
    "signed_off_at",
)


async def export_rows(viewer: Viewer, filters: Filters) -> list[ProgressRow]:
    """All rows that the filters leave. Raises as `progress_page`, and Invalid for more than a sheet should hold."""
    known = await _known(filters.curriculum)
    scope = _scope(viewer, filters, known)
    if reach(viewer, "completion") != "each":
        raise Forbidden(_("How far each person is is seen by trainers and leads."))
    found = await queries.rows(scope, limit=MOST_EXPORTED + 1)
    if len(found) > MOST_EXPORTED:
        raise Invalid(
            _("These are more than %(n)s rows. Choose a module or a team first.") % {"n": MOST_EXPORTED}
        )
    return [row_view(row) for row in found]


# One person


async def person_progress(viewer: Viewer, person: UUID) -> PersonProgress:
    """What one person was given and did. Raises NotFound for who may not see it."""
    whose = await get_person(person)
    if whose.erased_at is not None:
        raise NotFound(_("There is no such person."))
    require_each(viewer, "completion", person=person, team=whose.team)
    sees_answers = reach(viewer, "answers", person=person, team=whose.team) in ("own", "each")
    scope = Scope(_today([whose.time_zone]), db.utc_now() - QUIET, person=person)
    found = [row_view(row) for row in await queries.rows(scope, limit=10_000)]
    answers: dict[UUID, dict[int, Tried]] = {}
    for row in await queries.answers_of(person) if sees_answers else []:
        steps = answers.setdefault(row["enrolment"], {})
        if row["position"] not in steps:
            title = _step_title(row)
            steps[row["position"]] = Tried(row["position"], title, row["kind"], [])
        steps[row["position"]].tries.append(
            {
                "attempt": row["attempt"],
                "correct": None if row["correct"] is None else bool(row["correct"]),
                "score": row["score"],
                "at": row["at"],
                "given": json.loads(row["given"]) if row["given"] else {},
            }
        )
    return PersonProgress(
        person=whose,
        enrolments=await enrolments_of(person),
        rows={row.enrolment: row for row in found},
        answers={key: list(steps.values()) for key, steps in answers.items()} if sees_answers else None,
    )


def _step_title(row: Mapping[str, Any]) -> str:
    rule = None
    if row["rule_title"]:
        rule = StepRule(UUID(int=0), "", 0, json.loads(row["rule_title"]), {}, {}, "", {}, {})
    body = json.loads(row["step_body"])
    return title_of(StepView(UUID(int=0), row["position"], row["kind"], rule, None, None, body))


# What homes ask


async def people_stuck(viewer: Viewer, limit: int = 5) -> list[ProgressRow]:
    """Who is stuck, the longest without doing anything first; nobody for who does not see each."""
    if reach(viewer, "completion") != "each":
        return []
    known = await _known("")
    scope = _scope(viewer, Filters(state="stuck"), known)
    return [row_view(row) for row in await queries.rows(scope, limit=limit, order="quiet")]


async def team_totals(viewer: Viewer) -> list[TeamTotal]:
    """How far each team is: all teams for trainers, the own for leads; sums over everybody for managers and admins
    (nothing while they would be of fewer than five people); nothing for others.
    """
    sees = reach(viewer, "completion")
    if sees == "none":
        return []
    known = await _known("")
    names = dict(known.choices.teams)
    found = [
        TeamTotal(
            row["subject"],
            names.get(row["subject"]),
            row["people"],
            {name: row[name] for name in STATES},
            row["overdue"],
        )
        for row in await queries.totals(_scope(viewer, Filters(), known), by="team")
    ]
    if sees == "each":
        return sorted(found, key=lambda total: (total.name is None, (total.name or "").casefold()))
    everybody = TeamTotal(
        None,
        None,
        sum(total.people for total in found),
        {name: sum(total.counts[name] for total in found) for name in STATES},
        sum(total.overdue for total in found),
    )
    return [everybody] if everybody.people >= SMALLEST_GROUP else []
