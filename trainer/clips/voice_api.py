"""Taking clips down, and the word of the agent heard, over the JSON API."""

from typing import Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.connection import Request
from litestar.params import FromPath, JSONBody

from trainer.clips import consent, service, voice
from trainer.clips.api import answer
from trainer.web import api
from trainer.web.guards import scope
from trainer.web.session import viewer_of

Call = Request[Any, Any, Any]
WRITE = scope("clips:write")


class Reason(msgspec.Struct, forbid_unknown_fields=True):
    """Why, in a sentence without names."""

    reason: str


class ConsentIn(msgspec.Struct, forbid_unknown_fields=True):
    """The answer of the agent heard; a no takes a yes back. `about` (of the question) says which sound is meant."""

    answer: Literal["yes", "no"]
    own_team: bool = False
    words: str = ""
    about: str | None = None


class ObjectionIn(msgspec.Struct, forbid_unknown_fields=True):
    """What speaks against a use of one's voice."""

    words: str


class DecisionIn(msgspec.Struct, forbid_unknown_fields=True):
    """The answer to an objection; upheld takes the clip down."""

    decision: Literal["upheld", "declined"]
    answer: str


@post("/clips/{clip_id:str}/take-down", guards=[WRITE], status_code=200, tags=["clips"])
async def take_down(request: Call, clip_id: FromPath[str], data: JSONBody[Reason]) -> dict[str, Any]:
    """Stop a clip everywhere at once; from then on it is 410 `taken-down`."""
    named = await service.take_down(viewer_of(request), api.identifier(clip_id), data.reason)
    return {"id": str(named), "status": "taken_down"}


@post("/clips/{clip_id:str}/put-back", guards=[WRITE], status_code=200, tags=["clips"])
async def put_back(request: Call, clip_id: FromPath[str], data: JSONBody[Reason]) -> Response[dict[str, Any]]:
    """Use a clip again that was taken down."""
    wanted = api.identifier(clip_id)
    await service.put_back(viewer_of(request), wanted, data.reason)
    return await answer(request, wanted)


@post("/clips/{clip_id:str}/ask-agent", guards=[WRITE], status_code=200, tags=["clips"])
async def ask_agent(request: Call, clip_id: FromPath[str]) -> Response[dict[str, Any]]:
    """Ask the agent heard in a counterexample or near miss."""
    wanted = api.identifier(clip_id)
    await consent.ask(viewer_of(request), wanted)
    return await answer(request, wanted)


@post("/clips/{clip_id:str}/consent", guards=[WRITE], status_code=200, tags=["clips"])
async def answer_consent(request: Call, clip_id: FromPath[str], data: JSONBody[ConsentIn]) -> dict[str, Any]:
    """The agent heard says yes or no, or takes a yes back (then the clip is silent at once)."""
    viewer = viewer_of(request)
    named = await consent.answer(
        viewer,
        api.identifier(clip_id),
        yes=data.answer == "yes",
        own_team=data.own_team,
        words=data.words,
        about=data.about,
    )
    return {"id": str(named), "answer": data.answer}


@post("/clips/{clip_id:str}/objections", guards=[WRITE], tags=["clips"])
async def object_to(
    request: Call, clip_id: FromPath[str], data: JSONBody[ObjectionIn]
) -> Response[dict[str, Any]]:
    """The agent heard objects to a use of their voice."""
    made = await voice.object_to(viewer_of(request), api.identifier(clip_id), data.words)
    return Response({"id": str(made)}, status_code=201, headers={"Location": f"/api/v1/objections/{made}"})


@get("/objections", guards=[scope("clips:read")], tags=["clips"])
async def list_objections(request: Call) -> dict[str, Any]:
    """Open objections that you may answer (trainers), or watch over (admins), with when an answer is due."""
    items = [
        {
            "id": str(each.id),
            "clip": str(each.clip),
            "person": {"id": str(each.person), "name": each.person_name},
            "words": each.words,
            "at": api.as_utc(each.at),
            "due_at": api.as_utc(each.due_at),
            "overdue": each.overdue,
        }
        for each in await voice.open_objections(viewer_of(request), limit=200)
    ]
    return {"items": items, "next_cursor": None}


@post("/objections/{objection_id:str}/decision", guards=[WRITE], status_code=200, tags=["clips"])
async def decide(request: Call, objection_id: FromPath[str], data: JSONBody[DecisionIn]) -> dict[str, Any]:
    """Uphold an objection, or decline it with reasons."""
    wanted = api.identifier(objection_id)
    clip = await voice.decide_objection(viewer_of(request), wanted, data.decision, data.answer)
    return {"id": str(wanted), "clip": str(clip), "decision": data.decision}


@get("/my-voice", guards=[scope("clips:read")], tags=["clips"])
async def my_voice(request: Call) -> dict[str, Any]:
    """Every use of your voice, and what you are asked about it."""
    viewer = viewer_of(request)
    uses = await voice.uses_of_voice(viewer)
    asked = await consent.waiting_for_me(viewer)
    return {
        "asked": [
            {"clip": str(each.clip.id), "title": each.clip.title, "polarity": each.clip.polarity}
            | {"about": each.clip.about, "at": api.as_utc(each.at)}
            for each in asked
        ],
        "uses": [
            {
                "clip": str(use.id),
                "title": use.title,
                "status": use.state,
                "polarity": use.polarity,
                "staged": use.staged,
                "agreed": use.consent in ("yes", "team") if use.consent_needed else None,
                "heard_in": [{"text": place.text, "href": place.href} for place in use.places],
                "objections": [
                    {"words": each.words, "decision": each.decision, "answer": each.answer}
                    for each in use.objections
                ],
            }
            for use in uses
        ],
    }


routes: list[Any] = [
    take_down,
    put_back,
    ask_agent,
    answer_consent,
    object_to,
    list_objections,
    decide,
    my_voice,
]
