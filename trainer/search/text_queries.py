"""Raw SQL of finding what is written: rules, and analysts' notes."""

from trainer.quality.queries import Sight
from trainer.search.filters import VALUE, Condition, Filters
from trainer.search.queries import Row, found, question
from trainer.search.sought import Sought


async def rules(
    sought: Sought, filters: Filters, *, drafts: bool, before: int | None, limit: int
) -> list[Row]:
    """Rules as they are published, and drafts for those who see them."""
    states = "('published', 'draft')" if drafts else "('published')"
    conditions: list[Condition] = [
        (f"version.state IN {states} AND entry.revision = version.revision", []),
        *filters.conditions({"rule": ("rule.code = {}", [VALUE])}),
    ]
    return await found(
        question(["rule"], sought.parts, sought.without),
        "entry.rule_version",
        """JOIN rule_version AS version ON version.id = entry.rule_version
           JOIN rule ON rule.id = version.rule""",
        conditions,
        before=before,
        limit=limit,
    )


async def notes(
    sought: Sought, filters: Filters, marks: Sight, *, before: int | None, limit: int
) -> list[Row]:
    """What analysts wrote on calls, in evaluations that somebody may read, with the words as they are kept now."""
    seen, params = marks.condition()
    conditions: list[Condition] = [
        ("evaluation.state = 'released'", []),
        (seen, params),
        *filters.conditions(
            {
                "rule": ("rule.code = {}", [VALUE]),
                "agent": ("evaluation.agent = {}", [VALUE]),
                "language": ("recording.language = {}", [VALUE]),
                "tag": ("recording.tag = {}", [VALUE]),
                "since": ("evaluation.released_at >= {}", [VALUE]),
                "until": ("evaluation.released_at < {}", [VALUE]),
                "shortest_ms": ("recording.duration_ms >= {}", [VALUE]),
                "longest_ms": ("recording.duration_ms <= {}", [VALUE]),
                "outcome": ("evaluation.outcome = {}", [VALUE]),
            }
        ),
    ]
    return await found(
        question(["note"], sought.parts, sought.without),
        """evaluation.id AS evaluation, evaluation.comment, evaluation.released_at, agent.name AS agent_name,
           recording.title AS recording_title, recording.state AS recording_state, mark.comment AS mark_comment,
           mark.at_ms, mark.mark, rule.code, version.title AS rule_title""",
        """JOIN evaluation ON evaluation.id = entry.evaluation JOIN person AS agent ON agent.id = evaluation.agent
           LEFT JOIN recording ON recording.id = evaluation.recording
           LEFT JOIN mark ON mark.id = entry.mark LEFT JOIN rule ON rule.id = mark.rule
           LEFT JOIN rule_version AS version ON version.rule = mark.rule AND version.version = mark.rule_version""",
        conditions,
        before=before,
        limit=limit,
    )
