"""Static files: kept for good under the tree's hash, never stale, never anything but the tree."""

import gzip
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from litestar import Litestar

from trainer.web.static import StaticTree, find_tree

CSS = "body { color: rebeccapurple }\n" * 200


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tree = tmp_path / "static"
    (tree / "css").mkdir(parents=True)
    (tree / "js").mkdir()
    (tree / "css/app.css").write_text(CSS)
    (tree / "js/player.js").write_text("export const player = 1;")
    (tree / "icons.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tree / "letters.woff2").write_bytes(b"wOF2" + bytes(4000))
    (tree / "LICENSE").write_text("Apache")
    (tree / ".hidden").write_text("no")
    (tmp_path / "secret.txt").write_text("not for anybody")
    return tree


@asynccontextmanager
async def browser(tree: StaticTree) -> AsyncIterator[httpx.AsyncClient]:
    app = Litestar([tree.handler()], openapi_config=None)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers={"accept-encoding": ""}
    ) as client:
        yield client


async def test_a_file_is_kept_for_good_under_the_present_hash(root: Path) -> None:
    tree = StaticTree(root)
    async with browser(tree) as client:
        answer = await client.get(tree.url("css/app.css"))
    assert answer.text == CSS
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-length"] == str(len(CSS))


async def test_a_style_sheet_travels_without_what_it_says_to_its_readers(root: Path) -> None:
    source = '/* why\n   so */\n@layer a {\n  b::after { content: "/* said */"; color: red } /* end */\n}\n'
    (root / "css/app.css").write_text(source)
    tree = StaticTree(root)
    async with browser(tree) as client:
        answer = await client.get(tree.url("css/app.css"))
    assert answer.text == '\n@layer a {\nb::after { content: "/* said */"; color: red } \n}\n'
    assert answer.headers["content-length"] == str(len(answer.text))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("css/app.css", "text/css; charset=utf-8"),
        ("js/player.js", "text/javascript; charset=utf-8"),
        ("icons.svg", "image/svg+xml"),
        ("letters.woff2", "font/woff2"),
        ("LICENSE", "text/plain; charset=utf-8"),
    ],
)
async def test_each_file_has_the_type_a_strict_browser_wants(root: Path, name: str, kind: str) -> None:
    tree = StaticTree(root)
    async with browser(tree) as client:
        answer = await client.get(tree.url(name))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == kind


async def test_the_hash_follows_content_names_and_nothing_else(root: Path) -> None:
    before = StaticTree(root).hash
    os.utime(root / "css/app.css", (1, 1))
    assert StaticTree(root).hash == before
    (root / "css/app.css").rename(root / "css/other.css")
    renamed = StaticTree(root).hash
    assert renamed != before
    (root / "css/other.css").write_text("changed")
    assert StaticTree(root).hash not in (before, renamed)


async def test_an_old_address_gives_the_present_file_but_must_not_be_kept(root: Path) -> None:
    tree = StaticTree(root)
    async with browser(tree) as client:
        answer = await client.get("/static/0123456789ab/css/app.css")
    assert answer.status_code == 200
    assert answer.text == CSS
    assert answer.headers["cache-control"] == "no-cache"


async def test_what_is_served_is_what_the_hash_was_made_of(root: Path) -> None:
    tree = StaticTree(root)
    (root / "css/app.css").write_text("deployed while running")
    async with browser(tree) as client:
        answer = await client.get(tree.url("css/app.css"))
    assert answer.text == CSS


async def test_debug_sees_a_change_at_once(root: Path) -> None:
    tree = StaticTree(root, debug=True)
    before = tree.url("css/app.css")
    (root / "css/app.css").write_text("new")
    (root / "css/added.css").write_text("also new")
    assert tree.url("css/app.css") != before
    async with browser(tree) as client:
        assert (await client.get(tree.url("css/app.css"))).text == "new"
        assert (await client.get(tree.url("css/added.css"))).text == "also new"


async def test_text_travels_gzipped_to_those_who_take_it_and_fonts_do_not(root: Path) -> None:
    tree = StaticTree(root)
    async with browser(tree) as client:
        css = await client.get(tree.url("css/app.css"), headers={"accept-encoding": "br, gzip"})
        font = await client.get(tree.url("letters.woff2"), headers={"accept-encoding": "gzip"})
        refused = await client.get(tree.url("css/app.css"), headers={"accept-encoding": "gzip;q=0, br"})
        plain = await client.get(tree.url("css/app.css"))
    assert css.headers["content-encoding"] == "gzip"
    assert int(css.headers["content-length"]) == len(gzip.compress(CSS.encode(), 9, mtime=0))
    assert css.text == CSS
    assert "content-encoding" not in font.headers
    assert "content-encoding" not in refused.headers
    assert css.headers["vary"] == plain.headers["vary"] == "accept-encoding"
    assert css.headers["etag"] != plain.headers["etag"]


async def test_an_unchanged_file_costs_a_304(root: Path) -> None:
    tree = StaticTree(root)
    async with browser(tree) as client:
        first = await client.get(tree.url("css/app.css"))
        again = await client.get(tree.url("css/app.css"), headers={"if-none-match": first.headers["etag"]})
        other = await client.get(tree.url("css/app.css"), headers={"if-none-match": '"another"'})
    assert again.status_code == 304
    assert again.content == b""
    assert other.status_code == 200


async def test_head_has_the_headers_without_the_body(root: Path) -> None:
    tree = StaticTree(root)
    async with browser(tree) as client:
        answer = await client.head(tree.url("css/app.css"))
        assert (await client.post(tree.url("css/app.css"))).status_code == 405
    assert answer.status_code == 200
    assert answer.headers["content-length"] == str(len(CSS))
    assert answer.content == b""


@pytest.mark.parametrize(
    "path",
    [
        "/static/{hash}/../../secret.txt",
        "/static/{hash}/%2e%2e/%2e%2e/secret.txt",
        "/static/{hash}/..%2f..%2fsecret.txt",
        "/static/{hash}//css/../../secret.txt",
        "/static/{hash}/.hidden",
        "/static/{hash}/css",
        "/static/{hash}/css/none.css",
        "/static/{hash}/css/app.css%00",
        "/static/{hash}/",
        "/static/{hash}",
        "/static",
        "/static/css/app.css",
    ],
)
async def test_nothing_but_the_files_of_the_tree_is_served(root: Path, path: str) -> None:
    tree = StaticTree(root)
    async with browser(tree) as client:
        answer = await client.get("http://test" + path.format(hash=tree.hash))
    assert answer.status_code == 404
    assert "not for anybody" not in answer.text


def test_a_misspelt_name_fails_where_the_page_is_made(root: Path) -> None:
    with pytest.raises(LookupError):
        StaticTree(root).url("css/misspelt.css")


def test_the_trees_are_found_in_this_checkout() -> None:
    assert (find_tree("static") / "css").is_dir()
    with pytest.raises(ValueError):
        find_tree("../etc")
