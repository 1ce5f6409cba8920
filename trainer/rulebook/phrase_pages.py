"""Phrases with a better way: the list that everybody reads, and the form of those who write rules.

The JSON API of the same stands below the pages.
"""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Redirect
from msgspec import UNSET, UnsetType

from trainer.problems import Invalid
from trainer.rulebook import phrases, service
from trainer.rulebook.book_api import READ
from trainer.rulebook.book_api import WRITE as MAY_WRITE
from trainer.rulebook.forms import language_names
from trainer.rulebook.phrases import WRITE, PhraseView
from trainer.web.api import identifier, require_match, revision_tag
from trainer.web.forms import Form, read_form
from trainer.web.guards import requires, signed_in
from trainer.web.i18n import LOCALES, text_in
from trainer.web.session import viewer_of
from trainer.web.templating import render

Page = Request[Any, Any, Any]


@get("/rules/phrases", guards=[signed_in], include_in_schema=False)
async def show_phrases(request: Page, edit: FromQuery[str] = "") -> Response[str]:
    """All of them by rule book and language; `?edit=` opens one in the form."""
    found = {str(phrase.id): phrase for phrase in await phrases.phrases()}
    opened = found.get(edit) if viewer_of(request).has(*WRITE) else None
    typed = _typed_of(opened) if opened else None
    return await phrases_page(request, opened=opened, typed=typed)


async def phrases_page(
    request: Page,
    *,
    opened: PhraseView | None = None,
    typed: dict[str, Any] | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response[str]:
    """The same with a form: of a new phrase, or of the opened one as it stands or was typed."""
    viewer = viewer_of(request)
    rules = (await service.published_rules()).values()
    return render(
        request,
        "rulebook/phrases.html",
        status=status,
        phrases=await phrases.phrases(),
        opened=opened,
        typed=typed or _typed_of(None),
        errors=errors or {},
        rules=[(rule.code, f"{rule.code} {text_in(rule.title)}") for rule in rules],
        books=[(code, code) for code in await service.rulebook_codes()],
        languages=language_names(),
        may_write=viewer.has(*WRITE),
    )


def _typed_of(phrase: PhraseView | None) -> dict[str, Any]:
    """What stands in the form's fields."""
    if phrase is None:
        return {"said": "", "language": "en", "alone": False, "better": {}, "rule": "", "book": ""}
    return {
        "said": "\n".join(phrase.said),
        "language": phrase.language,
        "alone": phrase.alone,
        "better": dict(phrase.better),
        "rule": phrase.rule or "",
        "book": phrase.rulebook_code,
    }


def _fields(form: Form) -> dict[str, Any]:
    """The form as the YAML format names it."""
    return {
        "said": [line.strip() for line in form.raw("said").splitlines() if line.strip()],
        "language": form.raw("language"),
        "alone": form.checked("alone"),
        "better": {locale: words for locale in LOCALES if (words := form.raw(f"better-{locale}"))},
        "rule": form.raw("rule"),
    }


async def _refused(
    request: Page, form: Form, problem: Invalid, opened: PhraseView | None = None
) -> Response[str]:
    form.take(problem)
    fields = _fields(form)
    typed = {**fields, "said": "\n".join(fields["said"]), "book": form.raw("book")}
    return await phrases_page(request, opened=opened, typed=typed, errors=form.errors, status=422)


@post("/rules/phrases", guards=[requires(*WRITE)], include_in_schema=False)
async def add_phrase(request: Page) -> Response[str] | Redirect:
    """Add what was typed."""
    form = await read_form(request)
    try:
        made = await phrases.add_phrase(viewer_of(request), _fields(form), book=form.raw("book") or None)
    except Invalid as problem:
        return await _refused(request, form, problem)
    return Redirect(f"/rules/phrases#phrase-{made}", status_code=303)


@post("/rules/phrases/{phrase:uuid}", guards=[requires(*WRITE)], include_in_schema=False)
async def save_phrase(request: Page, phrase: FromPath[UUID]) -> Response[str] | Redirect:
    """Save a changed one."""
    form = await read_form(request)
    opened = await phrases.get_phrase(phrase)
    expected = form.integer("revision", least=1, most=10**9) or 0
    try:
        await phrases.edit_phrase(viewer_of(request), phrase, _fields(form), expected=expected)
    except Invalid as problem:
        return await _refused(request, form, problem, opened)
    return Redirect(f"/rules/phrases#phrase-{phrase}", status_code=303)


@post("/rules/phrases/{phrase:uuid}/remove", guards=[requires(*WRITE)], include_in_schema=False)
async def remove_phrase(request: Page, phrase: FromPath[UUID]) -> Redirect:
    """Hint at it no more."""
    await phrases.remove_phrase(viewer_of(request), phrase)
    return Redirect("/rules/phrases", status_code=303)


pages: list[Any] = [show_phrases, add_phrase, save_phrase, remove_phrase]


# API


class PhraseIn(msgspec.Struct, forbid_unknown_fields=True):
    """A phrase that callers hate to hear. `better` is {locale: words}, `alone`: only where nothing else is said."""

    said: list[str]
    better: dict[str, str]
    language: str = "en"
    alone: bool = False
    rule: str = ""
    code: str = ""
    rulebook: str | None = None


class PhraseChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What of a phrase changes; fields that are left out stay."""

    said: list[str] | UnsetType = UNSET
    better: dict[str, str] | UnsetType = UNSET
    language: str | UnsetType = UNSET
    alone: bool | UnsetType = UNSET
    rule: str | UnsetType = UNSET


def shown(phrase: PhraseView) -> dict[str, Any]:
    """The API's form of a phrase."""
    return {
        "id": str(phrase.id),
        "code": phrase.code,
        "rulebook": phrase.rulebook_code,
        "language": phrase.language,
        "said": list(phrase.said),
        "alone": phrase.alone,
        "better": phrase.better,
        "rule": phrase.rule,
    }


async def _answer(phrase: UUID, status: int = 200) -> Response[dict[str, Any]]:
    found = await phrases.get_phrase(phrase)
    headers = {"ETag": revision_tag(found.revision)}
    if status == 201:
        headers["Location"] = f"/api/v1/phrases/{phrase}"
    return Response(shown(found), status_code=status, headers=headers)


@get("/phrases", guards=[READ])
async def list_phrases(request: Page, rulebook: FromQuery[str | None] = None) -> dict[str, Any]:
    """All phrases that are hinted at, in order."""
    return {
        "items": [shown(phrase) for phrase in await phrases.phrases(rulebook)],
        "next_cursor": None,
    }


@get("/phrases/{phrase:str}", guards=[READ])
async def get_phrase(request: Page, phrase: FromPath[str]) -> Response[dict[str, Any]]:
    """One phrase."""
    return await _answer(identifier(phrase))


@post("/phrases", guards=[MAY_WRITE])
async def create_phrase(request: Page, data: JSONBody[PhraseIn]) -> Response[dict[str, Any]]:
    """A phrase to hint at from now on."""
    fields = msgspec.structs.asdict(data)
    book = fields.pop("rulebook")
    return await _answer(await phrases.add_phrase(viewer_of(request), fields, book=book), 201)


@patch("/phrases/{phrase:str}", guards=[MAY_WRITE])
async def change_phrase(
    request: Page, phrase: FromPath[str], data: JSONBody[PhraseChanges]
) -> Response[dict[str, Any]]:
    """Changes what is named; If-Match names the ETag that was read."""
    found = await phrases.get_phrase(identifier(phrase))
    require_match(request, found.revision)
    given = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not UNSET}
    await phrases.edit_phrase(viewer_of(request), found.id, given, expected=found.revision)
    return await _answer(found.id)


@delete("/phrases/{phrase:str}", guards=[MAY_WRITE])
async def drop_phrase(request: Page, phrase: FromPath[str]) -> None:
    """Hints at it no more."""
    await phrases.remove_phrase(viewer_of(request), identifier(phrase))


routes: list[Any] = [list_phrases, get_phrase, create_phrase, change_phrase, drop_phrase]
