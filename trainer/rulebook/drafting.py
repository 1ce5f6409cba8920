"""Drafts of rules, and publishing them.

Rules: trainers and QA analysts write drafts; QA analysts and admins publish. An upper room may hold a
publication back: it registers a check in `publish_checks` by name (wired in app.py).
Invariant: only a draft is ever edited, and publishing supersedes the version before it in the same
transaction.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trainer import db, jobs
from trainer.people.audit import record_audit
from trainer.problems import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from trainer.rulebook import document
from trainer.rulebook.health import Heard, heard_of, one_manner
from trainer.rulebook.service import load_history, load_rule
from trainer.rulebook.tables import Rule, Rulebook, RuleVersion
from trainer.rulebook.versions import columns_of, fields_of, find_want, insert_version, publish_draft
from trainer.rulebook.views import RuleView
from trainer.web.i18n import _
from trainer.web.session import Viewer

WRITE = ("trainer", "qa_analyst")
PUBLISH = ("qa_analyst", "admin")


@dataclass(frozen=True, slots=True)
class Missing:
    """Why something cannot be published yet: a code for programs and a sentence for people."""

    code: str
    message: str


publish_checks: dict[str, Callable[[RuleView], Awaitable[list[Missing]]]] = {}


async def create_draft(
    viewer: Viewer, code: str, fields: Mapping[str, Any], *, rulebook: str | None = None
) -> RuleView:
    """A new rule as a draft; `fields` are named as in the YAML format.

    Without `rulebook`, the only book there is.

    Raises Forbidden, and Invalid with every wrong field.
    """
    _may(viewer, WRITE, _("Trainers and QA analysts write rules."))
    wrong = document.Mistakes()
    wrong.rule_code("code", code)
    async with db.transaction():
        book = await _book(rulebook)
        text = wrong.rule("", fields, language=book["language"])
        wrong.stop(_("This rule cannot be saved yet."))
        await db.lock(f"wants of {book['code']}")  # nobody takes the want away meanwhile
        last = (
            await Rule.select(Rule.position)
            .where(Rule.rulebook == book["id"])
            .order_by(Rule.position, ascending=False)
            .first()
        )
        rule = Rule(
            id=db.new_id(),
            rulebook=book["id"],
            code=code,
            position=last["position"] + 1 if last else 0,
            created_at=db.utc_now(),
        )
        if not await Rule.insert(rule).on_conflict(action="DO NOTHING").returning(Rule.id):
            raise Invalid.field("code", "taken", _("There is a rule %(code)s already.") % {"code": code})
        await insert_version(rule.id, 1, 1, text, await find_want(book["id"], text.want))
        await record_audit(viewer, "rule_drafted", "rule", code, {"version": 1})
    return await load_rule(viewer, code)


async def edit_rule(
    viewer: Viewer, code: str, changes: Mapping[str, Any], *, expected: int | None = None
) -> RuleView:
    """Changes the draft of a rule; where all is published, a draft of the next version is made beside it.

    `expected` is the revision that the editor read. Raises Forbidden, NotFound, Invalid, and
    PreconditionFailed when somebody else changed it since.
    """
    _may(viewer, WRITE, _("Trainers and QA analysts write rules."))
    async with db.transaction():
        history = await load_history(viewer, code)
        base = history.draft or history.current
        if expected is not None and expected != base.revision:
            raise _changed(base)
        book = await _book(base.rulebook_code)
        wrong = document.Mistakes()
        text = wrong.rule("", {**fields_of(base), **changes}, language=book["language"])
        wrong.stop(_("This rule cannot be saved yet."))
        await db.lock(f"wants of {book['code']}")  # nobody takes the want away meanwhile
        want = await find_want(book["id"], text.want)
        if history.draft is None:
            saved = await insert_version(
                base.id, history.versions[0].version + 1, base.revision + 1, text, want
            )
        else:
            mine = (RuleVersion.id == base.version_id) & (RuleVersion.revision == base.revision)
            values = {**columns_of(text, want), RuleVersion.revision: base.revision + 1}
            saved = bool(
                await RuleVersion.update(values)
                .where(mine & (RuleVersion.state == "draft"))
                .returning(RuleVersion.id)
            )
        if not saved:
            raise _changed(base)
        await jobs.publish("rule_changed", {"rule": str(base.id)})
        await record_audit(viewer, "rule_edited", "rule", code, {"fields": sorted(changes)})
    draft = (await load_history(viewer, code)).draft
    assert draft is not None
    return draft


async def discard_draft(viewer: Viewer, code: str) -> None:
    """Throws a draft away; a rule that was never published goes with it.

    Raises Conflict when clips show it already.
    """
    _may(viewer, WRITE, _("Trainers and QA analysts write rules."))
    try:
        async with db.transaction():
            history = await load_history(viewer, code)
            if history.draft is None:
                raise Conflict(_("This rule has no draft."))
            draft = RuleVersion.id == history.draft.version_id
            await RuleVersion.delete().where(draft & (RuleVersion.state == "draft"))
            if len(history.versions) == 1:
                await Rule.delete().where(Rule.id == history.draft.id)
            await record_audit(
                viewer, "rule_draft_discarded", "rule", code, {"version": history.draft.version}
            )
    except db.ForeignKeyViolation as error:
        raise Conflict(
            _("Clips let people hear this draft already. Publish it, or take it out of them first.")
        ) from error


async def missing_for(rule: RuleView, heard: Heard | None = None) -> list[Missing]:
    """What keeps a draft from being published; empty when nothing does. `heard` when the caller knows it already."""
    missing: list[Missing] = []
    if rule.want_code is None:  # 003-1
        missing.append(Missing("goal", _("Choose which want of the customer it serves.")))
    if heard is None:
        heard = (await heard_of([rule.id]))[rule.id]
    if one_manner(rule.kind, heard, db.utc_now()):  # 000-3
        told = _(
            "All its good clips are of one agent. A rule of judgement needs the good clip of a second one."
        )
        missing.append(Missing("second-agent", told))
    for check in publish_checks.values():
        missing += await check(rule)
    return missing


async def publish_rule(viewer: Viewer, code: str, *, expected: int | None = None) -> RuleView:
    """Publishes the draft: read-only from now on, and the version before it is superseded.

    `expected` is the revision that was looked at. Raises Forbidden, NotFound, PreconditionFailed when it was changed
    since, and Conflict (`rule-not-publishable` with `missing`, or when there is no draft).
    """
    _may(viewer, PUBLISH, _("QA analysts and admins publish rules."))
    async with db.transaction():
        history = await load_history(viewer, code)
        draft = history.draft
        if draft is None:
            raise Conflict(_("There is no draft to publish: this version is published already."))
        if expected is not None and expected != draft.revision:
            raise _changed(draft)
        if missing := await missing_for(draft):
            raise Conflict(
                " ".join(each.message for each in missing),
                slug="rule-not-publishable",
                missing=[each.code for each in missing],
            )
        await publish_draft(viewer, draft, history.published)
    return await load_rule(viewer, code)


async def publish_all(viewer: Viewer, revisions: Mapping[str, int]) -> tuple[list[str], dict[str, str]]:
    """Publishes the drafts of these rules, each as it was in this revision and each by itself.

    Returns the codes that are published now, and of the others why not, in words. Raises Forbidden.
    """
    _may(viewer, PUBLISH, _("QA analysts and admins publish rules."))
    done: list[str] = []
    refused: dict[str, str] = {}
    for code, revision in revisions.items():
        try:
            await publish_rule(viewer, code, expected=revision)
            done.append(code)
        except (Conflict, NotFound, PreconditionFailed) as problem:
            refused[code] = problem.detail
    return done, refused


def _may(viewer: Viewer, roles: tuple[str, ...], sentence: str) -> None:
    if not viewer.has(*roles):
        raise Forbidden(sentence)


def _changed(rule: RuleView) -> PreconditionFailed:
    return PreconditionFailed(
        _("Somebody else changed this rule meanwhile. Load it again, then repeat your change."),
        current=f'"r{rule.revision}"',
    )


async def _book(code: str | None) -> dict[str, Any]:
    books = await (Rulebook.select().where(Rulebook.code == code) if code else Rulebook.select().limit(2))
    if len(books) == 1:
        return books[0]
    if code:
        raise Invalid.field("rulebook", "unknown", _("There is no rule book %(code)s.") % {"code": code})
    if books:
        raise Invalid.field("rulebook", "required", _("Say which rule book this rule belongs to."))
    raise Invalid.field("rulebook", "none", _("There is no rule book yet. Import one first."))
