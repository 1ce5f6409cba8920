"""Imports point down: each room may use the rooms below it and no other."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "trainer"

# From the bottom up; rooms on one line do not use each other.
LAYERS = [
    ["problems", "settings", "words"],
    ["db", "db_engine", "db_sqlite", "db_postgres", "db_schema", "logs"],
    ["job_queue"],
    ["jobs", "storage", "audio", "speech", "web"],
    ["facts", "sheets"],
    ["people"],
    ["notices"],
    ["rulebook"],
    ["calls"],
    ["clips"],
    ["quality"],
    ["search"],
    ["curating"],
    ["training"],
    ["appreciation"],
    ["career"],
    ["recognition"],
    ["homes", "dossier"],
    ["backup"],
    ["health", "metrics", "navigation", "doctor", "exchange", "serving", "starter"],
    ["app"],
    ["demo"],
    ["cli"],
    ["__main__"],
]
# The list of tables and the migrations stand beside the layers: they name every room's tables.
BESIDE = {"piccolo_app", "piccolo_conf", "migrations", "_bundled"}
# Neighbours of one layer that may use each other: storage and the edge share words, db's files are one room.
NEIGHBOURS = [
    {"db", "db_engine", "db_sqlite", "db_postgres", "db_schema"},
    {"jobs", "storage", "audio", "speech", "web"},
    {"db_schema", "piccolo_app"},
]
HEIGHT = {room: height for height, rooms in enumerate(LAYERS) for room in rooms}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rooms_used(path: Path) -> set[str]:
    used: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module]
            if node.module == "trainer":
                names = [f"trainer.{alias.name}" for alias in node.names]
        used |= {name.split(".")[1] for name in names if name.startswith("trainer.")}
    return used - {"__version__"}


SOURCES = [path for path in sorted(PACKAGE.rglob("*.py")) if room_of(path) not in BESIDE | {"__init__"}]


def allowed(mine: str, used: str) -> bool:
    if used == mine or HEIGHT[used] < HEIGHT[mine]:
        return True
    return any({mine, used} <= together for together in NEIGHBOURS)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_uses_only_rooms_below_it(path: Path) -> None:
    mine = room_of(path)
    assert mine in HEIGHT, f"{mine} has no place in the house yet: give it one in LAYERS"
    upward = [used for used in rooms_used(path) - BESIDE if used in HEIGHT and not allowed(mine, used)]
    assert not upward, (
        f"{path.relative_to(PACKAGE)} uses {', '.join(upward)}, which stands above or beside it"
    )


def test_the_edge_knows_no_domain() -> None:
    domains = {room for rooms in LAYERS[4:] for room in rooms}
    for path in (PACKAGE / "web").rglob("*.py"):
        assert not rooms_used(path) & domains, path.name


def test_only_queries_and_the_database_hold_raw_sql() -> None:
    """SQL elsewhere is found by nobody who looks for it. Guarded one-liners of the lowest rooms are theirs."""
    beginnings = ("SELECT ", "UPDATE ", "DELETE FROM ", "INSERT INTO ")
    below = {
        "db",
        "db_engine",
        "db_sqlite",
        "db_postgres",
        "db_schema",
        "job_queue",
        "facts",
        "migrations",
        "health",
    }
    own = {"web/live.py"}  # talks to PostgreSQL on a connection of its own
    found = []
    for path in SOURCES:
        if (
            room_of(path) in below
            or path.name == "tables.py"
            or path.name.endswith("queries.py")  # a room with many tells them apart: card_queries.py
            or str(path.relative_to(PACKAGE)) in own
        ):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            if text.lstrip().startswith(beginnings):
                found.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert not found
