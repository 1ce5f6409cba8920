"""Search over the JSON API: what the page finds, by the same service."""

from typing import Any

from litestar import get
from litestar.connection import Request
from litestar.params import FromQuery

from trainer.problems import Forbidden, Malformed
from trainer.search import service
from trainer.search.forms import read_api_query
from trainer.search.hits import CallHit, ClipHit, Hit, LineHit, NoteHit, PairHit, PlaylistHit, RuleHit
from trainer.web.api import as_utc, key_of, next_cursor, read_page
from trainer.web.guards import any_scope
from trainer.web.i18n import _
from trainer.web.session import viewer_of
from trainer.words import Piece

ApiRequest = Request[Any, Any, Any]


@get("/search", guards=[any_scope(*service.SCOPES.values())])
async def search(
    request: ApiRequest,
    q: FromQuery[str] = "",
    kind: FromQuery[str] = "",
    limit: FromQuery[int] = 20,
    cursor: FromQuery[str | None] = None,
    rule: FromQuery[str] = "",
    polarity: FromQuery[str] = "",
    agent: FromQuery[str] = "",
    language: FromQuery[str] = "",
    tag: FromQuery[str] = "",
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
    shortest_ms: FromQuery[str] = "",
    longest_ms: FromQuery[str] = "",
    outcome: FromQuery[str] = "",
) -> dict[str, Any]:
    """Calls, clips, rules, playlists, contrast pairs and notes that hold all words of `q`, as far as you may read them:
    `recordings:read`, `clips:read` (playlists and pairs too), `rules:read` and `evaluations:read` decide which kinds a
    token finds. "Quoted words" stand together in one line; what has a -word is left out. Simplified Chinese finds
    traditional and the reverse.

    `kind` is call, clip, rule, playlist, pair or note; only with it a list goes on with `cursor`. `counts` stop at 100
    (`more`) and come with the first page. A call says how near the words stand (`within`): in one line, in neighbours,
    or in the call; nearer ones come first.
    """
    viewer, page = viewer_of(request), read_page(limit, cursor)
    kinds = service.kinds_for(viewer)
    wanted = read_api_query(request.query_params, viewer)
    if not kinds or (wanted.kind is not None and wanted.kind not in kinds):
        raise Forbidden(_("You find nothing of this kind here, or your token does not reach that far."))
    after = key_of(page, int, int, int)
    if after is not None and wanted.kind is None:
        raise Malformed(_("This list cannot be continued from here. Load it again."), slug="bad-cursor")
    found = [
        await service.find(viewer, wanted, each, limit=page.limit, after=after)
        for each in kinds
        if wanted.kind in (None, each)
    ]
    last = found[0].after if wanted.kind is not None else None
    return {
        "items": [_hit(hit) for each in found for hit in each.hits],
        "counts": {} if after else {each.kind: {"count": each.count, "more": each.many} for each in found},
        "next_cursor": next_cursor(last) if last is not None else None,
    }


def _text(text: list[Piece]) -> dict[str, Any]:
    """Words with where in them the hits are: [[start, end], …] in characters."""
    whole, places = "", []
    for piece in text:
        if piece.hit:
            places.append([len(whole), len(whole) + len(piece.text)])
        whole += piece.text
    return {"text": whole, "hits": places}


def _lines(lines: list[LineHit]) -> list[dict[str, Any]]:
    return [{"at_ms": line.start_ms, "speaker": line.speaker, **_text(line.text)} for line in lines]


def _hit(hit: Hit) -> dict[str, Any]:
    match hit:
        case CallHit():
            return {
                "kind": "call",
                "id": str(hit.call.id),
                "url": hit.href,
                "title": _text(hit.title),
                "called_at": as_utc(hit.call.called_at),
                "lines": _lines(hit.lines),
                "more_lines": hit.more,
                "within": hit.within,
            }
        case ClipHit():
            return {
                "kind": "clip",
                "id": str(hit.clip.id),
                "url": hit.href,
                "title": _text(hit.title),
                "status": hit.clip.state,
                "polarity": hit.clip.polarity,
                "rules": [rule.code for rule in hit.clip.rules],
                "note": _text(hit.note),
                "lines": _lines(hit.lines),
                "reasons": [_text(text) for text in hit.reasons],
                "reviews": [_text(text) for text in hit.said],
            }
        case RuleHit():
            return {
                "kind": "rule",
                "id": hit.rule.code,
                "url": hit.href,
                "title": _text(hit.title),
                "statement": _text(hit.statement),
                "status": hit.rule.state,
                "version": hit.rule.version,
            }
        case PlaylistHit():
            return {
                "kind": "playlist",
                "id": str(hit.playlist.id),
                "url": hit.href,
                "title": _text(hit.title),
                "note": _text(hit.note),
                "items": [{"clip": str(item.clip), "note": _text(item.note)} for item in hit.items],
            }
        case PairHit():
            return {
                "kind": "pair",
                "id": str(hit.pair.id),
                "url": hit.href,
                "title": _text(hit.title),
                "note": _text(hit.note),
                "rule": hit.pair.code,
                "good": str(hit.pair.good.id),
                "other": str(hit.pair.other.id),
            }
        case NoteHit():
            return {
                "kind": "note",
                "id": str(hit.evaluation),
                "url": hit.href,
                "rule": hit.rule,
                "at_ms": hit.at_ms,
                **_text(hit.text),
            }


routes: list[Any] = [search]
