"""Contrast pairs over the JSON API."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery, JSONBody

from trainer.clips.pairs import service
from trainer.clips.pairs.service import PairView
from trainer.clips.service import place_after
from trainer.problems import Invalid
from trainer.web import api
from trainer.web.guards import scope
from trainer.web.i18n import _
from trainer.web.session import viewer_of

Call = Request[Any, Any, Any]


class PairIn(msgspec.Struct, forbid_unknown_fields=True):
    """`good` is an exemplar, `other` a counterexample or near miss, both published and pinned to `rule` (its code).

    `kind`: contrast, or same_words, which is refused while their words are less than 0.9 alike.
    """

    rule: str
    good: str
    other: str
    kind: str = "contrast"
    note: str = ""


def _clip(field: str, name: str) -> UUID:
    try:
        return UUID(name)
    except ValueError as error:
        raise Invalid.field(
            field, "not-published", _("Choose a published clip that you may hear.")
        ) from error


def shown(pair: PairView) -> dict[str, Any]:
    """A pair as the API answers it. `similarity`: of the words, 0 to 1."""
    return {
        "id": str(pair.id),
        "rule": pair.code,
        "kind": pair.kind,
        "good": str(pair.good.id),
        "other": str(pair.other.id),
        "note": pair.note,
        "similarity": round(float(pair.alike), 4),
        "made_by": {"id": str(pair.made_by), "name": pair.made_by_name} if pair.made_by else None,
        "created_at": api.as_utc(pair.created_at),
    }


@get("/pairs", guards=[scope("clips:read")], tags=["pairs"])
async def listed(
    request: Call,
    limit: FromQuery[int] = 50,
    cursor: FromQuery[str | None] = None,
    rule: FromQuery[str] = "",
    kind: FromQuery[str] = "",
) -> dict[str, Any]:
    """Pairs of which you hear both clips, newest first. A page may hold fewer than `limit` and still go on."""
    page = api.read_page(limit, cursor)
    pairs, more = await service.visible_pairs(
        viewer_of(request), rule=rule, kind=kind, limit=page.limit, after=place_after(page.after)
    )
    following = api.next_cursor([more[0].isoformat(), str(more[1])]) if more else None
    return {"items": [shown(pair) for pair in pairs], "next_cursor": following}


@post("/pairs", guards=[scope("clips:write")], tags=["pairs"])
async def create(request: Call, data: JSONBody[PairIn]) -> Response[dict[str, Any]]:
    """Put two clips side by side. 422 `words-differ` for the same words that are not; 409 `pair-exists`."""
    viewer = viewer_of(request)
    made = await service.make_pair(
        viewer,
        rule=data.rule,
        good=_clip("good", data.good),
        other=_clip("other", data.other),
        kind=data.kind,
        note=data.note,
    )
    pair = await service.load_pair(viewer, made)
    return Response(shown(pair), status_code=201, headers={"Location": f"/api/v1/pairs/{made}"})


@get("/pairs/{pair_id:str}", guards=[scope("clips:read")], tags=["pairs"])
async def read(request: Call, pair_id: FromPath[str]) -> dict[str, Any]:
    """One pair."""
    return shown(await service.load_pair(viewer_of(request), api.identifier(pair_id)))


@delete("/pairs/{pair_id:str}", guards=[scope("clips:write")], tags=["pairs"])
async def remove(request: Call, pair_id: FromPath[str]) -> None:
    """Take a pair apart; both clips stay."""
    await service.unmake_pair(viewer_of(request), api.identifier(pair_id))


routes: list[Any] = [listed, create, read, remove]
