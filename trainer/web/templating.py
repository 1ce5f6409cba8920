"""From a template and some values to a page or one block of it.

One Jinja environment per app; autoescape on, unknown names are errors. An htmx request gets one block of the
page's own template, so that a fragment never drifts away from the page it belongs to.
"""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import nh3
from babel.dates import format_date, format_skeleton, format_time
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response
from litestar.connection import Request
from litestar.enums import MediaType
from markdown_it import MarkdownIt
from markupsafe import Markup

from trainer.web import i18n
from trainer.web.headers import takes_gzip
from trainer.web.session import Viewer, csrf_token, masked

WORTH_COMPRESSING = 1400  # characters: what fits into one packet gains nothing
GZIP_LEVEL = 5

TEMPLATES = Path(__file__).parent.parent / "templates"


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry of the main navigation."""

    href: str
    icon: str
    label: str
    count: int = 0
    current: bool = False


NavBuilder = Callable[[Viewer, str], list[NavItem]]


class Pages:
    """The app's templates with everything that each page shows around its content."""

    def __init__(
        self,
        *,
        static_url: Callable[[str], str],
        nav: NavBuilder,
        key: bytes,
        site_name: str,
        time_zone: str,
        debug: bool = False,
    ) -> None:
        self.nav = nav
        self.key = key
        self.site_name = site_name
        self.time_zone = time_zone
        self.environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=debug,
            cache_size=-1,
            extensions=["jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols"],
        )
        self.environment.install_gettext_callables(i18n.gettext, i18n.ngettext, newstyle=True)  # type: ignore[attr-defined]
        self.environment.globals.update(static=static_url, site_name=site_name)
        self.environment.filters.update(text=i18n.text_in, ms=clock, markdown=markdown)

    def page(self, request: Request[Any, Any, Any], name: str, values: Mapping[str, Any]) -> str:
        """The whole page."""
        return self.environment.get_template(name).render(self._context(request, values))

    def block(self, request: Request[Any, Any, Any], name: str, block: str, values: Mapping[str, Any]) -> str:
        """One block of the page's template. Its imports do not run for a block alone, so `ui` is given."""
        template = self.environment.get_template(name)
        around = self._context(request, values)
        macros = self.environment.get_template("ui.html").make_module(around)
        context = template.new_context({**around, "ui": macros})
        return "".join(template.blocks[block](context))

    def _context(self, request: Request[Any, Any, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        viewer: Viewer | None = request.scope.get("user")
        zone = viewer.time_zone if viewer and viewer.time_zone else self.time_zone
        token = masked(csrf_token(self.key, viewer.session)) if viewer and viewer.session else ""
        return {
            "viewer": viewer,
            "locale": i18n.current_locale(),
            "theme": viewer.theme if viewer else "system",
            "csrf_token": token,
            "csrf_field": lambda: Markup('<input type="hidden" name="_csrf" value="{}">').format(token),
            "nav": self.nav(viewer, request.url.path) if viewer else [],
            "request_path": request.url.path,
            "when": Moments(zone),
            **values,
        }


class Moments:
    """Dates and times as the reader would write them, in the reader's zone."""

    def __init__(self, zone: str) -> None:
        self.zone = ZoneInfo(zone)

    def day(self, value: date | datetime, form: str = "medium") -> str:
        """`12 Nov 2026` (medium) or another of Babel's forms or patterns."""
        local = value.astimezone(self.zone).date() if isinstance(value, datetime) else value
        return format_date(local, format=form, locale=i18n.babel_locale(i18n.current_locale()))

    def month_day(self, value: str) -> str:
        """`9 June` from `06-09`, a day without a year."""
        month, _sep, day = value.partition("-")
        return format_skeleton("MMMMd", date(2024, int(month), int(day)), locale=_locale())

    def clock(self, value: datetime) -> str:
        """`10:42`."""
        return format_time(value.astimezone(self.zone), format="short", locale=_locale(), tzinfo=self.zone)

    def moment(self, value: datetime) -> str:
        """Day and time together: `12 Nov 2026, 10:42`."""
        return i18n.gettext("%(day)s, %(time)s") % {"day": self.day(value), "time": self.clock(value)}

    def iso(self, value: date | datetime) -> str:
        """For the `datetime` attribute of `<time>`."""
        return value.astimezone(self.zone).isoformat() if isinstance(value, datetime) else value.isoformat()

    def ago(self, value: datetime, now: datetime | None = None) -> str:
        """Today's times in words, yesterday, weekdays, then dates: short enough for a feed."""
        present = (now or datetime.now(self.zone)).astimezone(self.zone)
        local = value.astimezone(self.zone)
        seconds = (present - local).total_seconds()
        days = (present.date() - local.date()).days
        if 0 <= seconds < 60:
            return i18n.gettext("just now")
        if days == 0 and 0 <= seconds < 3600:
            minutes = int(seconds // 60)
            return i18n.ngettext("%(n)s minute ago", "%(n)s minutes ago", minutes) % {"n": minutes}
        if days == 0:
            return i18n.gettext("today, %(time)s") % {"time": self.clock(value)}
        if days == 1:
            return i18n.gettext("yesterday")
        if 1 < days < 7:
            return format_date(local.date(), format="EEEE", locale=_locale())
        return self.day(local, "d MMM" if local.year == present.year else "medium")


def _locale() -> Any:
    return i18n.babel_locale(i18n.current_locale())


def clock(ms: int | None) -> str:
    """Milliseconds as m:ss, or h:mm:ss from an hour on."""
    seconds = (ms or 0) // 1000
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False})


def markdown(source: str) -> Markup:
    """Authored Markdown as safe HTML."""
    return Markup(nh3.clean(_markdown().render(source)))  # noqa: S704 - cleaned


def _pages(request: Request[Any, Any, Any]) -> Pages:
    return request.app.state.pages


def render(
    request: Request[Any, Any, Any],
    name: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response[str]:
    """The whole page as an answer."""
    return _answer(request, _pages(request).page(request, name, values), status, headers)


def render_block(
    request: Request[Any, Any, Any],
    name: str,
    block: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response[str]:
    """One block of a page's template as an answer, for htmx."""
    return _answer(request, _pages(request).block(request, name, block, values), status, headers)


def _answer(
    request: Request[Any, Any, Any], body: str, status: int, headers: Mapping[str, str] | None
) -> Response[Any]:
    """HTML, gzipped where the reader takes it and it is worth it: a page is then a third as long."""
    told = dict(headers or {})
    content: str | bytes = body
    if len(body) > WORTH_COMPRESSING and takes_gzip(request.headers.get("accept-encoding", "")):
        content = gzip.compress(body.encode(), GZIP_LEVEL, mtime=0)
        told["Content-Encoding"] = "gzip"
    return Response(content, media_type=MediaType.HTML, status_code=status, headers=told)


def next_address(request: Request[Any, Any, Any], cursor: str) -> str:
    """The address of the list's next page: this one's, with its filters and another cursor."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return f"{request.url.path}?{urlencode([*kept, ('cursor', cursor)])}"


def is_htmx(request: Request[Any, Any, Any]) -> bool:
    """Whether htmx asks for a fragment (and not for a page restored from history)."""
    return (
        request.headers.get("hx-request") == "true"
        and request.headers.get("hx-history-restore-request") != "true"
    )
