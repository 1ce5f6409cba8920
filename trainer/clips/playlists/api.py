"""Playlists over the JSON API."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Stream

from trainer.clips.playlists import service
from trainer.clips.playlists.routes import zip_answer
from trainer.clips.playlists.service import PlaylistFields
from trainer.clips.playlists.views import PlaylistView
from trainer.clips.service import place_after
from trainer.problems import Invalid
from trainer.web import api
from trainer.web.guards import scope
from trainer.web.i18n import _
from trainer.web.session import viewer_of

Call = Request[Any, Any, Any]


class ItemIn(msgspec.Struct, forbid_unknown_fields=True):
    """A clip, and what is read before it plays."""

    clip: str
    note: str = ""

    def chosen(self) -> tuple[UUID, str]:
        try:
            return UUID(self.clip), self.note
        except ValueError as error:
            message = _("Only published clips that you may hear can be put into a playlist.")
            raise Invalid.field("items", "not-published", message) from error


Items = Annotated[list[ItemIn], msgspec.Meta(max_length=1000)]


class PlaylistIn(msgspec.Struct, forbid_unknown_fields=True):
    """A playlist. `visible`: me, link, makers (trainers, QA analysts, team leads) or everyone."""

    title: str
    note: str = ""
    visible: str = "me"
    items: Items = []


class PlaylistChanges(msgspec.Struct, forbid_unknown_fields=True):
    """The fields to change; `items` stands for the whole order."""

    title: str | msgspec.UnsetType = msgspec.UNSET
    note: str | msgspec.UnsetType = msgspec.UNSET
    visible: str | msgspec.UnsetType = msgspec.UNSET
    items: Items | msgspec.UnsetType = msgspec.UNSET


def shown(playlist: PlaylistView, *, whole: bool = True) -> dict[str, Any]:
    """A playlist as the API answers it; in lists without its clips."""
    answer: dict[str, Any] = {
        "id": str(playlist.id),
        "title": playlist.title,
        "note": playlist.note,
        "visible": playlist.visible,
        "owner": {"id": str(playlist.owner), "name": playlist.owner_name},
        "clips": playlist.clips,
        "revision": playlist.revision,
        "created_at": api.as_utc(playlist.created_at),
        "updated_at": api.as_utc(playlist.updated_at),
    }
    if whole:
        answer["items"] = [
            {
                "clip": str(item.id),
                "note": item.note,
                "title": item.clip.title if item.clip else None,
                "duration_ms": item.clip.duration_ms if item.clip else None,
                "gap": item.gap or None,
            }
            for item in playlist.items
        ]
    return answer


async def answer(request: Call, playlist_id: UUID, *, status: int = 200) -> Response[dict[str, Any]]:
    playlist = await service.load_playlist(viewer_of(request), playlist_id)
    headers = {"ETag": api.revision_tag(playlist.revision)}
    if status == 201:
        headers["Location"] = f"/api/v1/playlists/{playlist.id}"
    return Response(shown(playlist), status_code=status, headers=headers)


@get("/playlists", guards=[scope("clips:read")], tags=["playlists"])
async def listed(
    request: Call, limit: FromQuery[int] = 50, cursor: FromQuery[str | None] = None
) -> dict[str, Any]:
    """Your own playlists and those that are shown to you, latest change first."""
    page = api.read_page(limit, cursor)
    found = await service.visible_playlists(
        viewer_of(request), limit=page.limit + 1, after=place_after(page.after)
    )
    return api.page_of(
        found,
        page,
        lambda each: shown(each, whole=False),
        lambda each: [each.updated_at.isoformat(), str(each.id)],
    )


@post("/playlists", guards=[scope("clips:write")], tags=["playlists"])
async def create(request: Call, data: JSONBody[PlaylistIn]) -> Response[dict[str, Any]]:
    """Make a playlist of published clips."""
    fields = PlaylistFields(data.title, data.note, data.visible)
    made = await service.make_playlist(viewer_of(request), fields, [item.chosen() for item in data.items])
    return await answer(request, made, status=201)


@get("/playlists/{playlist_id:str}", guards=[scope("clips:read")], tags=["playlists"])
async def read(request: Call, playlist_id: FromPath[str]) -> Response[dict[str, Any]]:
    """One playlist. An item with a `gap` is not heard by you (any more); it says why."""
    return await answer(request, api.identifier(playlist_id))


@patch("/playlists/{playlist_id:str}", guards=[scope("clips:write")], tags=["playlists"])
async def change(
    request: Call, playlist_id: FromPath[str], data: JSONBody[PlaylistChanges]
) -> Response[dict[str, Any]]:
    """Change words, order or who finds it; If-Match names the revision that you read."""
    viewer = viewer_of(request)
    before = await service.load_playlist(viewer, api.identifier(playlist_id))
    api.require_match(request, before.revision)
    given = {
        name: value
        for name in ("title", "note", "visible")
        if (value := getattr(data, name)) is not msgspec.UNSET
    }
    present = {"title": before.title, "note": before.note, "visible": before.visible}
    items = (
        [(item.id, item.note) for item in before.items]
        if data.items is msgspec.UNSET
        else [item.chosen() for item in data.items]
    )
    fields = PlaylistFields(**{**present, **given})
    await service.save_playlist(viewer, before.id, fields, items, revision=before.revision)
    return await answer(request, before.id)


@delete("/playlists/{playlist_id:str}", guards=[scope("clips:write")], tags=["playlists"])
async def remove(request: Call, playlist_id: FromPath[str]) -> None:
    """Throw a playlist away; its clips stay."""
    await service.delete_playlist(viewer_of(request), api.identifier(playlist_id))


@post(
    "/playlists/{playlist_id:str}/items", guards=[scope("clips:write")], status_code=200, tags=["playlists"]
)
async def add(request: Call, playlist_id: FromPath[str], data: JSONBody[ItemIn]) -> Response[dict[str, Any]]:
    """Put a clip at the end; one that is in the list already keeps its place."""
    playlist, (clip, note) = api.identifier(playlist_id), data.chosen()
    await service.add_clip(viewer_of(request), playlist, clip, note)
    return await answer(request, playlist)


@delete("/playlists/{playlist_id:str}/items/{clip_id:str}", guards=[scope("clips:write")], tags=["playlists"])
async def take_out(request: Call, playlist_id: FromPath[str], clip_id: FromPath[str]) -> None:
    """Take a clip out of the list."""
    await service.remove_clip(viewer_of(request), api.identifier(playlist_id), api.identifier(clip_id))


@get("/playlists/{playlist_id:str}/zip", guards=[scope("clips:read")], tags=["playlists"])
async def export(request: Call, playlist_id: FromPath[str]) -> Stream:
    """Sounds, words (WebVTT), notes and a page that plays them offline, as one zip."""
    return await zip_answer(request, api.identifier(playlist_id))


routes: list[Any] = [listed, create, read, change, remove, add, take_out, export]
