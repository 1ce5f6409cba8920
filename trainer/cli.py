"""The `trainer` command: everything an operator does from a shell.

Exit codes: 0 done, 1 failed (with the reason in words), 2 wrong usage. Heavy imports happen inside the commands, so
that `trainer --help` answers at once.
"""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import rich_click as click
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import TaskID

from trainer import __version__
from trainer.settings import Settings

T = TypeVar("T")
console = Console(stderr=True, highlight=False)

NEWER = "This database was changed by a newer version. Install that version, or restore an older backup."
KINDS = ("people", "rulebook", "curriculum", "recordings", "evaluations")


def main() -> None:
    """Entry point: turns expected failures into a sentence and exit code 1."""
    # Importing makes much and throws away little: at the usual threshold the collector takes a quarter of a start.
    gc.set_threshold(50_000, 20, 50)
    from trainer.db import DatabaseError
    from trainer.problems import Problem
    from trainer.storage import StorageError

    try:
        cli(standalone_mode=False)
    except click.Abort:
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except ValidationError as error:
        for item in error.errors():
            fail(f"TRAINER_{str(item['loc'][0]).upper()}: {item['msg']}")
        sys.exit(2)
    except (Problem, DatabaseError, StorageError, OSError) as error:
        fail(str(error) or type(error).__name__)
        sys.exit(1)


def fail(sentence: str) -> None:
    """Says what went wrong, on standard error."""
    console.print(f"[bold red]✗[/] {escape(sentence)}", soft_wrap=True)


def done(sentence: str) -> None:
    """Says what was done, on standard error; standard output is for results."""
    console.print(f"[green]✓[/] {escape(sentence)}", soft_wrap=True)


@asynccontextmanager
async def centre(settings: Settings) -> AsyncIterator[None]:
    """The centre's database and storage, open while a command works with them. Its schema must be current."""
    import trainer.app  # noqa: F401 - registers every job, so that events reach their subscribers
    from trainer import db, speech, storage
    from trainer.backup import erasures
    from trainer.calls import proofs
    from trainer.clips import voice_terms
    from trainer.notices import post_office
    from trainer.people import days

    days.set_site_zone(settings.time_zone)
    voice_terms.answer_within(settings.objection_days)
    post_office.set_up(settings)
    speech.set_up(settings)
    erasures.keep_in(settings.data)
    proofs.set_key(settings.key())
    await db.open_database(settings.effective_database_url, pool_size=settings.database_pool)
    try:
        if await db.newer_schema():
            raise click.ClickException(NEWER)
        if pending := await db.pending_migrations():
            raise click.ClickException(f"{len(pending)} database change(s) are due. Run: trainer migrate")
        storage.open_storage(settings.effective_storage_url)
        try:
            yield
        finally:
            await storage.close_storage()
    finally:
        await db.close_database()


def run(settings: Settings, work: Callable[[], Awaitable[T]]) -> T:
    """Carries out `work` inside the centre."""

    async def inside() -> T:
        async with centre(settings):
            return await work()

    return asyncio.run(inside())


@click.group()
@click.version_option(__version__, prog_name="trainer")
def cli() -> None:
    """Encore: clips out of real calls become training, and people feel seen."""


@cli.command()
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Folder of the sample centre.")
@click.option("--reset", is_flag=True, help="Build the sample centre anew.")
def demo(port: int, data: Path | None, reset: bool) -> None:
    """Open a living sample centre on this machine."""
    from trainer.demo.command import open_demo

    open_demo(port=port, data=data, reset=reset, console=console)


@cli.command()
@click.option("--email", help="E-mail of the first admin; asked for when it is not given.")
@click.option("--name", help="Name of the first admin; asked for when it is not given.")
def init(email: str | None, name: str | None) -> None:
    """Prepare a new centre: database, secret key, first admin. Prints the address to set the password at."""
    from trainer import db
    from trainer.people.admin import create_first_admin

    if not (email and name) and not sys.stdin.isatty():
        raise click.UsageError("Nobody is here to ask: give --email and --name of the first admin.")
    email = email or click.prompt("E-mail of the first admin")
    name = name or click.prompt("Name of the first admin")
    settings = Settings()
    settings.key()

    async def prepare() -> str:
        await db.open_database(settings.effective_database_url, pool_size=2)
        try:
            await db.migrate()
        finally:
            await db.close_database()
        async with centre(settings):
            return await create_first_admin(name=name, email=email)

    secret = asyncio.run(prepare())
    done(f"The centre is ready in {settings.data.absolute()}.")
    done("Start it with: trainer serve. Then set the first admin's password here (once, within 7 days):")
    click.echo(f"{settings.base_url.rstrip('/')}/welcome/{secret}")


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--processes", default=1, show_default=True, type=click.IntRange(1, 64), help="Web processes.")
def serve(host: str, port: int, processes: int) -> None:
    """Serve the centre (and work off its jobs, unless TRAINER_WORKERS_EMBEDDED=false)."""
    from trainer import serving

    settings = Settings()
    asyncio.run(_check_schema(settings))
    serving.serve(
        "trainer.app:create_app",
        factory=True,
        host=host,
        port=port,
        workers=processes if processes > 1 else None,
        trusted_proxies=settings.trusted_proxies,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )


async def _check_schema(settings: Settings) -> None:
    from trainer import db
    from trainer.backup.restoring import under_way

    if under_way(settings):
        raise click.ClickException(
            "A restore was begun here and did not end. Begin it again: trainer restore PATH"
        )
    await db.open_database(settings.effective_database_url, pool_size=1)
    try:
        if await db.newer_schema():
            raise click.ClickException(NEWER)
        if pending := await db.pending_migrations():
            raise click.ClickException(
                f"{len(pending)} database change(s) are due. New centre: trainer init. After an update: migrate."
            )
    finally:
        await db.close_database()


@cli.command()
def worker() -> None:
    """Work off background jobs in a process of its own."""
    import signal

    from trainer import jobs
    from trainer.logs import configure_logging

    configure_logging()
    settings = Settings()

    async def work() -> None:
        crew = jobs.Worker()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, lambda: loop.create_task(crew.stop()))
        await crew.run()

    run(settings, work)


@cli.command()
def migrate() -> None:
    """Bring the database to this version's schema."""
    from trainer import db

    settings = Settings()

    async def bring() -> list[str]:
        await db.open_database(settings.effective_database_url, pool_size=2)
        try:
            return await db.migrate()
        finally:
            await db.close_database()

    names = asyncio.run(bring())
    done(f"{len(names)} change(s) made." if names else "The database is up to date.")


@cli.command()
@click.argument("path")
@click.option("--check", is_flag=True, help="Make none: say whether the file at PATH is whole and unchanged.")
@click.option(
    "--keep", type=click.IntRange(1), help="PATH is a folder: remove all but this many backups in it."
)
def backup(path: str, check: bool, keep: int | None) -> None:
    """Write the whole centre to PATH (a file, a folder, or - for standard output) while it runs."""
    from trainer.backup.making import make_backup
    from trainer.backup.restoring import check_backup

    settings = Settings()
    if check:
        with progress_bar() as progress:
            found = check_backup(Path(path), progress)
        done(
            f"Whole and unchanged: {found.parts} parts, {_size(found.size)}, made {found.head['created_at'][:16]} UTC "
            f"by Encore {found.head['version']} on {found.head['engine']}."
        )
        return
    with progress_bar() as progress:
        made = run(settings, lambda: make_backup(settings, path, keep=keep, progress=progress))
    for key in made.gone:
        done(f"{key} was erased while the backup was made; it is not in it.")
    done(f"{made.rows} rows and {made.objects} files, {_size(made.size)}: {made.place}")


@cli.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--erasures",
    "lists",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="erasures.log of the former data folder: what was erased after the backup is erased again.",
)
def restore(path: Path, lists: tuple[Path, ...]) -> None:
    """Fill an empty centre from the backup at PATH."""
    import trainer.app  # noqa: F401 - what is erased again tells the other rooms
    from trainer import db, storage
    from trainer.backup.restoring import Restored, restore_backup
    from trainer.people import days

    settings = Settings()

    async def fill(progress: Callable[[str, int, int], object]) -> Restored:
        days.set_site_zone(settings.time_zone)
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        await db.open_database(settings.effective_database_url, pool_size=3)
        try:
            storage.open_storage(settings.effective_storage_url, scratch=settings.data / "scratch")
            return await restore_backup(settings, path, more_erasures=lists, progress=progress)
        finally:
            await storage.close_storage()
            await db.close_database()

    with progress_bar() as progress:
        came = asyncio.run(fill(progress))
    done(
        f"The centre is as it was on {came.made_at:%Y-%m-%d %H:%M} UTC: {came.rows} rows, {came.objects} files."
    )
    if came.migrated:
        done(f"{len(came.migrated)} database change(s) of this version made.")
    if came.erased_again:
        done(f"{came.erased_again} erasure(s) made after the backup were made again.")
    if came.not_erased:
        fail(
            f"{came.not_erased} person(s) were the only admins then and are not erased: do so on their pages."
        )
    if came.other_key:
        done("TRAINER_SECRET_KEY is not the key of the backup: pages that are open must be loaded again.")
    done("Everybody signs in again. Start it with: trainer serve")


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """`progress(what, done, total)` moves a bar on a terminal; elsewhere nothing is drawn."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        bars: dict[str, TaskID] = {}

        def show(what: str, made: int, total: int) -> None:
            if what not in bars:
                bars[what] = bar.add_task(what)
            bar.update(bars[what], completed=made, total=total or None)

        yield show


def _size(number: int) -> str:
    for unit, factor in (("GB", 1 << 30), ("MB", 1 << 20)):
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{number / 1024:.0f} kB"


@cli.command("import")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Recordings: say what would become of each call, take none.")
@click.option("--basis", default="", help="Recordings: consent_basis of calls whose row says nothing.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Recordings: write the rows that were refused (of a dry run: every row) to this CSV.",
)
def import_(kind: str, path: Path, dry_run: bool, basis: str, report: Path | None) -> None:
    """Take in people or evaluations (CSV, XLSX), a rulebook or curriculum (YAML), or recordings (a folder or zip)."""
    from trainer import exchange
    from trainer.calls.importing.command import is_bulk

    settings = Settings()
    if kind == "recordings" and is_bulk(path):
        with progress_bar() as progress:
            lines, failed, table = run(
                settings, lambda: exchange.take_in_calls(settings, path, basis, dry_run, progress)
            )
        if report is not None:
            report.write_bytes(table)
    elif dry_run or basis or report:
        raise click.UsageError(
            "--dry-run, --basis and --report are for recordings in a zip, or with a sheet."
        )
    else:
        lines, failed = run(settings, lambda: exchange.take_in(kind, path, ZoneInfo(settings.time_zone)))
    for line in lines:
        click.echo(line)
    if failed and not dry_run:
        raise click.ClickException(f"{failed} item(s) were refused; each is named above.")


@cli.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("path", type=click.Path(path_type=Path))
def export(kind: str, path: Path) -> None:
    """Write people or evaluations (CSV), the rulebooks or the curriculum (YAML) to PATH; import reads it back.

    Of recordings: what is known of each call (CSV, XLSX), without sound and words.
    """
    from trainer import exchange

    for line in run(Settings(), lambda: exchange.hand_out(kind, path)):
        done(line)


@cli.group()
def token() -> None:
    """Keys to the JSON API."""


@token.command("create")
@click.argument("email")
@click.option(
    "--scope", "scopes", multiple=True, required=True, help="clips:read, recordings:write … or all."
)
@click.option("--name", default="command line", show_default=True)
def create_token(email: str, scopes: tuple[str, ...], name: str) -> None:
    """Make a token for a person; it is printed once and nothing else is."""
    from trainer.people.tokens import create_token_for

    click.echo(run(Settings(), lambda: create_token_for(email, scopes=list(scopes), name=name)))


@cli.group("jobs")
def jobs_group() -> None:
    """Background jobs."""


@jobs_group.command("run")
@click.option(
    "--at", "moment", help="ISO date and time: carry out what would have been due by then, once each."
)
def run_jobs(moment: str | None) -> None:
    """Carry out everything that is due, then stop."""
    from trainer import jobs

    try:
        now = datetime.fromisoformat(moment) if moment else datetime.now(UTC)
    except ValueError as error:
        raise click.BadParameter(
            "give a date and time such as 2026-11-23T09:00", param_hint="--at"
        ) from error
    count = run(Settings(), lambda: jobs.drain(now if now.tzinfo else now.replace(tzinfo=UTC)))
    done(f"{count} job(s) carried out.")


@cli.group("mail")
def mail_group() -> None:
    """Sending mail."""


@mail_group.command("test")
@click.argument("address")
def test_mail(address: str) -> None:
    """Send a test mail to ADDRESS and say whether the mail server took it."""
    from trainer.notices import mail, post_office

    post_office.set_up(Settings())
    post = post_office.office()
    if post is None:
        raise click.ClickException("No mail is set up. Set TRAINER_SMTP_URL and TRAINER_MAIL_FROM.")
    try:
        asyncio.run(mail.send_test(post, address))
    except (post_office.NotSent, post_office.Refused) as error:
        raise click.ClickException(str(error)) from None
    done(
        f"{post.server.host} took the mail for {address}. Now look into that mailbox, in its spam folder too."
    )


@cli.command()
def doctor() -> None:
    """Say what is wrong with this installation and what to do about it."""
    from trainer.doctor import examine

    findings = asyncio.run(examine(Settings()))
    marks = {"well": "[green]✓[/]", "hint": "[yellow]![/]", "wrong": "[bold red]✗[/]"}
    for finding in findings:
        console.print(f"{marks[finding.level]} {escape(finding.what)}", soft_wrap=True)
        if finding.remedy:
            console.print(f"  → {escape(finding.remedy)}", soft_wrap=True)
    if to_do := sum(not finding.well for finding in findings):
        console.print(f"{to_do} thing(s) to put right.")
        sys.exit(1)
