"""What stands on somebody's home: one part for each of their roles, and what waits for them by name."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from trainer import db
from trainer.homes import queries
from trainer.homes.agent import AgentHome, agent_home
from trainer.people.days import zone_of
from trainer.settings import Settings
from trainer.web.i18n import _
from trainer.web.session import Viewer

MONTH = timedelta(days=30)

PartOfDay = Literal["morning", "afternoon", "evening"]


@dataclass(frozen=True, slots=True)
class FirstThing:
    """One line of a new centre's checklist: what, why, where it is done, and how many there are by now."""

    title: str
    why: str
    href: str
    icon: str
    done: bool
    have: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class AdminHome:
    """The first-day checklist, and who has not come in yet."""

    checklist: list[FirstThing]
    waiting: int

    @property
    def open_ones(self) -> int:
        return sum(not (item.done or item.optional) for item in self.checklist)


@dataclass(frozen=True, slots=True)
class ManagerHome:
    """A centre's month in sums: no audio, no single person's figure."""

    month: dict[str, int]


@dataclass(frozen=True, slots=True)
class Home:
    """The parts of one person's home; a part is None where they have not its role."""

    part_of_day: PartOfDay
    agent: AgentHome | None = None
    manager: ManagerHome | None = None
    admin: AdminHome | None = None
    order: list[str] = field(default_factory=list)


async def home_of(viewer: Viewer, settings: Settings) -> Home:
    """The viewer's home, asked together room by room. What they may see is decided in those rooms."""
    return Home(
        part_of_day(viewer),
        agent=await agent_home(viewer) if viewer.has("agent") else None,
        manager=ManagerHome(await queries.month_in_numbers(db.utc_now() - MONTH))
        if viewer.has("manager")
        else None,
        admin=await admin_home(settings) if viewer.has("admin") else None,
    )


def part_of_day(viewer: Viewer) -> PartOfDay:
    """Where the viewer is."""
    hour = db.utc_now().astimezone(zone_of(viewer.time_zone)).hour
    return "morning" if 4 <= hour < 12 else "afternoon" if 12 <= hour < 18 else "evening"


async def admin_home(settings: Settings) -> AdminHome:
    """The way from an empty centre to the first module, step by step."""
    found = await queries.first_things()
    return AdminHome(
        [
            FirstThing(
                _("Bring your people in"),
                _("From a spreadsheet or one by one. Those without e-mail get a printed sign-in card."),
                "/people/import",
                "users",
                found["people"] > 1,
                str(found["people"]),
            ),
            FirstThing(
                _("Set up the rule book"),
                _(
                    "Start from the sample book or from your own spreadsheet; everything else hangs on its rules."
                ),
                "/rules",
                "library",
                found["rules"] > 0,
                str(found["rules"]),
            ),
            FirstThing(
                _("Take in the first call"),
                _("A trainer or analyst uploads one that somebody handled well."),
                "/calls/new",
                "headphones",
                found["calls"] > 0,
                str(found["calls"]),
            ),
            FirstThing(
                _("Publish the first clip"),
                _("A trainer cuts the moment out in which a rule can be heard."),
                "/clips",
                "audio-lines",
                found["clips"] > 0,
                str(found["clips"]),
            ),
            FirstThing(
                _("Publish and assign the first module"),
                _("Built from rules and their clips; agents find it on their home."),
                "/modules",
                "graduation-cap",
                found["modules"] > 0 and found["assignments"] > 0,
                str(found["modules"]),
            ),
            FirstThing(
                _("Let mail go out, if you want it"),
                _("Everything works without. With it, invitations and digests travel by themselves."),
                "/settings/mail",
                "mail",
                bool(getattr(settings, "smtp_url", "")),
                optional=True,
            ),
        ],
        waiting=found["waiting"],
    )
