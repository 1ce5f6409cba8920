"""Several clips of one recording over the JSON API."""

from typing import Annotated, Any

import msgspec
from litestar import Response, post
from litestar.connection import Request
from litestar.params import FromPath, JSONBody

from trainer.clips.api import ClipIn, shown
from trainer.clips.batch import service
from trainer.web import api
from trainer.web.guards import scope
from trainer.web.session import viewer_of

Call = Request[Any, Any, Any]


class BatchIn(msgspec.Struct, forbid_unknown_fields=True):
    """Clips to be cut together: all of them, or none."""

    clips: Annotated[list[ClipIn], msgspec.Meta(max_length=200)]


@post("/recordings/{recording_id:str}/clips/batch", guards=[scope("clips:write")], tags=["clips"])
async def create_several(
    request: Call, recording_id: FromPath[str], data: JSONBody[BatchIn]
) -> Response[dict[str, Any]]:
    """Cut up to 30 drafts out of a recording at once; 422 names every wrong field as `clips[0].title`."""
    viewer, recording = viewer_of(request), api.identifier(recording_id)
    saved = await service.save_regions(viewer, recording, [each.fields() for each in data.clips])
    _batch, clips = await service.load_batch(viewer, recording, saved.id)
    return Response({"items": [shown(clip) for clip in clips]}, status_code=201)


routes: list[Any] = [create_several]
