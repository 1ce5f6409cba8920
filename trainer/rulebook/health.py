"""Rule health: can people hear what a rule means today?

A standard is the best training material there is, else it needs a review (003-4). Green: a published good clip of a
real call fits the rule's present words; of a rule that is a matter of judgement, good clips of at least two agents, so
that nobody's personal manner becomes the rule (000-3). Amber: it can be heard for now (role-played only, one agent
only, or clips that fitted former words and wait to be looked at again). Red: nobody can hear it; new modules that rest
on it are not published, and nobody in the middle of one is stopped.

What health does to publishing a *rule*: a judgement rule whose good clips come from one agent alone is held back. One
without any good clip may be published: it is red, and words alone are nobody's manner. Were it held back too, a new
centre could not measure calls by half of its rules before the first clip; and what is imported as a whole rule book
was decided elsewhere and is taken as it is.

Invariant: health is worked out when asked, from clips and dates; nothing is stored, so it is never stale.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from trainer import db
from trainer.rulebook import queries
from trainer.rulebook.views import RuleView, rule_of
from trainer.web.i18n import _

State = Literal["green", "amber", "red"]
Why = Literal["heard", "one_agent", "staged", "to_reconfirm", "overdue", "silent"]

# A clip that fitted the former words of a rule counts for so long; then somebody has to have looked at it again.
COUNTS_ON = timedelta(days=30)
AGENTS_FOR_JUDGEMENT = 2


@dataclass(frozen=True, slots=True)
class Heard:
    """What can be heard of one rule: its published clips of calls that may still be played.

    `fitting` and `staged` count good clips that fit the present words, of real calls and role-played ones. `changed`
    are the moments since when good clips of real calls fit former words only. `agents` are heard in `fitting`,
    `former_agents` in the changed ones, each with the moment of its change. `links` counts clips of every kind.
    """

    fitting: int = 0
    staged: int = 0
    agents: frozenset[UUID] = frozenset()
    changed: tuple[datetime, ...] = ()
    former_agents: tuple[tuple[UUID, datetime], ...] = ()
    links: int = 0


@dataclass(frozen=True, slots=True)
class Health:
    """How well a rule can be heard, and why. `until`: the end of what counts for now only (`to_reconfirm`)."""

    state: State
    why: Why
    until: datetime | None = None

    @property
    def words(self) -> str:
        """The state in a few words, never by colour alone."""
        return {
            "heard": _("Can be heard"),
            "one_agent": _("One agent only"),
            "staged": _("Role-played only"),
            "to_reconfirm": _("Look at its clips again"),
            "overdue": _("Clips no longer fit"),
            "silent": _("No clip yet"),
        }[self.why]

    @property
    def sentence(self) -> str:
        """What it means and what to do next."""
        return {
            "heard": _("Published clips of real calls let people hear this rule done well."),
            "one_agent": _(
                "All good clips are of one agent. A rule of judgement needs a second voice, so that nobody's personal"
                " manner becomes the rule."
            ),
            "staged": _("Only role-played clips let people hear it. A clip of a real call closes the gap."),
            "to_reconfirm": _(
                "The rule changed after its clips were pinned. They still count for a while; look whether they fit."
            ),
            "overdue": _("The rule changed more than 30 days ago and nobody said that its clips still fit."),
            "silent": _("No published clip lets people hear this rule done well."),
        }[self.why]

    @property
    def icon(self) -> str:
        return {"green": "circle-check", "amber": "triangle-alert", "red": "volume-x"}[self.state]

    @property
    def chip(self) -> str | None:
        """The kind of chip that shows it; what is well stays quiet."""
        return {"green": None, "amber": "warn", "red": "bad"}[self.state]


# Who tells what can be heard, by name: the room of clips, registered by app.py.
ears: dict[str, Callable[[Sequence[UUID]], Awaitable[Mapping[UUID, Heard]]]] = {}


async def heard_of(rules: Sequence[UUID]) -> dict[UUID, Heard]:
    """What can be heard of each of these rules, in one query; without a room of clips nothing can."""
    found: dict[UUID, Heard] = {}
    if rules:
        for listen in ears.values():
            found.update(await listen(rules))
    return {rule: found.get(rule, Heard()) for rule in rules}


def judge(kind: str, heard: Heard, now: datetime) -> Health:
    """The health of a rule of this kind (scripted or judgement) at this moment."""
    waiting = [since + COUNTS_ON for since in heard.changed if since + COUNTS_ON > now]
    if heard.fitting:
        if kind == "judgement" and len(voices(heard, now)) < AGENTS_FOR_JUDGEMENT:
            return Health("amber", "one_agent")
        return Health("green", "heard")
    if waiting:
        return Health("amber", "to_reconfirm", until=max(waiting))
    if heard.staged:
        return Health("amber", "staged")
    return Health("red", "overdue" if heard.changed else "silent")


def voices(heard: Heard, now: datetime) -> set[UUID]:
    """The agents whose good clips count for a rule at this moment."""
    return set(heard.agents) | {agent for agent, since in heard.former_agents if since + COUNTS_ON > now}


def one_manner(kind: str, heard: Heard, now: datetime) -> bool:
    """Whether publishing would make one agent's manner the rule (000-3)."""
    good = heard.fitting + sum(since + COUNTS_ON > now for since in heard.changed)
    return kind == "judgement" and good > 0 and len(voices(heard, now)) < AGENTS_FOR_JUDGEMENT


async def health_of_rules(rules: Sequence[RuleView]) -> dict[UUID, Health]:
    """The health of rules at hand, by id, in one query."""
    heard, now = await heard_of([rule.id for rule in rules]), db.utc_now()
    return {rule.id: judge(rule.kind, heard[rule.id], now) for rule in rules}


async def health_of(codes: Iterable[str]) -> dict[str, Health]:
    """The health of published rules by code, in at most two queries; unknown codes are left out."""
    wanted = list(codes)
    rules = [rule_of(row) for row in await queries.published(wanted)] if wanted else []
    health = await health_of_rules(rules)
    return {rule.code: health[rule.id] for rule in rules}
