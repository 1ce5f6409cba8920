"""Search over 20,000 lines of transcripts, on both engines: what a trainer, a team lead and an agent wait for.

Rows are written directly and indexed as the jobs do it. Each question is asked of all kinds at once, by the service
that page and API use: frequent and rare words, beginnings, phrases, words in several lines of one call, words left out,
one to four Chinese characters in either script, and what nobody said. The reference is the naive question to the same
rows, LIKE without an index and without any rights.

    python -m benchmarks.search
"""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks.row import Row
from tests import postgres_cluster
from trainer import db
from trainer.calls import reading
from trainer.calls.tables import Recording, Segment
from trainer.clips.pairs.tables import ClipPair
from trainer.clips.playlists.tables import Playlist, PlaylistItem
from trainer.clips.tables import Clip, ClipRule
from trainer.people.tables import Person, Team
from trainer.quality import service as quality
from trainer.quality.tables import Evaluation
from trainer.rulebook.tables import Rule, Rulebook, RuleVersion
from trainer.search import index, service
from trainer.web.session import Viewer

CALLS, LINES, CLIPS, RULES, AGENTS, TEAMS = 400, 50, 400, 60, 40, 4
PLAYLISTS, PAIRS = 60, 60
BOUND_MS = 25
ROUNDS = 5
COMMON = (  # noqa: SIM905 - a sentence is easier to read than a list
    "the to you i a and is it of that for we can my your have in on me be will with this not what so but as at are "
    "please yes no just here there now then when how much more time day week month call back order card account bill"
).split()
HAN = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里"
    "用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心"
)
RARE = [f"item{number}" for number in range(4_000)]
QUESTIONS = [
    "item1717",  # said a few times
    "item39",  # the beginning of many
    "the",  # in every other line
    "please order",
    '"account bill"',
    "item1717 order",  # a rare and a frequent word, mostly in different lines
    "item17 item23",  # in a few lines, and in many calls
    "item39 -please",
    "no",
    "我",
    "我们",
    "退款",
    "不能退款",
    "來對我們",  # in the other script than it was said
    "nobody said this",
]


def _line(chance: random.Random, chinese: bool) -> str:
    if chinese:
        said = "".join(chance.choices(HAN, k=18))
        return said if chance.random() > 0.02 else f"{said[:9]}不能退款{said[9:]}"
    return " ".join([*chance.choices(COMMON, k=11), chance.choice(RARE)]).capitalize() + "."


async def fill() -> tuple[UUID, UUID, UUID]:
    """A centre with so many lines; returns a team, one of its agents and the book."""
    chance, now = random.Random(7), db.utc_now()
    teams = [Team(id=db.new_id(), name=f"Team {n}", created_at=now) for n in range(TEAMS)]
    people = [
        Person(
            id=db.new_id(), name=f"Agent {n}", name_key=f"agent {n}", email=f"a{n}@bench.example", roles="agent",
            team=teams[n % TEAMS].id, created_at=now,
        )
        for n in range(AGENTS)
    ]  # fmt: skip
    book = Rulebook(id=db.new_id(), code="bench", title='{"en": "Bench"}', created_at=now)
    await _insert(Team, teams)
    await _insert(Person, people)
    await _insert(Rulebook, [book])
    rules = [Rule(id=db.new_id(), rulebook=book.id, code=f"R{n}", created_at=now) for n in range(RULES)]
    await _insert(Rule, rules)
    await _insert(
        RuleVersion,
        [
            RuleVersion(
                id=db.new_id(), rule=rule.id, version=1, state="published", title='{"en": "A rule"}',
                statement=f'{{"en": "{_line(chance, False)}"}}', created_at=now,
            )
            for rule in rules
        ],
    )  # fmt: skip
    calls = [
        Recording(
            id=db.new_id(), title=f"Call {n}", state="ready", agent=people[n % AGENTS].id, rulebook=book.id,
            language="zh-Hans" if n % 4 == 0 else "en", consent_basis="contract", duration_ms=LINES * 5_000,
            staged=n % 4 == 3,
            called_at=now - timedelta(hours=n), created_at=now - timedelta(hours=n), sha256=str(n),
        )
        for n in range(CALLS)
    ]  # fmt: skip
    await _insert(Recording, calls)
    await _insert(
        Segment,
        [
            Segment(
                id=db.new_id(), recording=call.id, position=p, start_ms=p * 5_000, end_ms=p * 5_000 + 4_500,
                speaker="agent" if p % 2 else "caller", text=_line(chance, call.language != "en"),
            )
            for call in calls
            for p in range(LINES)
        ],
    )  # fmt: skip
    clips = [db.new_id() for _n in range(CLIPS)]
    await _insert(
        Clip,
        [
            Clip(
                id=clips[n], recording=calls[n % CALLS].id, state="published",
                polarity="near_miss" if n % 4 == 3 else "exemplar", title=f'{{"en": "Clip {n}"}}',
                transcript=f'[{{"start_ms": 0, "end_ms": 900, "speaker": "", "text": "{_line(chance, False)}"}}]',
                start_ms=0, end_ms=5_000, duration_ms=5_000, render="ready", created_at=now, updated_at=now,
                published_at=now,
            )
            for n in range(CLIPS)
        ],
    )  # fmt: skip
    pinned = [(n, n + 3) for n in range(0, PAIRS * 4, 4)]
    await _insert(
        ClipRule,
        [ClipRule(id=db.new_id(), clip=clips[n], rule=rules[0].id) for both in pinned for n in both],
    )
    await _insert(
        ClipPair,
        [
            ClipPair(
                id=db.new_id(), rule=rules[0].id, good=clips[good], other=clips[other],
                note=_line(chance, False), created_at=now,
            )
            for good, other in pinned
        ],
    )  # fmt: skip
    lists = [
        Playlist(
            id=db.new_id(), title=f"Playlist {n}", note=_line(chance, False), owner=people[n % AGENTS].id,
            visible="everyone", created_at=now, updated_at=now,
        )
        for n in range(PLAYLISTS)
    ]  # fmt: skip
    await _insert(Playlist, lists)
    await _insert(
        PlaylistItem,
        [
            PlaylistItem(
                id=db.new_id(), playlist=each.id, clip=clips[n * 6 + p], position=p, note=_line(chance, False)
            )
            for n, each in enumerate(lists)
            for p in range(6)
        ],
    )
    await _insert(
        Evaluation,
        [
            Evaluation(
                id=db.new_id(), recording=call.id, agent=call.agent, rulebook=book.id, state="released",
                source=str(call.id), comment=_line(chance, False), created_at=now, listed_at=now, released_at=now,
            )
            for call in calls
        ],
    )  # fmt: skip
    return teams[0].id, people[0].id, book.id


async def _insert(table: Any, rows: list[Any]) -> None:
    async with db.transaction():
        for start in range(0, len(rows), 200):
            await table.insert(*rows[start : start + 200])


def _viewer(role: str, team: UUID | None, person: UUID | None = None) -> Viewer:
    return Viewer(
        id=person or db.new_id(), name=role, roles=frozenset([role]), team=team, team_name=None, locale="en",
        time_zone="",
    )  # fmt: skip


async def _spent(work: Callable[[], Awaitable[Any]]) -> float:
    begun = time.perf_counter()
    await work()
    return (time.perf_counter() - begun) * 1000


async def measure(engine: str, url: str) -> list[Row]:
    """The rows of one engine, on an empty database of its own."""
    reading.hearing_lists["evaluation"] = quality.released_recordings
    await db.open_database(url)
    try:
        await db.migrate()
        team, agent, _book = await fill()
        indexing = await _spent(lambda: index.sweep_search(None))  # type: ignore[arg-type]
        if engine == "PostgreSQL":
            await db.fetch("ANALYZE")
        viewers = {
            "trainer": _viewer("trainer", None),
            "team lead": _viewer("team_lead", team),
            "agent": _viewer("agent", team, agent),
        }
        spent: dict[str, list[float]] = {who: [] for who in viewers}
        scans: list[float] = []
        for _round in range(ROUNDS):
            for question in QUESTIONS:
                for who, viewer in viewers.items():
                    spent[who].append(await _spent(lambda v=viewer, q=question: _search(v, q)))  # type: ignore[misc]
                scans.append(await _spent(lambda q=question: _scan(q)))  # type: ignore[misc]
    finally:
        await db.close_database()
    everything = sorted(value for values in spent.values() for value in values)
    half, most = statistics.median(everything), everything[len(everything) * 95 // 100]
    scan = statistics.median(scans)
    size = f"search, {CALLS * LINES:,} lines, {engine}"
    told = ", ".join(f"{who} {statistics.median(values):.1f}" for who, values in spent.items())
    return [
        Row(f"{size}, p50 ({told})", half, "ms", scan, half / scan, f"≤ {BOUND_MS} ms", half <= BOUND_MS),
        Row(f"{size}, p95", most, "ms", None, None, "printed", None),
        Row(f"{size}, indexed anew", indexing / 1000, "s", None, None, "printed", None),
    ]


async def _search(viewer: Viewer, question: str) -> None:
    await service.search(viewer, service.Wanted(question))


async def _scan(question: str) -> None:
    words = question.strip('"').split()
    where = " AND ".join(["LOWER(text) LIKE {}"] * len(words))
    await db.fetch(f"SELECT COUNT(*) AS n FROM segment WHERE {where}", *(f"%{word}%" for word in words))


def rows() -> list[Row]:
    """For `make bench`: both engines, or SQLite alone where there is no PostgreSQL."""
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure("SQLite", f"sqlite:///{Path(folder) / 'bench.sqlite'}"))
    if postgres_cluster.missing() is None:
        cluster = postgres_cluster.Cluster()
        try:
            cluster.start()
            found += asyncio.run(measure("PostgreSQL", cluster.url))
        finally:
            cluster.remove()
    return found


if __name__ == "__main__":
    for row in rows():
        print(
            f"{row.name}: {row.value:.2f} {row.unit}, reference {row.reference or 0:.2f}, {row.bound} {row.ok}"
        )
