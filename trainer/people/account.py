"""One's own account page: name, language, birthday, colours, password, signed-in browsers, API tokens."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer.db import utc_now
from trainer.people import service, signing_in, tokens
from trainer.people.door import device_of, origin_of, sessions_for, signed_in_answer
from trainer.people.forms import (
    language_options,
    month_options,
    read_profile,
    typed,
    values_of,
    zone_options,
)
from trainer.people.sessions import end_own_session, sessions_of
from trainer.problems import Invalid, TooMany
from trainer.web.forms import Form, read_form
from trainer.web.guards import signed_in
from trainer.web.i18n import _
from trainer.web.session import viewer_of
from trainer.web.templating import is_htmx, render

AnyRequest = Request[Any, Any, Any]
TOKEN_LIVES = {"30": timedelta(days=30), "365": timedelta(days=365), "": None}


async def _page(
    request: AnyRequest, *, status: int = 200, headers: Any = None, **values: Any
) -> Response[str]:
    viewer = viewer_of(request)
    person = await service.get_person(viewer.id)
    defaults: dict[str, Any] = {
        "person": person,
        "values": values_of(person),
        "errors": {},
        "part": "",
        "token_secret": None,
        "sessions": await sessions_of(viewer),
        "tokens": await tokens.tokens_of(viewer),
        "scopes": tokens.SCOPES,
        "languages": language_options(),
        "zones": zone_options(),
        "months": month_options(),
        "site_zone": request.app.state.settings.time_zone,
    }
    return render(request, "people/account.html", status=status, headers=headers, **(defaults | values))


@get("/account", guards=[signed_in], include_in_schema=False)
async def show_account(request: AnyRequest, done: FromQuery[str] = "") -> Response[str]:
    """The page; `done` names what was just saved."""
    sentences = {
        "profile": _("Saved."),
        "password": _("Your password is changed. All other browsers are signed out."),
        "session": _("That browser is signed out."),
        "token": _("The token is revoked."),
    }
    flash = [{"kind": "good", "text": sentences[done]}] if done in sentences else []
    return await _page(request, flash=flash)


@post("/account", guards=[signed_in], include_in_schema=False)
async def save_profile(request: AnyRequest) -> Response[Any]:
    """Name, language, zone, and what is celebrated."""
    form = await read_form(request)
    fields = read_profile(form)
    if form.ok:
        try:
            await service.edit_person(viewer_of(request), viewer_of(request).id, fields)
            return _done("profile")
        except Invalid as refused:
            form.take(refused)
    return await _page(request, status=422, part="profile", values=typed(form), errors=form.errors)


@post("/account/theme", guards=[signed_in], include_in_schema=False)
async def save_theme(request: AnyRequest) -> Response[Any]:
    """How pages look; the page itself has changed already."""
    await service.choose_theme(viewer_of(request), (await read_form(request)).raw("theme"))
    return Response(b"", status_code=204) if is_htmx(request) else _done("profile")


@post("/account/password", guards=[signed_in], include_in_schema=False)
async def save_password(request: AnyRequest) -> Response[Any]:
    """Another password; only this browser stays signed in, with a new session."""
    form, viewer = await read_form(request), viewer_of(request)
    status, headers = 422, dict[str, str]()
    try:
        secret = await signing_in.change_password(
            sessions_for(request),
            viewer,
            form.secret("current"),
            form.secret("password"),
            origin=origin_of(request),
            device=device_of(request),
        )
        return signed_in_answer(request, secret, "/account?done=password")
    except Invalid as refused:
        form.take(refused)
    except TooMany as refused:
        form.errors["current"] = refused.detail
        status, headers = 429, {"Retry-After": str(refused.retry_after)}
    return await _page(request, status=status, headers=headers, part="password", errors=form.errors)


@post("/account/sessions/{session_id:uuid}/end", guards=[signed_in], include_in_schema=False)
async def end_other_session(request: AnyRequest, session_id: FromPath[UUID]) -> Response[Any]:
    """Signs another browser of one's own out."""
    await end_own_session(viewer_of(request), session_id)
    return _done("session")


@post("/account/tokens", guards=[signed_in], include_in_schema=False)
async def make_token(request: AnyRequest) -> Response[Any]:
    """Makes a token and shows it, this once."""
    form, viewer = await read_form(request), viewer_of(request)
    life = TOKEN_LIVES.get(form.choice("life", TOKEN_LIVES, required=False))
    try:
        secret = await tokens.create_token(
            viewer,
            viewer.id,
            name=form.raw("token_name"),
            scopes=form.many("scopes"),
            expires_at=utc_now() + life if life else None,
        )
    except Invalid as refused:
        form.take(refused)
        return await _token_form(request, form)
    return await _page(request, token_secret=secret)


async def _token_form(request: AnyRequest, form: Form) -> Response[str]:
    if "name" in form.errors:
        form.errors["token_name"] = form.errors.pop("name")
    return await _page(request, status=422, part="tokens", errors=form.errors)


@post("/account/tokens/{token_id:uuid}/revoke", guards=[signed_in], include_in_schema=False)
async def revoke_token(request: AnyRequest, token_id: FromPath[UUID]) -> Response[Any]:
    """Stops a token at once."""
    await tokens.revoke_token(viewer_of(request), token_id)
    return _done("token")


def _done(what: str) -> Response[Any]:
    return Redirect(f"/account?done={what}", status_code=303)


pages: list[Any] = [
    show_account,
    save_profile,
    save_theme,
    save_password,
    end_other_session,
    make_token,
    revoke_token,
]
