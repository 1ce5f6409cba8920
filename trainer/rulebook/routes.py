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

from trainer.problems import Conflict
from trainer.rulebook import drafting, service
from trainer.rulebook.views import RuleView
from trainer.web.guards import requires, signed_in
from trainer.web.session import Viewer, viewer_of
from trainer.web.templating import render

Page = Request[Any, Any, Any]
Part = tuple[str, dict[str, Any]]

rule_page_parts: dict[str, Callable[[Viewer, RuleView], Awaitable[Part | None]]] = {}


@get("/rules", guards=[signed_in], include_in_schema=False)
async def show_rulebook(request: Page, book: FromQuery[str] = "") -> Response[str]:
    """The wants, then the rules under them, then the values."""
    whole = await service.rulebook_overview(viewer_of(request))
    chosen = next(
        (each for each in whole.books if each.code == book), whole.books[0] if whole.books else None
    )
    marks = await service.marks_of([rule.id for rule in chosen.all_rules]) if chosen else {}
    return render(
        request, "rulebook/overview.html", books=whole.books, book=chosen, values=whole.values, marks=marks
    )


@get("/rules/{code:str}", guards=[signed_in], include_in_schema=False)
async def show_rule(
    request: Page, code: FromPath[str], version: FromQuery[int | None] = None
) -> Response[str]:
    """One rule: to recite, why, its history, and what upper rooms have of it."""
    return await rule_page(request, code, version)


@post("/rules/{code:str}/publish", guards=[requires(*drafting.PUBLISH)], include_in_schema=False)
async def publish_rule(request: Page, code: FromPath[str]) -> Response[str] | Redirect:
    """Publish the draft, or say on its page what is missing."""
    try:
        await drafting.publish_rule(viewer_of(request), code)
    except Conflict as problem:
        return await rule_page(request, code, None, status=409, refusal=problem.detail)
    return Redirect(f"/rules/{code}", status_code=303)


@post("/rules/{code:str}/discard", guards=[requires(*drafting.WRITE)], include_in_schema=False)
async def discard_draft(request: Page, code: FromPath[str]) -> Redirect:
    """Throw the draft away."""
    await drafting.discard_draft(viewer_of(request), code)
    return Redirect("/rules", status_code=303)


async def rule_page(
    request: Page, code: str, version: int | None, *, status: int = 200, refusal: str = ""
) -> Response[str]:
    """The page of one version of a rule; the draft after a refused publication, else what counts today."""
    viewer = viewer_of(request)
    history = await service.load_history(viewer, code)
    rule = history.at(version) if version is not None else history.current
    if refusal and history.draft:
        rule = history.draft
    parts = [await make(viewer, rule) for make in rule_page_parts.values()]
    return render(
        request,
        "rulebook/rule.html",
        status=status,
        rule=rule,
        history=history,
        parts=[part for part in parts if part],
        refusal=refusal,
        length_sentence=service.length_sentence,
        may_publish=viewer.has(*drafting.PUBLISH),
        may_write=viewer.has(*drafting.WRITE),
    )


pages: list[Any] = [show_rulebook, show_rule, publish_rule, discard_draft]
