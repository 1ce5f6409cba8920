"""What training adds to the pages of lower rooms; app.py registers it: on a rule's page the modules that use it."""

import json
from typing import Any
from uuid import UUID

from trainer.rulebook.views import RuleView
from trainer.training import queries
from trainer.training.modules import BUILDERS, READERS
from trainer.web.session import Viewer

Part = tuple[str, dict[str, Any]]


async def rule_part(viewer: Viewer, rule: RuleView) -> Part | None:
    """The published modules with a step about this rule; for who learns, the way to their own enrolment."""
    reads, builds = viewer.has(*READERS), viewer.has(*BUILDERS)
    found = [
        {
            "title": json.loads(row["title"]),
            "minutes": row["minutes"],
            "steps": row["steps"],
            "href": _address(row, reads),
            "done": row["done"] is not None,
        }
        for row in await queries.modules_about(rule.id, viewer.id)
    ]
    if not found and not builds:
        return None
    return "training/_of_rule.html", {"modules": found, "code": rule.code, "builds": builds}


def _address(row: dict[str, Any], reads: bool) -> str | None:
    mine: UUID | None = row["mine"]
    if mine is not None and not reads:
        return f"/learn/{mine}"
    return f"/modules/{row['module']}" if reads else "/learn"
