"""From a refusal to an answer: a friendly page, words for htmx, or an RFC 9457 problem for a program.

The only place that knows which problem has which status. An unexpected error is logged with the request's
id, and the person gets that id and nothing of the inside.
"""

from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

import structlog
from litestar import Response
from litestar.connection import Request
from litestar.enums import MediaType
from litestar.exceptions import HTTPException, ValidationException

from trainer import problems
from trainer.db import DatabaseBusy, DatabaseFull, DatabaseGone, OutcomeUnknown, ValueRefused
from trainer.storage import StorageError, no_space
from trainer.web.i18n import _
from trainer.web.session import was_bad_token
from trainer.web.templating import is_htmx, render

log = structlog.get_logger()

STATUS: dict[type[problems.Problem], int] = {
    problems.Malformed: 400,
    problems.Unauthenticated: 401,
    problems.Forbidden: 403,
    problems.NotFound: 404,
    problems.Conflict: 409,
    problems.Gone: 410,
    problems.PreconditionFailed: 412,
    problems.TooLarge: 413,
    problems.Unsupported: 415,
    problems.Invalid: 422,
    problems.TooMany: 429,
    problems.Unavailable: 503,
}


FULL = 507
RETRY_S = {503: 5, FULL: 60}  # when it is worth trying again


class ProblemAnswer:
    """Everything an answer to a refusal needs, whatever its form."""

    blank_errors: ClassVar[list[problems.FieldError]] = []

    def __init__(self, status: int, slug: str, title: str, detail: str, **extra: Any) -> None:
        self.status, self.slug, self.title, self.detail = status, slug, title, detail
        self.errors: list[problems.FieldError] = self.blank_errors
        self.extra = extra
        self.headers: dict[str, str] = {}
        self.reference = ""  # the request's id in the log, where it is worth asking for

    def document(self) -> dict[str, Any]:
        """The RFC 9457 object."""
        body: dict[str, Any] = {
            "type": f"/problems/{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.extra,
        }
        if self.reference:
            body["reference"] = self.reference
        if self.errors:
            body["errors"] = [{"field": e.field, "code": e.code, "message": e.message} for e in self.errors]
        return body


def title_of(status: int) -> str:
    """A short heading for people."""
    return {
        400: _("That request could not be read"),
        401: _("Please sign in"),
        403: _("This is not yours to open"),
        404: _("Nothing here"),
        405: _("That cannot be done here"),
        409: _("Not in its present state"),
        410: _("Erased"),
        412: _("Changed meanwhile"),
        413: _("Too large"),
        415: _("This kind of file cannot be used"),
        422: _("Something needs another look"),
        429: _("Too many tries"),
        503: _("Back in a moment"),
        507: _("No space left"),
    }.get(status, _("Something went wrong on our side"))


def answer_for(error: Exception, request: Request[Any, Any, Any]) -> ProblemAnswer:
    """What to say about any error."""
    if isinstance(error, StorageError):
        log.error("storage away", reason=error.reason, cause=error.cause)
    if isinstance(error, problems.Problem):
        status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
        if isinstance(error, StorageError) and error.reason == "full":
            status = FULL
        answer = ProblemAnswer(status, error.name, title_of(status), error.detail, **error.extra)
        if isinstance(error, problems.Invalid):
            answer.errors = error.errors
        if isinstance(error, problems.TooMany):
            answer.headers["Retry-After"] = str(error.retry_after)
        if status in (503, FULL):
            answer.headers["Retry-After"] = str(RETRY_S[status])
        if status == 401:
            answer.headers["WWW-Authenticate"] = challenge(request)
        return answer
    if isinstance(error, ValidationException):
        answer = ProblemAnswer(
            422, "invalid", title_of(422), _("Some fields are missing or not as expected.")
        )
        answer.errors = [
            problems.FieldError(str(item.get("key", "")), "invalid", str(item.get("message", "")))
            for item in error.extra or []
            if isinstance(item, dict)
        ]
        return answer
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _http_answer(error)
    if isinstance(error, ValueRefused):
        log.warning("value refused", error=type(error.__cause__).__name__)
        return ProblemAnswer(422, "invalid", title_of(422), _("Some fields are missing or not as expected."))
    if isinstance(error, DatabaseFull) or no_space(error):
        log.error("disk full", error=type(error).__name__)
        answer = ProblemAnswer(
            FULL,
            "no-space",
            title_of(FULL),
            _("There is no space left on the server, so this was not saved. Ask your admin to make room."),
        )
        answer.headers["Retry-After"] = str(RETRY_S[FULL])
        return answer
    if isinstance(error, OutcomeUnknown):
        log.error("database went away during a commit")
        request.scope["state"]["outcome_unknown"] = True
        answer = ProblemAnswer(
            503,
            "outcome-unknown",
            title_of(503),
            _(
                "Our store went away at that very moment. Please look whether it was saved before you send it again."
            ),
        )
        answer.headers["Retry-After"] = str(RETRY_S[503])
        return answer
    if isinstance(error, DatabaseBusy | DatabaseGone):
        log.error("database away", error=type(error).__name__)
        answer = ProblemAnswer(
            503,
            "unavailable",
            title_of(503),
            _("We cannot reach our own store right now. Please try again shortly."),
        )
        answer.headers["Retry-After"] = str(RETRY_S[503])
        return answer
    log.exception("unexpected error", exc_info=error)
    detail = _("It has been noted. If it happens again, tell your admin the reference below.")
    return ProblemAnswer(500, "internal", title_of(500), detail)


def _http_answer(error: HTTPException) -> ProblemAnswer:
    status = error.status_code
    slug = HTTPStatus(status).phrase.lower().replace(" ", "-")
    detail = {
        404: _("There is no page at this address. It may have moved, or the link may be cut short."),
        405: _("This address does not take that kind of request."),
        413: _("That is larger than we can take."),
    }.get(status, error.detail)
    answer = ProblemAnswer(status, slug, title_of(status), detail)
    answer.headers.update(
        {k: v for k, v in (error.headers or {}).items() if k.lower() in {"allow", "retry-after"}}
    )
    return answer


def wants_problem(request: Request[Any, Any, Any]) -> bool:
    """Programs and scripts get the problem document; people get a page."""
    path = request.scope["path"]
    return (
        path.startswith(("/api/", "/schema/"))
        or is_htmx(request)
        or "application/json" in request.headers.get("accept", "")
    )


def handle_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Litestar's exception handler for everything."""
    answer = answer_for(error, request)
    if answer.status >= 500:
        answer.reference = str((request.scope.get("state") or {}).get("request_id", ""))
    if wants_problem(request):
        if answer.status == 401 and is_htmx(request):
            page = urlsplit(request.headers.get("hx-current-url", ""))
            answer.headers["HX-Redirect"] = sign_in_address(page.path or "/")
        return Response(
            answer.document(),
            media_type="application/problem+json",
            status_code=answer.status,
            headers=answer.headers,
        )
    if answer.status == 401:
        return Response(
            b"",
            media_type=MediaType.TEXT,
            status_code=303,
            headers={"Location": sign_in_address(_wanted(request))},
        )
    parent, _slash, _action = request.scope["path"].strip("/").rpartition("/")
    if answer.status == 405 and request.scope["method"] == "GET" and parent:
        # A refused form left its own address in the bar; looked at again, it is the page it stood on.
        return Response(
            b"", media_type=MediaType.TEXT, status_code=303, headers={"Location": f"/{quote(parent)}"}
        )
    return render(request, "errors/page.html", status=answer.status, headers=answer.headers, problem=answer)


def challenge(request: Request[Any, Any, Any]) -> str:
    """What a program should do about a 401 (RFC 6750): bring a token, or another one."""
    return 'Bearer error="invalid_token"' if was_bad_token(request) else "Bearer"


def sign_in_address(then: str) -> str:
    """The sign-in page that leads back to where somebody wanted to go."""
    return f"/sign-in?next={quote(then, safe='/')}"


def _wanted(request: Request[Any, Any, Any]) -> str:
    """The page that somebody asked for; a form that was sent cannot be sent again from an address."""
    if request.scope["method"] != "GET":
        return "/"
    query = request.scope["query_string"].decode("latin-1")
    return f"{request.url.path}?{query}" if query else request.url.path


def known_problems() -> list[str]:
    """The `type`s that any API answer may carry; listed in the OpenAPI description."""
    return sorted({f"/problems/{kind.slug}" for kind in STATUS} | {"/problems/internal", "/problems/csrf"})
