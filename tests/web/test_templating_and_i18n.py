"""Words and dates as the reader would write them; pages that show what people typed as text."""

import re
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from tests.factories import a_person
from tests.web_fixtures import SignIn
from trainer.web import i18n
from trainer.web.templating import Moments, clock, markdown

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)


def test_the_readers_zone_decides_which_day_it_is() -> None:
    late = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)
    assert Moments("UTC").day(late) == "23 Nov 2026"
    assert Moments("Asia/Taipei").day(late) == "24 Nov 2026"
    assert Moments("America/Lima").day(late) == "23 Nov 2026"
    assert Moments("Asia/Taipei").day(date(2026, 11, 23)) == "23 Nov 2026", "a day has no zone"


def test_days_and_times_are_written_in_the_readers_language() -> None:
    assert Moments("UTC").moment(NOW) == "23 Nov 2026, 14:30"
    assert Moments("UTC").month_day("02-29") == "29 February"
    with i18n.speaking("zh-Hans"):
        assert Moments("UTC").day(NOW) == "2026年11月23日"
        assert Moments("UTC").month_day("06-09") == "6月9日"


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=59), "59 minutes ago"),
        (timedelta(hours=3), "today, 11:30"),
        (timedelta(hours=20), "yesterday"),
        (timedelta(days=3), "Friday"),
        (timedelta(days=10), "13 Nov"),
        (timedelta(days=400), "19 Oct 2025"),
        (timedelta(minutes=-5), "today, 14:35"),
    ],
)
def test_moments_in_a_feed_are_short(ago: timedelta, words: str) -> None:
    assert Moments("UTC").ago(NOW - ago, now=NOW) == words


def test_the_machine_readable_moment_keeps_its_offset() -> None:
    assert Moments("Asia/Taipei").iso(NOW) == "2026-11-23T22:30:00+08:00"
    assert Moments("Asia/Taipei").iso(date(2026, 11, 23)) == "2026-11-23"


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "0:00"), (None, "0:00"), (59_999, "0:59"), (61_000, "1:01"), (3_723_000, "1:02:03")]
)
def test_durations_are_minutes_and_seconds(ms: int | None, text: str) -> None:
    assert clock(ms) == text


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        '<img src=x onerror="alert(1)">',
        "![x](data:text/html;base64,PHNjcmlwdD4=)",
        '<a href="https://a.example" style="position:fixed">x</a>',
    ],
)
def test_authored_markdown_carries_no_script_or_style(source: str) -> None:
    import re

    made = str(markdown(source))
    assert not re.search(r"<script|<[^>]*(onerror|style)=|(href|src)=\"(javascript|data)", made), made


def test_authored_markdown_keeps_its_form() -> None:
    assert str(markdown("Say **it** back.\n\n- one\n- two")) == (
        "<p>Say <strong>it</strong> back.</p>\n<ul>\n<li>one</li>\n<li>two</li>\n</ul>\n"
    )


def test_authored_text_falls_back_to_what_the_reader_knows_best() -> None:
    both = {"en": "rule", "zh-Hans": "质检标准"}
    assert i18n.text_in(both, "zh-Hant") == "质检标准"
    assert i18n.text_in(both, "en") == "rule"
    assert i18n.text_in({"en": "rule", "zh-Hans": ""}, "zh-Hans") == "rule"
    assert i18n.text_in({"zh-Hans": "质检标准"}, "en") == "质检标准", "better than nothing"
    assert i18n.text_in({}, "en") == i18n.text_in(None, "en") == ""
    assert i18n.text_in("plain", "en") == "plain"


def test_an_unknown_language_is_english() -> None:
    with i18n.speaking("tlh"):
        assert i18n.current_locale() == "en"
        assert i18n.gettext("Sign in") == "Sign in"


def test_speaking_another_language_ends_with_its_block() -> None:
    with i18n.speaking("zh-Hans"):
        with i18n.speaking("zh-Hant"):
            assert i18n.current_locale() == "zh-Hant"
        assert i18n.current_locale() == "zh-Hans"


async def test_one_readers_language_does_not_stay_for_the_next(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await sign_in(client, await a_person(locale="zh-Hans"))
    assert '<html lang="zh-Hans"' in (await client.get("/people")).text
    client.cookies.clear()
    assert '<html lang="en"' in (await client.get("/sign-in")).text


async def test_pages_are_compressed_for_who_takes_it(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    await sign_in(client, await a_person("admin"))
    plain = await client.get("/people", headers={"Accept-Encoding": "identity"})
    small = await client.get("/people", headers={"Accept-Encoding": "br, gzip;q=0.8"})
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert int(small.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    without_tokens = re.compile(r"[0-9a-f]{128}")
    assert without_tokens.sub("", small.text) == without_tokens.sub("", plain.text)
