"""Columns and constraints of modules, enrolments and answers."""

import uuid

from piccolo.columns import JSON, UUID, Boolean, Date, ForeignKey, Integer, Text, Timestamptz
from piccolo.columns.base import OnDelete
from piccolo.table import Table

from trainer.clips.tables import Clip
from trainer.people.tables import Person, Team
from trainer.rulebook.tables import Rule


class Module(Table, tablename="module"):
    """A module's identity over all its versions."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    code = Text()
    starter = Boolean(default=False, help_text="Every new agent is enrolled in it on joining.")
    position = Integer(default=0)
    created_by = UUID(default=None, null=True)
    created_at = Timestamptz(default=None)


class ModuleVersion(Table, tablename="module_version"):
    """What a module holds in one version. Published ones are read-only."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    module = ForeignKey(Module, on_delete=OnDelete.restrict, null=False)
    version = Integer(default=1)
    state = Text(default="draft", help_text="draft, published or superseded")
    title = JSON(default="{}")
    summary = JSON(default="{}")
    language = Text(default="en")
    minutes = Integer(default=5)
    rules = JSON(default="[]", help_text="Codes of the rules that its steps are about, in order.")
    revision = Integer(default=1, help_text="Grows with every edit; what If-Match compares.")
    created_at = Timestamptz(default=None)
    published_at = Timestamptz(default=None, null=True)
    published_by = UUID(default=None, null=True)


class Step(Table, tablename="step"):
    """One step of a module version."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    module_version = ForeignKey(ModuleVersion, on_delete=OnDelete.cascade, null=False)
    position = Integer(default=0)
    kind = Text(help_text="text, read_rule, listen, contrast, judge, recall or reflect")
    rule = ForeignKey(Rule, on_delete=OnDelete.restrict, null=True, default=None)
    rule_version = Integer(default=None, null=True)
    clip = ForeignKey(Clip, on_delete=OnDelete.restrict, null=True, default=None)
    other_clip = ForeignKey(Clip, on_delete=OnDelete.restrict, null=True, default=None)
    body = JSON(default="{}", help_text="Authored text of the step: title, body, question, prompt …")


class Curriculum(Table, tablename="curriculum"):
    """An ordered list of modules that is assigned as a whole."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    code = Text()
    title = JSON(default="{}")
    summary = JSON(default="{}")
    revision = Integer(default=1, help_text="Grows with every edit; what If-Match compares.")
    created_by = UUID(default=None, null=True)
    created_at = Timestamptz(default=None)
    archived_at = Timestamptz(default=None, null=True)


class CurriculumModule(Table, tablename="curriculum_module"):
    """One module's place in a curriculum."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    curriculum = ForeignKey(Curriculum, on_delete=OnDelete.cascade, null=False)
    module = ForeignKey(Module, on_delete=OnDelete.restrict, null=False)
    position = Integer(default=0)


class Assignment(Table, tablename="assignment"):
    """A module or curriculum given to people, a team or a role.

    Either `module` or `curriculum` is set. With `team` or `role`, who joins later gets it too; with neither, it is for
    the people of `AssignmentPerson`.
    """

    id = UUID(primary_key=True, default=uuid.uuid4)
    module = ForeignKey(Module, on_delete=OnDelete.restrict, null=True, default=None)
    curriculum = ForeignKey(Curriculum, on_delete=OnDelete.restrict, null=True, default=None)
    team = ForeignKey(Team, on_delete=OnDelete.restrict, null=True, default=None)
    role = Text(default=None, null=True)
    due_on = Date(default=None, null=True)
    assigned_by = UUID(default=None, null=True)
    created_at = Timestamptz(default=None)
    ended_at = Timestamptz(default=None, null=True, help_text="Withdrawn: nobody new gets it.")
    ended_by = UUID(default=None, null=True)
    job = UUID(default=None, null=True, help_text="The job that hands it out and tells people.")


class AssignmentPerson(Table, tablename="assignment_person"):
    """One of the people that an assignment names one by one."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    assignment = ForeignKey(Assignment, on_delete=OnDelete.cascade, null=False)
    person = ForeignKey(Person, on_delete=OnDelete.restrict, null=False)


class Enrolment(Table, tablename="enrolment"):
    """One person taking one module version."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    person = ForeignKey(Person, on_delete=OnDelete.restrict, null=False)
    module = ForeignKey(Module, on_delete=OnDelete.restrict, null=False)
    module_version = ForeignKey(ModuleVersion, on_delete=OnDelete.restrict, null=False)
    assignment = ForeignKey(Assignment, on_delete=OnDelete.set_null, null=True, default=None)
    position = Integer(default=0, help_text="Place in the curriculum it came with.")
    enrolled_by = UUID(default=None, null=True, help_text="Empty: the person, or the starter rule.")
    due_on = Date(default=None, null=True)
    due_from = UUID(default=None, null=True, help_text="The assignment that moved its due day.")
    due_before = Date(default=None, null=True, help_text="Its due day before that.")
    created_at = Timestamptz(default=None)
    started_at = Timestamptz(default=None, null=True)
    completed_at = Timestamptz(default=None, null=True)
    waived_at = Timestamptz(default=None, null=True, help_text="Need not be done; the reason stands with it.")
    waived_by = UUID(default=None, null=True)
    waived_why = Text(default="")
    signed_off_at = Timestamptz(default=None, null=True, help_text="The lead saw it done at work.")
    signed_off_by = UUID(default=None, null=True)
    active_at = Timestamptz(default=None, null=True, help_text="When they last did something in it.")
    hard_at = Integer(
        default=None,
        null=True,
        help_text="Position of the step that was answered last, if three tries or more were not right.",
    )
    reminded = Integer(
        default=0, help_text="Of its due day: 0 not yet, 1 days before, 2 on the day, 3 after it."
    )
    skipped = JSON(default="[]", help_text="Positions of steps put off because the person could not listen.")
    at_step = Integer(default=0, help_text="Position of the step to resume at.")
    step_state = JSON(
        default="{}", help_text="Unsent work at the current step: player position, text typed so far."
    )


class Answer(Table, tablename="answer"):
    """One try at one step, graded. Never changed."""

    id = UUID(primary_key=True, default=uuid.uuid4)
    enrolment = ForeignKey(Enrolment, on_delete=OnDelete.restrict, null=False)
    step = ForeignKey(Step, on_delete=OnDelete.restrict, null=False)
    attempt = Integer(default=1)
    given = JSON(default="{}")
    correct = Boolean(default=None, null=True, help_text="Empty where the step is not graded.")
    score = Integer(default=None, null=True, help_text="Basis points, 0 to 10000.")
    feedback = JSON(default="{}")
    at = Timestamptz(default=None)


INDEXES = [
    "CREATE UNIQUE INDEX module_code ON module (code)",
    "CREATE UNIQUE INDEX module_version_number ON module_version (module, version)",
    "CREATE UNIQUE INDEX module_version_published ON module_version (module) WHERE state = 'published'",
    "CREATE UNIQUE INDEX module_version_draft ON module_version (module) WHERE state = 'draft'",
    "CREATE INDEX step_position ON step (module_version, position)",
    "CREATE INDEX step_clip ON step (clip)",
    "CREATE INDEX step_other_clip ON step (other_clip)",
    "CREATE UNIQUE INDEX enrolment_open ON enrolment (person, module) WHERE completed_at IS NULL AND waived_at IS NULL",
    "CREATE INDEX enrolment_person ON enrolment (person, module, created_at)",
    "CREATE INDEX enrolment_module ON enrolment (module)",
    "CREATE INDEX enrolment_assignment ON enrolment (assignment)",
    "CREATE INDEX enrolment_due ON enrolment (due_on) WHERE completed_at IS NULL AND waived_at IS NULL",
    "CREATE UNIQUE INDEX curriculum_code ON curriculum (code)",
    "CREATE UNIQUE INDEX curriculum_module_once ON curriculum_module (curriculum, module)",
    "CREATE INDEX assignment_team ON assignment (team)",
    "CREATE INDEX assignment_created ON assignment (created_at, id)",
    "CREATE UNIQUE INDEX assignment_person_once ON assignment_person (assignment, person)",
    "CREATE UNIQUE INDEX answer_attempt ON answer (enrolment, step, attempt)",
]
