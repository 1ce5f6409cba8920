"""A clock that tests turn, a call that is kept for thirty days, and clips cut from it."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, fields
from trainer import db, jobs
from trainer.calls.jobs import object_key, peaks_key
from trainer.calls.tables import Recording
from trainer.clips import service
from trainer.clips.arithmetic import Cut
from trainer.clips.keeping.renewing import Wish
from trainer.storage import storage

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
KEPT_DAYS = 30

Live = Callable[..., Awaitable[None]]
KeptCall = Callable[..., Awaitable[UUID]]
Publish = Callable[..., Awaitable[UUID]]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """It is the 23rd of November in the morning, until a test says otherwise."""
    with time_machine.travel(START, tick=True) as traveller:
        yield traveller


@pytest.fixture
def live(clock: time_machine.Traveller) -> Live:
    """`await live(days=14)`: so many days after the start, with all that is due by then done once."""

    async def until(**after: float) -> None:
        clock.move_to(START + timedelta(**after))
        await jobs.drain(db.utc_now())

    return until


@pytest.fixture
def kept_call(a_call: CallMaker) -> KeptCall:
    """A ready call with its objects where the product puts them, kept for thirty days (or `days`)."""

    async def make(*, days: int = KEPT_DAYS, **known: Any) -> UUID:
        last = START.date() + timedelta(days=days - 1)
        call = await a_call(retain_until=last, expires_at=midnight_after(last), **known)
        await storage().delete(f"recordings/{call}")
        await storage().put_bytes(object_key(call), b"the whole call")
        await storage().put_bytes(peaks_key(call), b"its shape")
        keys: dict[Any, Any] = {Recording.object_key: object_key(call), Recording.peaks_key: peaks_key(call)}
        await Recording.update(keys).where(Recording.id == call)
        return call

    return make


def midnight_after(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


def a_wish(days: int = 200, **changes: Any) -> Wish:
    """Until so many days after the start, on a weighed interest, listened to once more."""
    last = START.date() + timedelta(days=days - 1)
    values: dict[str, Any] = {
        "basis": "legitimate_interest",
        "keep_until": last,
        "expires_at": midnight_after(last),
        "checked": True,
    }
    return Wish(**{**values, **changes})


@pytest.fixture
def publish(cast: Cast, rules: dict[str, UUID], canned_sound: None) -> Publish:
    """`await publish(call, title="…")`: a redacted exemplar of R01 in use."""

    async def made(call: UUID, **changes: Any) -> UUID:
        trainer = cast.viewer("trainer")
        values = {"redactions": (Cut(7_000, 8_000),), **changes}
        clip = await service.create_clip(trainer, call, fields(**values))
        await jobs.drain()
        return await service.publish_clip(trainer, clip, review="self", privacy_checked=True)

    return made


async def objects(prefix: str = "") -> list[str]:
    """What lies in the storage."""
    return sorted([stored.key async for stored in storage().list(prefix)])
