"""What leaves the house: notices as each person chose, the daily digest, links to sign in, letters of other rooms.

Every mail is a job: it is tried again for some hours while the server is away, and what failed for good is
shown to admins and by `trainer doctor`. With no mail set up nothing here is sent, and nothing fails.
Invariant: a secret (the link that lets somebody in) is made in the moment of sending and stands in no job, log
or row; a notice is mailed only to whoever still wants it so, and not twice.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from trainer import db, jobs
from trainer.notices import kinds, letters, post_office, queries
from trainer.notices.inbox import NoticeView, shown
from trainer.notices.letters import Letter, Line
from trainer.notices.post_office import PostOffice, Refused
from trainer.people import links
from trainer.people.days import zone_of
from trainer.people.service import PersonView, get_person, people_by_ids
from trainer.problems import NotFound
from trainer.web.i18n import speaking

log = logging.getLogger(__name__)

ATTEMPTS = 12  # with the pauses between them about six hours
DIGEST_AT = time(7)
SHOWN_FAILURES = timedelta(days=7)  # as long as jobs that are over are kept


def is_set_up() -> bool:
    """Whether this centre sends mail at all."""
    return post_office.office() is not None


async def address_of(person: UUID) -> str:
    """The person's e-mail address, "" when none is known."""
    return (await get_person(person)).email or ""


async def send(to: UUID, subject: str, text: str) -> None:
    """Has a letter mailed to a person, in the caller's transaction; paragraphs are parted by empty lines.

    Nothing happens where no mail is set up or no address is known. Write no secret into it: it waits in a job.
    """
    if is_set_up():
        await jobs.enqueue(mail_letter, {"person": str(to), "subject": subject, "text": text})


async def mail_at_once(notices: Sequence[UUID]) -> None:
    """Has these notices mailed, once the caller's transaction is committed; by one job if they are many."""
    if not is_set_up() or not notices:
        return
    if len(notices) == 1:
        await jobs.enqueue(mail_notice, {"notice": str(notices[0])})
    else:
        await jobs.enqueue(hand_out_mail, {"notices": [str(notice) for notice in notices]})


async def _post(
    context: jobs.JobContext,
    person: PersonView,
    letter: Letter,
    key: str,
    *,
    post: PostOffice,
    choices: bool = True,
) -> None:
    """Composes and delivers. Whoever has left, or has no address, gets nothing.

    Raises LeaseLost when a later run of the job has begun, which delivers in place of this one.
    """
    if not person.active or person.erased_at is not None or not person.email:
        return
    message = post_office.compose(
        post,
        name=person.name,
        address=person.email,
        subject=letter.subject,
        text=letter.as_text(),
        html=letter.as_html(),
        key=key,
        choices=choices,
    )
    await context.still_ours()
    await post_office.deliver(post, message)


# Notices at once


@jobs.job("hand_out_mail")
async def hand_out_mail(context: jobs.JobContext, notices: list[str]) -> None:
    """One job for each, so that one mail that fails is tried again alone."""
    for notice in notices:
        await jobs.enqueue(mail_notice, {"notice": notice}, dedupe=f"mail_notice:{notice}")


@jobs.job("mail_notice", attempts=ATTEMPTS)
async def mail_notice(context: jobs.JobContext, notice: str) -> None:
    """Mails one notice, unless it was read, withdrawn or mailed meanwhile, or is no longer wanted by mail."""
    post, row = post_office.office(), await queries.to_mail(UUID(notice))
    if post is None or row is None:
        return
    kind = kinds.kind_of(row["kind"])
    if (row["way"] or kind.default_way) != "mail":
        return
    person = await get_person(row["person"])
    with speaking(person.locale):
        (view,) = await shown([row])
        letter = letters.notice_letter(post, person.name, _line(post, view))
        await _post(context, person, letter, f"notice-{notice}", post=post)
    try:
        await queries.mark_mailed([view.id], db.utc_now())
    except db.DatabaseError as error:  # it has left: a job that went back now would send it again
        log.warning("notice %s was mailed, which could not be noted: %s", notice, error)


def _line(post: PostOffice, view: NoticeView) -> Line:
    """The mail's link goes through the notice, so that following it marks it as read."""
    return Line(view.words, view.more, post.address_of(f"/notices/{view.id}/open"))


# The daily digest


@jobs.schedule("send_digests", every=timedelta(minutes=15))
async def send_digests(context: jobs.JobContext) -> None:
    """At seven of each person's own morning: what they have not read since seven of the day before."""
    if not is_set_up():
        return
    now = db.utc_now()
    waiting: dict[UUID, list[UUID]] = {}
    found = await queries.for_digests(kinds.kinds_by_default("digest"), now - timedelta(hours=50))
    for row in found:
        if is_due(row["created_at"], row["time_zone"], now):
            waiting.setdefault(row["person"], []).append(row["id"])
    for person, notices in waiting.items():
        async with db.transaction():
            # whoever claims a notice mails it: another process, or a second run, finds none
            claimed = await queries.mark_mailed(notices, now)
            if claimed:
                await jobs.enqueue(
                    mail_digest, {"person": str(person), "notices": [str(notice) for notice in claimed]}
                )


def is_due(created_at: datetime, zone: str, now: datetime) -> bool:
    """Whether a notice belongs into the digest of the person's present day, and that is to be sent by now."""
    local = now.astimezone(zone_of(zone))
    seven = datetime.combine(local.date(), DIGEST_AT, local.tzinfo)
    before = datetime.combine(local.date() - timedelta(days=1), DIGEST_AT, local.tzinfo)
    return now >= seven and before < created_at <= seven


@jobs.job("mail_digest", attempts=ATTEMPTS)
async def mail_digest(context: jobs.JobContext, person: str, notices: list[str]) -> None:
    """One mail with those of these notices that are still unread; none when all are read."""
    post = post_office.office()
    rows = await queries.still_unread([UUID(notice) for notice in notices])
    if post is None or not rows:
        return
    reader = await get_person(UUID(person))
    with speaking(reader.locale):
        lines = [_line(post, view) for view in await shown(rows)]
        letter = letters.digest_letter(post, reader.name, lines)
        await _post(context, reader, letter, f"digest-{context.job_id}", post=post)


# Letters and links


@jobs.job("mail_letter", attempts=ATTEMPTS)
async def mail_letter(context: jobs.JobContext, person: str, subject: str, text: str) -> None:
    """A letter of another room's."""
    post, reader = post_office.office(), await get_person(UUID(person))
    if post is not None:
        with speaking(reader.locale):
            letter = letters.plain_letter(post, reader.name, subject, text)
            await _post(context, reader, letter, f"letter-{context.job_id}", post=post)


@jobs.on("link_wanted", attempts=ATTEMPTS)
async def mail_link(context: jobs.JobContext, event: dict[str, Any]) -> None:
    """Makes the link that somebody wants and mails it: it stands nowhere else, so a later try makes another."""
    post = post_office.office()
    if post is None:
        return
    person = await get_person(UUID(event["person"]))
    if not person.email:
        return
    try:
        secret = await links.link_to_mail(person.id)
    except NotFound:  # left meanwhile
        return
    purpose = event.get("purpose", "")
    if purpose in ("invitation", "reset"):  # what it is by now: whoever has a password is invited no more
        purpose = "reset" if person.has_password else "invitation"
    life = links.LIFE["reset" if person.has_password else "invitation"]
    with speaking(person.locale):
        letter = letters.link_letter(person.name, purpose, post.address_of(f"/welcome/{secret}"), life)
        key = f"link-{context.job_id}-{context.attempt}"
        await _post(context, person, letter, key, post=post, choices=False)


# Trying it, and what went wrong


async def send_test(post: PostOffice, address: str) -> None:
    """Sends the test mail to an address, here and now. Raises NotSent or Refused."""
    letter = letters.test_letter(post)
    message = post_office.compose(
        post,
        name="",
        address=address,
        subject=letter.subject,
        text=letter.as_text(),
        html=letter.as_html(),
        key=f"test-{db.new_id()}",
        choices=False,
    )
    await post_office.deliver(post, message)


@jobs.job("mail_test", attempts=1)
async def mail_test(context: jobs.JobContext, person: str) -> None:
    """The test mail to whoever asked for it; one try, so that it says at once what is wrong."""
    post, reader = post_office.office(), await get_person(UUID(person))
    if post is None or not reader.email:
        return
    with speaking(reader.locale):
        try:
            await send_test(post, reader.email)
        except post_office.NotSent as error:
            raise Refused(str(error)) from None


@dataclass(frozen=True, slots=True)
class Failure:
    """A mail that was given up: for whom it was (None: unknown or erased), and why."""

    at: datetime
    what: str
    name: str | None
    why: str


async def failures(limit: int = 20) -> list[Failure]:
    """The mails of the last week that failed for good, newest first. At most three queries."""
    failed = await jobs.failed(
        (mail_notice, mail_digest, mail_letter, mail_link), db.utc_now() - SHOWN_FAILURES, limit
    )
    of_notices = await queries.persons_of([UUID(f.args["notice"]) for f in failed if "notice" in f.args])
    whom: list[UUID | None] = []
    for each in failed:
        given = each.args.get("event", each.args)
        whom.append(UUID(given["person"]) if "person" in given else of_notices.get(UUID(given["notice"])))
    people = await people_by_ids([person for person in whom if person])
    return [
        Failure(
            each.at,
            each.name.partition(":")[0],
            people[person].name if person in people and people[person].erased_at is None else None,
            each.error.removeprefix("NotSent: "),
        )
        for each, person in zip(failed, whom, strict=True)
    ]
