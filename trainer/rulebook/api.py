"""JSON API of rules: plain words in the rule book's language, other languages under `translations`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgspec
from litestar import Response, get, patch, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET, UnsetType

from trainer.problems import Invalid
from trainer.rulebook import arranging, book_api, drafting, phrase_pages, service
from trainer.rulebook.book_api import READ, WRITE, Move
from trainer.rulebook.health import Health, health_of_rules
from trainer.rulebook.views import RuleView
from trainer.web.api import as_utc, key_of, page_of, read_page, require_match, revision_tag
from trainer.web.i18n import text_in
from trainer.web.session import viewer_of

ApiRequest = Request[Any, Any, Any]
AUTHORED = ("title", "statement", "why", "recall_prompt")


class RuleIn(msgspec.Struct, forbid_unknown_fields=True):
    """A new rule. `goal` is a want's code; `language` that of the plain words (the book's by default)."""

    code: str
    title: str
    statement: str
    why: str = ""
    recall_prompt: str = ""
    goal: str = ""
    severity: str = "non_fatal"
    kind: str = "scripted"
    weight: int = 0
    rulebook: str | None = None
    language: str = ""
    key_tokens: dict[str, list[str]] = {}
    translations: dict[str, dict[str, str]] = {}


class RuleChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What of a rule changes; fields that are left out stay."""

    title: str | UnsetType = UNSET
    statement: str | UnsetType = UNSET
    why: str | UnsetType = UNSET
    recall_prompt: str | UnsetType = UNSET
    goal: str | UnsetType = UNSET
    severity: str | UnsetType = UNSET
    kind: str | UnsetType = UNSET
    weight: int | UnsetType = UNSET
    key_tokens: dict[str, list[str]] | UnsetType = UNSET
    translations: dict[str, dict[str, str]] | UnsetType = UNSET


def shown(rule: RuleView, health: Health | None = None) -> dict[str, Any]:
    """The API's form of one version of a rule; `health` of what is published today."""
    texts = {name: getattr(rule, name) for name in AUTHORED}
    locales = sorted({locale for text in texts.values() for locale in text})
    return {
        "id": str(rule.id),
        "code": rule.code,
        **{name: text_in(text, rule.language) for name, text in texts.items()},
        "goal": rule.want_code,
        "severity": rule.severity,
        "kind": rule.kind,
        "weight": rule.weight,
        "rulebook": rule.rulebook_code,
        "version": rule.version,
        "status": rule.state,
        "language": rule.language,
        "translations": {
            locale: {name: text[locale] for name, text in texts.items() if locale in text}
            for locale in locales
        },
        "key_tokens": rule.key_tokens,
        "warnings": [
            {"code": "too-long", "language": long.locale, "message": service.length_sentence(long)}
            for long in rule.too_long
        ],
        "health": None
        if health is None
        else {
            "state": health.state,
            "reason": health.why,
            "until": as_utc(health.until),
            "message": health.sentence,
        },
        "created_at": as_utc(rule.created_at),
        "published_at": as_utc(rule.published_at),
    }


async def answer(rule: RuleView, *, status: int = 200) -> Response[dict[str, Any]]:
    """One rule with the ETag that the next edit has to name."""
    health = (await health_of_rules([rule]))[rule.id] if rule.state == "published" else None
    headers = {"ETag": revision_tag(rule.revision)}
    if status == 201:
        headers["Location"] = f"/api/v1/rules/{rule.code}"
    return Response(shown(rule, health), status_code=status, headers=headers)


@contextmanager
def _named_as_here() -> Iterator[None]:
    """The API says `goal` for what the rule book calls a want."""
    try:
        yield
    except Invalid as problem:
        errors = [replace(each, field="goal") if each.field == "want" else each for each in problem.errors]
        raise Invalid(problem.detail, errors=errors) from problem


@get("/rules", guards=[READ])
async def list_rules(
    request: ApiRequest,
    limit: FromQuery[int] = 50,
    cursor: FromQuery[str | None] = None,
    rulebook: FromQuery[str | None] = None,
    status: FromQuery[str | None] = None,
) -> dict[str, Any]:
    """Rules in their order: what is published and, for those who see drafts, rules not yet published."""
    page = read_page(limit, cursor)
    after = key_of(page, int, str)
    rules = await service.visible_rules(
        viewer_of(request), rulebook=rulebook, status=status, after=after, limit=page.limit + 1
    )
    health = await health_of_rules([rule for rule in rules if rule.state == "published"])
    return page_of(
        rules, page, lambda rule: shown(rule, health.get(rule.id)), lambda rule: (rule.position, rule.code)
    )


@post("/rules", guards=[WRITE])
async def draft_rule(request: ApiRequest, data: JSONBody[RuleIn]) -> Response[dict[str, Any]]:
    """A new rule, as a draft."""
    fields: dict[str, Any] = msgspec.structs.asdict(data)
    for name in AUTHORED:
        fields[name] = {data.language: fields[name], **_translated(data.translations, name)}
    with _named_as_here():
        rule = await drafting.create_draft(
            viewer_of(request), data.code, {**fields, "want": data.goal}, rulebook=data.rulebook
        )
    return await answer(rule, status=201)


@get("/rules/{code:str}", guards=[READ])
async def get_rule(
    request: ApiRequest, code: FromPath[str], version: FromQuery[int | None] = None
) -> Response[dict[str, Any]]:
    """What counts today of a rule, or one of its versions (`?version=`)."""
    history = await service.load_history(viewer_of(request), code)
    return await answer(history.current if version is None else history.at(version))


@get("/rules/{code:str}/versions", guards=[READ])
async def list_versions(request: ApiRequest, code: FromPath[str]) -> dict[str, Any]:
    """Every version of a rule, newest first."""
    history = await service.load_history(viewer_of(request), code)
    return {"items": [shown(rule) for rule in history.versions], "next_cursor": None}


@patch("/rules/{code:str}", guards=[WRITE])
async def change_rule(
    request: ApiRequest, code: FromPath[str], data: JSONBody[RuleChanges]
) -> Response[dict[str, Any]]:
    """Changes the draft; a published rule gets a draft of its next version. If-Match names what was read."""
    viewer = viewer_of(request)
    history = await service.load_history(viewer, code)
    base = history.draft or history.current
    require_match(request, base.revision)
    with _named_as_here():
        rule = await drafting.edit_rule(viewer, code, _changes(base, data), expected=base.revision)
    return await answer(rule)


@post("/rules/{code:str}/publish", guards=[WRITE], status_code=200)
async def publish_rule(request: ApiRequest, code: FromPath[str]) -> Response[dict[str, Any]]:
    """Publishes the draft: read-only from now on."""
    return await answer(await drafting.publish_rule(viewer_of(request), code))


@post("/rules/{code:str}/move", guards=[WRITE], status_code=200)
async def move_rule(
    request: ApiRequest, code: FromPath[str], data: JSONBody[Move]
) -> Response[dict[str, Any]]:
    """Moves a rule one place among those that serve the same want; at that end it stays where it is."""
    viewer = viewer_of(request)
    await arranging.move_rule(viewer, code, data.to)
    return await answer(await service.load_rule(viewer, code))


@post("/rules/{code:str}/discard", guards=[WRITE], status_code=204)
async def discard_draft(request: ApiRequest, code: FromPath[str]) -> None:
    """Throws the draft away."""
    await drafting.discard_draft(viewer_of(request), code)


def _translated(translations: dict[str, dict[str, str]], name: str) -> dict[str, str]:
    return {locale: texts[name] for locale, texts in translations.items() if name in texts}


def _changes(base: RuleView, data: RuleChanges) -> dict[str, Any]:
    given = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not UNSET}
    translations = given.pop("translations", {})
    if "goal" in given:
        given["want"] = given.pop("goal")
    for name in AUTHORED:
        words = _translated(translations, name)
        if name in given:
            words[base.language] = given[name]
        if words:
            given[name] = {**getattr(base, name), **words}
    return given


routes: list[Any] = [
    list_rules,
    draft_rule,
    get_rule,
    list_versions,
    change_rule,
    publish_rule,
    move_rule,
    discard_draft,
    *book_api.routes,
    *phrase_pages.routes,
]
