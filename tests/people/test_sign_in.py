"""Signing in by password: who gets in, who does not, and what the browser is given."""

import httpx
import pytest
from litestar import Litestar

from tests.factories import PASSWORD, a_person
from tests.web_fixtures import SignIn


async def test_a_person_signs_in_by_e_mail_whatever_its_case(client: httpx.AsyncClient) -> None:
    await a_person(email="mina@encore.example", password=PASSWORD)
    answer = await client.post("/sign-in", data={"identifier": " Mina@Encore.example ", "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == "/"
    assert (await client.get("/sign-in")).status_code == 303
