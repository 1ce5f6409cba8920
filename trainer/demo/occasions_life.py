"""What the sample centre's people want celebrated, and what they wrote on each other's cards.

One card ahead has no line yet, so that its lead can be seen to be told; one past one stayed empty, and its
post states the fact alone.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from trainer import db
from trainer.people.days import day_of
from trainer.people.fields import PersonFields
from trainer.recognition import asking, card_queries, cards
from trainer.web.session import Viewer

# Who has not been asked yet: the new agent, who finds the question on the home.
NOT_ASKED = {"linxia", "noor", "teodora"}

CHOICES: Mapping[str, PersonFields] = {
    "amara": {"anniversary_scope": "everyone", "milestone_scope": "everyone"},
    "sofia": {"anniversary_scope": "everyone"},
    "grace": {"birthday_scope": "everyone"},
    "omar": {"full_month_scope": "everyone"},
    "helena": {"anniversary_scope": "nobody", "full_month_scope": "nobody", "milestone_scope": "nobody"},
    "yusuf": {"milestone_scope": "everyone"},
}

# (whose day, which) → who wrote what, in the order they did
LINES: Mapping[tuple[str, str], list[tuple[str, str]]] = {
    ("daniel", "full_month"): [
        ("wangjun", "You ask the question that everybody else was afraid to ask. Please keep asking."),
        ("kwame", "A month of mornings, and you were never once too proud to listen to a call again."),
    ],
    ("mateo", "full_month"): [
        ("grace", "Remember the caller with the three bills? You do not need me beside you any more."),
    ],
    ("amara", "work_anniversary"): [
        ("kwame", "Two years, and I still seat every new colleague next to you first."),
        ("priya", "In my worst week you lent me your slow voice. I still have it, thank you."),
        ("wangjun", "谢谢你教会我先听完，再开口。"),
        ("tomasz", "For the coffee after the long calls, and for never asking how long they were."),
    ],
    ("sofia", "work_anniversary"): [
        ("yusuf", "You read my first transcript line by line with me. Nobody had done that before."),
        ("grace", "The only lead I know who says sorry first."),
        ("chenlei", "每次排班你都记得我女儿的家长会。"),
        ("mateo", "Thank you for the Tuesday when you took my call and I could breathe."),
        ("hana", "Because you wrote the apology template and then told us not to use it."),
        ("omar", "I have been here for a month and already tell friends about you."),
    ],
    ("wangjun", "work_anniversary"): [
        (
            "amara",
            "You wait one breath longer than anyone I know, and that is when people say what is wrong.",
        ),
        ("daniel", "My buddy. I stole at least ten of your sentences."),
    ],
    ("omar", "full_month"): [
        ("grace", "From a shaking headset to the man who explained the tariff to my own mother."),
        ("sofia", "You told me on day three what our greeting sounds like from outside. We changed it."),
    ],
    ("grace", "birthday"): [
        ("hana", "May your day have more cake than calls."),
        ("chenlei", "生日快乐，下午茶我请。"),
    ],
    ("priya", "birthday"): [
        ("daniel", "Mango lassi is on me, and no debate."),
        ("wangjun", "生日快乐！今天的难题都转给我。"),
    ],
    ("yusuf", "work_anniversary"): [
        ("chenlei", "谢谢你每天第一个到，先把大家的灯打开。"),
    ],
}


# Until somebody has answered: the past must not be celebrated before the centre has lived through it.
SILENT: dict[Any, Any] = {
    "full_month_scope": "nobody",
    "anniversary_scope": "nobody",
    "birthday_scope": "nobody",
    "milestone_scope": "nobody",
}
USUAL: PersonFields = {"full_month_scope": "team", "anniversary_scope": "team", "milestone_scope": "team"}


async def answer_the_question(people: list[Mapping[str, Any]], viewers: Mapping[str, Viewer]) -> None:
    """Everybody but the newest said what to celebrate when they first signed in."""
    for person in people:
        key, birthday = person["key"], "team" if person["birthday_opt_in"] else "nobody"
        if key not in NOT_ASKED:
            chosen: dict[str, Any] = {**USUAL, "birthday_scope": birthday, **CHOICES.get(key, {})}
            await asking.choose(viewers[key], PersonFields(**chosen))  # type: ignore[typeddict-item]


async def sign_open_cards(people: Mapping[str, UUID], viewers: Mapping[str, Viewer], at: datetime) -> None:
    """Colleagues write on the cards that are open this morning: some at once, some a day later."""
    keys = {person: key for key, person in people.items()}
    with db.as_of(at):
        for card in await card_queries.unmarked():
            lines = LINES.get((keys[card["person"]], card["kind"]), [])
            days = (card["on"] - day_of(at, viewers[keys[card["person"]]].time_zone)).days
            answered = await card_queries.answered(card["id"])
            for number, (author, words) in enumerate(lines):
                ready = 0 < days <= 3 - number % 2
                if ready and viewers[author].id not in answered:
                    await cards.write_line(viewers[author], card["id"], words)
