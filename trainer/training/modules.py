"""Modules as others see them, and publishing: a version, its steps, who may read it.

Building and editing a draft lives in `building`, YAML documents in `documents`, going through the steps in
`taking`. Invariant: a published version never changes. Editing one makes a draft of the next version beside
it, and publishing that supersedes the former; whoever began with the former finishes with it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer import db
from trainer.clips.service import ClipView, clips_by_ids
from trainer.people.audit import record_audit
from trainer.problems import Conflict, Forbidden, NotFound, PreconditionFailed
from trainer.rulebook.health import health_of
from trainer.rulebook.service import published_rules
from trainer.training import queries
from trainer.training.tables import ModuleVersion, Step
from trainer.web.i18n import _
from trainer.web.session import Viewer

# The rights matrix: who begins a draft, who changes one, who decides, who throws one away, who reads drafts
# too.
BUILDERS = ("trainer", "qa_analyst")
EDITORS = ("trainer",)
PUBLISHERS = ("trainer", "admin")
DELETERS = ("admin",)
READERS = ("trainer", "qa_analyst", "team_lead", "manager", "admin")
I18n = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StepRule:
    """The rule version that a step pins."""

    id: UUID
    code: str
    version: int
    title: I18n
    statement: I18n
    why: I18n
    severity: str
    key_tokens: Mapping[str, Sequence[str]]
    recall_prompt: I18n


@dataclass(frozen=True, slots=True)
class StepView:
    """One step; `body` holds its authored text (title, body, question, prompt). A negative position is that of a
    step that was taken out of a draft.
    """

    id: UUID
    position: int
    kind: str
    rule: StepRule | None
    clip: UUID | None
    other_clip: UUID | None
    body: Mapping[str, I18n]

    @property
    def clips(self) -> list[UUID]:
        return [clip for clip in (self.clip, self.other_clip) if clip]

    @property
    def place(self) -> int:
        """Where it stands, or stood before it was taken out; from 0."""
        return self.position if self.position >= 0 else -1 - self.position


@dataclass(frozen=True, slots=True)
class ModuleView:
    """One version of a module. `id` is the module's, `version_id` this version's."""

    id: UUID
    version_id: UUID
    code: str
    version: int
    state: str
    title: I18n
    summary: I18n
    language: str
    minutes: int
    rules: tuple[str, ...]
    starter: bool
    revision: int
    published_at: datetime | None


def module_view(row: Mapping[str, Any]) -> ModuleView:
    return ModuleView(
        id=row["module"],
        version_id=row["id"],
        code=row["code"],
        version=row["version"],
        state=row["state"],
        title=json.loads(row["title"]),
        summary=json.loads(row["summary"]),
        language=row["language"],
        minutes=row["minutes"],
        rules=tuple(json.loads(row["rules"])),
        starter=bool(row["starter"]),
        revision=row["revision"],
        published_at=row["published_at"],
    )


def step_view(row: Mapping[str, Any]) -> StepView:
    rule = None
    if row["rule"] and row["rule_code"]:
        rule = StepRule(
            id=row["rule"],
            code=row["rule_code"],
            version=row["rule_version"],
            title=json.loads(row["rule_title"]),
            statement=json.loads(row["rule_statement"]),
            why=json.loads(row["rule_why"]),
            severity=row["rule_severity"],
            key_tokens=json.loads(row["key_tokens"]),
            recall_prompt=json.loads(row["recall_prompt"]),
        )
    return StepView(
        row["id"], row["position"], row["kind"], rule, row["clip"], row["other_clip"], json.loads(row["body"])
    )


async def steps_of(version_id: UUID) -> list[StepView]:
    """The steps of a version, in order."""
    return [step_view(row) for row in await queries.steps_of(version_id)]


async def removed_step(version_id: UUID, step: UUID) -> StepView | None:
    """A step that was taken out of this draft and can be put back; None when it was not."""
    rows = await queries.steps_of(version_id, removed=True)
    return next((step_view(row) for row in rows if row["id"] == step), None)


async def visible_modules(viewer: Viewer) -> list[ModuleView]:
    """Published modules for everybody; drafts too for those who make and read them."""
    states = ["draft", "published"] if viewer.has(*READERS) else ["published"]
    return [module_view(row) for row in await queries.current_versions(states)]


async def load_module(viewer: Viewer, module: UUID) -> list[ModuleView]:
    """All versions of a module that the viewer may read, newest first. Raises NotFound."""
    views = [module_view(row) for row in await queries.versions_of(module)]
    if not viewer.has(*READERS):
        views = [view for view in views if view.state == "published"]
    if not views:
        raise NotFound(_("There is no such module, or it is not published yet."))
    return views


def present(versions: Sequence[ModuleView]) -> ModuleView:
    """The version to show: the draft if it is among these, else what is published, else the newest."""
    order = {"draft": 0, "published": 1}
    return min(versions, key=lambda view: (order.get(view.state, 2), -view.version))


def require(viewer: Viewer, roles: Sequence[str]) -> None:
    """Raises Forbidden unless the viewer holds one of the roles."""
    if not viewer.has(*roles):
        raise Forbidden(_("Modules are made by trainers."))


async def usable_clips(
    steps: Sequence[StepView], viewer: Viewer | None = None, *, with_rules: bool = False
) -> dict[UUID, ClipView]:
    """The clips of these steps that may be heard now: of living calls, and published.

    For a `viewer` who takes the module also those that were retired since: what somebody was given plays on.

    `with_rules`: with the second and the reason that each of their rules has for itself.
    """
    ids = {clip for step in steps for clip in step.clips}
    clips = await clips_by_ids(viewer, ids, with_rules=with_rules) if ids else {}
    states = ("published",) if viewer is None else ("published", "retired")
    return {clip: view for clip, view in clips.items() if view.state in states}


async def touch(draft: ModuleView, revision: int | None, changes: Mapping[Any, Any] | None = None) -> None:
    """Inside a transaction: raises the draft's revision with the changes.

    Raises PreconditionFailed when another edit came in since `revision`.
    """
    expected = draft.revision if revision is None else revision
    touched = (
        await ModuleVersion.update({**(changes or {}), ModuleVersion.revision: expected + 1})
        .where(
            (ModuleVersion.id == draft.version_id)
            & (ModuleVersion.revision == expected)
            & (ModuleVersion.state == "draft")
        )
        .returning(ModuleVersion.id)
    )
    if not touched:
        raise PreconditionFailed(
            _("Somebody else changed this module meanwhile. Load it again; what they wrote is kept.")
        )


# Publishing


async def missing_for_publishing(steps: Sequence[StepView]) -> list[str]:
    """What keeps a draft from being published, in words; empty when nothing does."""
    if not steps:
        return [_("It has no steps yet.")]
    missing: list[str] = []
    clips = await usable_clips(steps)
    known = await published_rules({step.rule.code for step in steps if step.rule})
    for step in steps:
        if any(clip not in clips for clip in step.clips):
            missing.append(_("Step %(n)s needs a clip that is published.") % {"n": step.position + 1})
        if step.rule and step.rule.code not in known:
            missing.append(_("Step %(n)s is about a rule that is not published.") % {"n": step.position + 1})
    for code, health in (await health_of(known)).items():
        if health.state == "red":  # 003-4
            told = _("It rests on %(rule)s, which nobody can hear: %(why)s")
            missing.append(told % {"rule": code, "why": health.sentence})
    return missing


async def supersede(module: UUID) -> None:
    """Inside a transaction: what is published gives way to the next version."""
    await ModuleVersion.update({ModuleVersion.state: "superseded"}).where(
        (ModuleVersion.module == module) & (ModuleVersion.state == "published")
    )


async def publish_module(viewer: Viewer, module: UUID, *, revision: int | None = None) -> ModuleView:
    """Publishes the draft and supersedes the former version.

    Raises Conflict `module-not-publishable` with `missing`, a list of sentences.
    """
    views = await load_module(viewer, module)
    require(viewer, PUBLISHERS)
    draft = next((view for view in views if view.state == "draft"), None)
    if draft is None:
        raise Conflict(_("There is no draft to publish: this version is published already."))
    missing = await missing_for_publishing(await steps_of(draft.version_id))
    if missing:
        raise Conflict(_("Not ready to publish yet."), slug="module-not-publishable", missing=missing)
    async with db.transaction():
        await touch(draft, revision)
        await Step.delete().where((Step.module_version == draft.version_id) & (Step.position < 0))
        await supersede(module)
        await ModuleVersion.update(
            {
                ModuleVersion.state: "published",
                ModuleVersion.published_at: db.utc_now(),
                ModuleVersion.published_by: viewer.id,
            }
        ).where(ModuleVersion.id == draft.version_id)
        await queries.move_unbegun(module, draft.version_id)
        await record_audit(viewer, "module_published", "module", str(module), {"version": draft.version})
    return next(view for view in await load_module(viewer, module) if view.state == "published")
