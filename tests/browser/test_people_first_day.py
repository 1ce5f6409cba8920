"""From a personnel list to an agent who is in: upload, look, say yes, print a card, follow it on a phone."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PASSWORD, Centre, start_centre
from tests.browser.test_editor import violations
from tests.factories import a_person, a_rulebook
from trainer.people.sessions import Sessions

pytestmark = pytest.mark.browser

LIST = """工号;姓名;班组;角色;邮箱
L1;Lena Brandt;Harbour;组长;lena@encore.example
A1;Nia Adeyemi;Harbour;座席;
A2;Broken;Harbour;king;
"""


async def an_admin() -> str:
    await a_rulebook()
    admin = await a_person("admin", name="Ingrid")
    return await Sessions(14).start(admin.id, device="Tests")


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with start_centre(tmp_path_factory.mktemp("people") / "data", an_admin) as running:
        yield running


def text_of_code(png: bytes) -> list[str]:
    """What a camera reads in a picture of the screen."""
    import av
    import zxingcpp

    with av.open(io.BytesIO(png), "r") as picture:
        grey = next(picture.decode(video=0)).to_ndarray(format="gray")
    return [found.text for found in zxingcpp.read_barcodes(grey)]


def test_from_a_list_to_an_agent_who_is_in(chromium: Any, centre: Centre, tmp_path: Path) -> None:
    sheet = tmp_path / "staff.csv"
    sheet.write_bytes(LIST.encode("gb18030"))
    with centre.window(chromium) as window:
        cookie = {"name": "encore", "value": centre.seeded, "url": centre.url}
        window.context.add_cookies([cookie])
        page = window.open("/people/import")
        page.set_input_files("input[type=file]", sheet)
        page.click("text=Read it")
        page.wait_for_selector("text=3 rows were read")
        assert page.locator("td", has_text="There is no role king.").count() == 1
        assert violations(window) == []
        page.click("button:has-text('Take in 2 people')")
        page.click("a:has-text('Print sign-in cards')")
        assert page.locator("input[name=people]:checked").count() == 2
        page.click("text=Make and print")
        page.wait_for_selector(".sign-in-card")
        assert violations(window) == []
        card = page.locator(".sign-in-card", has_text="Nia Adeyemi")
        assert "A1" in card.inner_text()
        page.emulate_media(media="print")
        assert page.locator(".cards-head").is_hidden()
        (address,) = text_of_code(card.screenshot())
        typed = card.locator(".sign-in-card-code").inner_text()
        assert address == f"{centre.url}/c/{typed}"
        assert [line for line in window.wrong if "410" not in line] == []

    with centre.window(chromium, width=390) as phone:
        page = phone.open(address.removeprefix(centre.url))
        assert page.locator("h1").inner_text() == "Welcome, Nia Adeyemi"
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.fill("input[type=password]", PASSWORD)
        page.click("main button[type=submit]")
        page.wait_for_url("**/welcome/celebrations")
        assert phone.wrong == []

    with centre.window(chromium, width=390) as late:
        page = late.open("/sign-in")
        page.click("text=I have a sign-in card")
        page.fill("input[name=code]", typed.lower().replace("-", " "))
        page.click("text=Go on")
        page.wait_for_selector("text=Used already")
        assert "tell your team lead" in page.locator("main").inner_text()
        page.click("text=Go to sign-in")
        page.fill("input[name=identifier]", "A1")
        page.fill("input[type=password]", PASSWORD)
        page.click("main button[type=submit]")
        page.wait_for_selector("nav.tabbar")
