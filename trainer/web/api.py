"""What all JSON endpoints share: paging, conditional edits, times, and repeating a POST safely.
Invariant: a POST sent twice with the same `Idempotency-Key` is carried out once, and both senders get the
same answer; unless somebody was erased in between, after which no answer is kept that may name them.
"""

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from litestar.connection import ASGIConnection
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from piccolo.columns import UUID as UUIDColumn
from piccolo.columns import Integer, Text, Timestamptz
from piccolo.table import Table

from trainer import db, jobs
from trainer.problems import Conflict, Invalid, Malformed, NotFound, PreconditionFailed
from trainer.web.i18n import _
from trainer.web.session import Viewer

T = TypeVar("T")
KEPT = timedelta(days=1)
CUT_OFF = timedelta(minutes=15)  # no answer by then: the process that served the first sender is gone
MAX_BODY = 1 << 20


class Page(msgspec.Struct, frozen=True):
    """What a list endpoint was asked for: how many, and after which sort key."""

    limit: int
    after: list[Any] | None


def read_page(limit: int = 50, cursor: str | None = None) -> Page:
    """Checks `?limit=1..200&cursor=`. Raises Invalid for the limit, Malformed for the cursor."""
    if not 1 <= limit <= 200:
        raise Invalid.field("limit", "out-of-range", _("limit is a number from 1 to 200."))
    if not cursor:
        return Page(limit, None)
    try:
        after = msgspec.json.decode(base64.urlsafe_b64decode(cursor.encode() + b"=="), type=list)
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise Malformed(
            _("This cursor is not one of ours. Start again without it."), slug="bad-cursor"
        ) from error
    return Page(limit, after)


def key_of(page: Page, *kinds: Callable[[str], Any]) -> Any:
    """The page's sort key as a tuple of these kinds, or None for the first page. Raises Malformed."""
    if page.after is None:
        return None
    try:
        return tuple(_kept(kind(str(value))) for kind, value in zip(kinds, page.after, strict=True))
    except ValueError as error:
        raise Malformed(
            _("This cursor is not one of ours. Start again without it."), slug="bad-cursor"
        ) from error


def _kept(value: Any) -> Any:
    """A value such as a column holds. Raises ValueError."""
    if isinstance(value, datetime) and (value.tzinfo is None or not 1000 < value.year < 9000):
        raise ValueError(value)
    if isinstance(value, int) and abs(value) >= 1 << 63:
        raise ValueError(value)
    return value


def next_cursor(key: Sequence[Any]) -> str:
    """The opaque cursor that continues after the item with this sort key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(list(key))).rstrip(b"=").decode()


def page_of(
    rows: list[T], page: Page, show: Callable[[T], Any], key: Callable[[T], Sequence[Any]]
) -> dict[str, Any]:
    """The list answer from up to `limit + 1` rows (the extra one tells whether there is more)."""
    shown = rows[: page.limit]
    more = len(rows) > page.limit
    return {
        "items": [show(row) for row in shown],
        "next_cursor": next_cursor(key(shown[-1])) if more else None,
    }


def identifier(value: str) -> UUID:
    """An id from a path or body. Raises NotFound: a malformed id names nothing."""
    try:
        return UUID(value)
    except ValueError as error:
        raise NotFound(_("There is nothing with this id.")) from error


def revision_tag(revision: int) -> str:
    """The ETag of something that is edited with If-Match."""
    return f'"r{revision}"'


def require_match(connection: ASGIConnection[Any, Any, Any, Any], revision: int) -> None:
    """Raises PreconditionFailed unless `If-Match` names the present revision (or is `*`)."""
    given = connection.headers.get("if-match", "")
    if given != "*" and revision_tag(revision) not in [tag.strip() for tag in given.split(",")]:
        raise PreconditionFailed(
            _("This was changed since you read it. Read it again; If-Match needs its present ETag."),
            current=revision_tag(revision),
        )


def as_utc(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC with milliseconds."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class IdempotencyKey(Table, tablename="idempotency_key"):
    """A POST that was carried out, and what was answered."""

    id = UUIDColumn(primary_key=True)
    person = UUIDColumn()
    key = Text()
    fingerprint = Text(help_text="Hash of method, path and body: the same key may not name another request.")
    status = Integer(default=None, null=True, help_text="Empty while the first sender is still being served.")
    headers = Text(default="{}", help_text="JSON; empty once the answer is forgotten.")
    body = Text(default="")
    at = Timestamptz(default=None)


INDEXES = [
    "CREATE UNIQUE INDEX idempotency_key_once ON idempotency_key (person, key)",
    "CREATE INDEX idempotency_key_at ON idempotency_key (at)",
]


class Idempotency:
    """ASGI middleware for the API, inside Identify. Uploads are known by length, bodies by content."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._waiting: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        viewer: Viewer | None = scope.get("user")
        headers = dict(scope["headers"]) if scope["type"] == ScopeType.HTTP else {}
        key = headers.get(b"idempotency-key", b"").decode("latin-1")
        if not key or viewer is None or scope["method"] != "POST":  # type: ignore[typeddict-item]
            await self.app(scope, receive, send)
            return
        if len(key) > 200:
            raise Invalid.field(
                "Idempotency-Key", "too-long", _("An Idempotency-Key has at most 200 characters.")
            )
        receive, content = await _peek_body(headers, receive)
        fingerprint = hashlib.sha256(f"POST {scope['path']}\n".encode() + content).hexdigest()
        replayed = await _claim(viewer.id, key, fingerprint)
        if replayed is not None:
            await _replay(replayed, send)
            return
        await self._carry_out(scope, receive, send, viewer.id, key)

    async def _carry_out(self, scope: Scope, receive: Receive, send: Send, person: UUID, key: str) -> None:
        answer: dict[str, Any] = {"status": 0, "headers": {}, "body": b""}

        async def record(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer["status"] = message["status"]
                kept = MutableScopeHeaders.from_message(message)
                answer["headers"] = {n: kept[n] for n in ("content-type", "location", "etag") if n in kept}
            elif message["type"] == "http.response.body":
                answer["body"] += message.get("body", b"")
                if not message.get("more_body"):
                    unknown = bool(scope.get("state", {}).get("outcome_unknown"))
                    # done, and failed only afterwards: while the answer was put together, say
                    failed_late = answer["status"] >= 500 and written.anything
                    await self._settle(person, key, answer, unknown=unknown or failed_late)
            await send(message)

        with db.writes_noticed() as written:
            try:
                await self.app(scope, receive, record)
            except BaseException:
                # refused or failed with nothing done: the same key may try again
                if not written.anything:
                    await self._patiently(partial(_forget, person, key))
                raise

    async def _settle(self, person: UUID, key: str, answer: dict[str, Any], *, unknown: bool) -> None:
        """Keeps the answer of what was done, and frees the key of what was refused.

        Of what may have been done or not, neither: doing it again could double it.
        """
        if 200 <= answer["status"] < 300:
            await self._patiently(partial(_remember, person, key, answer))
        elif not unknown:
            await self._patiently(partial(_forget, person, key))

    async def _patiently(self, write: Callable[[], Awaitable[None]]) -> None:
        """The answer is on its way and must not break off because the database is away: then it is written later."""
        try:
            await write()
        except db.DatabaseError:
            task = asyncio.create_task(_later(write))
            self._waiting.add(task)  # the loop itself holds tasks only weakly
            task.add_done_callback(self._waiting.discard)


async def _peek_body(headers: dict[bytes, bytes], receive: Receive) -> tuple[Receive, bytes]:
    if headers.get(b"content-type", b"").startswith(b"multipart/"):
        return receive, headers.get(b"content-length", b"")
    body, messages, more = b"", [], True
    while more and len(body) <= MAX_BODY:
        message = await receive()
        messages.append(message)
        body += message.get("body", b"")  # type: ignore[operator]
        more = bool(message.get("more_body", False))
    remaining = iter(messages)

    async def again() -> Any:
        return next(remaining, None) or await receive()

    return again, body


async def _claim(person: UUID, key: str, fingerprint: str) -> dict[str, Any] | None:
    async with db.transaction():
        now = db.utc_now()
        await IdempotencyKey.delete().where(IdempotencyKey.at < now - KEPT)
        mine = IdempotencyKey.insert(
            IdempotencyKey(id=db.new_id(), person=person, key=key, fingerprint=fingerprint, at=now)
        )
        if await mine.on_conflict(action="DO NOTHING").returning(IdempotencyKey.id):
            return None
    row = (
        await IdempotencyKey.select()
        .where((IdempotencyKey.person == person) & (IdempotencyKey.key == key))
        .first()
    )
    if row is not None and row["status"] is None and row["at"] < now - CUT_OFF:
        # It may have been carried out or not: doing it again could double it, so a person has to look.
        message = _(
            "The first request with this key was cut off. See whether it was done, then use another key."
        )
        raise Conflict(message, slug="outcome-unknown")
    if row is None or row["status"] is None:
        raise Conflict(
            _("The first request with this Idempotency-Key is still under way."), slug="in-progress"
        )
    if row["fingerprint"] != fingerprint:
        raise Invalid(_("This Idempotency-Key was used for another request."), slug="idempotency-key-reused")
    if not row["headers"]:
        message = _(
            "This was done, but its answer is not kept any more: somebody was erased since. Look it up."
        )
        raise Conflict(message, slug="answer-forgotten")
    return row


async def _later(write: Callable[[], Awaitable[None]]) -> None:
    """Tries until the database is back, or for as long as the first sender would count as under way."""
    until = asyncio.get_running_loop().time() + CUT_OFF.total_seconds()
    while asyncio.get_running_loop().time() < until:
        await asyncio.sleep(1)
        if not db.is_open():
            return  # the process ends: the key stays as that of a request that was cut off
        try:
            return await write()
        except db.DatabaseError:
            continue


async def _remember(person: UUID, key: str, answer: dict[str, Any]) -> None:
    changed: dict[Any, Any] = {
        IdempotencyKey.status: answer["status"],
        IdempotencyKey.headers: msgspec.json.encode(answer["headers"]).decode(),
        IdempotencyKey.body: answer["body"].decode("utf-8"),
    }
    await IdempotencyKey.update(changed).where(
        (IdempotencyKey.person == person) & (IdempotencyKey.key == key)
    )


async def _forget(person: UUID, key: str) -> None:
    await IdempotencyKey.delete().where(
        (IdempotencyKey.person == person) & (IdempotencyKey.key == key) & IdempotencyKey.status.is_null()
    )


@jobs.schedule("forget_old_answers", every=timedelta(hours=1))
async def forget_old_answers(context: jobs.JobContext) -> None:
    """Answers hold personal data: they go after their day, also where no further request comes with a key."""
    await IdempotencyKey.delete().where(IdempotencyKey.at < db.utc_now() - KEPT)


@jobs.on("person_erased")
async def forget_answers_with_a_person(context: jobs.JobContext, event: Mapping[str, Any]) -> None:
    """Which answers name whom is not known: all are forgotten. Their keys stay, so that nothing is done twice."""
    await _forget_answers()


@jobs.on("recording_erased")
async def forget_answers_with_a_recording(context: jobs.JobContext, event: Mapping[str, Any]) -> None:
    """The same for what was told of a call."""
    await _forget_answers()


async def _forget_answers() -> None:
    forgotten: dict[Any, Any] = {IdempotencyKey.headers: "", IdempotencyKey.body: ""}
    answered = IdempotencyKey.status.is_not_null() & (IdempotencyKey.headers != "")
    await IdempotencyKey.update(forgotten).where(answered)


async def _replay(row: dict[str, Any], send: Send) -> None:
    headers = msgspec.json.decode(row["headers"]) | {"idempotent-replayed": "true"}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": row["status"], "headers": raw})
    await send({"type": "http.response.body", "body": row["body"].encode(), "more_body": False})
