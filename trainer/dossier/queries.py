"""Raw SQL of the dossier: one statement for each thing that is held about a person.

Each takes the person's id as often as it has places. Secrets (hashes) are left out everywhere.
"""

from typing import Any
from uuid import UUID

from trainer import db

# section → (tables whose mention of a person it covers, statement)
SECTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "profile": (
        ("person", "team"),
        """SELECT person.id, person.name, person.email, person.employee_no, person.roles, team.name AS team,
           buddy.name AS buddy, manager.name AS manager, person.hired_on, person.birthday,
           person.birthday_scope, person.full_month_scope, person.anniversary_scope, person.milestone_scope,
           person.leap_day, person.locale, person.time_zone, person.theme, person.active, person.created_at,
           person.asked_at
           FROM person LEFT JOIN team ON team.id = person.team LEFT JOIN person buddy ON buddy.id = person.buddy
           LEFT JOIN person manager ON manager.id = person.manager WHERE person.id = {}""",
    ),
    "sessions": (
        ("session",),
        "SELECT device, created_at, seen_on, expires_at FROM session WHERE person = {} ORDER BY created_at",
    ),
    "links": (
        ("link",),
        "SELECT purpose, created_at, expires_at, used_at FROM link WHERE person = {} ORDER BY created_at",
    ),
    "tokens": (
        ("token",),
        """SELECT name, scopes, created_at, expires_at, revoked_at FROM token WHERE person = {}
           ORDER BY created_at""",
    ),
    "facts": (
        ("fact",),
        "SELECT kind, subject, version, at, data FROM fact WHERE person = {} ORDER BY at, id",
    ),
    "notices": (
        ("notice",),
        "SELECT kind, params, href, created_at, read_at FROM notice WHERE person = {} ORDER BY created_at",
    ),
    "notice_choices": (
        ("notice_choice",),
        "SELECT kind, way, at FROM notice_choice WHERE person = {} ORDER BY kind",
    ),
    "programmes": (
        ("programme_member",),
        """SELECT rulebook.code, programme_member.added_at FROM programme_member
           JOIN rulebook ON rulebook.id = programme_member.rulebook WHERE programme_member.person = {}
           ORDER BY rulebook.code""",
    ),
    "calls": (
        ("recording",),
        """SELECT id, title, state, called_at, duration_ms, language, csat, staged, consent_basis,
           retain_until FROM recording WHERE agent = {} ORDER BY called_at, id""",
    ),
    "plays_of_calls": (
        ("play",),
        """SELECT play.recording, play.at, hearer.name AS heard_by FROM play
           JOIN recording ON recording.id = play.recording LEFT JOIN person hearer ON hearer.id = play.person
           WHERE recording.agent = {} ORDER BY play.at""",
    ),
    "calls_heard": (
        ("play",),
        "SELECT recording, at FROM play WHERE person = {} ORDER BY at",
    ),
    "clips_of_voice": (
        ("clip",),
        """SELECT clip.id, clip.title, clip.state, clip.polarity, clip.version, clip.published_at,
           clip.retired_at, clip.taken_down_at FROM clip JOIN recording ON recording.id = clip.recording
           WHERE recording.agent = {} ORDER BY clip.created_at, clip.id""",
    ),
    "clip_answers": (
        ("clip_consent",),
        """SELECT clip, answer, own_team, words, at FROM clip_consent WHERE person = {} ORDER BY at""",
    ),
    "playlists": (
        ("playlist",),
        "SELECT title, note, visible, created_at, updated_at FROM playlist WHERE owner = {} ORDER BY created_at",
    ),
    "playlist_places": (
        ("playlist_place",),
        """SELECT playlist_place.playlist, playlist.title, playlist_place.ms, playlist_place.at FROM playlist_place
           JOIN playlist ON playlist.id = playlist_place.playlist WHERE playlist_place.person = {}
           ORDER BY playlist_place.at""",
    ),
    "clip_objections": (
        ("clip_objection",),
        """SELECT clip, words, at, decision, answer, decided_at FROM clip_objection WHERE person = {}
           ORDER BY at""",
    ),
    "clip_renewals": (
        ("clip_renewal",),
        """SELECT clip, basis, keep_until, state, words, asked_at, answered_at FROM clip_renewal WHERE person = {}
           ORDER BY asked_at""",
    ),
    "clip_credits": (
        ("clip_credit",),
        "SELECT clip, named, at FROM clip_credit WHERE person = {} ORDER BY at",
    ),
    "clip_reviews": (
        ("clip_review",),
        "SELECT clip, version, verdict, words, at FROM clip_review WHERE reviewer = {} ORDER BY at",
    ),
    "suggestions_decided": (
        ("suggestion_decision",),
        "SELECT recording, kind, answer, clip, at FROM suggestion_decision WHERE by = {} ORDER BY at",
    ),
    "calls_passed_by": (
        ("passed_call",),
        "SELECT recording, at FROM passed_call WHERE person = {} ORDER BY at",
    ),
    "recognitions_asked": (
        ("speech_recognition",),
        "SELECT recording, state, asked_at, ended_at FROM speech_recognition WHERE asked_by = {} ORDER BY asked_at",
    ),
    "evaluations": (
        ("evaluation",),
        """SELECT id, recording, state, score, fatal_missed, resolved, outcome, service_level, csat, comment,
           called_at, released_at, seen_at FROM evaluation WHERE agent = {} AND state <> 'draft'
           ORDER BY released_at, id""",
    ),
    "evaluation_marks": (
        ("mark",),
        """SELECT mark.evaluation, rule.code AS rule, mark.rule_version, mark.mark, mark.at_ms, mark.comment
           FROM mark JOIN evaluation ON evaluation.id = mark.evaluation JOIN rule ON rule.id = mark.rule
           WHERE evaluation.agent = {} AND evaluation.state <> 'draft' ORDER BY mark.evaluation, rule.code""",
    ),
    "evaluation_replies": (
        ("evaluation_reply",),
        """SELECT reply.evaluation, author.name AS author, reply.words, reply.at FROM evaluation_reply reply
           JOIN evaluation ON evaluation.id = reply.evaluation JOIN person author ON author.id = reply.author
           WHERE evaluation.agent = {} OR reply.author = {} ORDER BY reply.at""",
    ),
    "assignments": (
        ("assignment_person",),
        """SELECT assignment.module, assignment.curriculum, assignment.due_on, assignment.created_at,
           assignment.ended_at FROM assignment_person JOIN assignment ON
           assignment.id = assignment_person.assignment WHERE assignment_person.person = {}
           ORDER BY assignment.created_at""",
    ),
    "enrolments": (
        ("enrolment",),
        """SELECT enrolment.id, module.code AS module, module_version.version, enrolment.due_on,
           enrolment.created_at, enrolment.started_at, enrolment.completed_at, enrolment.waived_at,
           enrolment.waived_why, enrolment.signed_off_at FROM enrolment
           JOIN module ON module.id = enrolment.module
           JOIN module_version ON module_version.id = enrolment.module_version
           WHERE enrolment.person = {} ORDER BY enrolment.created_at, enrolment.id""",
    ),
    "answers": (
        ("answer",),
        """SELECT answer.enrolment, step.position, answer.attempt, answer.given, answer.correct, answer.score,
           answer.at FROM answer JOIN enrolment ON enrolment.id = answer.enrolment
           JOIN step ON step.id = answer.step WHERE enrolment.person = {} ORDER BY answer.at, answer.id""",
    ),
    "thanks_given": (
        ("appreciation",),
        """SELECT id, behaviour_code, message, visibility, created_at, withdrawn_at FROM appreciation
           WHERE author = {} ORDER BY created_at""",
    ),
    "thanks_received": (
        ("appreciation_to",),
        """SELECT author.name AS from_name, appreciation.behaviour_code, appreciation.message,
           appreciation.visibility, appreciation.created_at FROM appreciation_to
           JOIN appreciation ON appreciation.id = appreciation_to.appreciation
           JOIN person author ON author.id = appreciation.author
           WHERE appreciation_to.person = {} AND appreciation.withdrawn_at IS NULL
           ORDER BY appreciation.created_at""",
    ),
    "posts": (
        ("post",),
        "SELECT kind, scope, params, at, hidden_at FROM post WHERE person = {} ORDER BY at",
    ),
    "cheers": (
        ("cheer",),
        "SELECT post, at FROM cheer WHERE person = {} ORDER BY at",
    ),
    "occasions": (
        ("occasion",),
        'SELECT kind, "on", years, marked_at FROM occasion WHERE person = {} AND marked_at IS NOT NULL ORDER BY "on"',
    ),
    "card_lines_written": (
        ("occasion_line",),
        """SELECT words, created_at, edited_at, withdrawn_at FROM occasion_line WHERE author = {}
           ORDER BY created_at""",
    ),
    "card_lines_received": (
        ("occasion_line",),
        """SELECT author.name AS from_name, line.words, line.created_at FROM occasion_line line
           JOIN occasion ON occasion.id = line.occasion JOIN person author ON author.id = line.author
           WHERE occasion.person = {} AND occasion.marked_at IS NOT NULL AND line.withdrawn_at IS NULL
           ORDER BY line.created_at""",
    ),
    "done_by_them": (
        ("audit_entry",),
        "SELECT action, noun, noun_id, detail, at FROM audit_entry WHERE actor = {} ORDER BY at, id",
    ),
    "done_to_them": (
        ("audit_entry",),
        """SELECT action, detail, at FROM audit_entry WHERE noun = 'person' AND noun_id = {}
           ORDER BY at, id""",
    ),
}

BY_TEXT = {"done_to_them"}  # the audit log names what it is about as text


async def held(section: str, person: UUID) -> list[dict[str, Any]]:
    """The rows of one section."""
    _tables, statement = SECTIONS[section]
    named = str(person) if section in BY_TEXT else person
    return await db.fetch(statement, *[named] * statement.count("{}"))


async def calls_of(person: UUID) -> int:
    """How many recordings of somebody's voice there are still."""
    row = await db.fetch_one(
        "SELECT count(*) AS n FROM recording WHERE agent = {} AND state <> 'erased'", person
    )
    return row["n"] if row else 0


async def erasure_of(person: UUID) -> dict[str, Any]:
    """When somebody was erased and by whom, from what is left of them."""
    row = await db.fetch_one(
        """SELECT person.id, person.erased_at, actor.name AS erased_by_name, audit_entry.actor AS erased_by
           FROM person LEFT JOIN audit_entry ON audit_entry.noun = 'person'
           AND audit_entry.noun_id = CAST(person.id AS TEXT) AND audit_entry.action = 'person_erased'
           LEFT JOIN person actor ON actor.id = audit_entry.actor
           WHERE person.id = {} ORDER BY audit_entry.at LIMIT 1""",
        person,
    )
    assert row is not None  # the row stays
    return row
