"""Columns and constraints of rule books. Authored text is JSON `{en: …, zh-Hans: …}`."""

import uuid

from piccolo.columns import JSON, UUID, Boolean, ForeignKey, Integer, Text, Timestamptz
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer.people.tables import Person


class Rulebook(Table, tablename="rulebook"):
    """The standard of one programme."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    code = Text()
    title = JSON(default="{}")
    language = Text(default="en")
    created_at = Timestamptz(default=None)


class Want(Table, tablename="want"):
    """What the customer wants: the macro side, shown before any rule."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    rulebook = ForeignKey(Rulebook, on_delete=OnDelete.cascade, null=False)
    code = Text()
    title = JSON(default="{}")
    feeling = JSON(default="{}")
    position = Integer(default=0, help_text="Below 0: only old versions of rules still serve it.")


class Rule(Table, tablename="rule"):
    """A rule's identity over all its versions. `code` is unique over all rule books."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    rulebook = ForeignKey(Rulebook, on_delete=OnDelete.restrict, null=False)
    code = Text()
    position = Integer(default=0)
    created_at = Timestamptz(default=None)


class RuleVersion(Table, tablename="rule_version"):
    """What a rule says in one version."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    rule = ForeignKey(Rule, on_delete=OnDelete.restrict, null=False)
    version = Integer(default=1)
    state = Text(default="draft", help_text="draft, published or superseded")
    want = ForeignKey(Want, on_delete=OnDelete.restrict, null=True, default=None)
    title = JSON(default="{}")
    statement = JSON(default="{}")
    why = JSON(default="{}")
    severity = Text(default="non_fatal", help_text="fatal or non_fatal")
    kind = Text(default="scripted", help_text="scripted or judgement")
    weight = Integer(default=0)
    key_tokens = JSON(default="{}", help_text="{locale: [words that recall is graded by]}")
    recall_prompt = JSON(default="{}")
    revision = Integer(
        default=1, help_text="Grows with every edit over all versions; what If-Match compares."
    )
    created_at = Timestamptz(default=None)
    published_at = Timestamptz(default=None, null=True)


class Value(Table, tablename="value"):
    """A value of the house, selectable only with the behaviour that shows it."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    code = Text()
    title = JSON(default="{}")
    behaviour = JSON(default="{}")
    position = Integer(default=0)


class ProgrammeMember(Table, tablename="programme_member"):
    """Somebody who works on the programme of a rule book. A book without any is open to every trainer and analyst."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    rulebook = ForeignKey(Rulebook, on_delete=OnDelete.cascade, null=False)
    person = ForeignKey(Person, on_delete=OnDelete.cascade, null=False)
    added_by = UUID(default=None, null=True)
    added_at = Timestamptz(default=None)


class Phrase(Table, tablename="phrase"):
    """Words that callers hate to hear, and a better way to say it (003-15). A hint, never a mark."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    rulebook = ForeignKey(Rulebook, on_delete=OnDelete.cascade, null=False)
    code = Text()
    language = Text(default="en", help_text="Of the calls in which it is looked for: en, zh-Hans or zh-Hant")
    said = JSON(default="[]", help_text="Its wordings; the first is how it is called.")
    alone = Boolean(default=False, help_text="Only where nothing else is said between two marks: a bare no.")
    better = JSON(default="{}", help_text="{locale: how to say it}")
    rule = ForeignKey(Rule, on_delete=OnDelete.set_null, null=True, default=None)
    position = Integer(default=0)
    revision = Integer(default=1, help_text="Grows with every edit; what If-Match compares.")
    updated_at = Timestamptz(default=None)


INDEXES = [
    "CREATE UNIQUE INDEX phrase_code ON phrase (rulebook, code)",
    "CREATE UNIQUE INDEX rulebook_code ON rulebook (code)",
    "CREATE UNIQUE INDEX want_code ON want (rulebook, code)",
    "CREATE UNIQUE INDEX rule_code ON rule (code)",
    "CREATE INDEX rule_rulebook ON rule (rulebook, position)",
    "CREATE UNIQUE INDEX rule_version_number ON rule_version (rule, version)",
    "CREATE UNIQUE INDEX rule_version_published ON rule_version (rule) WHERE state = 'published'",
    "CREATE UNIQUE INDEX rule_version_draft ON rule_version (rule) WHERE state = 'draft'",
    "CREATE UNIQUE INDEX programme_member_once ON programme_member (rulebook, person)",
    "CREATE INDEX programme_member_person ON programme_member (person)",
    "CREATE UNIQUE INDEX value_code ON value (code)",
]
