"""Where clips are heard: the published modules that play them."""

import json
from collections.abc import Sequence
from uuid import UUID

from trainer.clips.voice import Place
from trainer.training import queries
from trainer.web.i18n import _, text_in


async def modules_that_play(clips: Sequence[UUID]) -> dict[UUID, list[Place]]:
    """By clip, the published modules with a step that plays it, by title."""
    found: dict[UUID, list[Place]] = {}
    for row in await queries.modules_with_clips(list(clips)) if clips else []:
        title = text_in(json.loads(row["title"]))
        found.setdefault(row["clip"], []).append(Place(_("Module: %(title)s") % {"title": title}))
    return found
