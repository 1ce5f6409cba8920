"""Pages of the lists of modules: all of them, making one, changing its words, what is in it and its order."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.connection import Request
from litestar.params import FromPath
from litestar.response import Redirect

from trainer.problems import Invalid
from trainer.training import curricula, modules
from trainer.training.assigning.service import ASSIGNERS
from trainer.training.curricula import CurriculumView
from trainer.training.modules import DELETERS, EDITORS, READERS
from trainer.training.progress.pages import SEES
from trainer.web.forms import Form, read_form
from trainer.web.guards import requires
from trainer.web.i18n import current_locale, ngettext, text_in
from trainer.web.session import Viewer, viewer_of
from trainer.web.templating import render

Page = Request[Any, Any, Any]


@get("/curricula", guards=[requires(*READERS)], include_in_schema=False)
async def show_curricula(request: Page) -> Response[str]:
    """The lists that are in use."""
    viewer = viewer_of(request)
    found = await curricula.visible_curricula(viewer)
    return render(request, "training/curricula.html", curricula=found, may_make=viewer.has(*EDITORS))


@get("/curricula/new", guards=[requires(*EDITORS)], include_in_schema=False)
async def show_new_curriculum(request: Page) -> Response[str]:
    """A title, and the modules."""
    return await _new_page(request, Form({}))


@post("/curricula/new", guards=[requires(*EDITORS)], include_in_schema=False)
async def create_curriculum(request: Page) -> Response[str] | Redirect:
    """Make the list, or show the form again."""
    form = await read_form(request)
    title, summary = form.text("title"), form.text("summary", required=False, most=2000)
    if form.ok:
        try:
            made = await curricula.create_curriculum(
                viewer_of(request),
                title=title,
                summary=summary,
                modules=form.many("modules"),
                language=current_locale(),
            )
            return Redirect(f"/curricula/{made}", status_code=303)
        except Invalid as problem:
            form.take(problem)
    return await _new_page(request, form)


async def _new_page(request: Page, form: Form) -> Response[str]:
    views = await modules.visible_modules(viewer_of(request))
    options = [
        {
            "value": str(view.id),
            "label": text_in(view.title),
            "sub": ngettext("%(num)s minute", "%(num)s minutes", view.minutes) % {"num": view.minutes},
        }
        for view in views
        if view.state == "published"
    ]
    status = 422 if form.errors else 200
    return render(request, "training/curriculum_new.html", status=status, form=form, options=options)


@get("/curricula/{curriculum_id:uuid}", guards=[requires(*READERS)], include_in_schema=False)
async def show_curriculum(request: Page, curriculum_id: FromPath[UUID]) -> Response[str]:
    """The modules in their order; who may, changes it here."""
    return await _page(request, curriculum_id)


async def _page(request: Page, curriculum_id: UUID, form: Form | None = None) -> Response[str]:
    viewer = viewer_of(request)
    view = await curricula.load_curriculum(viewer, curriculum_id)
    edits = viewer.has(*EDITORS) and not view.archived
    return render(
        request,
        "training/curriculum.html",
        status=422 if form and form.errors else 200,
        curriculum=view,
        language=current_locale(),
        form=form,
        may_edit=edits,
        may_archive=not view.archived and viewer.has(*EDITORS, *DELETERS),
        may_assign=view.assignable and viewer.has(*ASSIGNERS),
        sees_progress=viewer.has(*SEES),
        to_add=await _to_add(viewer, view) if edits else [],
    )


async def _to_add(viewer: Viewer, view: CurriculumView) -> list[tuple[str, str]]:
    listed = {module.id for module in view.modules}
    return [
        (str(each.id), text_in(each.title))
        for each in await modules.visible_modules(viewer)
        if each.state == "published" and each.id not in listed
    ]


@post("/curricula/{curriculum_id:uuid}/words", guards=[requires(*EDITORS)], include_in_schema=False)
async def save_words(request: Page, curriculum_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Title and summary."""
    form = await read_form(request)
    title, summary = form.text("title"), form.text("summary", required=False, most=2000)
    if not form.ok:
        return await _page(request, curriculum_id, form)
    await curricula.edit_curriculum(
        viewer_of(request),
        curriculum_id,
        title=title,
        summary=summary,
        language=current_locale(),
        revision=_revision(form),
    )
    return _back(curriculum_id)


@post("/curricula/{curriculum_id:uuid}/modules", guards=[requires(*EDITORS)], include_in_schema=False)
async def change_modules(request: Page, curriculum_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Put one in at the end (`add`), take one out (`remove`), or move one (`move`) to the place `to`, from 0."""
    viewer, form = viewer_of(request), await read_form(request)
    view = await curricula.load_curriculum(viewer, curriculum_id)
    order: list[str] = [str(module.id) for module in view.modules]
    add, remove, move = form.raw("add"), form.raw("remove"), form.raw("move")
    order = [each for each in order if each not in (remove, move)]
    if add:
        order.append(add)
    if move:
        order.insert(form.integer("to", least=0, most=10_000) or 0, move)
    try:
        await curricula.edit_curriculum(viewer, curriculum_id, modules=order, revision=_revision(form))
    except Invalid as problem:
        form.take(problem)
        return await _page(request, curriculum_id, form)
    return _back(curriculum_id)


@post(
    "/curricula/{curriculum_id:uuid}/archive",
    guards=[requires(*EDITORS, *DELETERS)],
    include_in_schema=False,
)
async def archive_curriculum(request: Page, curriculum_id: FromPath[UUID]) -> Redirect:
    """Put it away; what people were given stays."""
    await curricula.archive_curriculum(viewer_of(request), curriculum_id)
    return Redirect("/curricula", status_code=303)


def _revision(form: Form) -> int:
    """The revision that the page showed; a form without one counts as an old page."""
    return form.integer("revision", least=1, most=10**9) or 0


def _back(curriculum_id: UUID) -> Redirect:
    return Redirect(f"/curricula/{curriculum_id}", status_code=303)


pages: list[Any] = [
    show_curricula,
    show_new_curriculum,
    create_curriculum,
    show_curriculum,
    save_words,
    change_modules,
    archive_curriculum,
]
