"""Pages of contrast pairs: the list, one with both players, and making one."""

from typing import Any
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer.clips.pairs import service
from trainer.clips.pairs.service import MAKERS
from trainer.clips.service import clips_of_rules, place_after
from trainer.problems import Conflict, Invalid
from trainer.rulebook.service import published_rules
from trainer.web import api
from trainer.web.forms import Form, read_form
from trainer.web.guards import requires, signed_in
from trainer.web.i18n import _, text_in
from trainer.web.session import viewer_of
from trainer.web.templating import is_htmx, next_address, render, render_block

Page = Request[Any, Any, Any]

PER_PAGE = 20


@get("/clips/pairs", guards=[signed_in])
async def show_pairs(
    request: Page, rule: FromQuery[str] = "", kind: FromQuery[str] = "", cursor: FromQuery[str | None] = None
) -> Response[str]:
    """Pairs, newest first, of one rule or kind."""
    viewer, after = viewer_of(request), place_after(api.read_page(PER_PAGE, cursor).after)
    kind = kind if kind in service.KINDS else ""
    pairs, more = await service.visible_pairs(viewer, rule=rule[:40], kind=kind, limit=PER_PAGE, after=after)
    cursor_on = api.next_cursor([more[0].isoformat(), str(more[1])]) if more else ""
    values: dict[str, Any] = {
        "pairs": pairs,
        "kind_names": kind_names(),
        "next_href": next_address(request, cursor_on) if more else "",
    }
    if is_htmx(request) and cursor:
        return render_block(request, "clips/pairs.html", "more", **values)
    return render(
        request,
        "clips/pairs.html",
        **values,
        rule=rule,
        kind=kind,
        rules=await rule_choices(),
        makes=viewer.has(*MAKERS),
    )


@get("/clips/pairs/new", guards=[requires(*MAKERS)])
async def show_new_pair(
    request: Page, rule: FromQuery[str] = "", good: FromQuery[str] = "", other: FromQuery[str] = ""
) -> Response[str]:
    """Choose a rule, then its two clips."""
    return await making_page(request, Form({"rule": [rule], "good": [good], "other": [other]}))


@post("/clips/pairs/new", guards=[requires(*MAKERS)])
async def make_pair(request: Page) -> Response[str] | Redirect:
    """Make it, or say why these two are no pair."""
    form = await read_form(request)
    good, other = form.identifier("good"), form.identifier("other")
    if good is not None and other is not None:
        try:
            made = await service.make_pair(
                viewer_of(request),
                rule=form.raw("rule"),
                good=good,
                other=other,
                kind=form.raw("kind"),
                note=form.raw("note"),
            )
            return Redirect(f"/clips/pairs/{made}", status_code=303)
        except Invalid as problem:
            form.take(problem)
        except Conflict as problem:
            return Redirect(f"/clips/pairs/{problem.extra['pair']}", status_code=303)
    return await making_page(request, form)


@get("/clips/pairs/{pair_id:uuid}", guards=[signed_in])
async def show_pair(request: Page, pair_id: FromPath[UUID]) -> Response[str]:
    """Both players side by side, and what to hear in the difference."""
    pair = await service.load_pair(viewer_of(request), pair_id)
    return render(request, "clips/pair.html", pair=pair, kind_names=kind_names())


@post("/clips/pairs/{pair_id:uuid}/delete", guards=[requires(*MAKERS)])
async def unmake_pair(request: Page, pair_id: FromPath[UUID]) -> Redirect:
    """Take it apart."""
    await service.unmake_pair(viewer_of(request), pair_id)
    return Redirect("/clips/pairs", status_code=303)


async def making_page(request: Page, form: Form) -> Response[str]:
    """The form; clips to choose from once the rule is known, each second one with how alike the words are."""
    viewer, code = viewer_of(request), form.raw("rule")
    rule = (await published_rules([code])).get(code) if code else None
    clips = (await clips_of_rules([rule.id], viewer))[rule.id] if rule else []
    good = [clip for clip in clips if clip.polarity == "exemplar"]
    others = [clip for clip in clips if clip.polarity != "exemplar"]
    return render(
        request,
        "clips/pair_new.html",
        status=422 if form.errors else 200,
        rule=rule,
        rules=await rule_choices(),
        good=good,
        others=others,
        alike={
            each.id: {str(clip.id): int(service.likeness(clip, each) * 100) for clip in good}
            for each in others
        },
        typed=form,
        errors=form.errors,
        kinds=kind_options(),
    )


async def rule_choices() -> list[tuple[str, str]]:
    """The published rules to choose from."""
    return [(code, f"{code} · {text_in(rule.title)}") for code, rule in (await published_rules()).items()]


def kind_names() -> dict[str, str]:
    """The kinds of pair, in words."""
    return {"contrast": _("Good and missed"), "same_words": _("Same words, other delivery")}


def kind_options() -> list[dict[str, str]]:
    """The same to choose from."""
    meanings = {
        "contrast": _("One lets hear the rule met, the other missed or nearly met."),
        "same_words": _(
            "Both say the same; only how it is said differs. At least 90 of 100 words are shared."
        ),
    }
    return [{"value": kind, "label": name, "sub": meanings[kind]} for kind, name in kind_names().items()]


handlers: list[Any] = [show_pairs, show_new_pair, make_pair, show_pair, unmake_pair]
pages: list[Any] = [Router("/", route_handlers=handlers, include_in_schema=False)]
