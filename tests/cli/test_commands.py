"""The `trainer` command as an operator uses it: what it prints, what it leaves, its exit codes."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Trainer = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.slow


@pytest.fixture
def trainer(tmp_path: Path) -> Trainer:
    """Runs the command in an empty folder, on a centre of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRAINER_")}
    environment = {**kept, "TRAINER_DATA": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)}

    def run(
        *words: object, env: dict[str, str] | None = None, text: bool = True
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "trainer", *map(str, words)]
        return subprocess.run(
            command,
            cwd=tmp_path,
            env={**environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=text,
            timeout=120,
            check=False,
        )

    return run


def test_a_new_centre_is_made_once_and_its_key_is_secret(trainer: Trainer, tmp_path: Path) -> None:
    refused = trainer("serve", "--port", "8199")
    assert refused.returncode == 1
    assert "trainer init" in refused.stderr
    first = trainer("init", "--email", "ada@encore.example", "--name", "Ada")
    assert first.returncode == 0
    assert first.stdout.startswith("http://127.0.0.1:8000/welcome/")
    assert (tmp_path / "data" / "secret-key").stat().st_mode & 0o777 == 0o600
    second = trainer("init", "--email", "eve@encore.example", "--name", "Eve")
    assert second.returncode == 1
    assert "has an admin already" in second.stderr
    assert trainer("migrate").returncode == 0
    assert trainer("doctor").returncode == 0


def test_what_is_exported_is_imported_as_nothing_new(trainer: Trainer, tmp_path: Path) -> None:
    trainer("init", "--email", "ada@encore.example", "--name", "Ada")
    assert "11 new" in trainer("import", "rulebook", ROOT / "curricula" / "rulebooks").stdout
    library = trainer("import", "recordings", ROOT / "clips")
    assert library.returncode == 0, library.stderr
    assert "27 published" in library.stdout
    assert trainer("import", "curriculum", ROOT / "curricula" / "modules").returncode == 0
    assert trainer("import", "curriculum", ROOT / "curricula" / "paths").returncode == 0
    assert trainer("export", "rulebook", "rules").returncode == 0
    assert trainer("export", "curriculum", "course").returncode == 0
    assert "0 new, 0 changed" in trainer("import", "rulebook", "rules").stdout
    again = trainer("import", "curriculum", "course").stdout
    assert again.count("nothing new") == 4
    assert "career path agent" in again


def test_people_come_and_go_as_csv_and_a_bad_row_is_named(trainer: Trainer, tmp_path: Path) -> None:
    trainer("init", "--email", "ada@encore.example", "--name", "Ada")
    rows = (
        "email,name,team,role,hired_on\nxu@encore.example,Xu,North,agent,2026-10-01\nbad@,,North,boss,never\n"
    )
    (tmp_path / "people.csv").write_text(rows)
    taken = trainer("import", "people", "people.csv")
    assert taken.returncode == 1
    assert "row 3" in taken.stdout
    assert "1 added" in taken.stdout
    assert trainer("export", "people", "out.csv").returncode == 0
    again = trainer("import", "people", "out.csv")
    assert again.returncode == 0
    assert "0 added" in again.stdout


def test_a_token_is_printed_alone_and_jobs_run_as_of_a_day(trainer: Trainer) -> None:
    trainer("init", "--email", "ada@encore.example", "--name", "Ada")
    token = trainer("token", "create", "ada@encore.example", "--scope", "all")
    assert token.returncode == 0
    assert len(token.stdout.split()) == 1
    assert trainer("token", "create", "nobody@encore.example", "--scope", "all").returncode == 1
    ran = trainer("jobs", "run", "--at", "2030-01-01T09:00")
    assert ran.returncode == 0
    assert "carried out" in ran.stderr


def test_wrong_usage_is_exit_code_two(trainer: Trainer) -> None:
    assert trainer("fly").returncode == 2
    assert trainer("jobs", "run", "--at", "tomorrow").returncode == 2
    assert trainer("import", "people", "no-such-file.csv").returncode == 2


def test_init_asks_nobody_where_nobody_is(trainer: Trainer) -> None:
    refused = trainer("init")
    assert refused.returncode == 2
    assert "--email" in refused.stderr


def test_a_centre_is_backed_up_checked_and_restored_by_commands(trainer: Trainer, tmp_path: Path) -> None:
    trainer("init", "--email", "ada@encore.example", "--name", "Ada")
    trainer("import", "rulebook", ROOT / "curricula" / "rulebooks")
    made = trainer("backup", "backup.tar")
    assert made.returncode == 0, made.stderr
    assert "backup.tar" in made.stderr
    assert "Whole and unchanged" in trainer("backup", "--check", "backup.tar").stderr
    piped = trainer("backup", "-", text=False)
    (tmp_path / "piped.tar").write_bytes(piped.stdout)
    assert trainer("backup", "--check", "piped.tar").returncode == 0
    refused = trainer("restore", "backup.tar")
    assert refused.returncode == 1
    assert "not empty" in refused.stderr
    elsewhere = {"TRAINER_DATA": str(tmp_path / "new")}
    restored = trainer("restore", "backup.tar", env=elsewhere)
    assert restored.returncode == 0, restored.stderr
    assert trainer("export", "rulebook", "rules", env=elsewhere).returncode == 0
    assert "0 new, 0 changed" in trainer("import", "rulebook", "rules").stdout
    assert (tmp_path / "new" / "secret-key").read_bytes() == (tmp_path / "data" / "secret-key").read_bytes()
    (tmp_path / "cut.tar").write_bytes((tmp_path / "backup.tar").read_bytes()[:5000])
    cut = trainer("restore", "cut.tar", env={"TRAINER_DATA": str(tmp_path / "third")})
    assert cut.returncode == 1
    assert "cut off" in cut.stderr


def test_a_centre_of_a_newer_version_is_not_served(trainer: Trainer, tmp_path: Path) -> None:
    trainer("init", "--email", "ada@encore.example", "--name", "Ada")
    with closing(sqlite3.connect(tmp_path / "data" / "trainer.sqlite")) as database, database:
        database.execute(
            "INSERT INTO migration (name, app_name, ran_on) VALUES ('2999-01-01T00:00:00', 'trainer', '2999-01-01')"
        )
    for command in (["serve", "--port", "8199"], ["worker"], ["migrate"]):
        refused = trainer(*command)
        assert refused.returncode == 1, command
        assert "newer version" in refused.stderr, command
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "restore-under-way.json").write_text("{}")
    refused = trainer("serve", "--port", "8199", env={"TRAINER_DATA": str(tmp_path / "new")})
    assert "restore" in refused.stderr
