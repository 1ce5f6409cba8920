"""Columns and constraints of people, teams, sign-in and the audit log."""

import uuid
from typing import Any

from piccolo.columns import JSON, UUID, Boolean, Date, ForeignKey, Integer, Text, Timestamptz
from piccolo.columns.base import OnDelete
from piccolo.table import Table


class Team(Table, tablename="team"):
    """A group of colleagues who see each other's posts."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    name = Text()
    site = Text(default="")
    created_at = Timestamptz(default=None)


class Person(Table, tablename="person"):
    """Somebody who works at the centre. Identified by e-mail or employee number, at least one of them."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    email = Text(default=None, null=True)
    employee_no = Text(default=None, null=True)
    name = Text()
    name_key = Text(help_text="The name casefolded: what lists are sorted and searched by on both engines.")
    roles = Text(help_text="Roles separated by spaces, sorted; read with every request, so kept in the row.")
    team = ForeignKey(Team, on_delete=OnDelete.set_null, null=True, default=None)
    buddy: Any = ForeignKey("self", on_delete=OnDelete.set_null, null=True, default=None)
    manager: Any = ForeignKey("self", on_delete=OnDelete.set_null, null=True, default=None)
    hired_on = Date(default=None, null=True)
    birthday = Text(default=None, null=True, help_text="MM-DD, never a year.")
    birthday_scope = Text(default="nobody", help_text="nobody, team or everyone; a person's own choice.")
    full_month_scope = Text(default="team", help_text="nobody, team or everyone; a person's own choice.")
    anniversary_scope = Text(default="team", help_text="nobody, team or everyone; a person's own choice.")
    milestone_scope = Text(default="team", help_text="nobody, team or everyone; a person's own choice.")
    asked_at = Timestamptz(
        default=None, null=True, help_text="When they chose, at their first sign-in, what to celebrate."
    )
    leap_day = Text(default="02-28", help_text="When a 29 February is marked in other years: 02-28 or 03-01.")
    locale = Text(default="en")
    time_zone = Text(default="", help_text="Empty: the site's zone.")
    theme = Text(default="system")
    password_hash = Text(default=None, null=True)
    active = Boolean(default=True)
    revision = Integer(default=1, help_text="Grows with every edit, so that two editors notice each other.")
    created_at = Timestamptz(default=None)
    erased_at = Timestamptz(default=None, null=True)


class Session(Table, tablename="session"):
    """One signed-in browser. The cookie holds the secret, the row its hash."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    secret_hash = Text()
    person = ForeignKey(Person, on_delete=OnDelete.cascade, null=False)
    device = Text(default="", help_text="Browser and system in a few words, for the list of sessions.")
    created_at = Timestamptz(default=None)
    seen_on = Date(default=None, help_text="Written once a day at most.")
    expires_at = Timestamptz(default=None)


class Link(Table, tablename="link"):
    """A one-time address: an invitation or a password reset."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    secret_hash = Text()
    person = ForeignKey(Person, on_delete=OnDelete.cascade, null=False)
    purpose = Text(help_text="invitation, reset, card or demo")
    created_at = Timestamptz(default=None)
    expires_at = Timestamptz(default=None)
    used_at = Timestamptz(default=None, null=True)


class Token(Table, tablename="token"):
    """A program's key to the API, never more than its person's own rights."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    secret_hash = Text()
    person = ForeignKey(Person, on_delete=OnDelete.cascade, null=False)
    name = Text()
    scopes = Text(help_text="Scopes separated by spaces: clips:read, recordings:write, all …")
    created_at = Timestamptz(default=None)
    expires_at = Timestamptz(default=None, null=True)
    revoked_at = Timestamptz(default=None, null=True)


class SignInFailure(Table, tablename="sign_in_failure"):
    """A try to sign in that did not succeed (or is still being checked), kept while throttling looks back."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    account = Text(help_text="Hash of what was typed as e-mail or number.")
    origin = Text(help_text="Hash of the address it came from.")
    at = Timestamptz(default=None)


class AuditEntry(Table, tablename="audit_entry"):
    """Who did what to what, and when. Append-only."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    actor = UUID(default=None, null=True, help_text="No foreign key: erasing a person keeps the entry.")
    action = Text(help_text="Verb in the past tense: clip_published, signed_in …")
    noun = Text()
    noun_id = Text(default="")
    detail = JSON(default="{}")
    at = Timestamptz(default=None)


INDEXES = [
    "CREATE UNIQUE INDEX person_email ON person (lower(email))",
    "CREATE UNIQUE INDEX person_employee_no ON person (employee_no)",
    "CREATE INDEX person_team ON person (team)",
    "CREATE INDEX person_name_key ON person (name_key, id)",
    "CREATE UNIQUE INDEX team_name ON team (name)",
    "CREATE UNIQUE INDEX session_secret ON session (secret_hash)",
    "CREATE INDEX session_person ON session (person)",
    "CREATE UNIQUE INDEX link_secret ON link (secret_hash)",
    "CREATE INDEX link_person ON link (person)",
    "CREATE UNIQUE INDEX token_secret ON token (secret_hash)",
    "CREATE INDEX token_person ON token (person)",
    "CREATE INDEX sign_in_failure_account ON sign_in_failure (account, at)",
    "CREATE INDEX sign_in_failure_origin ON sign_in_failure (origin, at)",
    "CREATE INDEX audit_entry_at ON audit_entry (at, id)",
    "CREATE INDEX audit_entry_action ON audit_entry (action, at)",
    "CREATE INDEX audit_entry_actor ON audit_entry (actor, at)",
    "CREATE INDEX audit_entry_noun ON audit_entry (noun, noun_id)",
]
