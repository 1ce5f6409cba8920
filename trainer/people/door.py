"""The pages in front of the door: sign-in and sign-out, invitations and resets, and a demo's one-click links.

Invariant: a browser gets its cookie only by signing in, and then a new one; where it goes next is a page of
this site.
"""

from typing import Any
from urllib.parse import urlsplit

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer.people import links, signing_in
from trainer.people.sessions import Sessions, device_name, end_all_sessions, end_session
from trainer.problems import Gone, Invalid, NotFound, TooMany
from trainer.web.forms import read_form
from trainer.web.guards import public, signed_in
from trainer.web.i18n import _
from trainer.web.session import ended_cookie, session_cookie, viewer_of
from trainer.web.templating import render

AnyRequest = Request[Any, Any, Any]
LOOPBACK = frozenset({"127.0.0.1", "::1"})
FIRST_QUESTION = "/welcome/celebrations"  # asked once, after the first password; it can be skipped


def local_address(given: str) -> str:
    """`given` when it is a page of this site, else "/": a link to us must not lead on to another site."""
    parts = urlsplit(given)
    plain = given.isprintable() and "\\" not in given and not parts.scheme and not parts.netloc
    if not plain or not given.startswith("/") or given.startswith("//"):
        return "/"
    return "/" if parts.path.startswith(("/sign-", "/welcome/", "/demo/")) else given


def origin_of(request: AnyRequest) -> str:
    """The address that a request comes from, as the server was told to trust it."""
    return request.client.host if request.client else ""


def device_of(request: AnyRequest) -> str:
    """The browser in a few words."""
    return device_name(request.headers.get("user-agent", ""))


def sessions_for(request: AnyRequest) -> Sessions:
    """This app's sessions."""
    return request.app.state.sessions


def signed_in_answer(request: AnyRequest, secret: str, then: str) -> Response[Any]:
    """Hands the browser its new cookie and sends it on."""
    settings = request.app.state.settings
    cookie = session_cookie(secret, secure=settings.secure, days=settings.session_days)
    return Redirect(then, status_code=303, headers={"Set-Cookie": cookie})


@get("/sign-in", guards=[public], include_in_schema=False)
async def show_sign_in(request: AnyRequest, next: FromQuery[str] = "/") -> Response[Any]:
    """The form; who is signed in already goes on."""
    then = local_address(next)
    if request.scope.get("user"):
        return Redirect(then, status_code=303)
    return render(request, "people/sign_in.html", next=then, identifier="", errors={})


@post("/sign-in", guards=[public], include_in_schema=False)
async def sign_in(request: AnyRequest) -> Response[Any]:
    """Checks the password and starts a session."""
    form = await read_form(request)
    then = local_address(form.raw("next"))
    before = request.scope.get("user")
    status, headers = 422, dict[str, str]()
    try:
        secret = await signing_in.sign_in(
            sessions_for(request),
            form.raw("identifier")[:254],
            form.secret("password"),
            origin=origin_of(request),
            device=device_of(request),
            replaces=before.session if before else None,
        )
        return signed_in_answer(request, secret, then)
    except Invalid as refused:
        form.errors[""] = refused.detail
    except TooMany as refused:
        form.errors[""] = refused.detail
        status, headers = 429, {"Retry-After": str(refused.retry_after)}
    shown = {"next": then, "identifier": form.raw("identifier"), "errors": form.errors}
    return render(request, "people/sign_in.html", status=status, headers=headers, **shown)


@post("/sign-out", guards=[public], status_code=303, include_in_schema=False)
async def sign_out(request: AnyRequest) -> Response[Any]:
    """Ends this browser's session; harmless when it is over already."""
    viewer = request.scope.get("user")
    if viewer and viewer.session:
        await end_session(viewer.session)
    return _signed_out(request)


@post("/sign-out-everywhere", guards=[signed_in], status_code=303, include_in_schema=False)
async def sign_out_everywhere(request: AnyRequest) -> Response[Any]:
    """Ends all sessions of the viewer, this one too."""
    await end_all_sessions(viewer_of(request).id)
    return _signed_out(request)


def _signed_out(request: AnyRequest) -> Response[Any]:
    cookie = ended_cookie(secure=request.app.state.settings.secure)
    return Redirect("/sign-in", status_code=303, headers={"Set-Cookie": cookie})


@get("/forgot", guards=[public], include_in_schema=False)
async def show_forgot(request: AnyRequest) -> Response[str]:
    """How to get a new password: by mail where mail is set up, else from somebody one knows."""
    return _forgot(request, sent=False)


@post("/forgot", guards=[public], status_code=200, include_in_schema=False)
async def ask_for_reset(request: AnyRequest) -> Response[str]:
    """Has a link mailed to whom it belongs. The answer is the same whoever is meant, and for nobody."""
    form = await read_form(request)
    await links.ask_for_reset(form.raw("identifier"))
    return _forgot(request, sent=True)


def _forgot(request: AnyRequest, *, sent: bool) -> Response[str]:
    by_mail = bool(request.app.state.settings.smtp_url)
    return render(request, "people/forgot.html", sent=sent, by_mail=by_mail)


@get("/welcome/{secret:str}", guards=[public], include_in_schema=False)
async def show_welcome(request: AnyRequest, secret: FromPath[str]) -> Response[str]:
    """Choose a password, after an invitation or a reset. Looking does not use the link up."""
    try:
        return render(request, "people/welcome.html", welcome=await links.read_link(secret), errors={})
    except Gone as over:
        return render(request, "people/link_over.html", status=410, detail=over.detail, reason=over.name)


@post("/welcome/{secret:str}", guards=[public], include_in_schema=False)
async def welcome(request: AnyRequest, secret: FromPath[str]) -> Response[Any]:
    """Sets the password and signs in."""
    form = await read_form(request)
    try:
        shown = await links.read_link(secret)
        person = await links.set_password_by_link(secret, form.secret("password"))
    except Gone as over:
        return render(request, "people/link_over.html", status=410, detail=over.detail, reason=over.name)
    except Invalid as refused:
        form.take(refused)
        return render(request, "people/welcome.html", status=422, welcome=shown, errors=form.errors)
    secret = await sessions_for(request).start(person, device=device_of(request))
    return signed_in_answer(request, secret, "/" if shown.asked else FIRST_QUESTION)


@get("/demo/{secret:str}", guards=[public], include_in_schema=False)
async def enter_demo(request: AnyRequest, secret: FromPath[str]) -> Response[Any]:
    """One click into the sample centre. The route exists in a demo only, and answers only this machine."""
    proxied = "x-forwarded-for" in request.headers or "forwarded" in request.headers
    if origin_of(request) not in LOOPBACK or proxied:
        raise NotFound(
            _("There is no page at this address. It may have moved, or the link may be cut short.")
        )
    try:
        person = await links.person_of_demo_link(secret)
    except Gone as over:
        return render(request, "people/link_over.html", status=410, detail=over.detail, reason=over.name)
    before = request.scope.get("user")
    if before and before.session:
        await end_session(before.session)
    return signed_in_answer(
        request, await sessions_for(request).start(person, device=device_of(request)), "/"
    )


pages: list[Any] = [
    show_sign_in,
    sign_in,
    sign_out,
    sign_out_everywhere,
    show_forgot,
    ask_for_reset,
    show_welcome,
    welcome,
]
demo_pages: list[Any] = [enter_demo]
