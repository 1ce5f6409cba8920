"""Reading a form: all errors at once, usable values otherwise."""

from datetime import date
from uuid import UUID

import pytest

from trainer.problems import FieldError, Invalid
from trainer.web.forms import Form

ONE = "11111111-1111-4111-8111-111111111111"


def form(**fields: str | list[str]) -> Form:
    return Form({name: value if isinstance(value, list) else [value] for name, value in fields.items()})


def test_usable_values_come_back_in_their_kinds() -> None:
    sent = form(
        name="  Lin ", age="41", on="2026-11-23", who=ONE, role="agent", tick="1", many=["a", " ", "b "]
    )
    assert sent.text("name") == "Lin"
    assert sent.integer("age", least=1, most=99) == 41
    assert sent.day("on") == date(2026, 11, 23)
    assert sent.identifier("who") == UUID(ONE)
    assert sent.choice("role", ["agent", "admin"]) == "agent"
    assert sent.checked("tick")
    assert not sent.checked("other")
    assert sent.many("many") == ["a", "b"]
    assert sent.ok


def test_all_wrong_fields_are_noted_at_once() -> None:
    sent = form(name=" ", age="old", on="23.11.2026", who="me", role="king")
    sent.text("name")
    sent.integer("age", least=1, most=99)
    sent.day("on")
    sent.identifier("who")
    sent.choice("role", ["agent"])
    assert set(sent.errors) == {"name", "age", "on", "who", "role"}
    assert all(sent.errors.values())
    assert not sent.ok


@pytest.mark.parametrize("reader", ["text", "integer", "day", "identifier", "choice"])
def test_what_may_be_absent_is_blank_without_an_error(reader: str) -> None:
    sent = form()
    arguments = {"integer": {"least": 1, "most": 2}, "choice": {"allowed": ["a"]}}.get(reader, {})
    assert not getattr(sent, reader)("x", required=False, **arguments)
    assert sent.ok
    getattr(sent, reader)("x", **arguments)
    assert not sent.ok


def test_long_texts_and_numbers_out_of_range_are_refused() -> None:
    sent = form(name="x" * 11, age="0", more="１２")
    sent.text("name", most=10)
    sent.integer("age", least=1, most=2)
    assert "under 10 characters" in sent.errors["name"]
    assert "from 1 to 2" in sent.errors["age"]


def test_line_ends_are_one_character_and_zero_bytes_go() -> None:
    assert form(note="a\r\nb\x00").text("note") == "a\nb"


def test_a_password_is_taken_as_it_was_typed() -> None:
    sent = form(password=" a b ")
    assert sent.secret("password") == " a b "
    assert sent.secret("missing") == ""


def test_of_a_field_sent_twice_the_last_one_counts() -> None:
    assert form(tick=["0", "1"]).raw("tick") == "1"


def test_a_services_refusal_lands_at_its_fields() -> None:
    sent = form()
    sent.errors["name"] = "first"
    wrong = [FieldError("name", "taken", "second"), FieldError("email", "taken", "Taken.")]
    sent.take(Invalid("x", errors=wrong))
    assert sent.errors == {"name": "first", "email": "Taken."}
    whole = form()
    whole.take(Invalid("Not today."))
    assert whole.errors == {"": "Not today."}
