"""What a service says when it will not do a thing: a reason in words, never a status code.

Services raise these; `trainer.web.errors` alone turns them into a page, a fragment or an RFC 9457
answer. `detail` is shown to people, so it says what happened and, where it can, what to do next.
"""

from dataclasses import dataclass
from typing import Any, ClassVar


class Problem(Exception):
    """A refusal with a stable slug, a sentence for people and extra members for programs."""

    slug: ClassVar[str] = "problem"

    def __init__(self, detail: str, *, slug: str | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.name = slug or self.slug
        self.extra = extra


class Malformed(Problem):
    """The request cannot be read: bad syntax, a bad cursor."""

    slug = "malformed"


class Unauthenticated(Problem):
    """Nobody is signed in, or the token is unknown or over."""

    slug = "sign-in-required"


class Forbidden(Problem):
    """The person may know that it exists, but not do this."""

    slug = "forbidden"


class NotFound(Problem):
    """It does not exist, or the person may not even know that it does."""

    slug = "not-found"


class Conflict(Problem):
    """Its present state does not allow this."""

    slug = "conflict"


class Gone(Problem):
    """It was erased; only the proof of that remains."""

    slug = "erased"


class PreconditionFailed(Problem):
    """Somebody else changed it since it was read."""

    slug = "changed-meanwhile"


class TooLarge(Problem):
    slug = "too-large"


class Unsupported(Problem):
    slug = "unsupported-media-type"


class TooMany(Problem):
    """Too many tries; `retry_after` is in seconds."""

    slug = "too-many-requests"

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Unavailable(Problem):
    """Something that this centre depends on is away for the moment."""

    slug = "unavailable"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: its name, a stable code for programs and a sentence for people."""

    field: str
    code: str
    message: str


class Invalid(Problem):
    """The request was understood but its content is refused; every wrong field is named at once."""

    slug = "invalid"

    def __init__(
        self, detail: str, *, errors: list[FieldError] | None = None, slug: str | None = None
    ) -> None:
        super().__init__(detail, slug=slug)
        self.errors = errors or []

    @classmethod
    def field(cls, name: str, code: str, message: str) -> "Invalid":
        """The common case: one field is wrong."""
        return cls(message, errors=[FieldError(name, code, message)])
