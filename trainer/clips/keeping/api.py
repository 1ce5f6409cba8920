"""Keeping over the JSON API: what ends when, renewing, the agent's answer, and whether they are named."""

from datetime import date, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery, JSONBody

from trainer.calls.forms import end_of
from trainer.clips.keeping import credit, ending, renewing
from trainer.clips.keeping.renewing import Renewal, Wish
from trainer.clips.views import ClipView
from trainer.problems import Invalid
from trainer.web import api
from trainer.web.guards import scope
from trainer.web.i18n import _
from trainer.web.session import viewer_of

Call = Request[Any, Any, Any]
READ, WRITE = scope("clips:read"), scope("clips:write")
MOST_DAYS = 365


class RenewalIn(msgspec.Struct, forbid_unknown_fields=True):
    """On which ground (contract, consent, legitimate_interest, synthetic) a clip is kept beyond its call, and how long.

    `nobody_recognised`: I listened once more, and nobody outside can be recognised in it.
    """

    basis: str
    keep_until: date
    nobody_recognised: bool = False


class AnswerIn(msgspec.Struct, forbid_unknown_fields=True):
    """The agent's answer; a no takes a yes back."""

    answer: Literal["yes", "no"]
    words: str = ""


class CreditIn(msgspec.Struct, forbid_unknown_fields=True):
    """Whether others read the agent's name with a good clip of theirs."""

    named: bool


def _clip(clip: ClipView) -> dict[str, Any]:
    return {
        "id": str(clip.id),
        "title": clip.title,
        "status": clip.state,
        "ends_at": api.as_utc(clip.expires_at),
    }


def _renewal(renewal: Renewal) -> dict[str, Any]:
    return {
        "id": str(renewal.id),
        "clip": str(renewal.clip),
        "basis": renewal.basis,
        "keep_until": renewal.keep_until.isoformat(),
        "status": renewal.state,
        "asked_at": api.as_utc(renewal.asked_at),
        "answered_at": api.as_utc(renewal.answered_at),
    }


@get("/clips/ending", guards=[READ], tags=["clips"])
async def list_ending(request: Call, days: FromQuery[int] = 14) -> dict[str, Any]:
    """The clips in use that end within so many days, each with what lets one hear its rules after that."""
    if not 1 <= days <= MOST_DAYS:
        raise Invalid.field("days", "out-of-range", _("days is a number from 1 to 365."))
    items = [
        {
            **_clip(each.clip),
            "polarity": each.clip.polarity,
            "renewed": each.clip.renewed,
            "asked": each.asked,
            "rules": [
                {
                    "code": of_rule.rule.code,
                    "last": of_rule.last,
                    "clips": [_clip(clip) for clip in of_rule.clips],
                    "drafts": [_clip(clip) for clip in of_rule.drafts],
                }
                for of_rule in each.stand_ins
            ],
        }
        for each in await ending.ending_soon(viewer_of(request), timedelta(days=days))
    ]
    return {"items": items, "next_cursor": None}


@post("/clips/{clip_id:str}/renew", guards=[WRITE], status_code=200, tags=["clips"])
async def renew(request: Call, clip_id: FromPath[str], data: JSONBody[RenewalIn]) -> dict[str, Any]:
    """Keep a clip beyond its call. `status` is `renewed`, or `asked` while the agent heard has not said yes.

    409 `clip-not-renewable` names what is `missing`; 410 once its day is over.
    """
    zone = ZoneInfo(request.app.state.settings.time_zone)
    wish = Wish(
        data.basis,
        data.keep_until,
        end_of(data.keep_until, zone, field="keep_until"),
        checked=data.nobody_recognised,
    )
    return _renewal(await renewing.renew(viewer_of(request), api.identifier(clip_id), wish))


@post("/renewals/{renewal_id:str}/answer", guards=[WRITE], status_code=200, tags=["clips"])
async def answer(request: Call, renewal_id: FromPath[str], data: JSONBody[AnswerIn]) -> dict[str, Any]:
    """The agent heard says whether a clip may be kept longer, or takes a yes back."""
    wanted = api.identifier(renewal_id)
    answered = await renewing.answer_renewal(
        viewer_of(request), wanted, yes=data.answer == "yes", words=data.words
    )
    return _renewal(answered)


@get("/my-voice/renewals", guards=[READ], tags=["clips"])
async def my_renewals(request: Call) -> dict[str, Any]:
    """What you are asked about keeping clips with your voice, and what you said yes to."""
    viewer = viewer_of(request)
    asked = [question.renewal for question in await renewing.asked_of_me(viewer)]
    said = list((await renewing.kept_by_my_yes(viewer)).values())
    return {"items": [_renewal(each) for each in [*asked, *said]], "next_cursor": None}


@post("/clips/{clip_id:str}/credit", guards=[WRITE], status_code=200, tags=["clips"])
async def choose_credit(request: Call, clip_id: FromPath[str], data: JSONBody[CreditIn]) -> Response[Any]:
    """The agent heard says whether their name stands with a good clip of theirs."""
    named = await credit.choose_credit(viewer_of(request), api.identifier(clip_id), named=data.named)
    return Response({"id": str(named), "named": data.named}, status_code=200)


routes: list[Any] = [list_ending, renew, answer, my_renewals, choose_credit]
