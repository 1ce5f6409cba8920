"""What ended here is not taken in again: neither what was erased nor what was kept until its day.

The proof of a call holds a fingerprint of its sound: an HMAC of the file's SHA-256 under the centre's secret key.
Whoever brings exactly the same file again is told so; whoever reads the proof learns nothing of what it held, and
cannot even try files against it without the key.
Invariant: whoever ends a call and whoever takes one in hold `hold(sha256)`, so that one sees what the other did.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from trainer import db
from trainer.calls import queries
from trainer.calls.tables import Recording
from trainer.people.days import day_of
from trainer.problems import FieldError, Forbidden, Invalid
from trainer.web.i18n import _
from trainer.web.session import Viewer

EXPIRED = "retain_until"  # why it was erased, when nobody did it
PERSON_ERASED = "person_erased"  # the same, where the person heard was erased
ANYWAY = ("trainer", "admin")  # who may take it in all the same
MOST_REASON = 500

_key = b""


def set_key(key: bytes | None) -> None:
    """The secret key of this process's centre. Without one (a test of a single room) nothing is remembered."""
    global _key
    _key = key or b""


def fingerprint(sha256: str) -> str:
    """What a proof keeps of a file with this SHA-256 (hex); "" for a file that is not known."""
    if not (_key and sha256):
        return ""
    return hmac.new(_key, b"ended call:" + sha256.encode(), hashlib.sha256).hexdigest()


async def hold(sha256: str) -> None:
    """Inside a transaction: until it ends, nobody else takes this content in or ends it."""
    if sha256:
        await db.lock(f"call {sha256}")


@dataclass(frozen=True, slots=True)
class Ended:
    """A call that was here with the same content. `cause` is EXPIRED, PERSON_ERASED, or "" for what was asked."""

    recording: UUID
    at: datetime
    cause: str

    @property
    def sentence(self) -> str:
        day = {"day": day_of(self.at, "").isoformat()}
        match self.cause:
            case "retain_until":
                told = _(
                    "This recording was kept here until %(day)s, and that is over; it is not taken in again."
                )
            case "person_erased":
                told = _(
                    "This recording was erased on %(day)s together with the person whose voice it held; "
                    "it is not taken in again."
                )
            case _other:
                told = _("This recording was erased on %(day)s at request; it is not taken in again.")
        return told % day


async def ended_before(hashes: Iterable[str]) -> dict[str, Ended]:
    """The contents of these (SHA-256) that ended here, the last end of each."""
    by_print = {fingerprint(sha256): sha256 for sha256 in hashes}
    by_print.pop("", None)
    found: dict[str, Ended] = {}
    for row in await queries.with_fingerprints(sorted(by_print)):
        cause = EXPIRED if row["state"] == "expired" else row["erased_why"]
        at = row["expires_at"] if cause == EXPIRED and row["expires_at"] else row["erased_at"]
        ended = Ended(row["id"], at, cause if cause in (EXPIRED, PERSON_ERASED) else "")
        other = found.get(by_print[row["fingerprint"]])
        # what went with a person is the stricter word, whatever came of a copy of it
        if other is None or (ended.cause == PERSON_ERASED, ended.at) > (
            other.cause == PERSON_ERASED,
            other.at,
        ):
            found[by_print[row["fingerprint"]]] = ended
    return found


async def require_new(viewer: Viewer | None, sha256: str, because: str) -> Ended | None:
    """Refuses a file that ended here before, unless a trainer or admin says why it is taken in anyway.

    Returns what it overrides, for the log; None for a file that is new. What was erased together with a person stays
    out whatever is said: all of it was to go. Raises Invalid (`erased-before`), Forbidden.
    """
    ended = (await ended_before([sha256])).get(sha256)
    if ended is None:
        return None
    for_good = ended.cause == PERSON_ERASED
    may = viewer is not None and viewer.has(*ANYWAY) and not for_good
    if because and viewer is not None and not for_good:
        if not may:
            raise Forbidden(_("Trainers and admins decide whether a call comes back that ended here."))
        if len(because) <= MOST_REASON:
            return ended
    code = "expired" if ended.cause == EXPIRED else "erased"
    errors = [FieldError("audio", code, ended.sentence)]
    if may:
        told = _("To take it in anyway, say in a sentence (at most %(most)s characters) why that is lawful.")
        errors.append(FieldError("despite_erasure", "required", told % {"most": MOST_REASON}))
    raise Invalid(ended.sentence, errors=errors, slug="erased-before")


async def remember(recording: UUID, at: datetime, why: str, kept: str) -> None:
    """After a restore: the fingerprint of an erasure, also of a call that the backup never held."""
    if not kept:
        return
    if await Recording.exists().where(Recording.id == recording):
        bare = (Recording.id == recording) & (Recording.fingerprint == "")
        await Recording.update({Recording.fingerprint: kept}).where(bare)
        return
    proof = Recording(
        id=recording,
        state="erased",
        consent_basis="",
        created_at=at,
        erased_at=at,
        erased_why=why,
        fingerprint=kept,
    )
    await Recording.insert(proof)
