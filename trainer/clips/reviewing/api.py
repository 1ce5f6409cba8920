"""Reviews of clips over the JSON API."""

from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.connection import Request
from litestar.params import FromPath, JSONBody

from trainer.clips.api import answer
from trainer.clips.reading import load_clip
from trainer.clips.reviewing import service
from trainer.problems import Malformed
from trainer.web import api
from trainer.web.guards import scope
from trainer.web.session import viewer_of
from trainer.web.texts import readable

Call = Request[Any, Any, Any]
Path = FromPath[str]


class WordsIn(msgspec.Struct, forbid_unknown_fields=True):
    """What is said with it."""

    words: Annotated[str, msgspec.Meta(max_length=service.MOST_WORDS)] = ""


async def _words(request: Call) -> str:
    """What was said; nothing where there is no body."""
    body = await request.body()
    try:
        return readable(msgspec.json.decode(body, type=WordsIn).words) if body else ""
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed(str(error)) from error


@post("/clips/{clip_id:str}/submit", guards=[scope("clips:write")], status_code=200, tags=["clips"])
async def submit(request: Call, clip_id: Path) -> Response[dict[str, Any]]:
    """Hand a draft in for review; a body {"words": …} says what to look at."""
    wanted = api.identifier(clip_id)
    await service.submit_clip(viewer_of(request), wanted, await _words(request))
    return await answer(request, wanted)


@post("/clips/{clip_id:str}/return", guards=[scope("clips:write")], status_code=200, tags=["clips"])
async def give_back(request: Call, clip_id: Path, data: JSONBody[WordsIn]) -> Response[dict[str, Any]]:
    """Give a clip in review back; `words` say what should change."""
    wanted = api.identifier(clip_id)
    await service.return_clip(viewer_of(request), wanted, data.words)
    return await answer(request, wanted)


@post("/clips/{clip_id:str}/approve", guards=[scope("clips:write")], status_code=200, tags=["clips"])
async def approve(request: Call, clip_id: Path) -> Response[dict[str, Any]]:
    """Approve a clip in review as it is now. Whoever handed it in cannot; 409 `already-decided` the second time."""
    wanted = api.identifier(clip_id)
    await service.approve(viewer_of(request), wanted, await _words(request))
    return await answer(request, wanted)


@post("/clips/{clip_id:str}/notes", guards=[scope("clips:write")], status_code=200, tags=["clips"])
async def note(request: Call, clip_id: Path, data: JSONBody[WordsIn]) -> Response[dict[str, Any]]:
    """Write a note about a draft."""
    wanted = api.identifier(clip_id)
    await service.note(viewer_of(request), wanted, data.words)
    return await answer(request, wanted)


@get("/clips/{clip_id:str}/reviews", guards=[scope("clips:read")], tags=["clips"])
async def listed(request: Call, clip_id: Path) -> dict[str, Any]:
    """What was said of a clip in this version, first to last; for those who work with its call."""
    clip = await load_clip(viewer_of(request), api.identifier(clip_id))
    said = await service.said_of(clip) if clip.makes else []
    return {
        "items": [
            {
                "person": str(word.reviewer),
                "verdict": word.verdict,
                "words": word.words,
                "at": api.as_utc(word.at),
                "stands": word.stands,
            }
            for word in said
        ]
    }


routes: list[Any] = [submit, give_back, approve, note, listed]
