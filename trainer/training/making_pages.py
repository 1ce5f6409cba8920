"""Pages of those who make modules: the list, building one, its draft step by step, publishing."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer.clips.service import ClipView, clips_by_ids, clips_of_rules, visible_clips
from trainer.people.sight import reach, team_only
from trainer.problems import Conflict, Invalid
from trainer.rulebook.service import published_rules
from trainer.training import building, editing, modules, queries
from trainer.training.assigning.service import ASSIGNERS
from trainer.training.grading import KINDS
from trainer.training.modules import BUILDERS, DELETERS, EDITORS, PUBLISHERS, READERS, StepView
from trainer.training.step_pages import ICONS, kind_name, title_of
from trainer.web.forms import Form, read_form
from trainer.web.guards import requires
from trainer.web.i18n import _, ngettext, text_in
from trainer.web.session import Viewer, viewer_of
from trainer.web.templating import is_htmx, render

Page = Request[Any, Any, Any]
TEXTS_OF = {
    "text": ("title", "body"),
    "listen": ("prompt",),
    "contrast": ("question",),
    "reflect": ("prompt",),
}
HEARD = ("listen", "contrast", "judge", "reflect")
MOST_CLIPS = 500


@get("/modules", guards=[requires(*READERS)], include_in_schema=False)
async def show_modules(request: Page) -> Response[str]:
    """Published modules in the curriculum's order, and the drafts."""
    viewer = viewer_of(request)
    views = await modules.visible_modules(viewer)
    return render(
        request,
        "training/modules.html",
        published=[view for view in views if view.state == "published"],
        drafts=[view for view in views if view.state == "draft"],
        drafted={view.id for view in views if view.state == "draft"},
        may_build=viewer.has(*BUILDERS),
    )


@get("/modules/new", guards=[requires(*BUILDERS)], include_in_schema=False)
async def show_new_module(request: Page, rule: FromQuery[list[str] | None] = None) -> Response[str]:
    """Choose the rules; each `rule` is chosen already."""
    return await _new_page(request, Form({"rules": rule} if rule else {}))


@post("/modules/new", guards=[requires(*BUILDERS)], include_in_schema=False)
async def build_module(request: Page) -> Response[str] | Redirect:
    """Build the draft, or show the same form again with what is wrong."""
    form = await read_form(request)
    try:
        module = await building.build_module(
            viewer_of(request),
            title=form.raw("title"),
            summary=form.raw("summary"),
            rules=form.many("rules"),
            language=form.raw("language") or "en",
        )
    except Invalid as problem:
        form.take(problem)
        return await _new_page(request, form)
    return Redirect(f"/modules/{module}", status_code=303)


async def _new_page(request: Page, form: Form) -> Response[str]:
    rules = await published_rules()
    clips = await clips_of_rules([rule.id for rule in rules.values()])
    options = [
        {"value": code, "label": f"{code} · {text_in(rule.title)}", "sub": _what_there_is(clips[rule.id])}
        for code, rule in rules.items()
    ]
    status = 422 if form.errors else 200
    return render(request, "training/new.html", status=status, form=form, options=options)


def _what_there_is(clips: Sequence[ClipView]) -> str:
    good = sum(1 for clip in clips if clip.polarity == "exemplar")
    poor = len(clips) - good
    if not clips:
        return _("No clip yet: people only read and recall it")
    parts = [
        ngettext("%(n)s exemplar", "%(n)s exemplars", good) % {"n": good},
        ngettext("%(n)s that misses", "%(n)s that miss", poor) % {"n": poor},
    ]
    if not good:
        parts.append(_("nothing to hear it done well yet"))
    elif not poor:
        parts.append(_("nothing to compare with yet"))
    return ", ".join(parts)


@get("/modules/{module_id:uuid}", guards=[requires(*READERS)], include_in_schema=False)
async def show_module(
    request: Page,
    module_id: FromPath[UUID],
    version: FromQuery[int | None] = None,
    removed: FromQuery[UUID | None] = None,
    saved: FromQuery[str] = "",
) -> Response[str]:
    """The draft if there is one, else what is published; `version` shows another. The step `removed` was just
    taken out.
    """
    return await _module_page(request, module_id, version=version, removed=removed, saved=bool(saved))


async def _module_page(
    request: Page,
    module_id: UUID,
    *,
    version: int | None = None,
    status: int = 200,
    errors: dict[str, str] | None = None,
    missing: Sequence[str] | None = None,
    removed: UUID | None = None,
    saved: bool = False,
    focus: Mapping[UUID, str] | None = None,
) -> Response[str]:
    """`focus`: which part of which step gets it after a swap: "up", "down" or its "title"."""
    viewer = viewer_of(request)
    versions = await modules.load_module(viewer, module_id)
    module = next((view for view in versions if view.version == version), modules.present(versions))
    steps = await modules.steps_of(module.version_id)
    draft = module.state == "draft"
    may_edit = draft and viewer.has(*EDITORS)
    taken_out = await modules.removed_step(module.version_id, removed) if removed and may_edit else None
    if taken_out and steps and focus is None:
        focus = {steps[min(taken_out.place, len(steps) - 1)].id: "title"}
    if missing is None:
        missing = await modules.missing_for_publishing(steps) if draft else []
    return render(
        request,
        "training/module.html",
        status=status,
        module=module,
        versions=versions,
        steps=steps,
        clips=await _clips_of(steps),
        takers=await _takers(viewer, module_id),
        missing=missing,
        ends_soon=building.ends_soon,
        errors=errors or {},
        kinds=[(kind, kind_name(kind)) for kind in KINDS],
        icons=ICONS,
        kind_name=kind_name,
        title_of=title_of,
        flash=[{"kind": "good", "text": _("Saved.")}] if saved else [],
        taken_out=taken_out,
        focus=focus or {},
        may_edit=may_edit,
        may_begin_draft=module.state == "published" and viewer.has(*EDITORS),
        may_publish=draft and viewer.has(*PUBLISHERS),
        may_discard=draft and viewer.has(*DELETERS),
        counted=building.minutes_of(len(steps)),
        published=next((view for view in versions if view.state == "published"), None),
        may_assign=module.state == "published" and viewer.has(*ASSIGNERS),
    )


async def _takers(viewer: Viewer, module_id: UUID) -> dict[str, Any] | None:
    """How many have it, as far as the viewer sees completions: a lead those of the own team."""
    if reach(viewer, "completion") == "none":
        return None
    lead_only = team_only(viewer, "completion")
    if lead_only and viewer.team is None:
        return None
    return await queries.takers_of(module_id, viewer.team if lead_only else None)


async def _clips_of(steps: Sequence[StepView]) -> dict[UUID, ClipView]:
    ids = {clip for step in steps for clip in step.clips}
    return await clips_by_ids(None, ids, with_rules=False) if ids else {}


@post("/modules/{module_id:uuid}/draft", guards=[requires(*EDITORS)], include_in_schema=False)
async def begin_draft(request: Page, module_id: FromPath[UUID]) -> Redirect:
    """Begin the next version; what is published stays until it is replaced."""
    await editing.draft_of(viewer_of(request), module_id)
    return _back(module_id)


@post("/modules/{module_id:uuid}/words", guards=[requires(*EDITORS)], include_in_schema=False)
async def save_words(request: Page, module_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Title, summary, and minutes where they are not those that the steps come to."""
    form = await read_form(request)
    title, summary = form.text("title"), form.text("summary", required=False, most=2000)
    minutes = form.integer("minutes", least=1, most=240, required=False)
    if form.ok:
        viewer, revision = viewer_of(request), _revision(form)
        await editing.edit_module(
            viewer,
            module_id,
            title=title,
            summary=summary,
            minutes=minutes,
            counted=minutes is None,
            revision=revision,
        )
        return Redirect(f"/modules/{module_id}?saved=1", status_code=303)
    return await _module_page(request, module_id, status=422, errors=form.errors)


@post("/modules/{module_id:uuid}/publish", guards=[requires(*PUBLISHERS)], include_in_schema=False)
async def publish_module(request: Page, module_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Publish the draft; the page says what is missing."""
    form = await read_form(request)
    try:
        await modules.publish_module(viewer_of(request), module_id, revision=_revision(form))
    except Conflict as problem:
        missing = problem.extra.get("missing") or [problem.detail]
        return await _module_page(request, module_id, status=409, missing=missing)
    return _back(module_id)


@post("/modules/{module_id:uuid}/discard", guards=[requires(*DELETERS)], include_in_schema=False)
async def discard_draft(request: Page, module_id: FromPath[UUID]) -> Redirect:
    """Throw the draft away."""
    await editing.discard_draft(viewer_of(request), module_id)
    return Redirect("/modules", status_code=303)


@get("/modules/{module_id:uuid}/steps/new", guards=[requires(*EDITORS)], include_in_schema=False)
async def show_new_step(
    request: Page, module_id: FromPath[UUID], kind: FromQuery[str] = "text"
) -> Response[str]:
    """The form of a new step of this kind."""
    return await _step_form(request, module_id, None, kind if kind in KINDS else "text", Form({}))


@post("/modules/{module_id:uuid}/steps/new", guards=[requires(*EDITORS)], include_in_schema=False)
async def add_step(request: Page, module_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Add it at the end."""
    form = await read_form(request)
    kind = form.choice("kind", KINDS)
    try:
        step = {"kind": kind, **_step_fields(form, kind)}
        await editing.add_step(viewer_of(request), module_id, step, revision=_revision(form))
    except Invalid as problem:
        form.take(problem)
        return await _step_form(request, module_id, None, kind, form)
    return _back(module_id, "steps")


@get("/modules/{module_id:uuid}/steps/{step_id:uuid}", guards=[requires(*EDITORS)], include_in_schema=False)
async def show_edit_step(request: Page, module_id: FromPath[UUID], step_id: FromPath[UUID]) -> Response[str]:
    """The form of a step that is there."""
    step = await editing.step_of_draft(viewer_of(request), module_id, step_id)
    fields = {"rule": [step.rule.code] if step.rule else [], "clip": [str(step.clip or "")]}
    fields["other_clip"] = [str(step.other_clip or "")]
    fields |= {name: [text_in(step.body.get(name))] for name in TEXTS_OF.get(step.kind, ())}
    return await _step_form(request, module_id, step, step.kind, Form(fields))


@post("/modules/{module_id:uuid}/steps/{step_id:uuid}", guards=[requires(*EDITORS)], include_in_schema=False)
async def save_step(
    request: Page, module_id: FromPath[UUID], step_id: FromPath[UUID]
) -> Response[str] | Redirect:
    """Change its rule, clips or words."""
    viewer, form = viewer_of(request), await read_form(request)
    step = await editing.step_of_draft(viewer, module_id, step_id)
    try:
        fields = _step_fields(form, step.kind)
        await editing.edit_step(viewer, module_id, step_id, fields, revision=_revision(form))
    except Invalid as problem:
        form.take(problem)
        return await _step_form(request, module_id, step, step.kind, form)
    return _back(module_id, f"step-{step_id}")


@post(
    "/modules/{module_id:uuid}/steps/{step_id:uuid}/move",
    guards=[requires(*EDITORS)],
    include_in_schema=False,
)
async def move_step(
    request: Page, module_id: FromPath[UUID], step_id: FromPath[UUID]
) -> Response[str] | Redirect:
    """To another place, counted from 0."""
    form = await read_form(request)
    to = form.integer("to", least=0, most=10_000) or 0
    await editing.move_step(viewer_of(request), module_id, step_id, to, revision=_revision(form))
    if is_htmx(request):
        return await _module_page(request, module_id, focus={step_id: form.raw("way")})
    return _back(module_id, f"step-{step_id}")


@post(
    "/modules/{module_id:uuid}/steps/{step_id:uuid}/remove",
    guards=[requires(*EDITORS)],
    include_in_schema=False,
)
async def remove_step(
    request: Page, module_id: FromPath[UUID], step_id: FromPath[UUID]
) -> Response[str] | Redirect:
    """Take it out; the page offers to put it back."""
    form = await read_form(request)
    await editing.remove_step(viewer_of(request), module_id, step_id, revision=_revision(form))
    if is_htmx(request):
        return await _module_page(request, module_id, removed=step_id)
    return Redirect(f"/modules/{module_id}?removed={step_id}#steps", status_code=303)


@post(
    "/modules/{module_id:uuid}/steps/{step_id:uuid}/restore",
    guards=[requires(*EDITORS)],
    include_in_schema=False,
)
async def restore_step(
    request: Page, module_id: FromPath[UUID], step_id: FromPath[UUID]
) -> Response[str] | Redirect:
    """Put it back where it was."""
    form = await read_form(request)
    await editing.restore_step(viewer_of(request), module_id, step_id, revision=_revision(form))
    if is_htmx(request):
        return await _module_page(request, module_id, focus={step_id: "title"})
    return _back(module_id, f"step-{step_id}")


async def _step_form(
    request: Page, module_id: UUID, step: StepView | None, kind: str, form: Form
) -> Response[str]:
    viewer = viewer_of(request)
    module = modules.present(await modules.load_module(viewer, module_id))
    rules = await published_rules()
    clips = await visible_clips(viewer, limit=MOST_CLIPS) if kind in HEARD else []
    fitting = [clip for clip in clips if clip.language == module.language]
    return render(
        request,
        "training/step_form.html",
        status=422 if form.errors else 200,
        module=module,
        step=step,
        kind=kind,
        kind_name=kind_name(kind),
        form=form,
        rules=[(code, f"{code} · {text_in(rule.title)}") for code, rule in rules.items()],
        clips=_clip_options(fitting),
        good=_clip_options([clip for clip in fitting if clip.polarity == "exemplar"]),
        poor=_clip_options([clip for clip in fitting if clip.polarity != "exemplar"]),
    )


def _clip_options(clips: Sequence[ClipView]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Clips for a select, grouped by the rules that they let one hear."""
    kinds = {
        "exemplar": _("exemplar"),
        "counterexample": _("counterexample"),
        "near_miss": _("near miss"),
    }
    groups: dict[str, list[tuple[str, str]]] = {}
    for clip in clips:
        for rule in clip.rules[:1]:
            label = f"{clip.title} ({kinds[clip.polarity]})"
            groups.setdefault(f"{rule.code} · {text_in(rule.title)}", []).append((str(clip.id), label))
    return sorted(groups.items())


def _step_fields(form: Form, kind: str) -> dict[str, Any]:
    fields: dict[str, Any] = {name: form.raw(name) for name in ("rule", "clip", "other_clip")}
    fields["body"] = {name: form.raw(name) for name in TEXTS_OF.get(kind, ())}
    return fields


def _revision(form: Form) -> int:
    """The revision that the page showed; a form without one counts as an old page."""
    return form.integer("revision", least=1, most=10**9) or 0


def _back(module_id: UUID, anchor: str = "") -> Redirect:
    return Redirect(f"/modules/{module_id}" + (f"#{anchor}" if anchor else ""), status_code=303)


pages: list[Any] = [
    show_modules,
    show_new_module,
    build_module,
    show_module,
    begin_draft,
    save_words,
    publish_module,
    discard_draft,
    show_new_step,
    add_step,
    show_edit_step,
    save_step,
    move_step,
    remove_step,
    restore_step,
]
