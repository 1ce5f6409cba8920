"""What a milestone asks for, in the reader's words; one sentence per criterion, the same on every page.

Invariant: criteria are data; a kind of fact that has no sentence here is still shown, by its code.
"""

from collections.abc import Mapping

from trainer.career.progress import TENURE, Criterion, CriterionView, I18n
from trainer.web.i18n import _, ngettext, text_in


def criterion_text(criterion: Criterion, modules: Mapping[str, I18n]) -> str:
    """One criterion as a sentence without a full stop. `modules`: titles of modules by code."""
    n = criterion.count
    if criterion.fact == "module_completed":
        if criterion.subject:
            title = text_in(modules.get(criterion.subject)) or criterion.subject
            return _("Complete “%(module)s”") % {"module": title}
        return ngettext("Complete a module", "Complete %(n)s different modules", n) % {"n": n}
    if criterion.fact == "appreciation_given":
        words = ngettext("Thank a colleague for something they did", "Thank colleagues %(n)s times", n)
        return words % {"n": n}
    if criterion.fact == "clip_published":
        words = ngettext("A clip from a call of yours is chosen", "%(n)s clips from your calls are chosen", n)
        return words % {"n": n}
    if criterion.fact == "signed_off":
        return sign_off_text(criterion.subject or "")
    if criterion.fact == TENURE:
        return ngettext("One day with us", "%(n)s days with us", n) % {"n": n}
    return f"{criterion.fact} {criterion.subject or ''} × {n}".replace("  ", " ")


def sign_off_text(subject: str) -> str:
    """What a lead vouches for."""
    known = {
        "buddy-shift": _("A shift side by side with the buddy, signed off by the lead"),
        "hard-calls": _("Hard calls listened to together, signed off by the lead"),
        "peer-coaching": _("A new colleague accompanied, signed off by the lead"),
    }
    return known.get(subject) or _("Signed off by the lead: %(what)s") % {"what": subject}


def horizon_text(horizon: str) -> str:
    """How far away a level is."""
    known = {"near": _("In the coming weeks"), "mid": _("Within the year"), "long": _("Further on")}
    return known.get(horizon, horizon)


def way_to(criterion: Criterion, taken: Mapping[str, str]) -> str | None:
    """Where the person can do what is asked; None where only time or somebody else brings it.

    `taken`: addresses of the person's modules by code.
    """
    if criterion.fact == "module_completed":
        return taken.get(criterion.subject or "", "/learn")
    return "/recognition/thank" if criterion.fact == "appreciation_given" else None


def as_item(
    view: CriterionView, modules: Mapping[str, I18n], taken: Mapping[str, str] | None = None
) -> dict[str, object]:
    """For the list of criteria on a page: counted ones show how many are there.

    With `taken` (see `way_to`) it is the person's own list: what is open leads to where it is done.
    """
    counted = view.criterion.count > 1
    return {
        "href": way_to(view.criterion, taken) if taken is not None and not view.met else None,
        "text": criterion_text(view.criterion, modules),
        "met": view.met,
        "have": view.have,
        "need": view.criterion.count if counted else None,
    }
