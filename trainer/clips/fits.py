"""Which clips fit what a rule says today, and a person's word that one still does.

A clip is pinned to a version of a rule. When the rule's statement, severity or kind changes, the clip counts for
another 30 days (`trainer.rulebook.health`); on the rule's page somebody listens and says "Still fits", or lets it go.
Invariant: a pin moves to the present version only by such a word, or because the words are the same.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import post
from litestar.connection import Request
from litestar.params import FromPath
from litestar.response import Redirect

from trainer import db
from trainer.clips import pin_queries, service
from trainer.clips.service import ClipView
from trainer.clips.tables import ClipRule
from trainer.people.audit import record_audit
from trainer.problems import Conflict, Forbidden
from trainer.rulebook.health import COUNTS_ON, Heard
from trainer.rulebook.service import load_rule
from trainer.rulebook.views import RuleView
from trainer.web.api import identifier
from trainer.web.guards import requires, scope
from trainer.web.i18n import _
from trainer.web.session import Viewer, viewer_of

CONFIRM = ("trainer", "qa_analyst")


async def heard(rules: Sequence[UUID]) -> dict[UUID, Heard]:
    """What can be heard of each rule, for its health; rules without any published clip are left out."""
    of_rule: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for row in await pin_queries.pins_of_rules(rules):
        of_rule[row["rule"]].append(row)
    return {rule: heard_in(rows) for rule, rows in of_rule.items()}


def heard_in(rows: Sequence[dict[str, Any]]) -> Heard:
    """What can be heard of one rule, from rows of `pin_queries.pins_of_rules`."""
    good = [row for row in rows if row["polarity"] == "exemplar"]
    real = [row for row in good if not row["staged"]]
    former = [row for row in real if not row["fits"] and row["changed_at"] is not None]
    return Heard(
        fitting=sum(row["clips"] for row in real if row["fits"]),
        staged=sum(row["clips"] for row in good if row["staged"] and row["fits"]),
        agents=frozenset(row["agent"] for row in real if row["fits"] and row["agent"]),
        changed=tuple(row["changed_at"] for row in former for _each in range(row["clips"])),
        former_agents=tuple((row["agent"], row["changed_at"]) for row in former if row["agent"]),
        links=sum(row["clips"] for row in rows),
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """A clip whose rule changed after it was pinned. `until` is when it stops counting for the rule."""

    clip: ClipView
    version: int
    until: datetime
    over: bool


async def waiting_part(viewer: Viewer, rule: RuleView) -> tuple[str, dict[str, Any]] | None:
    """On a rule's page, for those who may say so: the clips to look at again, each with "Still fits"."""
    if rule.state != "published" or not viewer.has(*CONFIRM):
        return None
    rows = await pin_queries.pins_to_reconfirm(rule.id)
    clips = await service.clips_by_ids(viewer, [row["id"] for row in rows]) if rows else {}
    now = db.utc_now()
    waiting = [
        Waiting(
            clips[row["id"]],
            row["version"],
            row["changed_at"] + COUNTS_ON,
            row["changed_at"] + COUNTS_ON <= now,
        )
        for row in rows
        if row["id"] in clips and row["changed_at"] is not None
    ]
    return ("clips/_to_reconfirm.html", {"rule": rule, "waiting": waiting}) if waiting else None


async def still_fits(viewer: Viewer, clip_id: UUID, code: str) -> None:
    """Somebody listened: the clip fits what the rule says today, and counts for it again.

    Raises Forbidden, NotFound, and Conflict when the clip is not pinned to the rule. Doing it twice changes nothing.
    """
    if not viewer.has(*CONFIRM):
        raise Forbidden(_("Trainers and QA analysts say whether a clip still fits."))
    async with db.transaction():
        clip = await service.load_clip(viewer, clip_id)
        rule = await load_rule(viewer, code)
        pin = next((each for each in clip.rules if each.code == code), None)
        if pin is None or rule.state != "published":
            raise Conflict(_("This clip is not pinned to the rule."))
        mine = (
            (ClipRule.clip == clip.id) & (ClipRule.rule == rule.id) & (ClipRule.rule_version == pin.version)
        )
        if pin.version != rule.version:
            if (
                not await ClipRule.update({ClipRule.rule_version: rule.version})
                .where(mine)
                .returning(ClipRule.id)
            ):
                return  # somebody else said so at this moment
            told = {"rule": code, "from": pin.version, "version": rule.version}
            await record_audit(viewer, "clip_still_fits", "clip", str(clip.id), told)


@post(
    "/rules/{code:str}/clips/{clip_id:uuid}/still-fits", guards=[requires(*CONFIRM)], include_in_schema=False
)
async def confirm_clip(
    request: Request[Any, Any, Any], code: FromPath[str], clip_id: FromPath[UUID]
) -> Redirect:
    """One click on the rule's page."""
    await still_fits(viewer_of(request), clip_id, code)
    return Redirect(f"/rules/{code}#to-reconfirm", status_code=303)


@post("/rules/{code:str}/clips/{clip_id:str}/still-fits", guards=[scope("clips:write")], status_code=204)
async def confirm_clip_by_api(
    request: Request[Any, Any, Any], code: FromPath[str], clip_id: FromPath[str]
) -> None:
    """Says that a clip still fits a rule that changed after the clip was pinned."""
    await still_fits(viewer_of(request), identifier(clip_id), code)


pages: list[Any] = [confirm_clip]
routes: list[Any] = [confirm_clip_by_api]
