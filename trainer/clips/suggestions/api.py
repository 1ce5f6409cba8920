"""Suggested redactions over the JSON API: what the pages do, by the same services."""

from typing import Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.connection import Request
from litestar.params import FromPath, JSONBody

from trainer.clips.api import answer as clip_answer
from trainer.clips.reading import load_clip
from trainer.clips.suggestions import service
from trainer.clips.suggestions.service import Judged
from trainer.problems import NotFound
from trainer.web import api
from trainer.web.guards import scope
from trainer.web.i18n import _
from trainer.web.session import viewer_of

Call = Request[Any, Any, Any]


class DecisionIn(msgspec.Struct, forbid_unknown_fields=True):
    """What you say about suggestions: `ids` of some, or null for all that are open. Accepting redacts them."""

    answer: Literal["accepted", "rejected", "undone"]
    ids: list[str] | None = None


def shown(one: Judged) -> dict[str, Any]:
    """A suggestion as the API answers it; times lie in the recording."""
    return {
        "id": one.key,
        "kind": one.kind,
        "state": one.state,
        "words": one.words,
        "redactions": [{"start_ms": span.start_ms, "end_ms": span.end_ms} for span in one.spans],
        "decided_by": one.by_name,
        "decided_at": api.as_utc(one.at),
    }


@get("/clips/{clip_id:str}/suggestions", guards=[scope("clips:read")], tags=["clips"])
async def listed(request: Call, clip_id: FromPath[str]) -> dict[str, Any]:
    """What in a clip may be personal data, for those who may hear its call: `state` open, covered or rejected."""
    clip = await load_clip(viewer_of(request), api.identifier(clip_id))
    if not clip.makes:
        raise NotFound(_("There is no such clip, or it is not open to you."))
    return {"items": [shown(one) for one in await service.suggested_for(clip)]}


@post("/clips/{clip_id:str}/suggestions", guards=[scope("clips:write")], status_code=200, tags=["clips"])
async def decide(
    request: Call, clip_id: FromPath[str], data: JSONBody[DecisionIn]
) -> Response[dict[str, Any]]:
    """Decide about suggestions; answers the clip as it then is (of a published one, the draft of its next version)."""
    saved = await service.decide_in_clip(viewer_of(request), api.identifier(clip_id), data.ids, data.answer)
    return await clip_answer(request, saved)


routes: list[Any] = [listed, decide]
