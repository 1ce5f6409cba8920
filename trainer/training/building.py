"""Building a module: a draft from rules and their published clips (edited in `editing.py`)."""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from trainer import db
from trainer.clips.keeping.ending import WARN
from trainer.clips.pairs.service import PairView, pairs_of_rules
from trainer.clips.service import ClipView, clips_of_rules
from trainer.people.audit import record_audit
from trainer.problems import FieldError, Invalid
from trainer.rulebook.service import published_rules
from trainer.rulebook.views import RuleView
from trainer.training.modules import BUILDERS, require
from trainer.training.tables import Module, ModuleVersion, Step
from trainer.web.i18n import LOCALES, _
from trainer.web.session import Viewer

LONGEST = {"title": 200, "body": 20_000, "question": 1_000, "prompt": 2_000}


async def build_module(
    viewer: Viewer, *, title: str, rules: Sequence[str], language: str = "en", summary: str = ""
) -> UUID:
    """A draft from rules and their published clips: read, hear, contrast, judge, recall. Returns the
    module's id.
    """
    require(viewer, BUILDERS)
    codes = list(dict.fromkeys(rules))
    known = await published_rules(codes)
    errors = [
        FieldError("rules", "unknown", _("There is no published rule %(code)s.") % {"code": code})
        for code in codes
        if code not in known
    ]
    if not codes:
        errors.append(FieldError("rules", "required", _("Choose at least one rule.")))
    if not title.strip():
        errors.append(FieldError("title", "required", _("Give the module a title.")))
    if len(title) > LONGEST["title"] or len(summary) > LONGEST["prompt"]:
        errors.append(FieldError("title", "too-long", _("This is too long for a title or a summary.")))
    if language not in LOCALES:
        errors.append(FieldError("language", "unknown", _("Choose a language.")))
    if errors:
        raise Invalid(_("The module cannot be built yet."), errors=errors)
    ids = [known[code].id for code in codes]
    clips, pairs = await clips_of_rules(ids), await pairs_of_rules(ids)
    steps: list[dict[str, Any]] = []
    for code in codes:
        rule = known[code]
        fitting = [clip for clip in clips.get(rule.id, []) if clip.language == language]
        spoken = [pair for pair in pairs[rule.id] if pair.good.language == language]
        spoken.sort(key=lambda pair: ends_soon(pair.good) or ends_soon(pair.other))
        steps += draft_steps(rule, fitting, spoken[0] if spoken else None)
    async with db.transaction():
        module = Module(
            code=await _free_code(title),
            position=await _next_position(),
            created_by=viewer.id,
            created_at=db.utc_now(),
        )
        await Module.insert(module)
        version = ModuleVersion(
            module=module.id,
            title=json.dumps({language: title.strip()}, ensure_ascii=False),
            summary=json.dumps({language: summary.strip()} if summary.strip() else {}, ensure_ascii=False),
            language=language,
            minutes=minutes_of(len(steps)),
            rules=json.dumps(codes),
            created_at=db.utc_now(),
        )
        await ModuleVersion.insert(version)
        await write_steps(version.id, steps)
        await record_audit(viewer, "module_built", "module", str(module.id), {"rules": codes})
    return module.id


def ends_soon(clip: ClipView) -> bool:
    """Whether a clip goes within the time that people are warned ahead of."""
    return clip.expires_at is not None and clip.expires_at <= db.utc_now() + WARN


def minutes_of(steps: int) -> int:
    """About how long so many steps take, in minutes."""
    return max(1, round(steps * 0.9))


def draft_steps(
    rule: RuleView, clips: Sequence[ClipView], pair: PairView | None = None
) -> list[dict[str, Any]]:
    """The steps that one rule earns from its clips: read, hear, compare, judge, recall.

    Compared is the pair that somebody made of them, where there is one.
    What is to be judged was not heard before wherever the clips allow it; then the pair is fresh too, if there are
    enough. Clips that last come before those that end soon, real calls before staged ones.
    """
    good = [clip for clip in clips if clip.polarity == "exemplar"]
    good.sort(key=lambda clip: (ends_soon(clip), clip.staged))
    poor = [clip for clip in clips if clip.polarity == "counterexample"]
    poor += [clip for clip in clips if clip.polarity == "near_miss"]
    poor.sort(key=ends_soon)
    pin = {"rule": rule.id, "rule_version": rule.version}
    steps: list[dict[str, Any]] = [{"kind": "read_rule", **pin}]
    if good:
        steps.append({"kind": "listen", "clip": good[0].id, **pin})
    fresh = [*poor[1:], *good[1:]]  # not heard yet, after a pair of the first of each
    if pair is not None:
        steps.append({"kind": "contrast", "clip": pair.good.id, "other_clip": pair.other.id, **pin})
        compared = (pair.good.id, pair.other.id)
        fresh = [clip for clip in [*poor, *good[1:]] if clip.id not in compared]
    elif good and poor:
        better = good[1] if len(fresh) > 1 and len(good) > 1 else good[0]
        steps.append({"kind": "contrast", "clip": better.id, "other_clip": poor[0].id, **pin})
        fresh = [clip for clip in fresh if clip is not better]
    to_judge = [*fresh, *poor, *good]
    if to_judge:
        steps.append({"kind": "judge", "clip": to_judge[0].id, **pin})
    steps.append({"kind": "recall", **pin})
    return steps


async def _free_code(title: str) -> str:
    return code_from(title, {row["code"] for row in await Module.select(Module.code)}, otherwise="module")


def code_from(title: str, taken: Collection[str], *, otherwise: str) -> str:
    """A code that says the title and is not taken; `otherwise` where the title has no Latin letter."""
    base = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or otherwise
    if base not in taken:
        return base
    return next(f"{base}-{n}" for n in range(2, 10_000) if f"{base}-{n}" not in taken)


async def _next_position() -> int:
    last = await Module.select(Module.position).order_by(Module.position, ascending=False).first()
    return last["position"] + 1 if last else 1


async def write_steps(version: UUID, steps: Iterable[Mapping[str, Any]]) -> None:
    """The steps of a new version, in their order."""
    rows = [
        Step(
            module_version=version,
            position=position,
            kind=step["kind"],
            rule=step.get("rule"),
            rule_version=step.get("rule_version"),
            clip=step.get("clip"),
            other_clip=step.get("other_clip"),
            body=json.dumps(step.get("body", {}), ensure_ascii=False),
        )
        for position, step in enumerate(steps)
    ]
    if rows:
        await Step.insert(*rows)
