"""A built module compares the pair that somebody made, and judges what was not heard in it."""

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from trainer.training.building import draft_steps


def clip(polarity: str, *, staged: bool = False) -> Any:
    return SimpleNamespace(id=uuid4(), polarity=polarity, staged=staged, expires_at=None)


def test_the_pair_that_was_made_is_compared():
    rule: Any = SimpleNamespace(id=uuid4(), version=1)
    first, second = clip("exemplar"), clip("exemplar")
    missed, nearly = clip("counterexample"), clip("near_miss")
    clips = [first, second, missed, nearly]
    pair: Any = SimpleNamespace(good=second, other=nearly)
    steps = {step["kind"]: step for step in draft_steps(rule, clips, pair)}
    assert list(steps) == ["read_rule", "listen", "contrast", "judge", "recall"]
    assert (steps["contrast"]["clip"], steps["contrast"]["other_clip"]) == (second.id, nearly.id)
    assert steps["listen"]["clip"] == first.id
    assert steps["judge"]["clip"] == missed.id
    alone = {
        step["kind"]: step
        for step in draft_steps(rule, [first, nearly], SimpleNamespace(good=first, other=nearly))
    }
    assert alone["judge"]["clip"] == nearly.id
