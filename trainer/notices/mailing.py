"""What of notices leaves the house by mail, as each person chose."""

from collections.abc import Sequence
from uuid import UUID


def is_set_up() -> bool:
    """Whether this centre sends mail at all."""
    return False


async def mail_at_once(notices: Sequence[UUID]) -> None:
    """Has these notices mailed, once the caller's transaction is committed."""
