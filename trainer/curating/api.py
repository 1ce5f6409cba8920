"""Curating over the JSON API: the coverage board and the calls worth hearing, as the pages show them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import delete, get, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery

from trainer.curating import board, worth
from trainer.curating.board import RuleRow
from trainer.curating.worth import Proposal
from trainer.rulebook.service import load_rule
from trainer.web.api import as_utc, identifier, key_of, page_of, read_page
from trainer.web.guards import requires, scope
from trainer.web.i18n import text_in
from trainer.web.session import viewer_of

ApiRequest = Request[Any, Any, Any]
CURATE = requires(*worth.CURATORS)


def shown_row(row: RuleRow) -> dict[str, Any]:
    """A rule's line of the board."""
    return {
        "rule": row.rule.code,
        "rulebook": row.rule.rulebook_code,
        "want": row.rule.want_code,
        "title": text_in(row.rule.title),
        "health": row.health.state,
        "why": row.health.why,
        "clips": {
            cell.kind: {
                "state": cell.state,
                "real": cell.real,
                "staged": cell.staged,
                "fit_former_words": cell.former,
                "begun": cell.drafts,
            }
            for cell in row.cells
        },
        "agents": row.voices,
        "agents_wanted": row.voices_wanted,
        "languages": [language.code for language in row.languages if language.heard],
        "missing_languages": [language.code for language in row.languages if not language.heard],
        "last_clip_ends": as_utc(row.ends),
        "next": {"kind": row.next.kind, "text": row.next.text, "href": row.next.href} if row.next else None,
    }


def shown_call(call: Proposal) -> dict[str, Any]:
    """A call worth hearing, and why."""
    return {
        "recording": str(call.id),
        "title": call.title,
        "language": call.language,
        "tag": call.tag or None,
        "duration_ms": call.duration_ms,
        "called_at": as_utc(call.called_at),
        "at_ms": call.at_ms,
        "reasons": [{"name": each.name, "text": each.words, "at_ms": each.at_ms} for each in call.reasons],
    }


@get("/coverage", guards=[scope("clips:read"), CURATE], tags=["curating"])
async def show_coverage(request: ApiRequest) -> dict[str, Any]:
    """What can be heard of each rule of your programmes, and the next step for each; clips that end soon."""
    found = await board.board_of(viewer_of(request), calls=False)
    endings = [
        {
            "clip": str(each.clip),
            "title": each.title,
            "ends": as_utc(each.ends),
            "rules": each.rules,
            "last_of": each.last_of,
        }
        for each in found.endings
    ]
    return {"items": [shown_row(row) for row in found.rows], "ending": endings, "next_cursor": None}


@get("/worth-hearing", guards=[scope("recordings:read"), CURATE], tags=["curating"])
async def list_worth_hearing(
    request: ApiRequest,
    limit: FromQuery[int] = 50,
    cursor: FromQuery[str | None] = None,
    rule: FromQuery[str] = "",
    kind: FromQuery[str] = "",
    why: FromQuery[str] = "",
    language: FromQuery[str] = "",
) -> dict[str, Any]:
    """Unheard calls for which something speaks. `why`: fatal, silence, talk_over, unhappy, delighted, phrase or passed
    (put away); `kind`: exemplar, near_miss or counterexample.
    """
    viewer, page = viewer_of(request), read_page(limit, cursor)
    found = await worth.proposals(
        viewer,
        rule=await load_rule(viewer, rule) if rule else None,
        kind=kind,
        why=why,
        passed=why == "passed",
        language=language,
        after=key_of(page, int, datetime.fromisoformat, UUID),
        limit=page.limit + 1,
    )
    return page_of(found, page, shown_call, lambda each: (each.key[0], each.key[1].isoformat(), str(each.id)))


@post(
    "/recordings/{recording_id:str}/pass",
    guards=[scope("recordings:write"), CURATE],
    status_code=204,
    tags=["curating"],
)
async def pass_call(request: ApiRequest, recording_id: FromPath[str]) -> None:
    """Says "not this one": the call is proposed to nobody any more."""
    await worth.pass_by(viewer_of(request), identifier(recording_id))


@delete("/recordings/{recording_id:str}/pass", guards=[scope("recordings:write"), CURATE], tags=["curating"])
async def put_call_back(request: ApiRequest, recording_id: FromPath[str]) -> None:
    """Has the call proposed again."""
    await worth.put_back(viewer_of(request), identifier(recording_id))


routes: list[Any] = [show_coverage, list_worth_hearing, pass_call, put_call_back]
