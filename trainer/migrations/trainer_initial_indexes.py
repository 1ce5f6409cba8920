"""All composite, unique and partial indexes: raw, as Piccolo cannot declare them on both engines.

A step of its own, because raw steps run before the table steps of the same migration.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from trainer.db import database

ID = "2026-11-23T10:00:01:842961"
VERSION = "1"
DESCRIPTION = "All indexes"

INDEXES = [
    'CREATE UNIQUE INDEX fact_source ON fact (source)',
    'CREATE INDEX fact_person ON fact (person, kind)',
    'CREATE INDEX fact_subject ON fact (kind, subject)',
    "CREATE UNIQUE INDEX job_dedupe ON job (dedupe) WHERE state = 'queued'",
    'CREATE UNIQUE INDEX job_slot ON job (slot)',
    "CREATE INDEX job_due ON job (run_at) WHERE state = 'queued'",
    "CREATE INDEX job_lease ON job (lease_until) WHERE state = 'running'",
    'CREATE INDEX job_finished ON job (finished_at) WHERE finished_at IS NOT NULL',
    'CREATE UNIQUE INDEX idempotency_key_once ON idempotency_key (person, key)',
    'CREATE INDEX idempotency_key_at ON idempotency_key (at)',
    'CREATE INDEX sheet_import_by ON sheet_import (by, created_at)',
    'CREATE INDEX sheet_import_state ON sheet_import (state, created_at)',
    'CREATE UNIQUE INDEX person_email ON person (lower(email))',
    'CREATE UNIQUE INDEX person_employee_no ON person (employee_no)',
    'CREATE INDEX person_team ON person (team)',
    'CREATE INDEX person_name_key ON person (name_key, id)',
    'CREATE UNIQUE INDEX team_name ON team (name)',
    'CREATE UNIQUE INDEX session_secret ON session (secret_hash)',
    'CREATE INDEX session_person ON session (person)',
    'CREATE UNIQUE INDEX link_secret ON link (secret_hash)',
    'CREATE INDEX link_person ON link (person)',
    'CREATE UNIQUE INDEX token_secret ON token (secret_hash)',
    'CREATE INDEX token_person ON token (person)',
    'CREATE INDEX sign_in_failure_account ON sign_in_failure (account, at)',
    'CREATE INDEX sign_in_failure_origin ON sign_in_failure (origin, at)',
    'CREATE INDEX audit_entry_at ON audit_entry (at, id)',
    'CREATE INDEX audit_entry_action ON audit_entry (action, at)',
    'CREATE INDEX audit_entry_actor ON audit_entry (actor, at)',
    'CREATE INDEX audit_entry_noun ON audit_entry (noun, noun_id)',
    'CREATE UNIQUE INDEX notice_source ON notice (person, source)',
    'CREATE INDEX notice_person ON notice (person, created_at)',
    'CREATE INDEX notice_from ON notice (source)',
    'CREATE INDEX notice_unread ON notice (person) WHERE read_at IS NULL AND withdrawn_at IS NULL',
    'CREATE INDEX notice_to_mail ON notice (created_at) WHERE read_at IS NULL AND withdrawn_at IS NULL AND mailed_at IS NULL',
    'CREATE UNIQUE INDEX notice_choice_once ON notice_choice (person, kind)',
    'CREATE UNIQUE INDEX rulebook_code ON rulebook (code)',
    'CREATE UNIQUE INDEX want_code ON want (rulebook, code)',
    'CREATE UNIQUE INDEX rule_code ON rule (code)',
    'CREATE INDEX rule_rulebook ON rule (rulebook, position)',
    'CREATE UNIQUE INDEX rule_version_number ON rule_version (rule, version)',
    "CREATE UNIQUE INDEX rule_version_published ON rule_version (rule) WHERE state = 'published'",
    "CREATE UNIQUE INDEX rule_version_draft ON rule_version (rule) WHERE state = 'draft'",
    'CREATE UNIQUE INDEX programme_member_once ON programme_member (rulebook, person)',
    'CREATE INDEX programme_member_person ON programme_member (person)',
    'CREATE UNIQUE INDEX value_code ON value (code)',
    'CREATE INDEX recording_state ON recording (state, created_at)',
    'CREATE INDEX recording_agent ON recording (agent)',
    'CREATE INDEX recording_listed ON recording (created_at, id)',
    'CREATE INDEX recording_expires ON recording (expires_at) WHERE expires_at IS NOT NULL',
    'CREATE INDEX recording_content ON recording (sha256)',
    'CREATE UNIQUE INDEX segment_position ON segment (recording, position)',
    'CREATE INDEX play_recording ON play (recording, person, at)',
    'CREATE INDEX clip_recording ON clip (recording)',
    'CREATE INDEX clip_state ON clip (state, updated_at)',
    'CREATE INDEX clip_render_key ON clip (render_key)',
    'CREATE UNIQUE INDEX clip_slug ON clip (slug, version)',
    "CREATE UNIQUE INDEX clip_replacement ON clip (replaces) WHERE state IN ('draft', 'in_review')",
    'CREATE UNIQUE INDEX clip_rule_once ON clip_rule (clip, rule)',
    'CREATE INDEX clip_consent_clip ON clip_consent (clip, at)',
    'CREATE INDEX clip_consent_person ON clip_consent (person)',
    'CREATE UNIQUE INDEX clip_objection_open ON clip_objection (clip, person) WHERE decided_at IS NULL',
    'CREATE INDEX clip_objection_person ON clip_objection (person)',
    'CREATE INDEX clip_rule_rule ON clip_rule (rule)',
    'CREATE UNIQUE INDEX evaluation_source ON evaluation (source)',
    'CREATE INDEX evaluation_recording ON evaluation (recording)',
    "CREATE UNIQUE INDEX evaluation_stands ON evaluation (recording) WHERE state = 'released'",
    'CREATE INDEX evaluation_agent ON evaluation (agent, released_at)',
    'CREATE INDEX evaluation_listed ON evaluation (listed_at, id)',
    "CREATE UNIQUE INDEX evaluation_replaces ON evaluation (replaces) WHERE state <> 'draft'",
    'CREATE UNIQUE INDEX mark_once ON mark (evaluation, rule)',
    'CREATE INDEX mark_rule ON mark (rule)',
    'CREATE INDEX evaluation_reply_of ON evaluation_reply (evaluation, at)',
    'CREATE UNIQUE INDEX module_code ON module (code)',
    'CREATE UNIQUE INDEX module_version_number ON module_version (module, version)',
    "CREATE UNIQUE INDEX module_version_published ON module_version (module) WHERE state = 'published'",
    "CREATE UNIQUE INDEX module_version_draft ON module_version (module) WHERE state = 'draft'",
    'CREATE INDEX step_position ON step (module_version, position)',
    'CREATE INDEX step_clip ON step (clip)',
    'CREATE INDEX step_other_clip ON step (other_clip)',
    'CREATE UNIQUE INDEX enrolment_open ON enrolment (person, module) WHERE completed_at IS NULL AND waived_at IS NULL',
    'CREATE INDEX enrolment_person ON enrolment (person, module, created_at)',
    'CREATE INDEX enrolment_module ON enrolment (module)',
    'CREATE INDEX enrolment_assignment ON enrolment (assignment)',
    'CREATE INDEX enrolment_due ON enrolment (due_on) WHERE completed_at IS NULL AND waived_at IS NULL',
    'CREATE UNIQUE INDEX curriculum_code ON curriculum (code)',
    'CREATE UNIQUE INDEX curriculum_module_once ON curriculum_module (curriculum, module)',
    'CREATE INDEX assignment_team ON assignment (team)',
    'CREATE INDEX assignment_created ON assignment (created_at, id)',
    'CREATE UNIQUE INDEX assignment_person_once ON assignment_person (assignment, person)',
    'CREATE UNIQUE INDEX answer_attempt ON answer (enrolment, step, attempt)',
    'CREATE INDEX appreciation_author ON appreciation (author, created_at)',
    'CREATE UNIQUE INDEX appreciation_to_once ON appreciation_to (appreciation, person)',
    'CREATE INDEX appreciation_to_person ON appreciation_to (person)',
    'CREATE UNIQUE INDEX career_path_code ON career_path (code)',
    'CREATE UNIQUE INDEX level_code ON level (path, code)',
    'CREATE UNIQUE INDEX milestone_code ON milestone (code)',
    'CREATE INDEX milestone_level ON milestone (level, position)',
    'CREATE UNIQUE INDEX post_source ON post (source)',
    'CREATE UNIQUE INDEX post_seq ON post (seq)',
    'CREATE INDEX post_team ON post (team, seq)',
    'CREATE INDEX post_person ON post (person, seq)',
    'CREATE UNIQUE INDEX cheer_once ON cheer (post, person)',
    'CREATE UNIQUE INDEX occasion_once ON occasion (person, kind, "on")',
    'CREATE UNIQUE INDEX occasion_line_once ON occasion_line (occasion, author)',
    'CREATE INDEX occasion_on ON occasion ("on")',
    'CREATE INDEX occasion_open ON occasion (person) WHERE marked_at IS NULL',
    'CREATE INDEX occasion_line_author ON occasion_line (author)',
    'CREATE INDEX post_occasion ON post (occasion)',
]


async def _create() -> None:
    for statement in INDEXES:
        await database().run_ddl(statement)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="trainer", description=DESCRIPTION)
    manager.add_raw(_create)
    return manager
