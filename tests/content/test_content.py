"""The starter content keeps its promises: codes resolve, rules can be recited, times lie in their call."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import webvtt
import yaml

from trainer.training.grading import grade_recall

ROOT = Path(__file__).parents[2]
CURRICULA, CLIPS = ROOT / "curricula", ROOT / "clips"
HAN = re.compile(r"[\u3400-\u9fff]")


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


BOOK = load(CURRICULA / "rulebooks" / "starter.yaml")
RULES = {rule["code"]: rule for rule in BOOK["rules"]}
MODULES = [load(path) for path in sorted((CURRICULA / "modules").glob("*.yaml"))]
PATH = load(CURRICULA / "paths" / "agent.yaml")
CENTRE = load(CURRICULA / "people" / "sample.yaml")
PEOPLE = {person["key"]: person for person in CENTRE["people"]}
LIBRARY = load(CLIPS / "library.yaml")
CALLS = {call["slug"]: call for call in LIBRARY["calls"]}
CLIP = {clip["slug"]: clip for clip in LIBRARY["clips"]}
MODULE_CODES = {each["module"]["code"] for each in MODULES}


def texts_in(node: Any, where: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """Every text that people read, with the place where it stands."""
    if isinstance(node, dict):
        if "en" in node and isinstance(node["en"], str):
            yield where, node
        else:
            for key, value in node.items():
                yield from texts_in(value, f"{where}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from texts_in(value, f"{where}[{index}]")


def milestones() -> list[dict[str, Any]]:
    return [milestone for level in PATH["levels"] for milestone in level["milestones"]]


def cues_of(call: dict[str, Any]) -> list[tuple[int, int, str, str]]:
    """(start ms, end ms, voice, words) of each transcript line."""

    def to_ms(stamp: str) -> int:
        hours, minutes, seconds = stamp.split(":")
        return round((int(hours) * 3600 + int(minutes) * 60 + float(seconds)) * 1000)

    captions = webvtt.read(str(CLIPS / call["transcript"])).captions
    return [(to_ms(each.start), to_ms(each.end), str(each.voice), each.text) for each in captions]


def decode(call: dict[str, Any]) -> tuple[np.ndarray[Any, Any], int]:
    """Both channels as floats, and the sample rate."""
    with av.open(str(CLIPS / call["audio"])) as file:
        blocks = [frame.to_ndarray() for frame in file.decode(audio=0)]
        return np.concatenate(blocks, axis=1), file.streams.audio[0].rate


@pytest.mark.parametrize(
    "document", [BOOK, MODULES, PATH, LIBRARY], ids=["book", "modules", "path", "library"]
)
def test_everything_people_read_is_there_in_english_and_chinese(document: Any) -> None:
    for where, text in texts_in(document):
        assert set(text) == {"en", "zh-Hans"}, where
        assert text["en"].strip(), where
        assert HAN.search(text["zh-Hans"]), where


def test_a_rule_is_short_enough_to_know_by_heart_003_6() -> None:
    for rule in RULES.values():
        assert len(rule["statement"]["en"].split()) <= 20
        assert len(HAN.findall(rule["statement"]["zh-Hans"])) <= 26


def test_the_rule_book_is_whole() -> None:
    assert [want["code"] for want in BOOK["wants"]] == ["understand", "respond", "glad"]
    assert {rule["want"] for rule in RULES.values()} == {"understand", "respond", "glad"}
    assert sum(rule["weight"] for rule in RULES.values()) == 100
    assert {code for code, rule in RULES.items() if rule["severity"] == "fatal"} == {"R02", "R05"}
    assert all(value["behaviour"]["en"] for value in BOOK["values"])


def test_a_rule_recited_word_for_word_contains_all_its_key_ideas() -> None:
    for rule in RULES.values():
        for language, ideas in rule["key_tokens"].items():
            said = rule["statement"][language].lower()
            for idea in ideas:
                assert any(word in said for word in idea.split("|")), (rule["code"], idea)


OTHER_WORDS = [
    (
        "R01",
        "en",
        "I listen, without cutting in, and put what they want to get at in my own words: the need behind it",
    ),
    ("R01", "en", "Let them talk, then paraphrase what worries them"),
    ("R01", "zh-Hans", "先听完，不插话，然后概括他最担心的事"),
    ("R02", "en", "Verifying who they are with two questions first"),
    ("R02", "en", "Make sure of a couple of security answers before I look at their record"),
    ("R02", "zh-Hans", "查证两样东西，才可以看他的账户"),
    ("R03", "en", "Sum up what we decided without jargon, and check that it is what they meant"),
    ("R03", "zh-Hans", "用自己的话概括说好的事，问有没有错"),
    ("R04", "en", "What they are really trying to do, the purpose underneath what they said"),
    ("R04", "en", "Find out the actual reason, more than the request itself"),
    ("R04", "zh-Hans", "弄清他打来的目的，不光回答他所问的"),
    ("R05", "en", "Only things that are certain, with a deadline"),
    ("R05", "en", "I guarantee just what we can do, and say the date"),
    ("R05", "zh-Hans", "只保证有把握的事，并告诉他期限"),
    ("R06", "en", "Empathy, and somebody else who can help: another path"),
    ("R06", "en", "I understand them and offer an alternative"),
    ("R06", "zh-Hans", "体谅他，再给他别的方案"),
    ("R07", "en", "What it is for, the exact price, when it is due"),
    ("R07", "en", "They hear in advance how much they pay, and on which day"),
    ("R07", "zh-Hans", "事先告诉他什么钱、多少、哪天扣"),
    ("R08", "en", "smiling, easy to understand, not too fast"),
    ("R08", "en", "Friendliness, good pronunciation, matching their rhythm"),
    ("R08", "zh-Hans", "亲切，吐字好，慢下来"),
    ("R09", "en", "Patient and polite; the caller comes first, then the issue"),
    ("R09", "zh-Hans", "有耐心、有礼貌，先照顾情绪"),
    ("R10", "en", "Anticipating what could go wrong tomorrow, so they need no second call"),
    ("R10", "zh-Hans", "想到以后会出错的地方，免得他又打来"),
    ("R11", "en", "Say who they are by name, show appreciation, invite them to return"),
    ("R11", "zh-Hans", "叫出姓名，道谢，告诉他有需要就打"),
]


@pytest.mark.parametrize(("code", "language", "said"), OTHER_WORDS)
def test_a_rule_said_in_other_words_is_remembered(code: str, language: str, said: str) -> None:
    verdict = grade_recall({"text": said}, RULES[code]["key_tokens"][language])
    assert verdict.correct, verdict.detail


@pytest.mark.parametrize("code", list(RULES))
@pytest.mark.parametrize(
    "said",
    [
        "Smile",
        "Be nice to them",
        "Put the call through to lunch and log off quickly",
        "I forgot",
        "我忘记了",
        "对客户好一点",
    ],
)
def test_a_word_or_something_else_is_not_the_rule(code: str, said: str) -> None:
    tokens = RULES[code]["key_tokens"]
    assert not any(grade_recall({"text": said}, ideas).correct for ideas in tokens.values())


def test_every_rule_can_be_heard_done_well() -> None:
    heard = {code for clip in CLIP.values() if clip["polarity"] == "exemplar" for code in clip["rules"]}
    assert heard == set(RULES)


def test_a_judgement_rule_is_heard_from_two_agents_000_3() -> None:
    agents = defaultdict(set)
    for clip in CLIP.values():
        if clip["polarity"] == "exemplar":
            for code in clip["rules"]:
                agents[code].add(CALLS[clip["call"]]["agent"])
    alone = [code for code, rule in RULES.items() if rule["kind"] == "judgement" and len(agents[code]) < 2]
    assert alone == []


def test_most_rules_have_a_contrast_pair() -> None:
    polarities = defaultdict(set)
    for clip in CLIP.values():
        for code in clip["rules"]:
            polarities[code].add(clip["polarity"] == "exemplar")
    assert len([code for code, kinds in polarities.items() if kinds == {True, False}]) >= 5


def test_the_same_words_pair_really_has_the_same_words_003_10() -> None:
    def words(slug: str) -> list[str]:
        clip = CLIP[slug]
        lines = cues_of(CALLS[clip["call"]])
        inside = [
            text for start, end, _, text in lines if clip["start_ms"] <= start and end <= clip["end_ms"]
        ]
        return re.findall(r"[\w']+", " ".join(inside).lower())

    assert SequenceMatcher(None, words("fee-opening-warm"), words("fee-opening-flat")).ratio() >= 0.9


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module["module"]["code"])
def test_a_module_refers_only_to_what_exists_and_to_clips_of_its_rule(module: dict[str, Any]) -> None:
    assert set(module["module"]["rules"]) <= set(RULES)
    assert 5 <= len(module["steps"]) <= 9
    assert 6 <= module["module"]["minutes"] <= 10
    for step in module["steps"]:
        if "rule" in step:
            assert step["rule"] in module["module"]["rules"]
        for part in ("clip", "good", "other"):
            if part in step:
                assert step["rule"] in CLIP[step[part]]["rules"], (step["kind"], step[part])
        if step["kind"] == "contrast":
            assert CLIP[step["good"]]["polarity"] == "exemplar"
            assert CLIP[step["other"]]["polarity"] != "exemplar"
        if step["kind"] == "reflect":
            assert CLIP[step["exemplar"]]["polarity"] == "exemplar"


def test_the_first_module_is_the_happy_one_and_opens_every_path_003_19() -> None:
    first = [each["module"] for each in MODULES if each["module"]["starter"]]
    assert [module["code"] for module in first] == ["happy-simple-effective"]
    assert first[0]["order"] == 1
    assert milestones()[0]["criteria"] == [
        {"fact": "module_completed", "subject": "happy-simple-effective", "count": 1}
    ]


def test_milestones_name_facts_that_exist() -> None:
    codes = [milestone["code"] for milestone in milestones()]
    assert len(codes) == len(set(codes))
    assert len(PATH["levels"]) == 4
    for milestone in milestones():
        for criterion in milestone["criteria"]:
            assert set(criterion) <= {"fact", "subject", "count", "distinct"}
            assert criterion["fact"] in {
                "module_completed",
                "appreciation_given",
                "clip_published",
                "signed_off",
                "tenure_days",
            }
            if criterion["fact"] == "module_completed" and "subject" in criterion:
                assert criterion["subject"] in MODULE_CODES


@pytest.mark.parametrize("call", CALLS.values(), ids=lambda call: call["slug"])
def test_a_call_is_as_long_as_it_says_and_its_transcript_lies_inside(call: dict[str, Any]) -> None:
    sound, rate = decode(call)
    assert sound.shape[0] == 2
    assert abs(sound.shape[1] / rate * 1000 - call["duration_ms"]) < 60
    assert 60_000 <= call["duration_ms"] <= 240_000
    assert call["agent"] in PEOPLE
    lines = cues_of(call)
    assert {voice for _, _, voice, _ in lines} == {"Agent", "Caller"}
    assert all(0 <= start < end <= call["duration_ms"] for start, end, _, _ in lines)
    for voice in ("Agent", "Caller"):
        own = sorted(line for line in lines if line[2] == voice)
        assert all(before[1] <= after[0] for before, after in pairwise(own))


@pytest.mark.parametrize("call", CALLS.values(), ids=lambda call: call["slug"])
def test_speech_is_where_the_transcript_says_and_on_that_voices_channel(call: dict[str, Any]) -> None:
    sound, rate = decode(call)
    quiet = np.ones_like(sound, dtype=bool)
    for start, end, voice, _ in cues_of(call):
        channel = 0 if voice == "Agent" else 1
        first, last = start * rate // 1000, end * rate // 1000
        quiet[channel, max(0, first - rate // 20) : last + rate // 5] = False
        edge = 30 * rate // 1000
        own = sound[channel]
        level = float(np.sqrt(np.mean(own[first:last] ** 2)))
        assert level > 0.01
        assert np.abs(own[first : first + 5 * edge]).max() > level * 0.25
        assert np.abs(own[last - 8 * edge : last]).max() > level * 0.15
    for channel in (0, 1):
        rest = sound[channel][quiet[channel]]
        assert 0 < float(np.sqrt(np.mean(rest**2))) < 0.004, "room tone: present, and far below speech"


@pytest.mark.parametrize("clip", CLIP.values(), ids=lambda clip: clip["slug"])
def test_a_clip_lies_in_its_call_and_cuts_through_nobodys_words(clip: dict[str, Any]) -> None:
    call = CALLS[clip["call"]]
    start, end = clip["start_ms"], clip["end_ms"]
    assert 0 <= start < end <= call["duration_ms"]
    assert 4_000 <= end - start <= 30_000
    assert 0 < clip["cue_ms"] < end - start
    assert clip["polarity"] in {"exemplar", "counterexample", "near_miss"}
    assert set(clip["rules"]) <= set(RULES)
    for cue_start, cue_end, _, text in cues_of(call):
        assert not cue_start < start < cue_end, text
        assert not cue_start < end < cue_end, text
    for redaction in clip["redactions"]:
        assert start <= redaction["start_ms"] < redaction["end_ms"] <= end


def test_numbers_that_could_be_somebodys_are_redacted_in_every_clip() -> None:
    number = re.compile(r"(\d[ -]?){7,}")
    seen = 0
    for clip in CLIP.values():
        for start, end, _, text in cues_of(CALLS[clip["call"]]):
            if clip["start_ms"] <= start and end <= clip["end_ms"] and number.search(text):
                seen += 1
                assert any(
                    cover["start_ms"] <= start and end <= cover["end_ms"] for cover in clip["redactions"]
                ), text
    assert seen >= 2


def test_the_library_is_as_rich_and_as_small_as_agreed() -> None:
    assert len(CALLS) == 8
    assert len(CLIP) >= 20
    assert {clip["polarity"] for clip in CLIP.values()} == {"exemplar", "counterexample", "near_miss"}
    assert sum(path.stat().st_size for path in (CLIPS / "calls").glob("*.mp3")) < 8_000_000


def test_the_sample_centre_has_its_fixed_addresses_and_resolves() -> None:
    teams = {team["key"] for team in CENTRE["teams"]}
    assert len(PEOPLE) >= 16
    assert {"admin", "trainer", "analyst", "lead", "manager", "agent", "senior"} <= {
        (person["email"] or "").removesuffix("@demo.example") for person in PEOPLE.values()
    }
    for person in PEOPLE.values():
        assert person["team"] is None or person["team"] in teams
        assert person["buddy"] is None or person["buddy"] in PEOPLE
        if person["birthday"]:
            assert date.fromisoformat(f"2024-{person['birthday']}")
    assert all(team["lead"] in PEOPLE for team in CENTRE["teams"])


def test_the_history_happens_between_people_who_were_there() -> None:
    history = CENTRE["history"]
    behaviours = set(RULES) | {value["code"] for value in BOOK["values"]}
    assert len(history["appreciations"]) >= 24
    for thanks in history["appreciations"]:
        assert thanks["behaviour"] in behaviours
        assert thanks["from"] not in thanks["to"]
        for key in (thanks["from"], *thanks["to"]):
            assert PEOPLE[key]["hired_days_ago"] >= thanks["days_ago"], (key, thanks["message"])
    for kind in ("completions", "enrolments"):
        for entry in history[kind]:
            assert entry["module"] in MODULE_CODES
            assert PEOPLE[entry["person"]]["hired_days_ago"] >= entry["days_ago"]
    done = {(entry["person"], entry["module"]) for entry in history["completions"]}
    assert len(done) == len(history["completions"])
    assert not done & {(entry["person"], entry["module"]) for entry in history["enrolments"]}
    subjects = {criterion.get("subject") for each in milestones() for criterion in each["criteria"]}
    for sign_off in history["sign_offs"]:
        assert sign_off["subject"] in subjects
        assert sign_off["by"] in PEOPLE
        assert PEOPLE[sign_off["person"]]["hired_days_ago"] >= sign_off["days_ago"]
