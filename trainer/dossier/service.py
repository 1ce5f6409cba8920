"""Making the document: for the person themself, or by an admin on their behalf; each time it is noted."""

import json
from datetime import date, datetime
from typing import Any
from uuid import UUID

from trainer import db
from trainer.dossier import queries
from trainer.people.audit import record_audit
from trainer.people.service import get_person
from trainer.problems import Gone, NotFound
from trainer.web.i18n import _
from trainer.web.session import Viewer

# Columns of the tables that hold authored JSON as text.
_JSON = {"data", "detail", "given", "params", "title"}


async def everything_about(viewer: Viewer, person: UUID) -> dict[str, Any]:
    """All that is held about a person, as JSON values by section. Audio is not in it, but which calls and clips.

    Raises NotFound (somebody else's, without being admin), Gone (erased).
    """
    if viewer.id != person and not viewer.has("admin"):
        raise NotFound(_("There is no such page, or it is not yours to see."))
    whose = await get_person(person)
    if whose.erased_at is not None:
        raise Gone(_("This person was erased. Nothing that names them is left."))
    found: dict[str, Any] = {"made_at": db.utc_now().isoformat(), "person": str(person)}
    for section in queries.SECTIONS:
        found[section] = [_plain(row) for row in await queries.held(section, person)]
    await record_audit(viewer, "person_exported", "person", str(person))
    return found


def as_file(document: dict[str, Any]) -> bytes:
    """The document as readable JSON in UTF-8."""
    return json.dumps(document, ensure_ascii=False, indent=2).encode()


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in row.items()}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if name in _JSON and isinstance(value, str) and value[:1] in ("{", "["):
        return json.loads(value)
    return value
