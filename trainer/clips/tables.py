"""Columns and constraints of clips. Range and redactions lie in the recording, `cue_ms` in the clip."""

import uuid
from typing import Any

from piccolo.columns import JSON, UUID, Boolean, Date, ForeignKey, Integer, Text, Timestamptz
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer.calls.tables import Recording
from trainer.people.tables import Person
from trainer.rulebook.tables import Rule


class Clip(Table, tablename="clip"):
    """One version of a clip. `replaces` is empty on the row whose id modules, facts and addresses name.

    Editing a published clip makes a draft row beside it that replaces it. When that is published, the two
    rows swap what they hold: the named row keeps its id and gets the new content, the other one keeps the old
    content as `superseded`. So a link to a clip always plays its present version, and history can still play
    the one it used.
    """

    id = UUID(primary_key=True, default=uuid.uuid4)
    recording = ForeignKey(Recording, on_delete=OnDelete.restrict, null=False)
    replaces: Any = ForeignKey("self", on_delete=OnDelete.restrict, null=True, default=None)
    version = Integer(default=1)
    state = Text(
        default="draft", help_text="draft, in_review, published, superseded, retired, taken_down or erased"
    )
    slug = Text(default=None, null=True, help_text="Stable name of a clip from a starter library.")
    title = JSON(default="{}", help_text="{locale: text}, as all authored text")
    polarity = Text(default="exemplar", help_text="exemplar, counterexample or near_miss")
    note = JSON(default="{}", help_text="{locale: what to listen for}")
    why = JSON(default="{}", help_text="{locale: why the rule is met or broken here}; shown after an answer")
    language = Text(default="en")
    tag = Text(default="", help_text="standard, complex, emotional or empty: what kind of call it is from.")
    start_ms = Integer(default=0)
    end_ms = Integer(default=0)
    cue_ms = Integer(default=None, null=True)
    redactions = JSON(default="[]", help_text="[{start_ms, end_ms, mode}] in the recording")
    no_speech = Boolean(default=False)
    privacy_checked_by = UUID(default=None, null=True)
    privacy_checked_at = Timestamptz(default=None, null=True)
    render = Text(default="none", help_text="none, queued, rendering, ready or failed")
    render_key = Text(default="", help_text="Hash of everything that shapes the audio; names the object.")
    render_error = Text(default="")
    job = UUID(default=None, null=True)
    duration_ms = Integer(default=None, null=True)
    size_bytes = Integer(default=0)
    bars = JSON(default="[]", help_text="120 loudness bars, 0 to 100")
    transcript = JSON(
        default="[]", help_text="[{start_ms, end_ms, speaker, text}] in the clip, redacted words removed"
    )
    typed = JSON(
        default=None,
        null=True,
        help_text="Lines typed in the editor, in the recording and not redacted; they stand for the call's own.",
    )
    words_key = Text(
        default="", help_text="Title, note and transcript as lists look through them: see `finding`."
    )
    about = Text(
        default="", help_text="Hash of range, redactions and polarity: what the agent heard agrees to."
    )
    curator = UUID(default=None, null=True)
    revision = Integer(default=1, help_text="Grows with every edit; what If-Match compares.")
    created_at = Timestamptz(default=None)
    updated_at = Timestamptz(default=None)
    updated_by = UUID(default=None, null=True)
    submitted_by = UUID(default=None, null=True)
    published_at = Timestamptz(default=None, null=True)
    published_by = UUID(default=None, null=True)
    retired_at = Timestamptz(default=None, null=True)
    taken_down_at = Timestamptz(default=None, null=True, help_text="Stopped everywhere, history included.")
    taken_down_by = UUID(default=None, null=True)
    taken_down_why = Text(default="")
    put_back_why = Text(default="", help_text="Why it sounds again.")
    keep_basis = Text(default="", help_text="Its own legal basis once renewed; empty: its recording's.")
    keep_until = Date(default=None, null=True, help_text="Its own day once renewed; empty: its recording's.")
    expires_at = Timestamptz(default=None, null=True, help_text="The end of its own day where the site is.")
    renewed_at = Timestamptz(default=None, null=True)
    renewed_by = UUID(default=None, null=True)
    expiry_warned_at = Timestamptz(default=None, null=True)
    erased_at = Timestamptz(default=None, null=True)


class ClipRule(Table, tablename="clip_rule"):
    """A clip lets one hear this rule, in this version of the rule."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    clip = ForeignKey(Clip, on_delete=OnDelete.cascade, null=False)
    rule = ForeignKey(Rule, on_delete=OnDelete.restrict, null=False)
    rule_version = Integer(default=1)
    position = Integer(default=0)
    cue_ms = Integer(default=None, null=True, help_text="Where this rule is met or broken, in the clip.")
    why = JSON(default="{}", help_text="{locale: why this rule is met or broken here}")


class ClipConsent(Table, tablename="clip_consent"):
    """Whether the agent heard agrees to a counterexample or near miss of theirs. Append-only; the last one counts."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    clip = ForeignKey(Clip, on_delete=OnDelete.cascade, null=False, help_text="The named row.")
    person = ForeignKey(Person, on_delete=OnDelete.restrict, null=False)
    about = Text(help_text="Hash of what was answered to: range, redactions and polarity.")
    answer = Text(help_text="asked, yes, no or withdrawn")
    asked_by = UUID(default=None, null=True)
    own_team = Boolean(default=False, help_text="May be played to the agent's own team too.")
    words = Text(default="")
    at = Timestamptz(default=None)


class ClipObjection(Table, tablename="clip_objection"):
    """An agent objects to a use of their voice; a trainer answers."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    clip = ForeignKey(Clip, on_delete=OnDelete.cascade, null=False, help_text="The named row.")
    person = ForeignKey(Person, on_delete=OnDelete.restrict, null=False)
    words = Text(default="")
    at = Timestamptz(default=None)
    decision = Text(default=None, null=True, help_text="upheld or declined; empty while open.")
    answer = Text(default="")
    decided_by = UUID(default=None, null=True)
    decided_at = Timestamptz(default=None, null=True)


INDEXES = [
    "CREATE INDEX clip_recording ON clip (recording)",
    "CREATE INDEX clip_state ON clip (state, updated_at)",
    "CREATE INDEX clip_curator ON clip (curator, created_at)",
    "CREATE INDEX clip_render_key ON clip (render_key)",
    "CREATE UNIQUE INDEX clip_slug ON clip (slug, version)",
    "CREATE UNIQUE INDEX clip_replacement ON clip (replaces) WHERE state IN ('draft', 'in_review')",
    "CREATE UNIQUE INDEX clip_rule_once ON clip_rule (clip, rule)",
    "CREATE INDEX clip_consent_clip ON clip_consent (clip, at)",
    "CREATE INDEX clip_consent_person ON clip_consent (person)",
    "CREATE UNIQUE INDEX clip_objection_open ON clip_objection (clip, person) WHERE decided_at IS NULL",
    "CREATE INDEX clip_objection_person ON clip_objection (person)",
    "CREATE INDEX clip_rule_rule ON clip_rule (rule)",
]
