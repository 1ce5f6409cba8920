"""What evaluations add to the page of a call: what was released, and the way to evaluate it. app.py registers it."""

from typing import Any

from trainer.calls.views import RecordingView
from trainer.quality import service
from trainer.web.session import Viewer

Part = tuple[str, dict[str, Any]]


async def call_part(viewer: Viewer, recording: RecordingView) -> Part | None:
    """The call's evaluations that the viewer may read; for analysts, the next step."""
    found = await service.visible_evaluations(viewer, recording=recording.id, limit=20)
    draft = next((each for each in found if each.state == "draft"), None)
    released = [each for each in found if each.state != "draft"]
    analyst = viewer.has(*service.EVALUATE)
    evaluates = analyst and recording.may_hear and recording.agent not in (None, viewer.id)
    counts = any(each.state == "released" for each in released)
    if not found and not (evaluates or (analyst and recording.may_hear)):
        return None
    return "quality/_of_call.html", {
        "call": recording,
        "draft": draft,
        "released": released,
        "may_start": evaluates and not counts and draft is None,
        "agent_missing": analyst and recording.agent is None,
    }
