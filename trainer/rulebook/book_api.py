"""JSON API of rule books as such and of what the customer wants (a rule names one of them as its `goal`).

Plain words are in the book's language, other languages stand under `translations`. Invariant: the same services as the
pages, so the sixth want is refused here too.
"""

from typing import Any, Literal

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.connection import Request
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from trainer.problems import PreconditionFailed
from trainer.rulebook import arranging, service
from trainer.rulebook.arranging import BookFrame, WantLine, load_frame
from trainer.rulebook.views import Authored
from trainer.web.guards import scope
from trainer.web.i18n import _, text_in
from trainer.web.session import viewer_of

ApiRequest = Request[Any, Any, Any]
Translations = dict[str, dict[str, str]]
READ = scope("rules:read")
WRITE = scope("rules:write")


class Move(msgspec.Struct, forbid_unknown_fields=True):
    """One place up or down among its neighbours."""

    to: Literal["up", "down"]


class BookIn(msgspec.Struct, forbid_unknown_fields=True):
    """A new rule book; its code is made from the title when it is left out."""

    title: str
    language: Literal["en", "zh-Hans", "zh-Hant"] = "en"
    code: str = ""
    translations: Translations = {}


class BookChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What of a rule book changes; fields that are left out stay."""

    title: str | UnsetType = UNSET
    language: Literal["en", "zh-Hans", "zh-Hant"] | UnsetType = UNSET
    translations: Translations = {}


class WantIn(msgspec.Struct, forbid_unknown_fields=True):
    """What the customer wants, and what they say when it is met."""

    title: str
    feeling: str
    code: str = ""
    translations: Translations = {}


class WantChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What of a want changes; fields that are left out stay."""

    title: str | UnsetType = UNSET
    feeling: str | UnsetType = UNSET
    translations: Translations = {}


def shown_want(want: WantLine, language: str) -> dict[str, Any]:
    """The API's form of a want."""
    locales = sorted({*want.title, *want.feeling})
    texts = {"title": want.title, "feeling": want.feeling}
    return {
        "code": want.code,
        "title": text_in(want.title, language),
        "feeling": text_in(want.feeling, language),
        "rules": want.serving,
        "translations": {
            locale: {name: text[locale] for name, text in texts.items() if locale in text}
            for locale in locales
        },
    }


def shown_book(book: BookFrame) -> dict[str, Any]:
    """The API's form of a rule book."""
    return {
        "code": book.code,
        "title": text_in(book.title, book.language),
        "language": book.language,
        "translations": {locale: {"title": words} for locale, words in book.title.items()},
        "wants": [shown_want(want, book.language) for want in book.wants],
    }


def answer_book(book: BookFrame, *, status: int = 200) -> Response[dict[str, Any]]:
    headers = {"ETag": f'"{book.seen}"'}
    if status == 201:
        headers["Location"] = f"/api/v1/rulebooks/{book.code}"
    return Response(shown_book(book), status_code=status, headers=headers)


def answer_want(book: BookFrame, code: str, *, status: int = 200) -> Response[dict[str, Any]]:
    want = book.want(code)
    headers = {"ETag": f'"{want.seen}"'}
    if status == 201:
        headers["Location"] = f"/api/v1/rulebooks/{book.code}/wants/{code}"
    return Response(shown_want(want, book.language), status_code=status, headers=headers)


@get("/rulebooks", guards=[READ])
async def list_rulebooks(request: ApiRequest) -> dict[str, Any]:
    """All rule books, oldest first, each with its wants in order."""
    books = [await load_frame(code) for code in await service.rulebook_codes()]
    return {"items": [shown_book(book) for book in books], "next_cursor": None}


@post("/rulebooks", guards=[WRITE])
async def create_rulebook(request: ApiRequest, data: JSONBody[BookIn]) -> Response[dict[str, Any]]:
    """An empty rule book."""
    title = _words(data.translations, "title", data.language, data.title)
    code = await arranging.create_book(viewer_of(request), title, data.language, code=data.code)
    return answer_book(await load_frame(code), status=201)


@get("/rulebooks/{book:str}", guards=[READ])
async def get_rulebook(request: ApiRequest, book: FromPath[str]) -> Response[dict[str, Any]]:
    """One rule book with its wants."""
    return answer_book(await load_frame(book))


@patch("/rulebooks/{book:str}", guards=[WRITE])
async def change_rulebook(
    request: ApiRequest, book: FromPath[str], data: JSONBody[BookChanges]
) -> Response[dict[str, Any]]:
    """Another title or language. If-Match names what was read."""
    frame = await load_frame(book)
    language = frame.language if data.language is UNSET else data.language
    title = frame.title | _words(data.translations, "title", language, data.title)
    seen = _matched(request, frame.seen)
    await arranging.edit_book(viewer_of(request), book, title, language, seen=seen)
    return answer_book(await load_frame(book))


@post("/rulebooks/{book:str}/wants", guards=[WRITE])
async def add_want(
    request: ApiRequest, book: FromPath[str], data: JSONBody[WantIn]
) -> Response[dict[str, Any]]:
    """One more want, at the end; a rule book has at most five."""
    language = (await load_frame(book)).language
    title = _words(data.translations, "title", language, data.title)
    feeling = _words(data.translations, "feeling", language, data.feeling)
    code = await arranging.add_want(viewer_of(request), book, title, feeling, code=data.code)
    return answer_want(await load_frame(book), code, status=201)


@get("/rulebooks/{book:str}/wants/{want:str}", guards=[READ])
async def get_want(request: ApiRequest, book: FromPath[str], want: FromPath[str]) -> Response[dict[str, Any]]:
    """One want."""
    return answer_want(await load_frame(book), want)


@patch("/rulebooks/{book:str}/wants/{want:str}", guards=[WRITE])
async def change_want(
    request: ApiRequest, book: FromPath[str], want: FromPath[str], data: JSONBody[WantChanges]
) -> Response[dict[str, Any]]:
    """Other words for a want; its rules stay with it. If-Match names what was read."""
    frame = await load_frame(book)
    before = frame.want(want)
    title = before.title | _words(data.translations, "title", frame.language, data.title)
    feeling = before.feeling | _words(data.translations, "feeling", frame.language, data.feeling)
    seen = _matched(request, before.seen)
    await arranging.edit_want(viewer_of(request), book, want, title, feeling, seen=seen)
    return answer_want(await load_frame(book), want)


@post("/rulebooks/{book:str}/wants/{want:str}/move", guards=[WRITE], status_code=200)
async def move_want(
    request: ApiRequest, book: FromPath[str], want: FromPath[str], data: JSONBody[Move]
) -> Response[dict[str, Any]]:
    """Moves a want one place; at that end it stays where it is."""
    await arranging.move_want(viewer_of(request), book, want, data.to)
    return answer_book(await load_frame(book))


@delete("/rulebooks/{book:str}/wants/{want:str}", guards=[WRITE])
async def remove_want(request: ApiRequest, book: FromPath[str], want: FromPath[str]) -> None:
    """Takes a want away that no draft or published rule serves."""
    await arranging.remove_want(viewer_of(request), book, want)


def _words(translations: Translations, name: str, language: str, plain: str | UnsetType) -> Authored:
    words = {locale: texts[name] for locale, texts in translations.items() if name in texts}
    return words if plain is UNSET else {**words, language: str(plain)}


def _matched(request: ApiRequest, now: str) -> str:
    """What the caller read. Raises PreconditionFailed unless If-Match names the present ETag, or is `*`."""
    given = request.headers.get("if-match", "")
    if given != "*" and f'"{now}"' not in [tag.strip() for tag in given.split(",")]:
        raise PreconditionFailed(
            _("This was changed since you read it. Read it again; If-Match needs its present ETag."),
            current=f'"{now}"',
        )
    return now


routes: list[Any] = [
    list_rulebooks,
    create_rulebook,
    get_rulebook,
    change_rulebook,
    add_want,
    get_want,
    change_want,
    move_want,
    remove_want,
]
