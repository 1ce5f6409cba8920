"""Pages of playlists: the list, one to be heard, its editor, the zip, and a clip's own way into them."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Stream

from trainer.clips.playlists import export, service
from trainer.clips.playlists.export import Exported
from trainer.clips.playlists.service import MAKERS, PlaylistFields
from trainer.clips.playlists.views import PlaylistView
from trainer.clips.service import ClipView, clips_by_ids, load_clip, place_after, visible_clips
from trainer.problems import Invalid, PreconditionFailed
from trainer.web import api
from trainer.web.forms import Form, read_form
from trainer.web.guards import requires, signed_in
from trainer.web.i18n import _
from trainer.web.media import disposition
from trainer.web.session import viewer_of
from trainer.web.templating import is_htmx, next_address, render, render_block

Page = Request[Any, Any, Any]

PER_PAGE = 30
FOUND = 12


@dataclass
class Typed:
    """What stands in the editor: words, and clips in order with their notes; `known`: those it was loaded with."""

    title: str = ""
    note: str = ""
    visible: str = "me"
    items: list[tuple[UUID, str]] = field(default_factory=list)
    known: list[UUID] = field(default_factory=list)
    revision: int | None = None
    words: str = ""

    @classmethod
    def of(cls, playlist: PlaylistView) -> "Typed":
        items = [(item.id, item.note) for item in playlist.items]
        known = [item.id for item in playlist.items]
        return cls(playlist.title, playlist.note, playlist.visible, items, known, playlist.revision)

    @classmethod
    def sent(cls, form: Form) -> "Typed":
        items = [(clip, form.raw(f"note-{clip}")) for clip in _ids(form.many("item"))]
        revision = form.integer("revision", least=1, most=10**9, required=False)
        return cls(
            form.raw("title"),
            form.raw("note"),
            form.raw("visible"),
            items,
            _ids(form.many("known")),
            revision,
            form.raw("q")[:80],
        )

    @property
    def fields(self) -> PlaylistFields:
        return PlaylistFields(self.title, self.note, self.visible)

    def rearranged(self, form: Form) -> bool:
        """Carries out a press of a button that only changes the list on the page; False when it was Save."""
        where = {str(clip): index for index, (clip, _note) in enumerate(self.items)}
        for button, step in (("up", -1), ("down", 1)):
            index = where.get(form.raw(button))
            if index is not None:
                item = self.items.pop(index)
                self.items.insert(max(0, index + step), item)
        if form.raw("remove") in where:
            del self.items[where[form.raw("remove")]]
        for clip in _ids(form.many("add")):
            if str(clip) not in where:
                self.items.append((clip, ""))
        return any(form.raw(name) for name in ("up", "down", "remove", "add", "find"))


def _ids(names: list[str]) -> list[UUID]:
    found = []
    for name in names:
        try:
            found.append(UUID(name))
        except ValueError:
            continue
    return list(dict.fromkeys(found))


@get("/clips/playlists", guards=[signed_in])
async def show_playlists(request: Page, cursor: FromQuery[str | None] = None) -> Response[str]:
    """The playlists that the viewer finds, latest change first."""
    viewer, after = viewer_of(request), place_after(api.read_page(PER_PAGE, cursor).after)
    found = await service.visible_playlists(viewer, limit=PER_PAGE + 1, after=after)
    shown = found[:PER_PAGE]
    last = shown[-1] if len(found) > PER_PAGE else None
    more = api.next_cursor([last.updated_at.isoformat(), str(last.id)]) if last else ""
    values: dict[str, Any] = {
        "playlists": shown,
        "visible_names": visible_names(),
        "next_href": next_address(request, more) if more else "",
        "makes": viewer.has(*MAKERS),
    }
    if is_htmx(request) and cursor:
        return render_block(request, "clips/playlists.html", "more", **values)
    return render(request, "clips/playlists.html", **values)


@get("/clips/playlists/new", guards=[requires(*MAKERS)])
async def show_new_playlist(request: Page, clip: FromQuery[UUID | None] = None) -> Response[str]:
    """The editor, empty or with a first clip."""
    return await editor(request, None, Typed(items=[(clip, "")] if clip else []))


@post("/clips/playlists/new", guards=[requires(*MAKERS)])
async def make_playlist(request: Page) -> Response[str] | Redirect:
    """Make it, or show the same form again."""
    form = await read_form(request)
    typed = Typed.sent(form)
    if typed.rearranged(form):
        return await editor(request, None, typed)
    try:
        made = await service.make_playlist(viewer_of(request), typed.fields, typed.items)
    except Invalid as problem:
        form.take(problem)
        return await editor(request, None, typed, errors=form.errors)
    return Redirect(f"/clips/playlists/{made}", status_code=303)


@get("/clips/playlists/find", guards=[requires(*MAKERS)])
async def find_clips(request: Page, q: FromQuery[str] = "") -> Response[str]:
    """Published clips that fit some words, to be put into a playlist."""
    found = await found_clips(request, q[:80])
    return render_block(request, "clips/playlist_edit.html", "found", found=found, words=q)


@get("/clips/playlists/{playlist_id:uuid}", guards=[signed_in])
async def show_playlist(request: Page, playlist_id: FromPath[UUID]) -> Response[str]:
    """The playlist to be heard, from where the viewer was."""
    viewer = viewer_of(request)
    playlist = await service.load_playlist(viewer, playlist_id)
    return render(
        request,
        "clips/playlist.html",
        playlist=playlist,
        place=await service.place_in(viewer, playlist),
        visible_names=visible_names(),
        takes=viewer.has(*MAKERS) and bool(playlist.heard),
    )


@post("/clips/playlists/{playlist_id:uuid}/place", guards=[signed_in], status_code=200)
async def keep_place(request: Page, playlist_id: FromPath[UUID]) -> dict[str, Any]:
    """The player tells how far the listener is."""
    form = await read_form(request)
    clip, ms = form.identifier("clip"), form.integer("ms", least=0, most=10**7)
    if clip is None or ms is None:
        raise Invalid.field("clip", "required", _("Please choose one of these."))
    await service.remember_place(viewer_of(request), playlist_id, clip, ms)
    return {"clip": str(clip), "ms": ms}


@get("/clips/playlists/{playlist_id:uuid}/edit", guards=[requires(*MAKERS)])
async def show_edit_playlist(request: Page, playlist_id: FromPath[UUID]) -> Response[str] | Redirect:
    """The editor."""
    playlist = await service.load_playlist(viewer_of(request), playlist_id)
    if not playlist.edits:
        return Redirect(f"/clips/playlists/{playlist_id}", status_code=303)
    return await editor(request, playlist, Typed.of(playlist))


@post("/clips/playlists/{playlist_id:uuid}/edit", guards=[requires(*MAKERS)])
async def save_playlist(request: Page, playlist_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Save, unless somebody else did meanwhile: then theirs is named and what was typed is still there."""
    viewer, form = viewer_of(request), await read_form(request)
    typed, conflict = Typed.sent(form), ""
    if not typed.rearranged(form):
        try:
            await service.save_playlist(
                viewer,
                playlist_id,
                typed.fields,
                typed.items,
                revision=typed.revision or 0,
                known=typed.known,
            )
            return Redirect(f"/clips/playlists/{playlist_id}", status_code=303)
        except Invalid as problem:
            form.take(problem)
        except PreconditionFailed as problem:
            conflict = problem.detail
    playlist = await service.load_playlist(viewer, playlist_id)
    return await editor(request, playlist, typed, errors=form.errors, conflict=conflict)


@post("/clips/playlists/{playlist_id:uuid}/delete", guards=[requires(*MAKERS)])
async def delete_playlist(request: Page, playlist_id: FromPath[UUID]) -> Redirect:
    """Throw it away."""
    await service.delete_playlist(viewer_of(request), playlist_id)
    return Redirect("/clips/playlists", status_code=303)


@get("/clips/playlists/{playlist_id:uuid}/zip", guards=[requires(*MAKERS)])
async def export_playlist(request: Page, playlist_id: FromPath[UUID]) -> Stream:
    """All of it as one file."""
    return await zip_answer(request, playlist_id)


@get("/clips/{clip_id:uuid}/playlists", guards=[requires(*MAKERS)])
async def show_lists_of_clip(request: Page, clip_id: FromPath[UUID]) -> Response[str]:
    """On a clip's page: put it into a playlist."""
    return await lists_part(request, clip_id)


@post("/clips/{clip_id:uuid}/playlists", guards=[requires(*MAKERS)], status_code=200)
async def add_to_list(request: Page, clip_id: FromPath[UUID]) -> Response[str]:
    """Put the clip at the end of one."""
    form = await read_form(request)
    playlist = form.identifier("playlist")
    if playlist is not None:
        await service.add_clip(viewer_of(request), playlist, clip_id)
    return await lists_part(request, clip_id, added=playlist)


async def editor(
    request: Page,
    playlist: PlaylistView | None,
    typed: Typed,
    *,
    errors: dict[str, str] | None = None,
    conflict: str = "",
) -> Response[str]:
    """The editor's page; 422 with errors, 409 when somebody else saved meanwhile."""
    viewer = viewer_of(request)
    if conflict and playlist:
        # what was added meanwhile is shown too; saved again, it is theirs and ours together
        there = {clip for clip, _note in typed.items} | set(typed.known)
        typed.items += [(item.id, item.note) for item in playlist.items if item.id not in there]
        typed.known, typed.revision = [item.id for item in playlist.items], playlist.revision
    clips = await clips_by_ids(viewer, [clip for clip, _note in typed.items])
    return render(
        request,
        "clips/playlist_edit.html",
        status=422 if errors else 409 if conflict else 200,
        playlist=playlist,
        typed=typed,
        clips={clip: view for clip, view in clips.items() if view.state == "published"},
        errors=errors or {},
        conflict=conflict,
        visible_options=visible_options(),
        found=await found_clips(request, typed.words),
        words=typed.words,
        action=f"/clips/playlists/{playlist.id}/edit" if playlist else "/clips/playlists/new",
    )


async def found_clips(request: Page, words: str) -> list[ClipView]:
    """Published clips with these words, latest first."""
    clips = await visible_clips(viewer_of(request), words=words, limit=FOUND)
    return [clip for clip in clips if clip.render == "ready"]


async def lists_part(request: Page, clip_id: UUID, *, added: UUID | None = None) -> Response[str]:
    """The fragment on a clip's page."""
    viewer = viewer_of(request)
    clip = await load_clip(viewer, clip_id)
    lists = await service.lists_for(viewer, clip_id)
    return render(
        request,
        "clips/_add_to_playlist.html",
        clip=clip,
        lists=lists,
        added=next((each for each, _holds in lists if each.id == added), None),
    )


async def zip_answer(request: Page, playlist_id: UUID) -> Stream:
    """The zip as a download that is written while it is sent."""
    viewer = viewer_of(request)
    playlist = await export.begin_export(viewer, playlist_id)

    def page(made: Exported) -> str:
        pages: Any = request.app.state.pages
        return str(pages.page(request, "clips/playlist_offline.html", {"made": made}))

    name = f"{export.safe_name(playlist.title, 'playlist')}.zip"
    headers = {
        "Content-Disposition": disposition(name, download=True),
        "Cache-Control": "private, no-store",
    }
    return Stream(export.archive(viewer, playlist, page), media_type="application/zip", headers=headers)


def visible_names() -> dict[str, str]:
    """Who finds a playlist, in a word or two."""
    return {
        "me": _("Only me"),
        "link": _("Whoever has the link"),
        "makers": _("Those who work with clips"),
        "everyone": _("Everyone"),
    }


def visible_options() -> list[dict[str, str]]:
    """The same to choose from, each with what it means."""
    meanings = {
        "me": _("Nobody else finds it."),
        "link": _("It is in no list; everybody here who is given its address may hear it."),
        "makers": _("Trainers, QA analysts and team leads find it in the list."),
        "everyone": _("It is in everybody's list of playlists."),
    }
    return [
        {"value": value, "label": name, "sub": meanings[value]} for value, name in visible_names().items()
    ]


handlers: list[Any] = [
    show_playlists,
    show_new_playlist,
    make_playlist,
    find_clips,
    show_playlist,
    keep_place,
    show_edit_playlist,
    save_playlist,
    delete_playlist,
    export_playlist,
    show_lists_of_clip,
    add_to_list,
]
pages: list[Any] = [Router("/", route_handlers=handlers, include_in_schema=False)]
