"""A rule book travels as YAML: in, out and in again without a trace of the journey."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.factories import a_viewer
from trainer import jobs
from trainer.problems import Conflict, Invalid
from trainer.rulebook import drafting, queries, service
from trainer.rulebook.tables import Rule, RuleVersion, Want

STARTER = Path(__file__).parents[2] / "curricula" / "rulebooks" / "starter.yaml"

pytestmark = pytest.mark.usefixtures("database")


def starter() -> dict[str, Any]:
    return yaml.safe_load(STARTER.read_text(encoding="utf-8"))


async def count_versions() -> int:
    return await RuleVersion.count()


async def test_the_starter_book_comes_in_with_every_want_rule_and_value() -> None:
    report = await service.import_rulebook(STARTER)
    assert report.added == [f"R{n:02}" for n in range(1, 12)]
    assert report.notes == []
    admin = await a_viewer("admin")
    [book] = (await service.rulebook_overview(admin)).books
    assert [want.code for want in book.wants] == ["understand", "respond", "glad"]
    assert [rule.code for rule in book.all_rules] == report.added
    assert {rule.state for rule in book.all_rules} == {"published"}
    assert [value.code for value in await service.values()][:2] == ["hear-people-out", "honest-always"]


async def test_importing_it_again_writes_nothing() -> None:
    await service.import_rulebook(STARTER)
    before = await RuleVersion.select().order_by(RuleVersion.id), await Want.select().order_by(Want.id)
    report = await service.import_rulebook(STARTER)
    assert (report.added, report.changed) == ([], [])
    assert len(report.unchanged) == 11
    assert (
        await RuleVersion.select().order_by(RuleVersion.id),
        await Want.select().order_by(Want.id),
    ) == before


async def test_export_then_import_is_equal() -> None:
    await service.import_rulebook(STARTER)
    text = await service.export_rulebook("starter")
    assert yaml.safe_load(text) == starter()
    assert (await service.import_rulebook(yaml.safe_load(text))).changed == []
    assert await service.export_rulebook("starter") == text


async def test_a_changed_rule_becomes_a_new_version_and_the_others_stay() -> None:
    await service.import_rulebook(STARTER)
    old = (await service.published_rules(["R03"]))["R03"]
    data = starter()
    data["rules"][2]["statement"]["en"] = "Say back what was agreed, then ask whether it is right."
    report = await service.import_rulebook(data)
    assert report.changed == ["R03"]
    new = (await service.published_rules(["R03"]))["R03"]
    assert (new.version, new.id) == (2, old.id)
    assert (await service.rule_version(old.id, 1)).statement == old.statement
    assert (await service.rule_version(old.id, 1)).state == "superseded"
    assert await count_versions() == 12


async def test_publishing_tells_upper_rooms_whether_clips_carry_over() -> None:
    heard: list[dict[str, Any]] = []

    @jobs.on("rule_published")
    async def listen(context: jobs.JobContext, event: dict[str, Any]) -> None:
        heard.append(event)

    try:
        await service.import_rulebook(STARTER)
        await jobs.drain()
        heard.clear()
        data = starter()
        data["rules"][0]["weight"] += 1
        data["rules"][1]["statement"]["en"] = "Check three details before you open anything personal."
        await service.import_rulebook(data)
        await jobs.drain()
    finally:
        jobs._subscribers["rule_published"].remove(
            "rule_published:tests.rulebook.test_import_and_export.listen"
        )
    told = {event["code"]: (event["version"], event["previous"], event["carries"]) for event in heard}
    assert told == {"R01": (2, 1, True), "R02": (2, 1, False)}


async def test_order_follows_the_file() -> None:
    await service.import_rulebook(STARTER)
    data = starter()
    data["rules"].reverse()
    await service.import_rulebook(data)
    assert list(await service.published_rules()) == [f"R{n:02}" for n in range(11, 0, -1)]
    assert await count_versions() == 11


async def test_rules_that_the_file_does_not_name_stay_with_their_want() -> None:
    await service.import_rulebook(STARTER)
    data = starter()
    data["rules"] = [rule for rule in data["rules"] if rule["want"] != "glad"]
    data["wants"] = [want for want in data["wants"] if want["code"] != "glad"]
    report = await service.import_rulebook(data)
    assert "R11" in report.notes[-1]
    [book] = (await service.rulebook_overview(await a_viewer("admin"))).books
    assert [want.code for want in book.wants] == ["understand", "respond", "glad"]
    assert "R11" in [rule.code for rule in book.all_rules]


async def test_a_want_that_only_the_past_served_is_hidden_and_its_versions_keep_it() -> None:
    await service.import_rulebook(STARTER)
    data = starter()
    for rule in data["rules"]:
        rule["want"] = "respond"
    data["wants"] = [want for want in data["wants"] if want["code"] != "glad"]
    await service.import_rulebook(data)
    [book] = (await service.rulebook_overview(await a_viewer("admin"))).books
    assert [want.code for want in book.wants] == ["understand", "respond"]
    rule = (await service.published_rules(["R11"]))["R11"]
    assert (await service.rule_version(rule.id, 1)).want_code == "glad"


async def test_more_than_five_wants_are_refused() -> None:
    data = starter()
    data["wants"] += [dict(data["wants"][0], code=f"more{n}") for n in range(3)]
    with pytest.raises(Invalid) as refused:
        await service.import_rulebook(data)
    assert [(error.field, error.code) for error in refused.value.errors] == [("wants", "too-many")]
    assert await Rule.count() == 0


async def test_wants_still_served_count_towards_the_five() -> None:
    await service.import_rulebook(STARTER)
    data = starter()
    data["wants"] = [dict(data["wants"][0], code=f"other{n}") for n in range(3)]
    data["rules"] = [dict(data["rules"][0], code="R99", want="other0")]
    with pytest.raises(Invalid):
        await service.import_rulebook(data)
    assert await Want.count() == 3


async def test_every_mistake_is_named_at_its_place_and_nothing_is_taken() -> None:
    data = starter()
    data["rules"][0]["severity"] = "deadly"
    data["rules"][1].pop("want")
    data["rules"][2]["want"] = "nowhere"
    data["rules"][3]["code"] = "has space"
    data["rules"][4]["title"] = {"xx": "?"}
    data["rules"][5]["weight"] = -1
    data["values"][0].pop("behaviour")
    with pytest.raises(Invalid) as refused:
        await service.import_rulebook(data)
    fields = {error.field for error in refused.value.errors}
    assert fields == {
        "rules[0].severity",
        "rules[1].want",
        "rules[2].want",
        "rules[3].code",
        "rules[4].title",
        "rules[5].weight",
        "values[0].behaviour",
    }
    assert await Rule.count() == 0


async def test_a_file_that_is_not_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "book.yaml"
    path.write_text("rulebook:\n  code: [unclosed\n", encoding="utf-8")
    with pytest.raises(Invalid, match="line 3"):
        await service.import_rulebook(path)


async def test_an_open_draft_is_never_overwritten() -> None:
    await service.import_rulebook(STARTER)
    trainer = await a_viewer("trainer")
    await drafting.edit_rule(trainer, "R05", {"title": {"en": "Promise little"}})
    data = starter()
    data["rules"][4]["title"]["en"] = "Promise what is true"
    data["rules"][0]["title"]["en"] = "Hear the end"
    with pytest.raises(Conflict, match="R05"):
        await service.import_rulebook(data)
    assert (await service.published_rules(["R01"]))["R01"].version == 1


async def test_an_open_draft_that_says_the_same_is_published() -> None:
    await service.import_rulebook(STARTER)
    data = starter()
    data["rules"][4]["title"]["en"] = "Promise what is true"
    trainer = await a_viewer("trainer")
    await drafting.edit_rule(trainer, "R05", {"title": data["rules"][4]["title"]})
    assert (await service.import_rulebook(data)).changed == ["R05"]
    assert await queries.one_version((await service.published_rules(["R05"]))["R05"].id, 3) is None


async def test_a_rule_of_another_book_is_not_taken_over() -> None:
    await service.import_rulebook(STARTER)
    data = copy.deepcopy(starter())
    data["rulebook"]["code"] = "second"
    with pytest.raises(Conflict, match="R01"):
        await service.import_rulebook(data)
    assert await service.rulebook_codes() == ["starter"]


async def test_a_long_statement_is_flagged_in_the_report_and_taken() -> None:
    data = starter()
    data["rules"][0]["statement"] = {
        "en": "one two three four five six seven eight nine ten " * 2 + "eleven",
        "zh-Hans": "请" * 27,
    }
    report = await service.import_rulebook(data)
    assert "R01" in report.added
    assert report.notes == [
        "R01: 21 words in en: more than 20 are hard to know by heart.",
        "R01: 27 characters in zh-Hans: more than 26 are hard to know by heart.",
    ]
