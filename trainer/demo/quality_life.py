"""What the analyst of the sample centre heard: five calls evaluated, one of them answered, three left to score.

Mateo's role-play enters two no-go zones and shows how that reads; Daniel keeps every rule and still leaves his
caller lost in the street (passed, not helped); Amara answers hers.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from trainer import db
from trainer.calls.service import log_play
from trainer.calls.tables import Recording
from trainer.quality import judging, replies
from trainer.quality.checking import Given, Judgement
from trainer.quality.service import load_evaluation, visible_evaluations
from trainer.web.session import Viewer

ANALYST = "zhoumin"
HEARD = (timedelta(minutes=40),)  # how long before the release: every play is noted
_FATAL = ("R02", "R05")
_ALL = (*_FATAL, "R01", "R03", "R04", "R06", "R07", "R08", "R09", "R10", "R11")


def _marks(*not_applicable: str, **said: Given) -> dict[str, Given]:
    """Every rule met but these."""
    return {
        **dict.fromkeys(_ALL, Given("met")),
        **dict.fromkeys(not_applicable, Given("not_applicable")),
        **said,
    }


EVENTS: list[dict[str, Any]] = [
    {
        "days_ago": 12,
        "time": "14:05",
        "call": "Charged twice",
        "said": Judgement(
            marks=_marks(
                "R06",
                R01=Given(
                    "met",
                    20_871,
                    "You let him finish twice, then gave it back in one sentence. Exactly that.",
                ),
                R02=Given("met", 33_986),
                R09=Given("met", 21_966),
                R10=Given(
                    "missed", 118_000, "He will wonder on which day the money is back. Say it before he asks."
                ),
            ),
            resolved=True,
            outcome="met",
            service_level="good",
            comment="An angry caller who hung up thanking you. The one thing missing is small.",
        ),
    },
    {
        "days_ago": 9,
        "time": "15:30",
        "call": "A new address from Monday",
        "said": Judgement(
            marks=_marks(
                "R05",
                "R06",
                "R07",
                R02=Given("met", 13_000, "Said why you ask before you asked: nobody minds it then."),
                R03=Given("met", 44_294),
            ),
            resolved=True,
            outcome="exceeded",
            service_level="good",
            comment="Safe and light at the same time.",
        ),
    },
    {
        "days_ago": 6,
        "time": "11:20",
        "call": "In a rush for somebody else's card (role-play)",
        "said": Judgement(
            marks=_marks(
                "R06",
                R02=Given("missed", 16_798, "The address was read out to somebody we know nothing of."),
                R05=Given("missed", 42_943, "Nobody can guarantee tomorrow, least of all during a strike."),
                R07=Given("missed", 31_280, "“A small charge” has no amount and no date."),
                R03=Given("missed"),
                R10=Given("missed"),
            ),
            resolved=False,
            outcome="not_met",
            service_level="service",
            comment="Your voice is warm and the caller liked you. "
            "Next time the two questions first, then everything else.",
        ),
    },
    {
        "days_ago": 4,
        "time": "16:10",
        "call": "Which way to the eye hospital",
        "said": Judgement(
            marks=_marks("R02", "R05", "R06", "R07", R08=Given("met", 18_471), R03=Given("met", 57_904)),
            resolved=False,
            outcome="not_met",
            service_level="service",
            comment="Every rule is kept, and she still stands in the street. "
            "What does she see from there? Ask that first.",
        ),
    },
    {
        "days_ago": 2,
        "time": "10:15",
        "call": "A late fee after ten days in hospital",
        "heard": (timedelta(hours=18), timedelta(minutes=40)),
        "said": Judgement(
            marks=_marks(
                R01=Given("met", 53_543, "Silence, then “a hard homecoming”. That second is the whole call."),
                R09=Given("met", 55_746),
                R03=Given("missed", None, "I did not hear the new amount repeated at the end."),
            ),
            resolved=True,
            outcome="exceeded",
            service_level="beyond",
            comment="I listened to this one twice because I liked it.",
        ),
    },
    {
        "days_ago": 1,
        "time": "09:40",
        "call": "A late fee after ten days in hospital",
        "answer": "Thank you. About the recap: I do say the new amount, very softly, just before she laughs. "
        "Could you listen to the last twenty seconds again?",
    },
]


async def live(viewers: Mapping[str, Viewer], event: Mapping[str, Any]) -> None:
    """One of the events: a call is heard and its evaluation released, or its agent opens it and answers."""
    analyst = viewers[ANALYST]
    recording = await _recording(event["call"])
    if "said" in event:
        for before in event.get("heard", HEARD):
            with db.as_of(db.utc_now() - before):
                await log_play(analyst, recording)
        draft = await judging.start(analyst, recording, event["said"])
        await judging.release(analyst, draft, confirm_unmarked=True)
        return
    [released] = await visible_evaluations(analyst, recording=recording, state="released")
    agent = next(viewer for viewer in viewers.values() if viewer.id == released.agent)
    await replies.note_seen(agent, await load_evaluation(agent, released.id))
    await replies.reply(agent, released.id, event["answer"])


async def _recording(title: str) -> UUID:
    row = await Recording.select(Recording.id).where(Recording.title == title).first()
    assert row is not None, title
    found: UUID = row["id"]
    return found
