"""Language: which one this request speaks, and every visible string in it.

The language travels in a context variable, so that `_()` works in services and templates alike without
passing a request around. Authored text (rules, modules) is a mapping of locales; `text_in` picks what the
reader can read.
Invariant: a string is translated when it is shown, never when a module is imported.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from babel import Locale
from babel.support import NullTranslations, Translations

LOCALES = ("en", "zh-Hans", "zh-Hant")
# A reader of Traditional Chinese would rather read Simplified than English.
FALLBACKS = {"en": ("en",), "zh-Hans": ("zh-Hans", "en"), "zh-Hant": ("zh-Hant", "zh-Hans", "en")}
DIRECTORY = Path(__file__).parent.parent / "locale"

_current: ContextVar[str] = ContextVar("locale", default="en")


def current_locale() -> str:
    """The locale of this request or job: one of LOCALES."""
    return _current.get()


def set_locale(locale: str) -> None:
    """Speak `locale` from here on in this task; an unknown one falls back to English."""
    _current.set(locale if locale in LOCALES else "en")


@contextmanager
def speaking(locale: str) -> Iterator[None]:
    """Speak another language for a while, as when a job writes for one person."""
    token = _current.set(locale if locale in LOCALES else "en")
    try:
        yield
    finally:
        _current.reset(token)


@cache
def _catalogue(locale: str) -> NullTranslations:
    return Translations.load(
        DIRECTORY, [name.replace("-", "_") for name in FALLBACKS[locale] if name != "en"]
    )


@cache
def babel_locale(locale: str) -> Locale:
    """Babel's view of one of LOCALES, for dates and numbers."""
    # British English: the day before the month, and 24 hours, as most of the world writes them in English.
    return Locale.parse("en-GB" if locale == "en" else locale, sep="-")


def gettext(message: str) -> str:
    return _catalogue(_current.get()).ugettext(message)


def ngettext(one: str, many: str, n: int) -> str:
    return _catalogue(_current.get()).ungettext(one, many, n)


_ = gettext


def text_in(authored: Mapping[str, str] | str | None, locale: str | None = None) -> str:
    """The wording of an authored text that a reader of `locale` reads best; "" when there is none."""
    if isinstance(authored, str):
        return authored
    if not authored:
        return ""
    for name in FALLBACKS[locale or _current.get()]:
        if authored.get(name):
            return authored[name]
    return next(iter(authored.values()), "")
