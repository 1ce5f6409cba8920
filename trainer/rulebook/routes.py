"""Pages of the rule book: the whole before the details, and one page that tells a rule's whole story.

An upper room adds a part to a rule's page (its clips, say) by name: `rule_page_parts["clips"] = …`, wired in
app.py. A part answers with the name of its own template and what that template finds as `part`, or None for
nothing.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Response, get, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer.problems import Invalid
from trainer.rulebook import book_pages, drafting, editor, import_pages, phrase_pages, service
from trainer.rulebook.arranging import ARRANGE
from trainer.rulebook.arranging import move_rule as move
from trainer.rulebook.changes import changes
from trainer.rulebook.forms import language_names
from trainer.rulebook.health import health_of_rules
from trainer.rulebook.views import RuleView
from trainer.web.forms import read_form
from trainer.web.guards import requires, signed_in
from trainer.web.i18n import _
from trainer.web.session import Viewer, viewer_of
from trainer.web.templating import is_htmx, render, render_block

Page = Request[Any, Any, Any]
Part = tuple[str, dict[str, Any]]

rule_page_parts: dict[str, Callable[[Viewer, RuleView], Awaitable[Part | None]]] = {}


@get("/rules", guards=[signed_in], include_in_schema=False)
async def show_rulebook(
    request: Page, book: FromQuery[str] = "", order: FromQuery[str] = ""
) -> Response[str]:
    """The wants, then the rules under them, then the values."""
    return await overview_page(request, book, ordering=bool(order))


async def overview_page(
    request: Page, book: str, *, ordering: bool, block: str | None = None, **more: Any
) -> Response[str]:
    """The whole before the details; with buttons that move rules for those who may and asked for them."""
    viewer = viewer_of(request)
    whole = await service.rulebook_overview(viewer)
    chosen = next(
        (each for each in whole.books if each.code == book), whole.books[0] if whole.books else None
    )
    rules = chosen.all_rules if chosen else []
    values = {
        "books": whole.books,
        "book": chosen,
        "values": whole.values,
        "marks": await service.marks_of([rule.id for rule in rules]),
        "health": await health_of_rules(rules),
        "may_write": viewer.has(*drafting.WRITE),
        "may_publish": viewer.has(*drafting.PUBLISH),
        "sees_drafts": viewer.has(*service.SEE_DRAFTS),
        "ordering": ordering and viewer.has(*ARRANGE),
        **more,
    }
    if block:
        return render_block(request, "rulebook/overview.html", block, **values)
    return render(request, "rulebook/overview.html", **values)


@post("/rules/{code:str}/move", guards=[requires(*ARRANGE)], include_in_schema=False)
async def move_rule(request: Page, code: FromPath[str]) -> Response[str] | Redirect:
    """One place up or down among the rules of its want."""
    viewer, form = viewer_of(request), await read_form(request)
    to = form.choice("to", ("up", "down"))
    if not form.ok:
        raise Invalid.field("to", "unknown", form.errors["to"])
    moved = await move(viewer, code, "up" if to == "up" else "down")
    rule = await service.load_rule(viewer, code)
    if is_htmx(request):
        told = _("%(rule)s moved.") if moved else _("%(rule)s stands at this end already.")
        return await overview_page(
            request,
            rule.rulebook_code,
            ordering=True,
            block="ordered",
            moved=code,
            moved_to=to,
            told=told % {"rule": code},
            want=rule.want_code,
        )
    return Redirect(f"/rules?book={rule.rulebook_code}&order=1#rule-{code}", status_code=303)


@get("/rules/{code:str}", guards=[signed_in], include_in_schema=False)
async def show_rule(
    request: Page, code: FromPath[str], version: FromQuery[int | None] = None
) -> Response[str]:
    """One rule: to recite, why, its history, and what upper rooms have of it."""
    return await rule_page(request, code, version)


@post("/rules/{code:str}/discard", guards=[requires(*drafting.WRITE)], include_in_schema=False)
async def discard_draft(request: Page, code: FromPath[str]) -> Redirect:
    """Throw the draft away."""
    await drafting.discard_draft(viewer_of(request), code)
    return Redirect("/rules", status_code=303)


async def rule_page(request: Page, code: str, version: int | None) -> Response[str]:
    """The page of one version of a rule, else of what counts today."""
    viewer = viewer_of(request)
    history = await service.load_history(viewer, code)
    rule = history.at(version) if version is not None else history.current
    before = next((each for each in history.versions if each.version == rule.version - 1), None)
    parts = [await make(viewer, rule) for make in rule_page_parts.values()]
    return render(
        request,
        "rulebook/rule.html",
        rule=rule,
        history=history,
        health=(await health_of_rules([rule]))[rule.id] if rule.state != "superseded" else None,
        before=before,
        changes=changes(before, rule) if before else [],
        languages=language_names(),
        parts=[part for part in parts if part],
        length_sentence=service.length_sentence,
        may_publish=viewer.has(*drafting.PUBLISH),
        may_write=viewer.has(*drafting.WRITE),
    )


pages: list[Any] = [
    show_rulebook,
    show_rule,
    move_rule,
    discard_draft,
    *editor.pages,
    *book_pages.pages,
    *import_pages.pages,
    *phrase_pages.pages,
]
