"""The page that finds what was said."""

from typing import Any
from urllib.parse import urlencode

from litestar import Response, get
from litestar.connection import Request
from litestar.params import FromQuery

from trainer.calls.pages import LANGUAGES
from trainer.calls.reading import reaches
from trainer.problems import Malformed
from trainer.rulebook.service import published_rules
from trainer.search import index as _index  # noqa: F401 - registers its jobs
from trainer.search import service
from trainer.search.call_queries import agents_heard
from trainer.search.forms import (
    Asked,
    length_options,
    outcome_options,
    read_page_query,
    tag_options,
)
from trainer.search.hits import After
from trainer.web.api import key_of, next_cursor, read_page
from trainer.web.guards import signed_in
from trainer.web.i18n import _, text_in
from trainer.web.session import Viewer, viewer_of
from trainer.web.templating import is_htmx, next_address, render, render_block

Page = Request[Any, Any, Any]
PER_PAGE = 20
IN_ALL = 4
MOST_AGENTS = 500


@get("/search", guards=[signed_in], include_in_schema=False)
async def show_search(request: Page, cursor: FromQuery[str] = "") -> Response[str]:
    """Everything that holds the words that were typed, by kind. htmx gets the results alone, or their next page."""
    viewer = viewer_of(request)
    asked = read_page_query(request.query_params, viewer)
    after = key_of(read_page(cursor=cursor), int, int, int)
    if after is not None and asked.wanted.kind is None:
        raise Malformed(_("This list cannot be continued from here. Load it again."), slug="bad-cursor")
    values = await _results(request, viewer, asked, after)
    if is_htmx(request):
        if after:
            return render(request, "search/_hits.html", **values)
        answer = render_block(request, "search/search.html", "results", **values)
        answer.headers["HX-Replace-Url"] = values["address"]()  # without the fields that are empty
        return answer
    return render(request, "search/search.html", **values, **await _choices(viewer))


async def _results(request: Page, viewer: Viewer, asked: Asked, after: After | None) -> dict[str, Any]:
    wanted, kinds = asked.wanted, service.kinds_for(viewer)
    if after is not None and wanted.kind is not None:
        found = [await service.find(viewer, wanted, wanted.kind, limit=PER_PAGE, after=after)]
    else:
        # the tabs tell how many there are of each kind, also while one of them is open
        found = [
            await service.find(viewer, wanted, kind, limit=PER_PAGE if wanted.kind == kind else IN_ALL)
            for kind in kinds
        ]
    chosen = next((each for each in found if each.kind == wanted.kind), None)
    return {
        "asked": asked,
        "found": found,
        "chosen": chosen,
        "names": service.kind_names(),
        "more": next_address(request, next_cursor(chosen.after)) if chosen and chosen.after else None,
        "address": lambda **changes: _address(request, changes),
    }


def _address(request: Page, changes: dict[str, str]) -> str:
    """This search with other values; empty ones leave."""
    kept = dict(request.query_params.multi_items()) | changes
    kept.pop("cursor", None)
    pairs = sorted(((name, value) for name, value in kept.items() if value), key=lambda pair: pair[0] != "q")
    return "/search" + ("?" + urlencode(pairs) if pairs else "")


async def _choices(viewer: Viewer) -> dict[str, Any]:
    """What the filters offer; only what can find something for this viewer."""
    kinds = service.kinds_for(viewer)
    others = viewer.has("trainer", "qa_analyst", "team_lead")
    _lists, hears = await reaches(viewer)
    agents = await agents_heard(hears, MOST_AGENTS) if others else []
    rules = (await published_rules()).values()
    return {
        "rules": [(rule.code, f"{rule.code} {text_in(rule.title)}") for rule in rules],
        "agents": [(str(row["id"]), row["name"]) for row in agents],
        "languages": list(LANGUAGES),
        "tags": tag_options(),
        "lengths": length_options() if "call" in kinds else [],
        "outcomes": outcome_options() if service.may_ask_outcome(viewer) else [],
    }


pages: list[Any] = [show_search]
