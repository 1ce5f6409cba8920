"""The only file that wires everything: settings in, a running Litestar app out.

It opens the database, storage and live updates, hands the edge what it may not import itself (who is signed
in, what the navigation of each role is), registers the checks and events that upper domains add to lower
ones, and lists the routes of every domain.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from litestar import Litestar, Router, get
from litestar.connection import Request
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.params import FromPath
from litestar.response import Redirect

from trainer import __version__, db, health, jobs, metrics, speech, starter, storage
from trainer.appreciation import api as appreciation_api
from trainer.backup import erasures
from trainer.calls import api as calls_api
from trainer.calls import keeping as call_keeping
from trainer.calls import pages as call_pages
from trainer.calls import proofs, transcript_pages
from trainer.calls import reading as call_reading
from trainer.calls import routes as calls_pages
from trainer.calls import shown as shown_calls
from trainer.career import api as career_api
from trainer.career import routes as career_pages
from trainer.clips import api as clips_api
from trainer.clips import fits, tags, voice, voice_api, voice_terms
from trainer.clips import parts as clip_parts
from trainer.clips import routes as clip_pages
from trainer.clips import words as clip_words
from trainer.clips.batch import api as batch_api
from trainer.clips.batch import routes as batch_pages
from trainer.clips.keeping import api as keeping_api
from trainer.clips.keeping import pages as keeping_pages
from trainer.clips.keeping import queries as keeping_queries
from trainer.clips.pairs import api as pairs_api
from trainer.clips.pairs import routes as pair_pages
from trainer.clips.playlists import api as playlists_api
from trainer.clips.playlists import routes as playlist_pages
from trainer.clips.reviewing import api as review_api
from trainer.clips.suggestions import api as suggestions_api
from trainer.clips.suggestions import pages as suggestion_pages
from trainer.curating import api as curating_api
from trainer.curating import phrased as _phrased  # noqa: F401 - registers its jobs
from trainer.curating import routes as curating_pages
from trainer.dossier import api as dossier_api
from trainer.dossier import routes as dossier_pages
from trainer.homes import routes as home_pages
from trainer.logs import configure_logging
from trainer.navigation import navigation
from trainer.notices import api as notices_api
from trainer.notices import bell, post_office
from trainer.notices import routes as notices_pages
from trainer.notices.queries import UNREAD_OF_PERSON
from trainer.people import api as people_api
from trainer.people import audit_names, days, sessions
from trainer.people import routes as people_pages
from trainer.problems import NotFound
from trainer.quality import api as quality_api
from trainer.quality import parts as quality_parts
from trainer.quality import routes as quality_pages
from trainer.quality import service as quality
from trainer.recognition import api as recognition_api
from trainer.recognition import routes as recognition_pages
from trainer.recognition import stream
from trainer.rulebook import api as rulebook_api
from trainer.rulebook import health as rule_health
from trainer.rulebook import phrases, programme_pages
from trainer.rulebook import routes as rulebook_pages
from trainer.search import api as search_api
from trainer.search import routes as search_pages
from trainer.search.sought import places_in_line
from trainer.settings import Settings
from trainer.training import api as module_api
from trainer.training import enrolment_api
from trainer.training import parts as training_parts
from trainer.training import routes as training_pages
from trainer.training.uses import modules_that_play
from trainer.web import api, live, styleguide, uploads
from trainer.web import jobs as job_pages
from trainer.web.errors import handle_error, known_problems
from trainer.web.guards import check_csrf, known_host, public
from trainer.web.headers import security_headers
from trainer.web.i18n import _
from trainer.web.requests import Observed, write_request
from trainer.web.session import Identify
from trainer.web.static import StaticTree, find_tree
from trainer.web.templating import Pages
from trainer.web.texts import ReadableRequest

PAGES: list[Any] = [
    *people_pages.pages,
    *notices_pages.pages,
    *rulebook_pages.pages,
    *programme_pages.pages,
    *fits.pages,
    *tags.pages,
    *calls_pages.pages,
    *clip_pages.pages,
    *keeping_pages.pages,
    *batch_pages.pages,
    *playlist_pages.pages,
    *pair_pages.pages,
    *suggestion_pages.pages,
    *quality_pages.pages,
    *curating_pages.pages,
    *search_pages.pages,
    *training_pages.pages,
    *career_pages.pages,
    *recognition_pages.pages,
    *home_pages.pages,
    *dossier_pages.pages,
    *starter.pages,
]
API: list[Any] = [
    *people_api.routes,
    *notices_api.routes,
    *rulebook_api.routes,
    *fits.routes,
    *tags.routes,
    *calls_api.routes,
    *clips_api.routes,
    *batch_api.routes,
    *playlists_api.routes,
    *pairs_api.routes,
    *voice_api.routes,
    *review_api.routes,
    *keeping_api.routes,
    *suggestions_api.routes,
    *quality_api.routes,
    *curating_api.routes,
    *search_api.routes,
    *module_api.routes,
    *enrolment_api.routes,
    *appreciation_api.routes,
    *career_api.routes,
    *recognition_api.routes,
    *dossier_api.routes,
]
MAX_BODY = 2 << 20

call_pages.call_page_parts["words"] = transcript_pages.words_part
call_pages.call_page_parts["clips"] = clip_parts.call_part
transcript_pages.transcript_parts["clips"] = clip_words.transcript_part
call_pages.erasure_parts["clips"] = clip_parts.erasure_part
audit_names.namers["recording"] = call_reading.titles_of, "/calls/{}"
audit_names.namers["clip"] = clip_parts.titles_of, "/clips/{}"
call_keeping.keepers["clips"] = keeping_queries.lives_on
voice.use_places["modules"] = modules_that_play
rulebook_pages.rule_page_parts["clips"] = clip_parts.rule_part
rulebook_pages.rule_page_parts["clips to look at again"] = fits.waiting_part
rulebook_pages.rule_page_parts["modules"] = training_parts.rule_part
rule_health.ears["clips"] = fits.heard
shown_calls.searched["search"] = places_in_line
phrases.voices["clips"] = clip_parts.better_clips
call_reading.hearing_checks["evaluation"] = quality.may_hear_own
call_reading.hearing_lists["evaluation"] = quality.released_recordings
call_pages.call_page_parts["evaluation"] = quality_parts.call_part


@get("/", guards=[public], sync_to_thread=False)
def show_door(request: Request[Any, Any, Any]) -> Redirect:
    """Whoever is signed in goes home; a visitor signs in."""
    return Redirect("/home" if request.scope.get("user") else "/sign-in", status_code=303)


@get("/{path:path}", guards=[public], include_in_schema=False)
async def show_nothing(path: FromPath[str]) -> None:
    """Any other address: a friendly 404 that still knows who is signed in."""
    raise NotFound(_("There is no page at this address. It may have moved, or the link may be cut short."))


@asynccontextmanager
async def running(app: Litestar) -> AsyncIterator[None]:
    """Everything that is open while the app runs, closed in reverse."""
    settings: Settings = app.state.settings
    settings.incoming.mkdir(parents=True, exist_ok=True)
    erasures.keep_in(settings.data)
    proofs.set_key(settings.key())
    await db.open_database(settings.effective_database_url, pool_size=settings.database_pool)
    storage.open_storage(settings.effective_storage_url, scratch=settings.data / "scratch")
    uploads.sweep_incoming(settings.incoming)
    broker = app.state.broker = live.Broker(live.bus_for(settings.effective_database_url))
    await broker.start()
    watch = app.state.feed_watch = stream.FeedWatch(broker)
    watching = asyncio.create_task(watch.run(), name="feed watch")
    bells = app.state.bell_watch = bell.BellWatch(broker)
    ringing = asyncio.create_task(bells.run(), name="bell watch")
    worker = jobs.Worker() if settings.workers_embedded else None
    working = asyncio.create_task(worker.run()) if worker else None
    try:
        with metrics.watching(app.state.metrics):
            yield
    finally:
        if worker and working:
            await worker.stop()
            with suppress(asyncio.CancelledError):
                await working
        for each in (watching, ringing):
            each.cancel()
            with suppress(asyncio.CancelledError):
                await each
        await broker.stop()
        await storage.close_storage()
        await db.close_database()
        erasures.keep_in(None)
        proofs.set_key(None)


def create_app(settings: Settings | None = None, *, demo: bool = False) -> Litestar:
    """The app of one centre. Opens nothing before it is started. `demo` adds the one-click sign-in links."""
    configure_logging()
    settings = settings or Settings()
    statics = StaticTree(find_tree("static"), debug=settings.debug)
    key = settings.key()
    days.set_site_zone(settings.time_zone)
    voice_terms.answer_within(settings.objection_days)
    post_office.set_up(settings, demo=demo)
    speech.set_up(settings)
    pages = Pages(
        static_url=statics.url,
        nav=navigation,
        key=key,
        site_name=settings.site_name,
        time_zone=settings.time_zone,
        debug=settings.debug,
    )
    signed_in_browsers = sessions.Sessions(settings.session_days, unread=UNREAD_OF_PERSON)
    identify = DefineMiddleware(
        Identify,
        load_session=signed_in_browsers.load,
        load_token=sessions.load_token,
        secure=settings.secure,
        locale=settings.locale,
    )
    app = Litestar(
        route_handlers=[
            show_door,
            show_nothing,
            *job_pages.pages,
            *health.routes,
            *metrics.routes,
            *PAGES,
            *(styleguide.pages if settings.debug else []),
            *(people_pages.demo_pages if demo else []),
            Router("/api/v1", route_handlers=API, middleware=[DefineMiddleware(api.Idempotency)]),
            statics.handler(),
        ],
        request_class=ReadableRequest,
        middleware=[identify],
        guards=[known_host(settings.base_url), check_csrf],
        exception_handlers={Exception: handle_error},
        before_send=[security_headers(settings.secure)],
        lifespan=[running],
        openapi_config=OpenAPIConfig(
            title=settings.site_name,
            version=__version__,
            description=f"Refusals are RFC 9457 problems. Their types, unless an endpoint names one of its own: "
            f"{', '.join(known_problems())}.",
            path="/schema",
            render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        ),
        # Forms and JSON are held in memory; uploads are streamed and count for themselves (web/uploads.py).
        request_max_body_size=MAX_BODY,
        logging_config=None,
        debug=False,
    )
    app.state.metrics = metrics.Metrics()
    # the sample centre's terminal is for its doors
    app.asgi_handler = Observed(app.asgi_handler, app.state.metrics, None if demo else write_request)
    app.state.settings = settings
    app.state.key = key
    app.state.pages = pages
    app.state.sessions = signed_in_browsers
    return app
