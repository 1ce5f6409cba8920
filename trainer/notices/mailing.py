"""What of notices leaves the house by mail, as each person chose."""

from collections.abc import Sequence
from uuid import UUID

from trainer.people.service import get_person


def is_set_up() -> bool:
    """Whether this centre sends mail at all."""
    return False


async def address_of(person: UUID) -> str:
    """The person's e-mail address, "" when none is known."""
    return (await get_person(person)).email or ""


async def mail_at_once(notices: Sequence[UUID]) -> None:
    """Has these notices mailed, once the caller's transaction is committed."""
