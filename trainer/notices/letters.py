"""What mails say. A letter is put together once and drawn twice, as plain text and as HTML, from two templates.

The words come from here, in the language of whoever reads; the templates in `templates/mail` hold none.
Invariant: a letter's links lead to this centre, and what people wrote is escaped in the HTML.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from trainer.notices.post_office import PostOffice, site_name
from trainer.web.i18n import _, current_locale, ngettext
from trainer.web.templating import TEMPLATES

MOST_LISTED = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One thing in a list, with its second line and its address."""

    words: str
    more: str
    url: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail. `action` is the button (words, address); `foot` the small print (words, address or "")."""

    subject: str
    greeting: str
    paragraphs: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    action: tuple[str, str] | None = None
    after: tuple[str, ...] = ()
    foot: tuple[str, str] = ("", "")

    def as_text(self) -> str:
        """Plain text."""
        return _environment().get_template("mail/letter.txt").render(letter=self).strip() + "\n"

    def as_html(self) -> str:
        """HTML."""
        return _environment().get_template("mail/letter.html").render(letter=self, locale=current_locale())


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _greeting(name: str) -> str:
    return _("Hello %(name)s,") % {"name": name}


def _foot(post: PostOffice) -> tuple[str, str]:
    words = _("%(site)s: you alone choose what is sent to you.") % {"site": site_name()}
    return words, post.address_of("/account/notices")


def notice_letter(post: PostOffice, name: str, line: Line) -> Letter:
    """One notice, at once."""
    return Letter(
        subject=line.words,
        greeting=_greeting(name),
        paragraphs=tuple(filter(None, (line.words, line.more))),
        action=(_("Open it"), line.url),
        foot=_foot(post),
    )


def digest_letter(post: PostOffice, name: str, lines: list[Line]) -> Letter:
    """What of the last day was not read, in one mail."""
    count = len(lines)
    said = ngettext("%(n)s thing is new for you", "%(n)s things are new for you", count) % {"n": count}
    rest = count - MOST_LISTED
    more = ngettext("And %(n)s more.", "And %(n)s more.", rest) % {"n": rest} if rest > 0 else ""
    return Letter(
        subject=said,
        greeting=_greeting(name),
        paragraphs=(_("This is what you have not read since yesterday:"),),
        lines=tuple(lines[:MOST_LISTED]),
        after=(more,) if more else (),
        action=(_("See all"), post.address_of("/notices")),
        foot=_foot(post),
    )


def link_letter(name: str, purpose: str, url: str, life: timedelta) -> Letter:
    """A link that lets its holder in: an invitation, a reset, or a way to sign in."""
    site = {"site": site_name(), "name": name}
    if purpose == "invitation":
        subject, what, button = (
            _("Your invitation to %(site)s") % site,
            _("You are invited to %(site)s. Choose a password, and you are in.") % site,
            _("Choose a password"),
        )
        doubt = _("If you do not know what this is about, you need do nothing.")
    elif purpose == "reset":
        subject, what, button = (
            _("A new password for %(site)s") % site,
            _("Somebody, most likely you, asked for a new password for %(site)s.") % site,
            _("Choose a new password"),
        )
        doubt = _("If it was not you, do nothing: your password stays as it is.")
    else:
        subject, what, button = (
            _("Sign in to %(site)s") % site,
            _("With this link you sign in to %(site)s.") % site,
            _("Sign in"),
        )
        doubt = _("If you did not expect it, do nothing.")
    return Letter(
        subject=subject,
        greeting=_greeting(name),
        paragraphs=(what,),
        action=(button, url),
        after=(_works_once(life), doubt),
        foot=(site_name(), ""),
    )


def _works_once(life: timedelta) -> str:
    if life < timedelta(days=2):
        hours = round(life / timedelta(hours=1))
        words = ngettext(
            "The link works once, for %(n)s hour.", "The link works once, for %(n)s hours.", hours
        )
        return words % {"n": hours}
    words = ngettext("The link works once, for %(n)s day.", "The link works once, for %(n)s days.", life.days)
    return words % {"n": life.days}


def plain_letter(post: PostOffice, name: str, subject: str, text: str) -> Letter:
    """A letter of another room's: its paragraphs, parted by empty lines."""
    parts = tuple(part.strip() for part in text.split("\n\n") if part.strip())
    return Letter(subject=subject, greeting=_greeting(name), paragraphs=parts, foot=_foot(post))


def test_letter(post: PostOffice) -> Letter:
    """What an admin sends to see whether mail works."""
    site = {"site": site_name()}
    return Letter(
        subject=_("A test from %(site)s") % site,
        greeting=_("Hello,"),
        paragraphs=(
            _("Mail works: %(site)s could hand this over, and it came to you.") % site,
            _("See that the link below opens the centre: it is the address that links in mails lead to."),
        ),
        action=(_("Open %(site)s") % site, post.address_of("/")),
        foot=(site_name(), ""),
    )
