"""`trainer demo`: builds the sample centre when it is not there yet, prints one-click links, serves it here."""

import asyncio
import os
import shutil
from pathlib import Path

import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from trainer import __version__, serving
from trainer.app import create_app
from trainer.demo import build
from trainer.settings import Settings

MARK = "sample-centre"
DEFAULT_FOLDER = Path("trainer-demo")

DOORS = (
    ("agent@demo.example", "a new agent, in week one"),
    ("senior@demo.example", "an agent of two years"),
    ("trainer@demo.example", "the trainer, who cuts clips and builds modules"),
    ("lead@demo.example", "a team lead"),
    ("analyst@demo.example", "the QA analyst"),
    ("manager@demo.example", "the centre manager"),
    ("admin@demo.example", "the admin"),
)


def open_demo(*, port: int, data: Path | None, reset: bool, console: Console) -> None:
    """Builds (once), prints the doors, serves until stopped."""
    folder = data or Path(os.environ.get("TRAINER_DATA") or DEFAULT_FOLDER)
    settings = demo_settings(folder, port)
    _prepare(folder, reset)
    if not (folder / MARK).exists():
        _build(settings, console)
        (folder / MARK).write_text(f"{__version__}\n", encoding="utf-8")
    asyncio.run(_migrate(settings))
    doors = asyncio.run(_doors(settings))
    console.print(f"\n[bold]Encore's sample centre[/] is at {settings.base_url} – sign in with one click as")
    for (address, who), secret in zip(DOORS, doors, strict=True):
        console.print(f"  {who}  [dim]({address})[/]", soft_wrap=True)
        click.echo(f"    {settings.base_url}/demo/{secret}")
    console.print("\nEverything here is invented. Stop with Ctrl+C.\n")
    serving.serve(create_app(settings, demo=True), host="127.0.0.1", port=port)


def demo_settings(folder: Path, port: int) -> Settings:
    """The sample centre's settings: this machine only, a trainer publishes alone."""
    return Settings(
        data=folder,
        base_url=f"http://127.0.0.1:{port}",
        clip_review="self",
        time_zone="Europe/London",
    )


def _prepare(folder: Path, reset: bool) -> None:
    """Makes room for the sample centre; never touches a folder that holds something else."""
    if not folder.exists() or not any(folder.iterdir()):
        return
    known = (folder / MARK).exists() or (folder / f"{MARK}.building").exists()
    if not known:
        raise click.ClickException(
            f"{folder} holds something that is not the sample centre. Name another folder with --data."
        )
    if reset or not (folder / MARK).exists():  # a build that was broken off is begun anew
        shutil.rmtree(folder)


def _build(settings: Settings, console: Console) -> None:
    settings.data.mkdir(parents=True, exist_ok=True)
    building = settings.data / f"{MARK}.building"
    building.touch()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("Building the sample centre", total=None)

        def show(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        asyncio.run(fill(settings, show))
    building.unlink()


async def fill(settings: Settings, show: build.Progress) -> None:
    from trainer import db, storage

    await db.open_database(settings.effective_database_url)
    try:
        await db.migrate()
        storage.open_storage(settings.effective_storage_url)
        try:
            await build.build(show)
        finally:
            await storage.close_storage()
    finally:
        await db.close_database()


async def _migrate(settings: Settings) -> None:
    from trainer import db

    await db.open_database(settings.effective_database_url, pool_size=1)
    try:
        await db.migrate()
    finally:
        await db.close_database()


async def _doors(settings: Settings) -> list[str]:
    """One sign-in link a role; each works as long as the sample centre is open on this machine."""
    from trainer import db
    from trainer.people.links import issue_demo_link
    from trainer.people.service import all_people

    await db.open_database(settings.effective_database_url, pool_size=1)
    try:
        people = {person.email: person.id for person in await all_people()}
        return [await issue_demo_link(people[address]) for address, _who in DOORS]
    finally:
        await db.close_database()
