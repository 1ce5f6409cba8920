"""Finding what is written: rules, and analysts' notes on calls."""

import json

from trainer.quality.service import sight_of
from trainer.rulebook.service import SEE_DRAFTS, rules_of_versions
from trainer.rulebook.views import RuleView
from trainer.search import text_queries as queries
from trainer.search.filters import Filters
from trainer.search.hits import COUNTED, After, Found, Hit, NoteHit, RuleHit, key_in, one_by_one
from trainer.search.sought import Sought
from trainer.web.i18n import current_locale, text_in
from trainer.web.session import Viewer
from trainer.words import excerpt, pieces


async def find_rules(
    viewer: Viewer, sought: Sought, filters: Filters, limit: int, after: After | None
) -> Found:
    """Rules from `after` on."""
    rows = await queries.rules(
        sought, filters, drafts=viewer.has(*SEE_DRAFTS), before=key_in(after), limit=COUNTED + 1
    )
    shown = [row["rule_version"] for row in rows[:limit]]
    rules = await rules_of_versions(shown)
    hits: list[Hit] = [
        hit for version in shown if version in rules and (hit := _rule_hit(sought, rules[version]))
    ]
    return one_by_one("rule", hits, rows, limit)


def _rule_hit(sought: Sought, rule: RuleView) -> RuleHit | None:
    """In the reader's language, unless only another one fits."""
    authored = (rule.title, rule.statement, rule.why)
    if not sought.held_by([text for texts in authored for text in texts.values()]):
        return None
    locales = list(dict.fromkeys([current_locale(), *(locale for texts in authored for locale in texts)]))

    def said(locale: str) -> tuple[str, str, str]:
        return tuple(texts.get(locale) or text_in(texts) for texts in authored)  # type: ignore[return-value]

    best = next((locale for locale in locales if sought.held_by(said(locale))), locales[0])
    title, statement, why = said(best)
    why_places = sought.some_places(why)
    return RuleHit(
        rule,
        best,
        pieces(title, sought.some_places(title)),
        pieces(statement, sought.some_places(statement)),
        excerpt(why, why_places) if why_places else [],
    )


async def find_notes(
    viewer: Viewer, sought: Sought, filters: Filters, limit: int, after: After | None
) -> Found:
    """Analysts' notes from `after` on."""
    rows = await queries.notes(sought, filters, sight_of(viewer), before=key_in(after), limit=COUNTED + 1)
    hits: list[Hit] = []
    for row in rows[:limit]:
        text = row["comment"] if row["mark_comment"] is None else row["mark_comment"]
        if sought.held_by([text]):
            hits.append(
                NoteHit(
                    row["evaluation"],
                    excerpt(text, sought.some_places(text)),
                    row["agent_name"],
                    row["recording_title"] or "",
                    row["released_at"],
                    row["code"],
                    json.loads(row["rule_title"] or "{}"),
                    row["at_ms"],
                )
            )
    return one_by_one("note", hits, rows, limit)
