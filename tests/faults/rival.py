"""One of two processes that act at the same moment on one database: `python -m tests.faults.rival`.

Reads one order (JSON) a line and tells its end: `done`, the name of a refusal, or `broke: …` for what would have been
an answer of the 500s. On the way it stops twice for a line from outside, so that both have read before either
writes: before its first transaction begins, and on PostgreSQL once more before it writes for the first time.
"""

import asyncio
import json
import sys
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from tests.factories import viewer_for
from trainer import app as wiring
from trainer import db, db_engine, storage
from trainer.appreciation import service as appreciation
from trainer.calls import correcting
from trainer.calls.lines import Splice
from trainer.calls.service import erase_recording
from trainer.calls.transcripts import Line
from trainer.clips import consent, service, voice
from trainer.clips.batch.service import save_regions
from trainer.clips.fields import fields_of
from trainer.clips.keeping import renewing
from trainer.clips.pairs import service as pairs
from trainer.clips.playlists import service as playlists
from trainer.clips.suggestions import service as suggestions
from trainer.people.service import get_person
from trainer.problems import Problem
from trainer.quality import judging, replies
from trainer.quality.checking import Given
from trainer.recognition import cards, marking, posts
from trainer.rulebook import phrases
from trainer.training import assigning, deciding
from trainer.training.assigning import service as assignments
from trainer.web.session import Viewer

assert wiring.PAGES
assert assigning

Order = Callable[[Viewer, SimpleNamespace], Awaitable[Any]]


async def _edit(viewer: Viewer, on: SimpleNamespace) -> UUID:
    clip = await service.load_clip(viewer, on.clip)
    return await service.edit_clip(
        viewer, on.clip, replace(fields_of(clip), title=on.words), revision=on.revision
    )


async def _save_list(viewer: Viewer, on: SimpleNamespace) -> None:
    fields = playlists.PlaylistFields(on.words, visible="makers")
    chosen = [(clip, "") for clip in on.clips]
    await playlists.save_playlist(viewer, on.playlist, fields, chosen, revision=on.revision)


async def _correct(viewer: Viewer, on: SimpleNamespace) -> None:
    change = Splice(0, 1, (Line(0, 4_000, "agent", on.words, ()),))
    await correcting.change_lines(viewer, on.call, change, expected=on.revision)


def _wish(day: str) -> renewing.Wish:
    last = date.fromisoformat(day)
    ends = datetime(last.year, last.month, last.day, tzinfo=UTC)
    return renewing.Wish("contract", last, ends, checked=True)


ORDERS: dict[str, Order] = {
    "hand in": lambda who, on: service.submit_clip(who, on.clip),
    "give back": lambda who, on: service.return_clip(who, on.clip, "Shorter, please."),
    "approve": lambda who, on: service.approve(who, on.clip),
    "note": lambda who, on: service.note(who, on.clip, "The pause is good."),
    "edit": _edit,
    "publish": lambda who, on: service.publish_clip(
        who, on.clip, review="self", privacy_checked=True, may_stay="all"
    ),
    "retire": lambda who, on: service.retire_clip(who, on.clip),
    "restore": lambda who, on: service.restore_clip(who, on.clip),
    "take down": lambda who, on: service.take_down(who, on.clip, "Heard by name."),
    "put back": lambda who, on: service.put_back(who, on.clip, "It was somebody else."),
    "delete": lambda who, on: service.delete_clip(who, on.clip),
    "cut three": lambda who, on: save_regions(who, on.call, [_region(n) for n in range(3)], batch=on.batch),
    "ask": lambda who, on: consent.ask(who, on.clip),
    "yes": lambda who, on: consent.answer(who, on.clip, yes=True),
    "no": lambda who, on: consent.answer(who, on.clip, yes=False),
    "object": lambda who, on: voice.object_to(who, on.clip, "I was unwell."),
    "uphold": lambda who, on: voice.decide_objection(who, on.objection, "upheld", "You are right."),
    "decline": lambda who, on: voice.decide_objection(who, on.objection, "declined", "Nobody hears it."),
    "renew": lambda who, on: renewing.renew(who, on.clip, _wish(on.day)),
    "agree to renewal": lambda who, on: renewing.answer_renewal(who, on.renewal, yes=True),
    "call renewal off": lambda who, on: renewing.call_off(who, on.renewal),
    "accept": lambda who, on: suggestions.decide_in_clip(who, on.clip, on.keys, "accepted"),
    "reject": lambda who, on: suggestions.decide_in_clip(who, on.clip, on.keys, "rejected"),
    "add names": lambda who, on: suggestions.add_names(who, "Amara\nNwosu"),
    "add to list": lambda who, on: playlists.add_clip(who, on.playlist, on.clip),
    "take off list": lambda who, on: playlists.remove_clip(who, on.playlist, on.clip),
    "save list": _save_list,
    "delete list": lambda who, on: playlists.delete_playlist(who, on.playlist),
    "keep place": lambda who, on: playlists.remember_place(who, on.playlist, on.clip, 500),
    "pair": lambda who, on: pairs.make_pair(who, rule="R01", good=on.good, other=on.other),
    "unpair": lambda who, on: pairs.unmake_pair(who, on.pair),
    "correct words": _correct,
    "erase call": lambda who, on: erase_recording(who, on.call, "The caller asked."),
    "add phrase": lambda who, on: phrases.add_phrase(
        who, {"said": [on.words], "better": {"en": "Let me see."}, "language": "en"}
    ),
    "edit phrase": lambda who, on: phrases.edit_phrase(
        who, on.phrase, {"said": [on.words]}, expected=on.revision
    ),
    "remove phrase": lambda who, on: phrases.remove_phrase(who, on.phrase),
    "begin evaluation": lambda who, on: judging.start(who, on.call, {"marks": {"R01": Given("met")}}),
    "mark": lambda who, on: judging.save(
        who, on.evaluation, {"marks": {"R01": Given(on.mark)}}, expected=on.revision
    ),
    "release": lambda who, on: judging.release(who, on.evaluation, confirm_unmarked=True),
    "discard": lambda who, on: judging.discard(who, on.evaluation),
    "correct evaluation": lambda who, on: judging.correct(who, on.evaluation, "The wrong call."),
    "reply": lambda who, on: replies.reply(who, on.evaluation, "Thank you.", key=on.key),
    "assign": lambda who, on: assignments.assign(who, module="hear", people=[on.person]),
    "end assignment": lambda who, on: assignments.end_assignment(who, on.assignment),
    "waive": lambda who, on: deciding.waive(who, on.enrolment, "Knows it by heart."),
    "unwaive": lambda who, on: deciding.unwaive(who, on.enrolment),
    "sign off": lambda who, on: deciding.sign_off_enrolment(who, on.enrolment),
    "sign card": lambda who, on: cards.write_line(who, on.card, on.words),
    "take line back": lambda who, on: cards.remove_line(who, on.card, on.line),
    "celebrate": lambda who, on: marking.celebrate(datetime.fromisoformat(on.day)),
    "thank": lambda who, on: appreciation.thank(
        who, to=[on.person], behaviour_kind="rule", behaviour_code="R01", message="Well.", visibility="team"
    ),
    "mend thanks": lambda who, on: appreciation.mend(
        who, on.thanks, on.words, expected=getattr(on, "revision", None)
    ),
    "withdraw thanks": lambda who, on: appreciation.withdraw(who, on.thanks),
    "cheer": lambda who, on: posts.cheer(who, on.post, on=True),
    "hide post": lambda who, on: posts.hide_post(who, on.post),
}


def _region(number: int) -> service.ClipFields:
    start = 1_000 + 5_000 * number
    return service.ClipFields(start_ms=start, end_ms=start + 3_000, title=f"Part {number}", rules=("R01",))


class Turnstile:
    """Stops the order that is carried out, each place once."""

    def __init__(self) -> None:
        self.places: set[str] = set()

    async def stop(self, place: str) -> None:
        if place in self.places:
            self.places.discard(place)
            print(json.dumps({"at": place}), flush=True)
            await asyncio.to_thread(sys.stdin.readline)


turnstile = Turnstile()


def stand_in_the_way() -> None:
    """Puts the turnstile before transactions and before writes."""
    enter, run = db_engine.Transaction.__aenter__, db_engine.Database.run

    async def begin(transaction: db_engine.Transaction) -> db_engine.Transaction:
        if transaction.outer is None:
            await turnstile.stop("begin")
        return await enter(transaction)

    async def write(database: db_engine.Database, sql: str, params: Any = ()) -> list[db_engine.Row]:
        writes = not sql.lstrip()[:6].upper().startswith(("SELECT", "WITH", "SAVEPO"))
        if writes and database.engine_type == "postgres":
            await turnstile.stop("write")
        return await run(database, sql, params)

    db_engine.Transaction.__aenter__ = begin  # type: ignore[assignment,method-assign]
    db_engine.Database.run = write  # type: ignore[assignment,method-assign]


async def carry_out(order: dict[str, Any]) -> str:
    """How it ended."""
    try:
        on = SimpleNamespace(**{name: _known(value) for name, value in order["on"].items()})
        viewer = viewer_for(await get_person(UUID(order["who"])))
        with db.as_of(datetime.fromisoformat(order["now"]) if order.get("now") else None):
            turnstile.places = {"begin", "write"}
            await ORDERS[order["do"]](viewer, on)
        return "done"
    except Problem as refusal:
        return refusal.name
    except Exception as error:
        traceback.print_exc()
        return f"broke: {type(error).__name__}"
    finally:
        turnstile.places = set()


def _known(value: Any) -> Any:
    if isinstance(value, list):
        return [_known(each) for each in value]
    ids = isinstance(value, str) and len(value) == 36 and value.count("-") == 4
    return UUID(value) if ids else value


async def main() -> None:
    """Until its input ends."""
    stand_in_the_way()
    storage.open_storage(sys.argv[1])
    print(json.dumps({"at": "ready"}), flush=True)
    opened = ""
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        if order["database"] != opened:
            with suppress(db.DatabaseError):  # the former one may be gone
                await db.close_database()
            await db.open_database(opened := order["database"])
        print(json.dumps({"end": await carry_out(order)}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
