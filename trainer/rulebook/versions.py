"""Writing versions of rules: the few statements that drafts, publishing and imports share.

Invariant: nothing here touches a version that is published, except to supersede it.
"""

import json
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.people.audit import record_audit
from trainer.problems import Conflict, Invalid
from trainer.rulebook.document import RuleText
from trainer.rulebook.tables import RuleVersion, Want
from trainer.rulebook.views import RuleView, carries
from trainer.web.i18n import _
from trainer.web.session import Viewer


def fields_of(rule: RuleView) -> dict[str, Any]:
    """What a version says, by the names of the YAML format."""
    return {
        "title": rule.title,
        "statement": rule.statement,
        "why": rule.why,
        "want": rule.want_code or "",
        "severity": rule.severity,
        "kind": rule.kind,
        "weight": rule.weight,
        "key_tokens": rule.key_tokens,
        "recall_prompt": rule.recall_prompt,
    }


def text_of(rule: RuleView) -> RuleText:
    """What a version says, without its number and dates: equal texts need no new version."""
    return RuleText(**fields_of(rule))


async def find_want(book: UUID, code: str) -> UUID | None:
    """The id of a want in use; None for "". Raises Invalid."""
    if not code:
        return None
    row = (
        await Want.select(Want.id)
        .where((Want.rulebook == book) & (Want.code == code) & (Want.position >= 0))
        .first()
    )
    if row is None:
        raise Invalid.field("want", "unknown", _("There is no want %(name)s.") % {"name": code})
    return row["id"]


def dump(value: Any) -> str:
    """Authored text as it is stored."""
    return json.dumps(value, ensure_ascii=False)


def columns_of(text: RuleText, want: UUID | None) -> dict[Any, Any]:
    """The same as columns to write."""
    return {
        RuleVersion.want: want,
        RuleVersion.title: dump(text.title),
        RuleVersion.statement: dump(text.statement),
        RuleVersion.why: dump(text.why),
        RuleVersion.severity: text.severity,
        RuleVersion.kind: text.kind,
        RuleVersion.weight: text.weight,
        RuleVersion.key_tokens: dump(text.key_tokens),
        RuleVersion.recall_prompt: dump(text.recall_prompt),
    }


async def insert_version(rule: UUID, version: int, revision: int, text: RuleText, want: UUID | None) -> bool:
    """Adds a draft; False when somebody else added one first."""
    row = RuleVersion(
        {
            RuleVersion.id: db.new_id(),
            RuleVersion.rule: rule,
            RuleVersion.version: version,
            RuleVersion.revision: revision,
            RuleVersion.created_at: db.utc_now(),
            **columns_of(text, want),
        }
    )
    added = bool(await RuleVersion.insert(row).on_conflict(action="DO NOTHING").returning(RuleVersion.id))
    await jobs.publish("rule_changed", {"rule": str(rule)})
    return added


async def publish_draft(viewer: Viewer | None, draft: RuleView, before: RuleView | None) -> None:
    """Inside a transaction: a checked draft becomes the published version.

    Raises Conflict when somebody was first.

    The event `rule_published` says whether clips carry over: they do when statement, severity and kind are
    the same.
    """
    superseded = (RuleVersion.rule == draft.id) & (RuleVersion.state == "published")
    await RuleVersion.update({RuleVersion.state: "superseded"}).where(superseded)
    published: dict[Any, Any] = {RuleVersion.state: "published", RuleVersion.published_at: db.utc_now()}
    mine = (RuleVersion.id == draft.version_id) & (RuleVersion.state == "draft")
    mine = mine & (RuleVersion.revision == draft.revision)
    if not await RuleVersion.update(published).where(mine).returning(RuleVersion.id):
        raise Conflict(_("Somebody changed or published this draft just now. Look at it again."))
    same = before is not None and carries(before, draft)
    told = {"rule": str(draft.id), "code": draft.code, "version": draft.version, "carries": same}
    await record_audit(viewer, "rule_published", "rule", draft.code, {"version": draft.version})
    await jobs.publish("rule_published", {**told, "previous": before.version if before else None})
