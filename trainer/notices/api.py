"""`/api/v1/notices`: one's own inbox, in JSON."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, get, post
from litestar.params import FromPath, FromQuery

from trainer.notices import service
from trainer.notices.inbox import NoticeView
from trainer.web.api import as_utc, identifier, key_of, page_of, read_page
from trainer.web.guards import scope
from trainer.web.session import viewer_of

AnyRequest = Request[Any, Any, Any]


class NoticeOut(msgspec.Struct, frozen=True):
    """One notice in the language of whose it is. `href` is a path of this centre, "" for none."""

    id: str
    kind: str
    text: str
    more: str
    href: str
    at: str | None
    read_at: str | None


def out(view: NoticeView) -> NoticeOut:
    """As it is answered."""
    return NoticeOut(
        str(view.id), view.kind, view.words, view.more, view.href, as_utc(view.at), as_utc(view.read_at)
    )


@get("/notices", guards=[scope("notices:read")], tags=["notices"])
async def list_notices(
    request: AnyRequest,
    limit: FromQuery[int] = 50,
    cursor: FromQuery[str | None] = None,
    unread: FromQuery[bool] = False,
) -> dict[str, Any]:
    """The own notices, newest first; `unread=true` leaves out what was read."""
    page = read_page(limit, cursor)
    after = key_of(page, datetime.fromisoformat, UUID)
    views = await service.latest(viewer_of(request), page.limit + 1, unread=unread, after=after)
    return page_of(views, page, out, lambda view: [view.at.isoformat(), str(view.id)])


@post("/notices/{notice_id:str}/read", guards=[scope("notices:write")], tags=["notices"], status_code=200)
async def read_notice(request: AnyRequest, notice_id: FromPath[str]) -> NoticeOut:
    """Marks one as read; doing it twice changes nothing."""
    return out(await service.mark_read(viewer_of(request), identifier(notice_id)))


routes: list[Any] = [list_notices, read_notice]
