"""What clips add to the pages of lower rooms; app.py registers these.

A rule's page plays its clips or shows the gap, a call's page lists what was cut from it.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from trainer.calls.views import RecordingView
from trainer.clips import queries, service, voice
from trainer.clips.pairs.service import pairs_of_rules
from trainer.rulebook.phrases import BetterClip
from trainer.rulebook.views import RuleView
from trainer.web.session import Viewer

Part = tuple[str, dict[str, Any]]

MOST_IN_A_CALL = 100


async def rule_part(viewer: Viewer, rule: RuleView) -> Part:
    """A rule's clips by kind, a contrast pair (one that was made, else of any two), and the gap where there is none."""
    clips = (await service.clips_of_rules([rule.id], viewer))[rule.id]
    kinds = {kind: [clip for clip in clips if clip.polarity == kind] for kind in service.POLARITIES}
    made = next(iter((await pairs_of_rules([rule.id], viewer))[rule.id]), None)
    good = made.good if made else next(iter(kinds["exemplar"]), None)
    poor = made.other if made else next(iter([*kinds["counterexample"], *kinds["near_miss"]]), None)
    paired = {good.id, poor.id} if good and poor else set()
    return "clips/_of_rule.html", {
        "rule": rule,
        "pair": (good, poor) if good and poor else None,
        "made": made,
        "others": [clip for kind in kinds.values() for clip in kind if clip.id not in paired],
        "gap": not any(not clip.staged for clip in kinds["exemplar"]),
        "staged_only": good is not None,
        "cuts": viewer.has("trainer", "qa_analyst", "team_lead"),
    }


async def titles_of(viewer: Viewer, ids: list[UUID]) -> dict[UUID, str]:
    """The titles of those of these clips that the viewer may hear."""
    clips = await service.clips_by_ids(viewer, ids, with_rules=False)
    return {clip: view.title for clip, view in clips.items()}


async def call_part(viewer: Viewer, recording: RecordingView) -> Part | None:
    """What was cut from a call, in its order, whatever its state."""
    states = ("draft", "in_review", "published", "retired")
    clips = await service.visible_clips(viewer, states=states, recording=recording.id, limit=MOST_IN_A_CALL)
    cuts = recording.may_hear and viewer.has("trainer", "qa_analyst", "team_lead")
    if not clips and not cuts:
        return None
    ordered = sorted(clips, key=lambda clip: (clip.start_ms, clip.end_ms))
    return "clips/_of_call.html", {"clips": ordered}


async def erasure_part(viewer: Viewer, recording: RecordingView) -> Part | None:
    """The clips that go with a call that is erased, with where they are heard; of an erased one, how many went."""
    if recording.state == "erased":
        went = await queries.erased_with(recording.id)
        return ("clips/_erased_with.html", {"went": went, "clips": [], "places": {}}) if went else None
    states = ("published", "retired", "taken_down", "draft", "in_review")
    clips = await service.visible_clips(None, states=states, recording=recording.id, limit=MOST_IN_A_CALL)
    if not clips:
        return None
    used = await voice.places_of([clip for clip in clips if clip.state == "published"])
    return "clips/_erased_with.html", {"went": 0, "clips": clips, "places": used}


async def better_clips(viewer: Viewer, rules: Sequence[UUID], language: str) -> dict[UUID, BetterClip]:
    """The clip that lets this viewer hear each rule kept: an exemplar, of this language and of a real call if there
    is one, the latest of these."""
    found: dict[UUID, BetterClip] = {}
    for rule, clips in (await service.clips_of_rules(rules, viewer)).items():
        good = [clip for clip in clips if clip.polarity == "exemplar" and clip.render == "ready"]
        best = max(
            good, key=lambda clip: (clip.language == language, not clip.staged, clip.created_at), default=None
        )
        if best is not None:
            found[rule] = BetterClip(best.id, best.title, f"/clips/{best.id}")
    return found
