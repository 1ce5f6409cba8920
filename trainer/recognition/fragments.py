"""Posts as HTML, drawn once per kind of reader and kept: most of a busy feed costs no template and no query.

Invariant: the key names everything that a fragment depends on (post and version, the title of the behaviour that it
names, language, zone and day of the reader, whether they answered, what they may do), so a fragment is never wrong,
only unused; the number kept is bounded. What changes by the minute ("5 minutes ago") does not belong into a fragment.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar.connection import Request
from markupsafe import Markup

from trainer import db
from trainer.people.days import day_of, zone_of
from trainer.recognition.posts import PostKey, views_of
from trainer.rulebook.service import behaviour_titles
from trainer.web.i18n import current_locale
from trainer.web.session import Viewer, viewer_of
from trainer.web.templating import Pages

KEPT = 2000
SEPARATOR = "\x1e"

_kept: OrderedDict[tuple[Any, ...], Markup] = OrderedDict()


def forget_fragments() -> None:
    """Draw everything anew."""
    _kept.clear()


async def draw_posts(request: Request[Any, Any, Any], keys: Sequence[PostKey]) -> list[Markup]:
    """The posts' HTML in the order of `keys`; a post that was hidden in this moment is left out."""
    viewer = viewer_of(request)
    wanted = {key.id: (_name(viewer, key), key) for key in keys}
    drawn = {name: _kept[name] for name, _key in wanted.values() if name in _kept}
    for name in drawn:
        _kept.move_to_end(name)
    if absent := [key for name, key in wanted.values() if name not in drawn]:
        # another request may let go of what is kept while this one draws: from here on, `drawn` alone is right
        for key, html in zip(*await _draw(request, absent), strict=True):
            name = wanted[key.id][0]
            drawn[name] = _kept[name] = html
    while len(_kept) > KEPT:
        _kept.popitem(last=False)
    return [drawn[name] for name, _key in wanted.values() if name in drawn]


def _name(viewer: Viewer, key: PostKey) -> tuple[Any, ...]:
    today = day_of(db.utc_now(), viewer.time_zone)
    zone = zone_of(viewer.time_zone).key
    post = key.id, key.version, key.title
    return *post, current_locale(), zone, today, key.thanked, key.relation, key.signed


async def _draw(
    request: Request[Any, Any, Any], keys: Sequence[PostKey]
) -> tuple[list[PostKey], list[Markup]]:
    """All that are not kept, in one go of the template and at most six queries."""
    ids: list[UUID] = [key.id for key in keys]
    views = await views_of(ids)
    there = [key for key in keys if key.id in views]
    shown = [(key, views[key.id]) for key in there]
    behaviours = await behaviour_titles(
        (view.behaviour_kind, view.behaviour_code) for _key, view in shown if view.behaviour_code
    )
    pages: Pages = request.app.state.pages
    values = {"shown": shown, "behaviours": behaviours, "now": db.utc_now(), "separator": SEPARATOR}
    html = pages.page(request, "recognition/_posts.html", values)
    parts = html.split(SEPARATOR)[:-1]
    return there, [Markup(part.strip()) for part in parts]  # noqa: S704 - our own template's output
