"""Pages of notices: the inbox, the bell's fragment, and how a person wants to hear of things."""

from datetime import date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer import db, jobs
from trainer.notices import choices, mail, post_office, service
from trainer.notices.inbox import NoticeView
from trainer.people.days import day_of
from trainer.problems import Malformed
from trainer.web.api import key_of, next_cursor, read_page
from trainer.web.forms import read_form
from trainer.web.guards import requires, signed_in
from trainer.web.i18n import _
from trainer.web.session import viewer_of
from trainer.web.templating import is_htmx, next_address, render

AnyRequest = Request[Any, Any, Any]


@get("/notices", guards=[signed_in], include_in_schema=False)
async def show_notices(
    request: AnyRequest, unread: FromQuery[str] = "", cursor: FromQuery[str] = "", marked: FromQuery[str] = ""
) -> Response[str]:
    """The inbox by day. htmx gets the next ones alone; `marked` offers to take "all read" back."""
    viewer = viewer_of(request)
    after = key_of(read_page(cursor=cursor), datetime.fromisoformat, UUID)
    found = await service.latest(viewer, service.PAGE + 1, unread=bool(unread), after=after)
    shown = found[: service.PAGE]
    more = next_cursor([shown[-1].at.isoformat(), str(shown[-1].id)]) if len(found) > len(shown) else ""
    return render(
        request,
        "notices/_days.html" if is_htmx(request) else "notices/list.html",
        days=_by_day(shown, viewer.time_zone),
        today=day_of(db.utc_now(), viewer.time_zone),
        more=next_address(request, more) if more else None,
        only_unread=bool(unread),
        marked=_moment(marked) if marked else None,
        newest=shown[0].at if shown and not cursor else None,
    )


def _by_day(views: list[NoticeView], zone: str) -> list[tuple[date, list[NoticeView]]]:
    """Grouped by the reader's own days."""
    return [(day, list(group)) for day, group in groupby(views, key=lambda view: day_of(view.at, zone))]


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed(_("This address is not complete. Open your notices again.")) from error
    if moment.tzinfo is None:
        raise Malformed(_("This address is not complete. Open your notices again."))
    return moment


@get("/notices/bell", guards=[signed_in], include_in_schema=False)
async def show_bell(request: AnyRequest) -> Response[str]:
    """A fragment: the inside of the bell, as a live hint asks for it."""
    return render(request, "notices/_bell.html", headers={"Cache-Control": "no-store"})


@get("/notices/{notice:uuid}/open", guards=[signed_in], include_in_schema=False)
async def open_notice(request: AnyRequest, notice: FromPath[UUID]) -> Redirect:
    """Marks it as read and goes where it leads.

    A link, so that it opens in a new tab and from a mail; that it marks harms nobody.
    """
    view = await service.mark_read(viewer_of(request), notice)
    return Redirect(view.href or "/notices", status_code=303)


@post("/notices/{notice:uuid}/read", guards=[signed_in], include_in_schema=False, status_code=200)
async def read_notice(request: AnyRequest, notice: FromPath[UUID]) -> Response[Any]:
    """Marks it as read without going there; htmx draws it anew."""
    view = await service.mark_read(viewer_of(request), notice)
    if not is_htmx(request):
        return Redirect("/notices", status_code=303)
    return render(request, "notices/_notice.html", headers={"HX-Trigger": "live:notices"}, notice=view)


@post("/notices/read", guards=[signed_in], include_in_schema=False)
async def read_all(request: AnyRequest) -> Redirect:
    """Marks all that the page showed, or older, as read."""
    until = (await read_form(request)).raw("until")
    moment, count = await service.mark_all_read(viewer_of(request), _moment(until) if until else None)
    undo = f"?marked={moment.isoformat().replace('+00:00', 'Z')}" if count else ""
    return Redirect(f"/notices{undo}", status_code=303)


@post("/notices/unread", guards=[signed_in], include_in_schema=False)
async def undo_read_all(request: AnyRequest) -> Redirect:
    """Takes "all read" back."""
    await service.undo_mark_all(viewer_of(request), _moment((await read_form(request)).raw("marked")))
    return Redirect("/notices", status_code=303)


# How a person hears of things


@get("/account/notices", guards=[signed_in], include_in_schema=False)
async def show_choices(request: AnyRequest, done: FromQuery[str] = "") -> Response[str]:
    """The choices, kind by kind; each is plain about what leaves the house."""
    viewer = viewer_of(request)
    address = await mail.address_of(viewer.id)
    return render(
        request,
        "notices/choices.html",
        choices=await choices.choices_of(viewer),
        mail=mail.is_set_up(),
        address=address,
        flash=[{"kind": "good", "text": _("Saved.")}] if done else [],
    )


@post("/account/notices", guards=[signed_in], include_in_schema=False)
async def save_choices(request: AnyRequest) -> Redirect:
    """Keeps what was chosen; `all` is one way for every kind that has it."""
    viewer, form = viewer_of(request), await read_form(request)
    offered = await choices.choices_of(viewer)
    way = form.raw("all")
    chosen = {choice.kind: way or form.raw(choice.kind) or choice.way for choice in offered}
    await choices.choose(viewer, chosen)
    return Redirect("/account/notices?done=1", status_code=303)


# Whether mail works, for admins


@get("/settings", guards=[requires("admin")], include_in_schema=False, sync_to_thread=False)
def show_settings() -> Redirect:
    """The one thing that is set on a page; all others come from the environment."""
    return Redirect("/settings/mail", status_code=303)


@get("/settings/mail", guards=[requires("admin")], include_in_schema=False)
async def show_mail(request: AnyRequest, job: FromQuery[UUID | None] = None) -> Response[str]:
    """Whether mail is set up, what could not be sent, a test (`job` when under way), and how the centre is set up."""
    viewer = viewer_of(request)
    testing = await jobs.get_job(job) if job else None
    return render(
        request,
        "notices/mail.html",
        post=post_office.office(),
        address=await mail.address_of(viewer.id),
        failures=await mail.failures(),
        testing=testing if testing and testing.person == viewer.id else None,
        settings=request.app.state.settings,
    )


@post("/settings/mail/test", guards=[requires("admin")], include_in_schema=False)
async def test_mail(request: AnyRequest) -> Redirect:
    """Sends a test mail to oneself."""
    viewer = viewer_of(request)
    job = await jobs.enqueue(mail.mail_test, {"person": str(viewer.id)}, person=viewer.id)
    return Redirect(f"/settings/mail?job={job}", status_code=303)


pages: list[Any] = [
    show_notices,
    show_bell,
    open_notice,
    read_notice,
    read_all,
    undo_read_all,
    show_choices,
    save_choices,
    show_settings,
    show_mail,
    test_mail,
]
