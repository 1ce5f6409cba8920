"""What the tests of evaluations are made of: a small rule book, a cast, and calls as rows without sound."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.factories import viewer_for
from trainer import db
from trainer.calls.tables import Recording, Segment
from trainer.people.service import PersonView
from trainer.quality import judging
from trainer.quality.checking import Given, Judgement
from trainer.quality.views import EvaluationView
from trainer.rulebook.service import import_rulebook
from trainer.rulebook.tables import Rulebook
from trainer.web.session import Viewer

CALL_MS = 60_000
# code: (severity, weight)
RULES = {"F1": ("fatal", 0), "N1": ("non_fatal", 10), "N2": ("non_fatal", 10), "N3": ("non_fatal", 20)}
ALL_MET = {code: Given("met") for code in RULES}


@dataclass
class Cast:
    """One person a role; `lead` leads the team of `agent`, `other_lead` that of `other_agent`."""

    analyst: PersonView
    other_analyst: PersonView
    trainer: PersonView
    lead: PersonView
    other_lead: PersonView
    manager: PersonView
    admin: PersonView
    agent: PersonView
    other_agent: PersonView

    def viewer(self, name: str) -> Viewer:
        return viewer_for(getattr(self, name))


async def a_book(code: str = "test", rules: dict[str, tuple[str, int]] | None = None) -> None:
    """A published rule book of these rules."""
    await import_rulebook(
        {
            "rulebook": {"code": code, "title": {"en": f"Book {code}"}},
            "wants": [
                {"code": "understand", "title": {"en": "Understand me"}, "feeling": {"en": "I was heard."}}
            ],
            "rules": [
                {
                    "code": rule,
                    "want": "understand",
                    "title": {"en": f"Rule {rule}"},
                    "statement": {"en": "Say back what you heard."},
                    "severity": severity,
                    "weight": weight,
                }
                for rule, (severity, weight) in (rules or RULES).items()
            ],
        }
    )


async def a_call(agent: UUID | None, *, book: str | None = "test", days_ago: int = 1, **columns: Any) -> UUID:
    """A ready call of a minute with two lines, and no sound in the storage."""
    row = await Rulebook.select(Rulebook.id).where(Rulebook.code == book).first() if book else None
    recording = db.new_id()
    now = db.utc_now()
    values: dict[Any, Any] = {
        "id": recording,
        "title": "Lost at the exit",
        "state": "ready",
        "agent": agent,
        "rulebook": row["id"] if row else None,
        "consent_basis": "contract",
        "duration_ms": CALL_MS,
        "channels": 1,
        "sample_rate_hz": 16_000,
        "called_at": now - timedelta(days=days_ago),
        "created_at": now - timedelta(days=days_ago),
        "object_key": f"recordings/{recording}",
        "peaks_key": f"peaks/{recording}",
        "sha256": recording.hex,
        **columns,
    }
    await Recording.insert(Recording(**values))
    for position, (who, words) in enumerate((("agent", "Good morning."), ("caller", "I am lost."))):
        times = {"start_ms": position * 2000, "end_ms": position * 2000 + 1500}
        await Segment.insert(
            Segment(id=db.new_id(), recording=recording, position=position, speaker=who, text=words, **times)
        )
    return recording


async def a_draft(
    analyst: Viewer, recording: UUID, marks: dict[str, Given | None] | None = None, **said: Any
) -> UUID:
    """A draft with these marks (every rule met, where none are named)."""
    judged = Judgement(marks=ALL_MET if marks is None else marks, **said)  # type: ignore[typeddict-item]
    return await judging.start(analyst, recording, judged)


async def a_release(
    analyst: Viewer, recording: UUID, marks: dict[str, Given | None] | None = None, **said: Any
) -> EvaluationView:
    """A released evaluation; rules without a mark are meant."""
    draft = await a_draft(analyst, recording, marks, **said)
    return await judging.release(analyst, draft, confirm_unmarked=True)
