"""The agent's home: the one next step, the module it belongs to, and where the path leads.

Invariant: there is always exactly one next step, and it is one that the person can take today.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from trainer.career.progress import TENURE, Criterion, PathView
from trainer.career.service import SIGN_OFF, Plan, path_of, plan_of
from trainer.training.modules import StepView, steps_of
from trainer.training.service import EnrolmentView, next_step_of
from trainer.web.session import Viewer

KEPT_VERSIONS = 200

Next = Literal["first", "go_on", "begin", "enrol", "thank", "sign_off", "wait", "all_reached"]

_steps: OrderedDict[UUID, list[StepView]] = OrderedDict()


@dataclass(frozen=True, slots=True)
class AgentHome:
    """`criterion` is what an `enrol`, `thank`, `sign_off` or `wait` step is about, if there is a path."""

    next: Next
    enrolment: EnrolmentView | None
    steps: list[StepView]
    criterion: Criterion | None
    path: PathView
    plan: Plan

    @property
    def at(self) -> int:
        """Position of the step to go on with, from 0."""
        return min(self.enrolment.at_step, len(self.steps) - 1) if self.enrolment and self.steps else 0


async def agent_home(viewer: Viewer, *, new_here: bool) -> AgentHome:
    """Two queries once the plan and the module's steps are known to this process.

    `new_here`: nobody who has worked here for years is welcomed as new, with or without a career path.
    """
    plan = await plan_of()
    path = await path_of(viewer.id)
    enrolment = await next_step_of(viewer.id)
    steps = await _steps_of(enrolment.version_id) if enrolment else []
    step, criterion = _next(path, enrolment, new_here)
    return AgentHome(step, enrolment, steps, criterion, path, plan)


def _next(path: PathView, enrolment: EnrolmentView | None, new_here: bool) -> tuple[Next, Criterion | None]:
    if enrolment is not None:
        if enrolment.started_at:
            return "go_on", None
        nothing_done = not any(
            milestone.reached_at for level in path.levels for milestone in level.milestones
        )
        return ("first" if new_here and nothing_done else "begin"), None
    if not path.levels:  # a centre may begin without a path: nothing was walked then
        return "thank", None
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
