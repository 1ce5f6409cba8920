"""What stands on somebody's home: one part for each of their roles, and what waits for them by name."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from trainer import db
from trainer.clips.keeping.ending import count_ending
from trainer.clips.reading import OPEN_STATES, visible_clips
from trainer.clips.views import ClipView
from trainer.clips.voice import Objection, open_objections
from trainer.curating.board import Board, board_of
from trainer.homes import queries
from trainer.homes.agent import AgentHome, agent_home
from trainer.notices.inbox import NoticeView
from trainer.notices.service import latest
from trainer.people.days import day_of, zone_of
from trainer.people.service import NEW_FOR, PersonView, new_agents_without_buddy
from trainer.quality.service import calls_to_score
from trainer.quality.totals import Totals, totals
from trainer.quality.views import CallToScore
from trainer.recognition.occasions import OccasionView, upcoming
from trainer.settings import Settings
from trainer.training.progress.service import people_stuck, team_totals
from trainer.training.progress.views import ProgressRow, TeamTotal
from trainer.web.i18n import _
from trainer.web.session import Viewer

MONTH = timedelta(days=30)
NOTICES = 4
SHOWN = 5

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
    may_wait: bool = False  # others come first: the centre has begun by itself
    press: str = ""  # it is done by this button, which posts to `href`, whenever one likes


@dataclass(frozen=True, slots=True)
class AdminHome:
    """The first-day checklist, and who has not come in yet."""

    checklist: list[FirstThing]
    waiting: int

    @property
    def open_ones(self) -> int:
        return sum(not (item.done or item.optional) for item in self.checklist)

    @property
    def next(self) -> FirstThing | None:
        """The one thing that is pointed at; None once only what one may leave is open."""
        left = [item for item in self.checklist if not (item.done or item.optional)]
        return min(left, key=lambda item: item.may_wait, default=None)


@dataclass(frozen=True, slots=True)
class ManagerHome:
    """A centre's month in sums: no audio, no single person's figure."""

    month: dict[str, int]
    learning: list[TeamTotal]
    quality: Totals


@dataclass(frozen=True, slots=True)
class LeadHome:
    """A lead's week: how far the team is, who is stuck, whose day comes, who has no buddy yet."""

    teams: list[TeamTotal]
    stuck: list[ProgressRow]
    upcoming: list[OccasionView]
    without_buddy: list[PersonView]


@dataclass(frozen=True, slots=True)
class TrainerHome:
    """What a trainer's work waits for: rules without a good clip, begun clips, people stuck, objections, and how many
    clips in use end within 14 days.
    """

    board: Board
    drafts: list[ClipView]
    stuck: list[ProgressRow]
    objections: list[Objection]
    ending: int


@dataclass(frozen=True, slots=True)
class AnalystHome:
    """The calls to score next."""

    calls: list[CallToScore]


@dataclass(frozen=True, slots=True)
class Home:
    """The parts of one person's home; a part is None where they have not its role.

    `newcomer`: see `queries.newcomer`; `hired_lately`: their buddy still stands beside them.
    """

    part_of_day: PartOfDay
    notices: list[NoticeView]
    newcomer: dict[str, Any]
    hired_lately: bool
    agent: AgentHome | None = None
    trainer: TrainerHome | None = None
    analyst: AnalystHome | None = None
    lead: LeadHome | None = None
    manager: ManagerHome | None = None
    admin: AdminHome | None = None


async def home_of(viewer: Viewer, settings: Settings) -> Home:
    """The viewer's home, asked together room by room. What they may see is decided in those rooms."""
    newcomer = await queries.newcomer(viewer.id)
    hired_lately = is_hired_lately(viewer, newcomer)
    new_here = hired_lately and not newcomer.get("learned")
    return Home(
        part_of_day(viewer),
        notices=await latest(viewer, NOTICES, unread=True) if viewer.unread else [],
        newcomer=newcomer,
        hired_lately=hired_lately,
        agent=await agent_home(viewer, new_here=new_here) if viewer.has("agent") else None,
        trainer=await trainer_home(viewer) if viewer.has("trainer") else None,
        analyst=AnalystHome(await calls_to_score(viewer)) if viewer.has("qa_analyst") else None,
        lead=await lead_home(viewer) if viewer.has("team_lead") else None,
        manager=await manager_home(viewer) if viewer.has("manager") else None,
        admin=await admin_home(settings) if viewer.has("admin") else None,
    )


async def trainer_home(viewer: Viewer) -> TrainerHome:
    """The curator's work queue: the first rows of the board, and what waits for an answer."""
    return TrainerHome(
        await board_of(viewer),
        await visible_clips(viewer, states=OPEN_STATES, curator=viewer.id, limit=SHOWN),
        await people_stuck(viewer, SHOWN),
        await open_objections(viewer, limit=SHOWN),
        await count_ending(viewer),
    )


async def lead_home(viewer: Viewer) -> LeadHome:
    """The lead's own team today and in the next seven days."""
    return LeadHome(
        await team_totals(viewer),
        await people_stuck(viewer, SHOWN),
        await upcoming(viewer, days=7),
        await new_agents_without_buddy(viewer),
    )


async def manager_home(viewer: Viewer) -> ManagerHome:
    """Sums alone."""
    return ManagerHome(
        await queries.month_in_numbers(db.utc_now() - MONTH), await team_totals(viewer), await totals(viewer)
    )


def is_hired_lately(viewer: Viewer, newcomer: dict[str, Any]) -> bool:
    """Whether somebody is in their first months, as far as that day is known."""
    hired_on = newcomer.get("hired_on")
    return hired_on is None or day_of(db.utc_now(), viewer.time_zone) - hired_on <= NEW_FOR


def part_of_day(viewer: Viewer) -> PartOfDay:
    """Where the viewer is."""
    hour = db.utc_now().astimezone(zone_of(viewer.time_zone)).hour
    return "morning" if 4 <= hour < 12 else "afternoon" if 12 <= hour < 18 else "evening"


async def admin_home(settings: Settings) -> AdminHome:
    """The way from an empty centre to the first module, step by step."""
    found = await queries.first_things()
    kit = ("rules", "all_clips", "modules", "paths")
    return AdminHome(
        [
            FirstThing(
                _("Starter kit"),
                _(
                    "A rule book, role-played clips, four modules and a career path to begin with; your own calls"
                    " replace them."
                ),
                "/starter-kit",
                "sparkles",
                all(found[part] > 0 for part in kit),
                may_wait=found["people"] > 1 or found["rules"] > 0,
                press=_("Take the starter kit"),
            ),
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
                _("Begin with the starter book or your own. Trainers and analysts take in your spreadsheet."),
                "/rules",
                "library",
                found["rules"] > 0,
                str(found["rules"]),
            ),
            FirstThing(
                _("Take in the first call"),
                _("A trainer or analyst uploads a real one that somebody handled well."),
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
                _(
                    "Trainers build them from rules and their clips; trainers and team leads assign them. Whoever"
                    " has one of these jobs finds Assign on their home."
                ),
                "/modules",
                "graduation-cap",
                found["modules"] > 0 and found["given"] > 0,
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
