"""What kind of call a clip is from: standard, complex or emotional (002-7).

A clip is of its call's kind unless a trainer says otherwise: half a minute of a complex call may be the
emotional one.
Invariant: what somebody said of a clip holds for all its versions; it changes nothing that is heard.
"""

from typing import Any
from uuid import UUID

import msgspec
from litestar import post
from litestar.connection import Request
from litestar.params import FromPath, JSONBody
from litestar.response import Redirect

from trainer import db
from trainer.calls.views import TAGS
from trainer.clips.reading import load_clip
from trainer.clips.standing import require_trainer
from trainer.clips.tables import Clip
from trainer.people.audit import record_audit
from trainer.problems import Invalid
from trainer.web.api import identifier
from trainer.web.forms import read_form
from trainer.web.guards import requires, scope
from trainer.web.i18n import _
from trainer.web.session import Viewer, viewer_of


async def tag_clip(viewer: Viewer, clip_id: UUID, tag: str) -> None:
    """Says what kind of call a clip is from; "" takes its call's. Raises NotFound, Gone, Forbidden, Invalid."""
    clip = await load_clip(viewer, clip_id, stopped=True)
    require_trainer(viewer, clip)
    if tag and tag not in TAGS:
        told = _("A call is one of these kinds: %(names)s.") % {"names": ", ".join(TAGS)}
        raise Invalid.field("tag", "unknown", told)
    if tag == clip.own_tag:
        return
    async with db.transaction():
        versions = (Clip.id == clip.named) | (Clip.replaces == clip.named)
        await Clip.update({Clip.tag: tag}).where(versions)
        await record_audit(viewer, "clip_tagged", "clip", str(clip.named), {"tag": tag})


class TagIn(msgspec.Struct, forbid_unknown_fields=True):
    """standard, complex or emotional; null for that of its call."""

    tag: str | None = None


@post("/clips/{clip_id:uuid}/tag", guards=[requires("trainer")], include_in_schema=False)
async def save_tag(request: Request[Any, Any, Any], clip_id: FromPath[UUID]) -> Redirect:
    """One choice on the clip's page, where it stays."""
    form = await read_form(request)
    await tag_clip(viewer_of(request), clip_id, form.raw("tag").strip())
    return Redirect(f"/clips/{clip_id}?done=saved#f-tag", status_code=303)


@post("/clips/{clip_id:str}/tag", guards=[scope("clips:write")], status_code=204, tags=["clips"])
async def save_tag_by_api(
    request: Request[Any, Any, Any], clip_id: FromPath[str], data: JSONBody[TagIn]
) -> None:
    """Says what kind of call a clip is from."""
    await tag_clip(viewer_of(request), identifier(clip_id), data.tag or "")


pages: list[Any] = [save_tag]
routes: list[Any] = [save_tag_by_api]
