"""JSON API of modules: building, editing, publishing."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET, UnsetType

from trainer.training import building, editing, modules
from trainer.training.modules import READERS, ModuleView, StepView
from trainer.training.step_pages import title_of
from trainer.web import api
from trainer.web.guards import scope
from trainer.web.i18n import text_in
from trainer.web.session import Viewer, viewer_of

Call = Request[Any, Any, Any]
READ_MODULES, WRITE_MODULES = scope("modules:read"), scope("modules:write")


class ModuleIn(msgspec.Struct, forbid_unknown_fields=True):
    """A new module: its draft is built from the rules' published clips in `language`."""

    title: str
    rules: list[str]
    summary: str = ""
    language: str = "en"


class ModuleChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What of the draft changes; fields that are left out stay."""

    title: str | UnsetType = UNSET
    summary: str | UnsetType = UNSET
    minutes: int | UnsetType = UNSET


class StepIn(msgspec.Struct, forbid_unknown_fields=True):
    """A new step. `kind`: text, read_rule, listen, contrast, judge, recall or reflect.

    `rule` is a code, `clip` and `other_clip` are ids: of a contrast, `clip` is the one that shows it done well. `body`
    holds the words: title and body (text), prompt (listen, reflect), question (contrast), plain or by language.
    `position` counts from 0; without it the step goes to the end.
    """

    kind: str
    rule: str | None = None
    clip: str | None = None
    other_clip: str | None = None
    body: dict[str, str | dict[str, str]] = {}
    position: int | None = None


class StepChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What of a step changes; its kind stays. `position` moves it."""

    rule: str | UnsetType = UNSET
    clip: str | UnsetType = UNSET
    other_clip: str | UnsetType = UNSET
    body: dict[str, str | dict[str, str]] | UnsetType = UNSET
    position: int | UnsetType = UNSET


def shown_module(module: ModuleView) -> dict[str, Any]:
    """The API's form of one version of a module."""
    locales = sorted({*module.title, *module.summary})
    return {
        "id": str(module.id),
        "code": module.code,
        "title": text_in(module.title.get(module.language) or module.title),
        "summary": text_in(module.summary.get(module.language) or module.summary),
        "translations": {
            locale: {
                name: text[locale]
                for name, text in (("title", module.title), ("summary", module.summary))
                if locale in text
            }
            for locale in locales
        },
        "language": module.language,
        "minutes": module.minutes,
        "rules": list(module.rules),
        "starter": module.starter,
        "status": module.state,
        "version": module.version,
        "revision": module.revision,
        "published_at": api.as_utc(module.published_at),
    }


def shown_step(step: StepView, *, whole: bool) -> dict[str, Any]:
    """A step; `whole` for those who make modules: others must not learn beforehand which clip is which."""
    rule = step.rule
    plain: dict[str, Any] = {
        "id": str(step.id),
        "position": step.position,
        "kind": step.kind,
        "title": title_of(step),
        "rule": {"code": rule.code, "version": rule.version, "title": text_in(rule.title)} if rule else None,
    }
    if whole:
        plain["clip"] = str(step.clip) if step.clip else None
        plain["other_clip"] = str(step.other_clip) if step.other_clip else None
        plain["body"] = {name: dict(words) for name, words in step.body.items()}
    return plain


async def one_module(viewer: Viewer, module_id: UUID, *, status: int = 200) -> Response[dict[str, Any]]:
    """The draft for those who read drafts, else what is published; with its steps and ETag."""
    versions = await modules.load_module(viewer, module_id)
    module = modules.present(versions)
    steps = await modules.steps_of(module.version_id)
    whole = viewer.has(*READERS)
    body = shown_module(module) | {
        "steps": [shown_step(step, whole=whole) for step in steps],
        "versions": [{"version": view.version, "status": view.state} for view in versions],
    }
    if module.state == "draft":
        body["missing"] = await modules.missing_for_publishing(steps)
    headers = {"ETag": api.revision_tag(module.revision)}
    if status == 201:
        headers["Location"] = f"/api/v1/modules/{module_id}"
    return Response(body, status_code=status, headers=headers)


async def read_for_change(request: Call, module_id: str) -> ModuleView:
    """The module as it is now, if `If-Match` names its revision. Raises as `load_module`, PreconditionFailed."""
    viewer = viewer_of(request)
    module = modules.present(await modules.load_module(viewer, api.identifier(module_id)))
    modules.require(viewer, modules.EDITORS)
    api.require_match(request, module.revision)
    return module


def revision_of(module: ModuleView) -> int | None:
    """What the edit compares with: a published version is not edited but copied, so that its revision is another."""
    return module.revision if module.state == "draft" else None


@get("/modules", guards=[READ_MODULES], tags=["modules"])
async def list_modules(
    request: Call,
    limit: FromQuery[int] = 50,
    cursor: FromQuery[str | None] = None,
    status: FromQuery[str | None] = None,
) -> dict[str, Any]:
    """Modules in the curriculum's order: published ones, and drafts for those who make and read them."""
    page = api.read_page(limit, cursor)
    views = [
        view for view in await modules.visible_modules(viewer_of(request)) if status in (None, view.state)
    ]
    after = api.key_of(page, str)
    keys = [str(view.version_id) for view in views]
    start = keys.index(after[0]) + 1 if after and after[0] in keys else 0
    rows = views[start : start + page.limit + 1]
    return api.page_of(rows, page, shown_module, lambda view: [str(view.version_id)])


@post("/modules", guards=[WRITE_MODULES], tags=["modules"])
async def build_module(request: Call, data: JSONBody[ModuleIn]) -> Response[dict[str, Any]]:
    """Build a draft from rules and their clips."""
    viewer, fields = viewer_of(request), msgspec.structs.asdict(data)
    return await one_module(viewer, await building.build_module(viewer, **fields), status=201)


@get("/modules/{module_id:str}", guards=[READ_MODULES], tags=["modules"])
async def get_module(request: Call, module_id: FromPath[str]) -> Response[dict[str, Any]]:
    """One module with its steps."""
    return await one_module(viewer_of(request), api.identifier(module_id))


@patch("/modules/{module_id:str}", guards=[WRITE_MODULES], tags=["modules"])
async def change_module(
    request: Call, module_id: FromPath[str], data: JSONBody[ModuleChanges]
) -> Response[dict[str, Any]]:
    """Change the draft's words; of a published module this begins the next draft."""
    viewer, module = viewer_of(request), await read_for_change(request, module_id)
    given = msgspec.structs.asdict(data).items()
    fields: dict[str, Any] = {name: value for name, value in given if value is not UNSET}
    await editing.edit_module(viewer, module.id, revision=revision_of(module), **fields)
    return await one_module(viewer, module.id)


@post("/modules/{module_id:str}/publish", guards=[WRITE_MODULES], status_code=200, tags=["modules"])
async def publish_module(request: Call, module_id: FromPath[str]) -> Response[dict[str, Any]]:
    """Publish the draft. 409 `module-not-publishable` names what is `missing`."""
    viewer, wanted = viewer_of(request), api.identifier(module_id)
    await modules.publish_module(viewer, wanted)
    return await one_module(viewer, wanted)


@delete("/modules/{module_id:str}", guards=[WRITE_MODULES], tags=["modules"])
async def discard_module(request: Call, module_id: FromPath[str]) -> None:
    """Throw the draft away; what was published stays."""
    await editing.discard_draft(viewer_of(request), api.identifier(module_id))


@post("/modules/{module_id:str}/steps", guards=[WRITE_MODULES], tags=["modules"])
async def add_step(
    request: Call, module_id: FromPath[str], data: JSONBody[StepIn]
) -> Response[dict[str, Any]]:
    """Add a step to the draft; answers the module. If-Match names what was read."""
    viewer, module = viewer_of(request), await read_for_change(request, module_id)
    fields = msgspec.structs.asdict(data)
    at = fields.pop("position")
    await editing.add_step(viewer, module.id, fields, at=at, revision=revision_of(module))
    return await one_module(viewer, module.id, status=201)


@patch("/modules/{module_id:str}/steps/{step_id:str}", guards=[WRITE_MODULES], tags=["modules"])
async def change_step(
    request: Call, module_id: FromPath[str], step_id: FromPath[str], data: JSONBody[StepChanges]
) -> Response[dict[str, Any]]:
    """Change or move a step of the draft; answers the module."""
    viewer, module = viewer_of(request), await read_for_change(request, module_id)
    step, revision = api.identifier(step_id), revision_of(module)
    given = msgspec.structs.asdict(data).items()
    fields: dict[str, Any] = {name: value for name, value in given if value is not UNSET}
    to = fields.pop("position", None)
    if fields:
        await editing.edit_step(viewer, module.id, step, fields, revision=revision)
        revision = None if revision is None else revision + 1
    if to is not None:
        await editing.move_step(viewer, module.id, step, to, revision=revision)
    return await one_module(viewer, module.id)


@delete(
    "/modules/{module_id:str}/steps/{step_id:str}", guards=[WRITE_MODULES], status_code=200, tags=["modules"]
)
async def remove_step(
    request: Call, module_id: FromPath[str], step_id: FromPath[str]
) -> Response[dict[str, Any]]:
    """Take a step out of the draft; answers the module."""
    viewer, module = viewer_of(request), await read_for_change(request, module_id)
    await editing.remove_step(viewer, module.id, api.identifier(step_id), revision=revision_of(module))
    return await one_module(viewer, module.id)


routes: list[Any] = [
    list_modules,
    build_module,
    get_module,
    change_module,
    publish_module,
    discard_module,
    add_step,
    change_step,
    remove_step,
]
