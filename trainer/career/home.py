"""The agent's home: the one next step, the module it belongs to, the path, and what colleagues said.

Invariant: there is always exactly one next step, and it is one that the person can take today.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from trainer import db
from trainer.appreciation.service import AppreciationView, said_about
from trainer.career.progress import TENURE, Criterion, PathView
from trainer.career.service import SIGN_OFF, Plan, path_of, plan_of
from trainer.people.days import zone_of
from trainer.training.modules import StepView, steps_of
from trainer.training.service import EnrolmentView, next_step_of
from trainer.web.session import Viewer

SAID = 2
KEPT_VERSIONS = 200

PartOfDay = Literal["morning", "afternoon", "evening"]
Next = Literal["first", "go_on", "begin", "enrol", "thank", "sign_off", "wait", "all_reached"]

_steps: OrderedDict[UUID, list[StepView]] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Home:
    """Everything that the page shows. `criterion` is what an `enrol`, `thank`, `sign_off` or `wait` step is about."""

    part_of_day: PartOfDay
    next: Next
    enrolment: EnrolmentView | None
    steps: list[StepView]
    criterion: Criterion | None
    path: PathView
    plan: Plan
    said: list[AppreciationView]

    @property
    def at(self) -> int:
        """Position of the step to go on with, from 0."""
        return min(self.enrolment.at_step, len(self.steps) - 1) if self.enrolment and self.steps else 0


async def home_of(viewer: Viewer) -> Home:
    """The viewer's home page: three queries once the plan and the module's steps are known to this process."""
    plan = await plan_of()
    path = await path_of(viewer.id)
    enrolment = await next_step_of(viewer.id)
    steps = await _steps_of(enrolment.version_id) if enrolment else []
    said = await said_about(viewer.id, SAID)
    step, criterion = _next(path, enrolment)
    return Home(part_of_day(viewer), step, enrolment, steps, criterion, path, plan, said)


def part_of_day(viewer: Viewer) -> PartOfDay:
    """Where the viewer is."""
    hour = db.utc_now().astimezone(zone_of(viewer.time_zone)).hour
    return "morning" if 4 <= hour < 12 else "afternoon" if 12 <= hour < 18 else "evening"


def _next(path: PathView, enrolment: EnrolmentView | None) -> tuple[Next, Criterion | None]:
    if enrolment is not None:
        if enrolment.started_at:
            return "go_on", None
        nothing_done = not any(
            milestone.reached_at for level in path.levels for milestone in level.milestones
        )
        return ("first" if nothing_done else "begin"), None
    if path.current is None:
        return "all_reached", None
    missing = [
        view.criterion for milestone in path.current.missing for view in milestone.criteria if not view.met
    ]
    steps: dict[str, Next] = {
        "module_completed": "enrol",
        "appreciation_given": "thank",
        SIGN_OFF: "sign_off",
    }
    for fact, step in steps.items():
        if found := next((item for item in missing if item.fact == fact), None):
            return step, found
    return "wait", next((item for item in missing if item.fact == TENURE), None)


async def _steps_of(version: UUID) -> list[StepView]:
    """A version that people take never changes: its steps are read once."""
    if version not in _steps:
        _steps[version] = await steps_of(version)
        while len(_steps) > KEPT_VERSIONS:
            _steps.popitem(last=False)
    _steps.move_to_end(version)
    return _steps[version]
