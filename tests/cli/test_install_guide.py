"""The guide and the sample files name only commands and settings that are there, and are well-formed."""

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from trainer.cli import cli
from trainer.settings import documented

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "deploy").iterdir())
TEXTS = [ROOT / "docs" / "install.md", *SAMPLES]


def paths(group: click.Group) -> set[str]:
    found = set()
    for name, command in group.commands.items():
        found.add(name)
        if isinstance(command, click.Group):
            found |= {f"{name} {sub}" for sub in command.commands}
    return found


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_settings_and_commands_are_real(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name in re.findall(r"\bTRAINER_[A-Z_]+", text):
        assert name.removesuffix("_FILE") in documented(), name
    known = paths(cli)
    for line in text.splitlines():
        for words in re.findall(r"(?:^|[/`]|# )(?:trainer|encore) ([a-z]+)(?= |`|$)", line):
            assert words in known, line


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_options_of_the_guide_are_real(command: str) -> None:
    text = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    options = {option for each in cli.commands[command].params for option in each.opts}
    for line in re.findall(rf"encore {command} [^\n`]*", text):
        assert set(re.findall(r"--[a-z]+", line)) <= options, line


def test_every_sample_is_named_in_the_guide() -> None:
    text = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    for path in SAMPLES:
        assert path.name in text or path.suffix in (".timer", ".service"), path.name


def test_nginx_reads_the_sample(tmp_path: Path) -> None:
    nginx, openssl = shutil.which("nginx"), shutil.which("openssl")
    if nginx is None or openssl is None:
        pytest.skip("nginx or openssl is not installed")
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=encore.example.com"
    files = ["-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem"]
    subprocess.run([openssl, *command.split(), *files], capture_output=True, check=True)
    sample = (ROOT / "deploy" / "nginx.conf").read_text()
    sample = sample.replace("/etc/ssl/encore", str(tmp_path)).replace("/var/log/nginx", str(tmp_path))
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log {tmp_path}/log; events {{}} http {{ {sample} }}"
    )
    checked = subprocess.run([nginx, "-t", "-c", tmp_path / "nginx.conf"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_the_units_are_confined_alike() -> None:
    for name in ("trainer.service", "trainer-worker.service", "trainer-backup.service"):
        text = (ROOT / "deploy" / name).read_text()
        for line in (
            "User=encore",
            "UMask=0077",
            "NoNewPrivileges=yes",
            "ProtectSystem=strict",
            "CapabilityBoundingSet=",
        ):
            assert f"\n{line}\n" in text, f"{name}: {line}"
        assert "EnvironmentFile=/etc/encore/encore.env" in text
