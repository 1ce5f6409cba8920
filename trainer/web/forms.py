"""Reading a small HTML form: every wrong field is named at once, and what was typed is kept.

Uploads do not come through here (see uploads.py). Invariant: a form is either `ok` and all values are
usable, or it has a sentence per wrong field and the page shows the same form again.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from litestar.connection import Request

from trainer.problems import FieldError, Invalid
from trainer.web.i18n import _
from trainer.web.texts import readable


class Form:
    """The fields of one sent form. A reader returns a usable value, or notes an error and returns a blank."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        self.fields = {name: [readable(value) for value in values] for name, values in fields.items()}
        self.errors: dict[str, str] = {}
        self._typed = fields

    @property
    def ok(self) -> bool:
        return not self.errors

    def raw(self, name: str) -> str:
        """What was typed, trimmed; "" when absent."""
        return (self.fields.get(name) or [""])[-1].strip()

    def secret(self, name: str) -> str:
        """A password exactly as it was typed: blanks at its ends belong to it."""
        return (self._typed.get(name) or [""])[-1]

    def text(self, name: str, *, required: bool = True, most: int = 200) -> str:
        """One line or paragraph of at most `most` characters."""
        value = self.raw(name)
        if required and not value:
            self.errors[name] = _("Please fill this in.")
        elif len(value) > most:
            self.errors[name] = _("Please keep this under %(most)s characters; it has %(has)s.") % {
                "most": most,
                "has": len(value),
            }
        return value

    def choice(self, name: str, allowed: Iterable[str], *, required: bool = True) -> str:
        """One of `allowed`."""
        value = self.raw(name)
        if (value or required) and value not in set(allowed):
            self.errors[name] = _("Please choose one of these.")
        return value

    def many(self, name: str) -> list[str]:
        """All values of a repeated field, trimmed, blanks left out."""
        return [value.strip() for value in self.fields.get(name, []) if value.strip()]

    def integer(self, name: str, *, least: int, most: int, required: bool = True) -> int | None:
        """A whole number between `least` and `most`; None when absent and not required."""
        value = self.raw(name)
        if not value and not required:
            return None
        try:
            number = int(value)
        except ValueError:
            self.errors[name] = _("Please give a whole number.")
            return None
        if not least <= number <= most:
            self.errors[name] = _("Please give a number from %(least)s to %(most)s.") % {
                "least": least,
                "most": most,
            }
            return None
        return number

    def day(self, name: str, *, required: bool = True) -> date | None:
        """A calendar day as browsers send it (YYYY-MM-DD)."""
        value = self.raw(name)
        if not value and not required:
            return None
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.errors[name] = _("Please give a day, such as 2026-11-23.")
            return None

    def identifier(self, name: str, *, required: bool = True) -> UUID | None:
        """The id of something chosen on the page."""
        value = self.raw(name)
        if not value and not required:
            return None
        try:
            return UUID(value)
        except ValueError:
            self.errors[name] = _("Please choose one of these.")
            return None

    def checked(self, name: str) -> bool:
        """Whether a check box was ticked."""
        return bool(self.raw(name))

    def take(self, problem: Invalid) -> None:
        """Show a service's refusal at its fields."""
        for error in problem.errors or [FieldError("", problem.name, problem.detail)]:
            self.errors.setdefault(error.field, error.message)


async def read_form(request: Request[Any, Any, Any]) -> Form:
    """The request's form fields (urlencoded, or multipart without files)."""
    data = await request.form()
    fields: dict[str, list[str]] = {}
    for name, value in data.multi_items():
        if isinstance(value, str):
            fields.setdefault(name, []).append(value)
    return Form(fields)
