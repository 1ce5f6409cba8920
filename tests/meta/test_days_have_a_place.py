"""A day is a day somewhere: nothing is dated by UTC's calendar but what stands here, with the reason.

Found are days read off an unplaced "now" (`utc_now().date()`, `now.date()` of a name that came from it) and moments
put together in UTC (`combine(day, …, UTC)`). `trainer.people.days` has what is used in their place.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "trainer"

# file:function → why UTC's day is right there
ALLOWED = {
    "people/days.py:start_of": "the calendar's first day, which has no earlier moment",
    "training/queries.py:newcomers": "about ninety days back; a few hours do not matter",
    "training/enrolling.py:enrol_newcomers": "about ninety days back; a few hours do not matter",
    "training/assigning/reminders.py:remind_of_due_days": "later than any place is; each row is then asked its own",
    "training/progress/kinds.py:kinds_of": "whether something is overdue is not asked there",
    "recognition/marking.py:celebrate": "remembers how far was looked; two days are taken off for zones behind",
    "demo/build.py:build": "the sample's own clock, in days before the one on which it is made",
}


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """The outermost functions and methods, and what stands outside of them."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from ((inner.name if hasattr(inner, "name") else "", inner) for inner in node.body)
        else:
            yield (node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else "", node)


def called(node: ast.AST) -> str:
    """The name of what is called: `utc_now` of `db.utc_now()`."""
    if not isinstance(node, ast.Call):
        return ""
    found = node.func
    return found.attr if isinstance(found, ast.Attribute) else found.id if isinstance(found, ast.Name) else ""


def is_utc(node: ast.AST) -> bool:
    return isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node).split(".")[-1] in ("UTC", "utc")


def of_now(node: ast.AST, names: set[str]) -> bool:
    """Whether this is the present moment, or some time from it, without a place."""
    inside = list(ast.walk(node))
    if any(called(each) == "astimezone" for each in inside):
        return False
    return any(
        called(each) in ("utc_now", "utcnow")
        or (called(each) == "now" and isinstance(each, ast.Call) and any(map(is_utc, each.args)))
        or (isinstance(each, ast.Name) and each.id in names)
        for each in inside
    )


def utc_days(source: str) -> list[str]:
    """The names of functions that take a day from UTC."""
    found = []
    for name, function in functions(ast.parse(source)):
        names = {"now"}
        for node in ast.walk(function):
            pairs: list[tuple[ast.expr, ast.expr]] = []
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                target, value = node.targets[0], node.value
                pairs = [(target, value)]
                if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                    pairs = list(zip(target.elts, value.elts, strict=True))
            for target, value in pairs:
                if isinstance(target, ast.Name) and called(value) in ("utc_now", "utcnow"):
                    names.add(target.id)
        for node in ast.walk(function):
            if not isinstance(node, ast.Call):
                continue
            given = [*node.args, *(each.value for each in node.keywords)]
            placed_in_utc = called(node) == "combine" and any(map(is_utc, given))
            reads = called(node) == "date" and isinstance(node.func, ast.Attribute)
            if placed_in_utc or (reads and of_now(node.func, names)):
                found.append(name)
    return found


def test_no_day_is_utcs_without_a_reason() -> None:
    found = {
        f"{path.relative_to(PACKAGE)}:{name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if "migrations" not in path.parts
        for source in [path.read_text(encoding="utf-8")]
        if ".date()" in source or "combine(" in source
        for name in utc_days(source)
    }
    assert not found - set(ALLOWED), "ask trainer.people.days whose day it is, or say here why UTC's is right"
    assert not set(ALLOWED) - found, "these are mended: take them off the list"


def test_what_is_looked_for_is_found() -> None:
    said = """
def a(day):
    return datetime.combine(day, time(), UTC)
def b():
    return db.utc_now().date()
def c():
    at, other = db.utc_now(), 1
    return (at - AGO).date()
class D:
    def e(self, now):
        return now.date()
def f(day):
    return datetime.combine(day, time(), tzinfo=datetime.UTC)
def g():
    return datetime.now(UTC).date()
def right(day, zone):
    now = db.utc_now()
    return now.astimezone(zone).date(), datetime.combine(day, time(), zone).astimezone(UTC), row.at.date()
"""
    assert utc_days(said) == ["a", "b", "c", "e", "f", "g"]
