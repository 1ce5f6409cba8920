"""What evaluations come to over groups, for those who see sums and no single person.

Invariant: no figure stands for fewer than five people, and none can be had by taking shown ones from each other: where
the hidden teams together are fewer than five, the smallest shown one is hidden with them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from trainer import db
from trainer.people import sight
from trainer.problems import Forbidden
from trainer.quality import queries
from trainer.web.i18n import _
from trainer.web.session import Viewer

PERIOD = timedelta(days=90)
_REACHES = ("totals", "groups")


@dataclass(frozen=True, slots=True)
class Sums:
    """Of one group: shares and the mean score in basis points, None where fewer than five people were asked.

    `scored`, `fatal_asked`, `resolved_asked`: the evaluations that each of them is of; not every one asks everything.
    """

    evaluations: int
    people: int
    score: int | None
    scored: int
    fatal_failed: int | None
    fatal_asked: int
    resolved: int | None
    resolved_asked: int
    not_helped: int | None


@dataclass(frozen=True, slots=True)
class TeamSums:
    """One team; `sums` None is "too few"."""

    team: UUID | None
    name: str | None
    people: int
    sums: Sums | None


@dataclass(frozen=True, slots=True)
class RuleSums:
    """How often a rule was met where it applied, in basis points; None is "too few"."""

    code: str
    title: dict[str, str]
    severity: str
    met: int | None


@dataclass(frozen=True, slots=True)
class Totals:
    """The last 90 days. `whole` None: fewer than five people were evaluated, and nothing else is said."""

    whole: Sums | None
    teams: list[TeamSums]
    rules: list[RuleSums]


def may_read(viewer: Viewer) -> bool:
    """Whether the viewer reads sums over everybody: analysts too, who see each."""
    reach = sight.reach(viewer, "marks")
    return (
        reach in _REACHES or (reach == "each" and not sight.team_only(viewer, "marks")) or _also_sums(viewer)
    )


def _also_sums(viewer: Viewer) -> bool:
    """A team lead who also is a trainer or manager reads sums beside their own team's."""
    return any(viewer.has(role) for role, sees in sight.TABLE["marks"].items() if sees.reach in _REACHES)


async def totals(viewer: Viewer) -> Totals:
    """Sums over what was released in the last 90 days, in three queries. Raises Forbidden."""
    if not may_read(viewer):
        raise Forbidden(_("Totals of evaluations are for trainers, analysts, managers and admins."))
    since = db.utc_now() - PERIOD
    whole = await queries.totals_whole(since)
    if whole["people"] < sight.SMALLEST_GROUP:
        return Totals(None, [], [])
    teams = [
        TeamSums(row["team"], row["name"], row["people"], _sums(row))
        for row in await queries.totals_by_team(since)
    ]
    rules = [_rule(row) for row in await queries.totals_by_rule(since)]
    return Totals(_sums(whole), _without_small(teams), rules)


def _sums(row: Mapping[str, Any]) -> Sums:
    def enough(what: str) -> bool:
        people: int = row[f"{what}_people"]
        return people >= sight.SMALLEST_GROUP

    return Sums(
        evaluations=row["evaluations"],
        people=row["people"],
        score=_mean(row["score_sum"], row["scored"]) if enough("score") else None,
        scored=row["scored"],
        fatal_failed=_share(row["fatal_failed"], row["fatal_asked"]) if enough("fatal") else None,
        fatal_asked=row["fatal_asked"],
        resolved=_share(row["resolved"], row["resolved_asked"]) if enough("resolved") else None,
        resolved_asked=row["resolved_asked"],
        not_helped=row["not_helped"] if enough("resolved") else None,
    )


def _mean(total: int, count: int) -> int | None:
    return total // count if count else None


def _share(part: int, whole: int) -> int | None:
    return part * 10_000 // whole if whole else None


def _rule(row: Mapping[str, Any]) -> RuleSums:
    enough = row["people"] >= sight.SMALLEST_GROUP
    met = _share(row["met"], row["met"] + row["missed"]) if enough else None
    return RuleSums(row["code"], json.loads(row["title"]), row["severity"], met)


def _without_small(teams: Sequence[TeamSums]) -> list[TeamSums]:
    """Hides teams of fewer than five, and one more when the hidden ones could be worked out from the whole."""
    hidden = {team.team for team in teams if team.people < sight.SMALLEST_GROUP}
    shown = sorted((team for team in teams if team.team not in hidden), key=lambda team: team.people)
    few = sum(team.people for team in teams if team.team in hidden)
    if 0 < few < sight.SMALLEST_GROUP and shown:
        hidden.add(shown[0].team)
    return [replace(team, sums=None) if team.team in hidden else team for team in teams]


def as_document(found: Totals) -> dict[str, Any]:
    """For programs; null is "too few"."""
    return {
        "days": PERIOD.days,
        "whole": _sums_document(found.whole),
        "teams": [
            {
                "id": str(team.team) if team.team else None,
                "name": team.name,
                "sums": _sums_document(team.sums),
            }
            for team in found.teams
        ],
        "rules": [
            {"rule": rule.code, "severity": rule.severity, "met_share": rule.met} for rule in found.rules
        ],
    }


def _sums_document(sums: Sums | None) -> dict[str, Any] | None:
    if sums is None:
        return None
    return {
        "evaluations": sums.evaluations,
        "people": sums.people,
        "score": sums.score,
        "fatal_failed_share": sums.fatal_failed,
        "resolved_share": sums.resolved,
        "passed_but_not_helped": sums.not_helped,
    }
