"""The starter kit: what a fresh centre begins with until it has its own.

A rule book, role-played calls with their clips, modules, a list of modules and the agents' career path, taken in by one
job when an admin asks for it. Without a career path nobody reaches a milestone, so that the feed would stay empty.
Nobody in a real centre made these calls: all of them are staged, belong to no agent, and leave a rule's gap open.

Invariant: what is here already, changed or not, is never touched; the kit may be taken again, after a crash or by two
admins at once, and brings only what is absent. One run is under way at most.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import yaml
from litestar import Request, Response, get, post
from litestar.params import FromQuery
from litestar.response import Redirect

from trainer import db, jobs
from trainer.career.documents import import_path
from trainer.career.service import award_tenure
from trainer.career.tables import CareerPath
from trainer.clips import queries as clip_queries
from trainer.clips.library import import_library
from trainer.people.audit import record_audit
from trainer.problems import Forbidden, Invalid, NotFound, Problem
from trainer.rulebook.service import import_rulebook
from trainer.rulebook.tables import Rulebook
from trainer.training.curricula import import_curriculum
from trainer.training.documents import import_module
from trainer.training.enrolling import begin_with
from trainer.training.tables import Curriculum, Module
from trainer.web.guards import requires
from trainer.web.i18n import _, current_locale, speaking
from trainer.web.session import Viewer, viewer_of
from trainer.web.static import find_tree
from trainer.web.templating import render

GUARDS = [requires("admin")]
MOST_REASONS = 3  # shown of what could not be taken in

Page = Request[Any, Any, Any]
Name = Literal["rulebook", "clips", "modules", "lists", "path"]


@dataclass(frozen=True, slots=True)
class Kit:
    """The documents that travel with the package. `book` is a file; `calls` a folder with `library.yaml`."""

    book: Path
    book_code: str
    calls: Path
    slugs: tuple[str, ...]
    modules: tuple[Mapping[str, Any], ...]
    lists: tuple[Mapping[str, Any], ...]
    paths: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of thing in the kit; `lacks` names what of it is not in the centre."""

    name: Name
    lacks: frozenset[str]


@cache
def the_kit() -> Kit:
    """Read once a process: it changes with the package only."""
    curricula, calls = find_tree("curricula"), find_tree("clips")
    book = curricula / "rulebooks" / "starter.yaml"
    modules, lists, paths = (
        tuple(_read(file) for file in sorted((curricula / folder).glob("*.yaml")))
        for folder in ("modules", "lists", "paths")
    )
    slugs = tuple(clip["slug"] for clip in _read(calls / "library.yaml")["clips"])
    return Kit(book, _read(book)["rulebook"]["code"], calls, slugs, modules, lists, paths)


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


async def starter_parts() -> list[Part]:
    """Every part of the kit, in the order in which they rest on each other."""
    kit = await asyncio.to_thread(the_kit)
    clips = await clip_queries.clips_by_slug(kit.slugs)
    books = {row["code"] for row in await Rulebook.select(Rulebook.code)}
    modules = {row["code"] for row in await Module.select(Module.code)}
    lists = {row["code"] for row in await Curriculum.select(Curriculum.code)}
    paths = {row["code"] for row in await CareerPath.select(CareerPath.code)}
    cut = {slug for slug, row in clips.items() if row["state"] != "draft"}
    return [
        Part("rulebook", frozenset({kit.book_code} - books)),
        Part("clips", frozenset(set(kit.slugs) - cut)),
        Part("modules", frozenset(_codes(kit.modules, "module") - modules)),
        Part("lists", frozenset(_codes(kit.lists, "curriculum") - lists)),
        Part("path", frozenset(_codes(kit.paths, "path") - paths)),
    ]


def _codes(documents: tuple[Mapping[str, Any], ...], head: str) -> set[str]:
    return {document[head]["code"] for document in documents}


async def starter_missing() -> list[Name]:
    """Which parts of the kit the centre lacks, in whole or in part."""
    return [part.name for part in await starter_parts() if part.lacks]


async def take_kit(viewer: Viewer, time_zone: str) -> UUID | None:
    """Has a job bring what is missing; returns its id, or that of one under way. None when nothing is missing.

    `time_zone` is the site's. Raises Forbidden.
    """
    if not viewer.has("admin"):
        raise Forbidden(_("Only admins take the starter kit."))
    missing = await starter_missing()
    async with db.transaction():
        await db.lock("starter kit")
        if under_way := await jobs.unfinished(bring_starter_kit):
            return under_way.id
        if not missing:
            return None
        await record_audit(viewer, "starter_kit_taken", "starter_kit", "", {"missing": missing})
        return await jobs.enqueue(
            bring_starter_kit, {"time_zone": time_zone, "locale": current_locale()}, person=viewer.id
        )


# The work

_ALL = 100


@jobs.job("bring_starter_kit", attempts=3)
async def bring_starter_kit(context: jobs.JobContext, time_zone: str, locale: str) -> None:
    """Brings what is absent, part by part; agents who are here already then begin with the starter module."""
    with speaking(locale):
        refused = await _bring(context, await asyncio.to_thread(the_kit), ZoneInfo(time_zone))
        if refused:
            told = {"n": len(refused), "why": " · ".join(refused[:MOST_REASONS])}
            raise jobs.Permanent(_("Some of it could not be taken in (%(n)s). %(why)s") % told)
        await context.progress(_ALL, _ALL, _("Your centre has all of it."))


async def _bring(context: jobs.JobContext, kit: Kit, zone: ZoneInfo) -> list[str]:
    """Returns what was refused, in words."""
    lacks = {part.name: part.lacks for part in await starter_parts()}
    await context.progress(0, _ALL, _("Taking in the rule book"))
    if why := await _book(kit):
        return [why]  # everything else rests on it
    refused: list[str] = []
    if lacks["clips"]:
        refused += await _clips(context, kit, zone)
    for at, (documents, head, name, note, take) in enumerate(_documents(kit)):
        await context.progress(80 + 5 * at, _ALL, note)
        for document in documents:
            if document[head]["code"] in lacks[name]:
                refused += await _one(document[head]["code"], take(document))
    await context.progress(95, _ALL, _("Giving your agents their first module"))
    for document in kit.modules:
        if document["module"].get("starter"):
            refused += await _one(document["module"]["code"], begin_with(document["module"]["code"]))
    if lacks["path"]:  # what people had done before counts on the new path, without waiting for the evening
        await jobs.enqueue(award_tenure, dedupe="award_tenure after the starter kit")
    return refused


def _documents(
    kit: Kit,
) -> list[
    tuple[tuple[Mapping[str, Any], ...], str, Name, str, Callable[[Mapping[str, Any]], Awaitable[Any]]]
]:
    return [
        (kit.modules, "module", "modules", _("Publishing the modules"), lambda it: import_module(None, it)),
        (kit.lists, "curriculum", "lists", _("Making the list"), lambda it: import_curriculum(None, it)),
        (kit.paths, "path", "path", _("Laying the career path"), import_path),
    ]


async def _book(kit: Kit) -> str | None:
    """Takes the rule book in unless there is one of that code; returns why it could not be."""
    try:
        async with db.transaction():
            await db.lock("rule books")
            if not await Rulebook.exists().where(Rulebook.code == kit.book_code):
                await import_rulebook(kit.book)
    except Problem as problem:
        return _("The rule book: %(why)s") % {"why": _words(problem)}
    return None


async def _clips(context: jobs.JobContext, kit: Kit, zone: ZoneInfo) -> list[str]:
    note = _("Listening to the role-played calls and cutting clips")
    await context.progress(5, _ALL, note)

    async def tell(done: int, total: int) -> None:
        await context.progress(10 + 70 * done // total, _ALL, note)

    report = await import_library(kit.calls, zone=zone, role_played=True, progress=tell)
    return [f"{slug}: {why}" for slug, why in (report.calls.refused | report.refused).items()]


async def _one(code: str, work: Awaitable[Any]) -> list[str]:
    try:
        await work
    except NotFound:
        return []  # a module that the centre has taken out of use: nobody begins with it
    except Problem as problem:
        return [f"{code}: {_words(problem)}"]
    return []


def _words(problem: Problem) -> str:
    errors = problem.errors if isinstance(problem, Invalid) else []
    return " ".join(error.message for error in errors) or problem.detail


# Its page


@get("/starter-kit", guards=GUARDS, include_in_schema=False)
async def show_kit(request: Page, job: FromQuery[UUID | None] = None) -> Response[str]:
    """What is in the kit, what of it is here, and how far a run is. `job` is one's own latest run."""
    viewer = viewer_of(request)
    under_way = await jobs.unfinished(bring_starter_kit)
    own = under_way if under_way and under_way.person == viewer.id else None
    if under_way is None and job is not None:
        latest = await jobs.get_job(job)
        own = latest if latest and latest.person == viewer.id else None
    return render(
        request,
        "starter/kit.html",
        parts={part.name: part for part in await starter_parts()},
        job=own,
        others=under_way is not None and own is None,
    )


@post("/starter-kit", guards=GUARDS, include_in_schema=False)
async def post_kit(request: Page) -> Redirect:
    """Take it, then watch."""
    job = await take_kit(viewer_of(request), request.app.state.settings.time_zone)
    return Redirect(f"/starter-kit?job={job}" if job else "/starter-kit", status_code=303)


pages: list[Any] = [show_kit, post_kit]
