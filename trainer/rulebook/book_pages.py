"""Pages of a rule book as such: making one, its title and language, and what the customer wants.

Invariant: words typed on these pages come back with every refusal.
"""

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post
from litestar.connection import Request
from litestar.params import FromPath
from litestar.response import Redirect

from trainer.problems import Conflict, Invalid, PreconditionFailed
from trainer.rulebook import arranging
from trainer.rulebook.arranging import ARRANGE, BookFrame, load_frame
from trainer.rulebook.forms import language_names
from trainer.rulebook.views import MOST_WANTS
from trainer.web.forms import Form, read_form
from trainer.web.guards import requires
from trainer.web.i18n import LOCALES
from trainer.web.session import viewer_of
from trainer.web.static import find_tree
from trainer.web.templating import render

Page = Request[Any, Any, Any]
GUARDS = [requires(*ARRANGE)]


def words_of(form: Form, name: str) -> dict[str, str]:
    """An authored text from its fields, one a language (`title-en`, `title-zh-Hans` …)."""
    return {locale: words for locale in LOCALES if (words := form.raw(f"{name}-{locale}"))}


def at_fields(errors: Mapping[str, str], language: str) -> dict[str, str]:
    """Errors of authored texts, at the field of the book's language."""
    return {
        f"{name}-{language}" if name in ("title", "feeling") else name: told for name, told in errors.items()
    }


@get("/rules/books/new", guards=GUARDS, include_in_schema=False)
async def new_book(request: Page) -> Response[str]:
    """An empty rule book: a title and a language."""
    return book_form(request)


@post("/rules/books/new", guards=GUARDS, include_in_schema=False)
async def create_book(request: Page) -> Response[str] | Redirect:
    """Make it, then on to what the customer wants."""
    form = await read_form(request)
    title, language = words_of(form, "title"), form.choice("language", LOCALES)
    try:
        code = await arranging.create_book(viewer_of(request), title, language)
    except Invalid as problem:
        form.take(problem)
        return book_form(request, title=title, language=language, errors=at_fields(form.errors, language))
    return Redirect(f"/rules/books/{code}#wants", status_code=303)


@post("/rules/books/take-starter", guards=GUARDS, include_in_schema=False)
async def take_starter_book(request: Page) -> Redirect:
    """The rule book that comes with the product, published, for a centre that has none yet."""
    report = await arranging.take_starter(
        viewer_of(request), find_tree("curricula") / "rulebooks" / "starter.yaml"
    )
    return Redirect(f"/rules?book={report}", status_code=303)


def book_form(
    request: Page,
    *,
    title: Mapping[str, str] | None = None,
    language: str = "en",
    errors: dict[str, str] | None = None,
) -> Response[str]:
    return render(
        request,
        "rulebook/new_book.html",
        status=422 if errors else 200,
        title=title or {},
        language=language if language in LOCALES else "en",
        errors=errors or {},
        languages=language_names(),
    )


@get("/rules/books/{book:str}", guards=GUARDS, include_in_schema=False)
async def show_book(request: Page, book: FromPath[str]) -> Response[str]:
    """Title, language and wants of a rule book."""
    return book_page(request, await load_frame(book))


@post("/rules/books/{book:str}", guards=GUARDS, include_in_schema=False)
async def save_book(request: Page, book: FromPath[str]) -> Response[str] | Redirect:
    """Another title or language."""
    form = await read_form(request)
    title, language = words_of(form, "title"), form.choice("language", LOCALES)
    try:
        await arranging.edit_book(viewer_of(request), book, title, language, seen=form.raw("seen") or None)
    except Invalid as problem:
        form.take(problem)
        errors = at_fields(form.errors, language)
        return book_page(request, await load_frame(book), title=title, language=language, errors=errors)
    except PreconditionFailed as problem:
        return book_page(
            request, await load_frame(book), title=title, language=language, refusal=problem.detail
        )
    return Redirect(f"/rules?book={book}", status_code=303)


@post("/rules/books/{book:str}/wants", guards=GUARDS, include_in_schema=False)
async def add_want(request: Page, book: FromPath[str]) -> Response[str] | Redirect:
    """One more want; the sixth is refused in words."""
    form = await read_form(request)
    new = (words_of(form, "title"), words_of(form, "feeling"))
    try:
        await arranging.add_want(viewer_of(request), book, *new)
    except Invalid as problem:
        form.take(problem)
        frame = await load_frame(book)
        return book_page(request, frame, new=new, new_errors=at_fields(form.errors, frame.language))
    except Conflict as problem:
        return book_page(request, await load_frame(book), new=new, refusal=problem.detail)
    return Redirect(f"/rules/books/{book}#wants", status_code=303)


@post("/rules/books/{book:str}/wants/{want:str}/move", guards=GUARDS, include_in_schema=False)
async def move_want(request: Page, book: FromPath[str], want: FromPath[str]) -> Redirect:
    """One place up or down."""
    form = await read_form(request)
    to = form.choice("to", ("up", "down"))
    if not form.ok:
        raise Invalid.field("to", "unknown", form.errors["to"])
    await arranging.move_want(viewer_of(request), book, want, "up" if to == "up" else "down")
    return Redirect(f"/rules/books/{book}?moved={want}&to={to}#wants", status_code=303)


@post("/rules/books/{book:str}/wants/{want:str}/remove", guards=GUARDS, include_in_schema=False)
async def remove_want(request: Page, book: FromPath[str], want: FromPath[str]) -> Response[str] | Redirect:
    """Take one away that no rule serves."""
    try:
        await arranging.remove_want(viewer_of(request), book, want)
    except Conflict as problem:
        return book_page(request, await load_frame(book), refusal=problem.detail)
    return Redirect(f"/rules/books/{book}#wants", status_code=303)


@get("/rules/books/{book:str}/wants/{want:str}", guards=GUARDS, include_in_schema=False)
async def show_want(request: Page, book: FromPath[str], want: FromPath[str]) -> Response[str]:
    """A want in every language."""
    return want_page(request, await load_frame(book), want)


@post("/rules/books/{book:str}/wants/{want:str}", guards=GUARDS, include_in_schema=False)
async def save_want(request: Page, book: FromPath[str], want: FromPath[str]) -> Response[str] | Redirect:
    """Other words for it."""
    form = await read_form(request)
    words = (words_of(form, "title"), words_of(form, "feeling"))
    try:
        await arranging.edit_want(viewer_of(request), book, want, *words, seen=form.raw("seen") or None)
    except Invalid as problem:
        form.take(problem)
        frame = await load_frame(book)
        return want_page(request, frame, want, words=words, errors=at_fields(form.errors, frame.language))
    except PreconditionFailed as problem:
        return want_page(request, await load_frame(book), want, words=words, refusal=problem.detail)
    return Redirect(f"/rules/books/{book}#wants", status_code=303)


def want_page(
    request: Page,
    frame: BookFrame,
    code: str,
    *,
    words: tuple[dict[str, str], dict[str, str]] | None = None,
    errors: dict[str, str] | None = None,
    refusal: str = "",
) -> Response[str]:
    want = frame.want(code)
    return render(
        request,
        "rulebook/want.html",
        status=422 if errors else 409 if refusal else 200,
        book=frame,
        want=want,
        title=words[0] if words else want.title,
        feeling=words[1] if words else want.feeling,
        errors=errors or {},
        refusal=refusal,
        languages=language_names(),
    )


def book_page(
    request: Page,
    frame: BookFrame,
    *,
    title: Mapping[str, str] | None = None,
    language: str = "",
    errors: dict[str, str] | None = None,
    new: tuple[dict[str, str], dict[str, str]] | None = None,
    new_errors: dict[str, str] | None = None,
    refusal: str = "",
) -> Response[str]:
    """The book with its wants; forms keep what was typed."""
    return render(
        request,
        "rulebook/book.html",
        status=422 if errors or new_errors else 409 if refusal else 200,
        book=frame,
        title=frame.title if title is None else title,
        language=language or frame.language,
        errors=errors or {},
        new=new or ({}, {}),
        new_errors=new_errors or {},
        refusal=refusal,
        full=len(frame.wants) >= MOST_WANTS,
        most=MOST_WANTS,
        moved=request.query_params.get("moved", ""),
        moved_to=request.query_params.get("to", ""),
        languages=language_names(),
    )


pages: list[Any] = [
    new_book,
    create_book,
    take_starter_book,
    show_book,
    save_book,
    add_want,
    move_want,
    remove_want,
    show_want,
    save_want,
]
