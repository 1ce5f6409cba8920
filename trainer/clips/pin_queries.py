"""Raw SQL of pins: which published clips are pinned to which words of a rule."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from trainer import db
from trainer.clips.queries import LIVING

# What a rule says today: its published version, or the first draft.
_PRESENT = """(present.state = 'published' OR (present.state = 'draft' AND NOT EXISTS (
    SELECT 1 FROM rule_version other WHERE other.rule = present.rule AND other.state = 'published')))"""


async def pins_of_rules(rules: Sequence[UUID]) -> list[dict[str, Any]]:
    """How many published clips of living recordings are pinned to each of the rules, by what health asks of them.

    `fits`: 1 where the clip is pinned to words that the rule says today; else `changed_at` is when they changed.
    """
    return await db.fetch(
        f"""SELECT clip_rule.rule, clip.polarity, recording.staged, recording.agent,
                   CASE WHEN pinned.version = present.version OR (
                       CAST(pinned.statement AS TEXT) = CAST(present.statement AS TEXT)
                       AND pinned.severity = present.severity AND pinned.kind = present.kind)
                   THEN 1 ELSE 0 END AS fits,
                   later.published_at AS changed_at, COUNT(*) AS clips
            FROM clip_rule
            JOIN clip ON clip.id = clip_rule.clip
            JOIN recording ON recording.id = clip.recording
            JOIN rule_version pinned ON pinned.rule = clip_rule.rule AND pinned.version = clip_rule.rule_version
            JOIN rule_version present ON present.rule = clip_rule.rule AND {_PRESENT}
            LEFT JOIN rule_version later
              ON later.rule = clip_rule.rule AND later.version = clip_rule.rule_version + 1
            WHERE clip.state = 'published' AND {LIVING} AND clip_rule.rule IN ({{}})
            GROUP BY clip_rule.rule, clip.polarity, recording.staged, recording.agent, fits, later.published_at""",
        db.utc_now(),
        list(rules),
    )


async def pins_to_reconfirm(rule: UUID) -> list[dict[str, Any]]:
    """Published clips that are pinned to words which the rule no longer says, oldest change first."""
    return await db.fetch(
        f"""SELECT clip.id, clip.title, clip.polarity, clip_rule.rule_version AS version,
                   later.published_at AS changed_at
            FROM clip_rule
            JOIN clip ON clip.id = clip_rule.clip
            JOIN recording ON recording.id = clip.recording
            JOIN rule_version pinned ON pinned.rule = clip_rule.rule AND pinned.version = clip_rule.rule_version
            JOIN rule_version present ON present.rule = clip_rule.rule AND present.state = 'published'
            LEFT JOIN rule_version later
              ON later.rule = clip_rule.rule AND later.version = clip_rule.rule_version + 1
            WHERE clip.state = 'published' AND {LIVING} AND clip_rule.rule = {{}}
              AND pinned.version <> present.version AND NOT (
                  CAST(pinned.statement AS TEXT) = CAST(present.statement AS TEXT)
                  AND pinned.severity = present.severity AND pinned.kind = present.kind)
            ORDER BY later.published_at, clip.created_at""",
        db.utc_now(),
        rule,
    )
