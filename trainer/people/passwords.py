"""Passwords: what is accepted as one, and how it is stored and compared.

argon2id needs 19 MB and some 30 ms a time, so it runs in two threads of its own: a rush of sign-ins waits its
turn instead of stopping the event loop or filling the memory.
Invariant: comparing takes as long for an account that does not exist as for one that does.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from trainer.problems import Invalid
from trainer.web.i18n import _

SHORTEST = 10
LONGEST = 200

# OWASP's least recommended cost for argon2id: m=19 MiB, t=2, p=1.
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")

# The hash of a random password that nobody has, made with the costs above.
NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$Gb/PBaogkZ8fJcYwy4ODig$DIvD+Sd+m2VnAhrTsB7p2P5HHiZAy3SNmsVYu+lsBsk"
_COMMON = (
    "1234567890",
    "0987654321",
    "qwertyuiop",
    "qwertzuiop",
    "password",
    "passwort",
    "contraseña",
    "letmein",
    "iloveyou",
    "welcome",
    "changeme",
    "asdfghjkl",
    "1q2w3e4r5t",
    "callcentre",
    "callcenter",
    "encore",
)


async def hash_password(password: str) -> str:
    """The argon2id hash to store."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password is right. Without a stored hash it works just as long and says no."""
    given = password[:LONGEST]  # what is longer was never accepted
    right = await asyncio.get_running_loop().run_in_executor(_threads, _verify, stored or NOBODY, given)
    return right and stored is not None and len(password) <= LONGEST


def needs_rehash(stored: str) -> bool:
    """Whether the hash was made with other costs than today's."""
    return _hasher.check_needs_rehash(stored)


def check_password(password: str, *, about: list[str | None]) -> None:
    """Raises Invalid for a password that is too short, well known, or made of what others know (`about`)."""
    if len(password) < SHORTEST:
        message = _("Please use at least %(least)s characters. A few words in a row work well.")
        raise Invalid.field("password", "too-short", message % {"least": SHORTEST})
    if len(password) > LONGEST:
        message = _("Please keep the password under %(most)s characters.")
        raise Invalid.field("password", "too-long", message % {"most": LONGEST})
    folded = password.casefold()
    if len(set(folded)) < 4:
        raise Invalid.field("password", "too-simple", _("This repeats too few characters. Try a few words."))
    known = [*_COMMON, *(part for text in about if text for part in _parts(text))]
    left = folded
    for word in sorted(known, key=len, reverse=True):
        left = left.replace(word, "")
    if len(left) < SHORTEST // 2:
        message = _(
            "This is among the first that somebody would try. Try a few words that only you think of."
        )
        raise Invalid.field("password", "too-common", message)


def _parts(text: str) -> list[str]:
    whole = text.casefold()
    pieces = whole.replace("@", " ").replace(".", " ").split()
    return [piece for piece in {whole, "".join(pieces), *pieces} if len(piece) >= 4]


def _verify(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
