"""Stories of two at once: phrases, evaluations, assignments, cards and thanks."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid4

from tests.counting import count_of
from tests.factories import a_person
from tests.faults.stage import BOTH, Scene, Told, noted, only, story
from trainer import db
from trainer.appreciation import service as appreciation
from trainer.people.fields import PersonFields
from trainer.people.service import edit_person
from trainer.quality import judging
from trainer.quality.checking import Given
from trainer.quality.tables import Evaluation, EvaluationReply
from trainer.recognition import card_queries, cards, marking, posts
from trainer.recognition.tables import Cheer, OccasionLine, Post
from trainer.rulebook import phrases
from trainer.training.assigning import service as assignments
from trainer.training.tables import Assignment, Enrolment

BEFORE = datetime(2027, 3, 3, 12, tzinfo=UTC)  # of the day of `a_card`

# Phrases


@story("add phrase", "add phrase", BOTH)
async def two_phrases_have_two_codes(scene: Scene) -> Told:
    yield {"words": "Company rule"}, {"words": "No can do"}
    there = await phrases.phrases()
    assert len({each.code for each in there}) == len(there) == 2


async def a_phrase(scene: Scene) -> UUID:
    said = {"said": [f"Word {uuid4().hex}"], "better": {"en": "Let me see."}, "language": "en"}
    return await phrases.add_phrase(scene.viewer(), said)


@story("edit phrase", "edit phrase", "changed-meanwhile + done")
async def one_edit_of_a_phrase(scene: Scene) -> Told:
    on = {"phrase": (phrase := await a_phrase(scene)), "revision": 1}
    yield {**on, "words": "One"}, {**on, "words": "Two"}
    assert (await phrases.get_phrase(phrase)).revision == 2


@story("remove phrase", "remove phrase", BOTH, "done + not-found")
@story("remove phrase", "edit phrase", BOTH, "changed-meanwhile + done", "done + not-found")
async def a_removed_phrase_is_gone(scene: Scene) -> Told:
    yield {"phrase": (phrase := await a_phrase(scene)), "revision": 1, "words": "Gone"}
    assert phrase not in [each.id for each in await phrases.phrases()]


# Evaluations


@story("begin evaluation", "begin evaluation", "done + draft-exists", who=("analyst", "analyst"))
async def one_draft_a_call_and_analyst(scene: Scene) -> Told:
    yield {"call": (call := await scene.call())}
    await only(Evaluation, Evaluation.recording == call)


ANALYST = ("analyst", "analyst")


@story("mark", "mark", "changed-meanwhile + done", who=ANALYST)
async def one_of_two_windows_saves(scene: Scene) -> Told:
    on = {"evaluation": (made := await scene.evaluation()), "revision": 1}
    yield {**on, "mark": "missed"}, {**on, "mark": "not_applicable"}
    assert (await only(Evaluation, Evaluation.id == made))["revision"] == 2


@story("release", "mark", "changed-meanwhile + done", BOTH, "done + released", who=ANALYST)
async def what_is_released_was_counted(scene: Scene) -> Told:
    yield {"evaluation": (made := await scene.evaluation()), "revision": 1, "mark": "missed"}
    row = await only(Evaluation, Evaluation.id == made)
    (mark,) = await db.fetch("SELECT mark FROM mark WHERE evaluation = {}", made)
    if row["state"] == "released":
        assert row["score"] == {"met": 10_000, "missed": 0}[mark["mark"]]


@story("release", "discard", "done + not-found", "done + released", "changed-meanwhile + done", who=ANALYST)
async def a_released_evaluation_is_not_thrown_away(scene: Scene) -> Told:
    yield {"evaluation": (made := await scene.evaluation())}
    there = await Evaluation.exists().where(Evaluation.id == made)
    assert there == (scene.ends[0] == "done")


@story(
    "release",
    "release",
    BOTH,
    "already-evaluated + done",
    "done + released",
    who=("analyst", "other_analyst"),
)
async def of_two_analysts_one_evaluation_stands(scene: Scene) -> Told:
    call = await scene.call()
    mine = await scene.evaluation(call)
    theirs = await judging.start(scene.viewer("other_analyst"), call, {"marks": {"R01": Given("met")}})
    yield {"evaluation": mine}, {"evaluation": theirs}
    await only(Evaluation, (Evaluation.recording == call) & (Evaluation.state == "released"))


@story("correct evaluation", "correct evaluation", BOTH, who=ANALYST)
async def one_correction_is_begun(scene: Scene) -> Told:
    made = await scene.evaluation()
    await judging.release(scene.viewer("analyst"), made, confirm_unmarked=True)
    yield {"evaluation": made}
    await only(Evaluation, Evaluation.replaces == made)


@story("reply", "reply", BOTH, who=("agent", "agent"))
async def a_double_tap_is_one_reply(scene: Scene) -> Told:
    made = await scene.evaluation()
    await judging.release(scene.viewer("analyst"), made, confirm_unmarked=True)
    yield {"evaluation": made, "key": uuid4()}
    await only(EvaluationReply, EvaluationReply.evaluation == made)


# Assignments


@story("assign", "assign", BOTH, who=("trainer", "trainer"))
async def a_double_tap_is_one_assignment(scene: Scene) -> Told:
    person = (await a_person()).id
    yield {"person": person}
    await only(Enrolment, Enrolment.person == person)
    assert await db.fetch_one("SELECT COUNT(*) AS n FROM assignment_person WHERE person = {}", person) == {
        "n": 1
    }


@story("assign", "assign", BOTH)
async def two_trainers_enrol_a_person_once(scene: Scene) -> Told:
    person = (await a_person()).id
    yield {"person": person}
    await only(Enrolment, Enrolment.person == person)


@story("end assignment", "end assignment", "conflict + done")
async def an_assignment_is_ended_once(scene: Scene) -> Told:
    person = (await a_person()).id
    made = await assignments.assign(scene.viewer(), module="hear", people=[person])
    yield {"assignment": made}
    assert (await only(Assignment, Assignment.id == made))["ended_at"] is not None
    assert await noted("assignment_ended", made) == 1


@story("waive", "waive", "conflict + done")
async def waived_once(scene: Scene) -> Told:
    yield {"enrolment": (enrolment := await scene.enrolment())}
    assert await noted("module_waived", enrolment) == 1


@story("sign off", "waive", BOTH, "conflict + done", who=("lead", "trainer"))
@story("sign off", "sign off", BOTH, who=("lead", "lead"))
async def signed_off_once(scene: Scene) -> Told:
    yield {"enrolment": (enrolment := await scene.enrolment())}
    row = await only(Enrolment, Enrolment.id == enrolment)
    assert await count_of("signed_off", person=row["person"]) == (scene.ends[0] == "done")
    assert (row["signed_off_at"] is not None) == (scene.ends[0] == "done")


# Cards, thanks and cheers


async def a_card(scene: Scene) -> UUID:
    team = scene.people["agent"].team
    mia = await a_person(name="Mia Tan", team=team, hired_on=date(2026, 3, 5))
    await edit_person(None, mia.id, PersonFields(anniversary_scope="team"))
    with db.as_of(BEFORE):
        await marking.look_at_person(mia.id)
    (row,) = await card_queries.unmarked(mia.id)
    return UUID(str(row["id"]))


@story("sign card", "sign card", BOTH, who=("agent", "agent"), now=BEFORE)
async def one_line_a_colleague(scene: Scene) -> Told:
    on = {"card": (card := await a_card(scene))}
    yield {**on, "words": "Well met."}, {**on, "words": "Congratulations."}
    await only(OccasionLine, OccasionLine.occasion == card)


@story("sign card", "sign card", BOTH, who=("agent", "colleague"), now=BEFORE)
async def two_colleagues_two_lines(scene: Scene) -> Told:
    yield {"card": (card := await a_card(scene)), "words": "Well met."}
    assert await OccasionLine.count().where(OccasionLine.occasion == card) == 2


@story("sign card", "take line back", BOTH, who=("agent", "agent"), now=BEFORE)
async def a_line_mended_while_it_is_taken_back(scene: Scene) -> Told:
    card = await a_card(scene)
    with db.as_of(BEFORE):
        await cards.write_line(scene.viewer("agent"), card, "First words.")
    row = await only(OccasionLine, OccasionLine.occasion == card)
    yield {"card": card, "line": row["id"], "words": "Other words."}
    left = await only(OccasionLine, OccasionLine.occasion == card)
    assert (left["words"], left["withdrawn_at"] is None) in [("", False), ("Other words.", True)]


@story("thank", "thank", BOTH, who=("agent", "colleague"))
async def thanks_of_two_are_two(scene: Scene) -> Told:
    yield {"person": (person := (await a_person(team=scene.people["lead"].team)).id)}
    assert len(await appreciation.said_about(person)) == 2


async def some_thanks(scene: Scene) -> UUID:
    return await appreciation.thank(
        scene.viewer("agent"),
        to=[scene.people["colleague"].id],
        behaviour_kind="rule",
        behaviour_code="R01",
        message="You stayed calm.",
        visibility="team",
    )


@story("withdraw thanks", "mend thanks", BOTH, "done + not-found", who=("agent", "agent"))
@story("withdraw thanks", "withdraw thanks", BOTH, "done + not-found", who=("agent", "lead"))
async def withdrawn_once(scene: Scene) -> Told:
    yield {"thanks": (thanks := await some_thanks(scene)), "words": "You stayed very calm."}
    assert await appreciation.get_appreciation(thanks) is None
    assert await noted("appreciation_withdrawn", thanks) == 1


@story("mend thanks", "mend thanks", "changed-meanwhile + done", who=("agent", "agent"))
async def one_of_two_mendings(scene: Scene) -> Told:
    thanks = await some_thanks(scene)
    view = await appreciation.get_appreciation(thanks)
    assert view
    on = {"thanks": thanks, "revision": view.revision}
    yield {**on, "words": "One."}, {**on, "words": "Two."}
    mended = await appreciation.get_appreciation(thanks)
    assert mended
    assert mended.message in ("One.", "Two.")


async def a_post(scene: Scene) -> UUID:
    thanks = await some_thanks(scene)
    await posts.add_appreciation_post(thanks)
    await posts.give_places()
    return UUID(str((await only(Post, Post.appreciation == thanks))["id"]))


@story("cheer", "cheer", BOTH, who=("lead", "lead"))
async def one_cheer_a_person(scene: Scene) -> Told:
    yield {"post": (post := await a_post(scene))}
    await only(Cheer, Cheer.post == post)


@story("hide post", "hide post", BOTH, "done + not-found", who=("agent", "lead"))
async def hidden_once(scene: Scene) -> Told:
    yield {"post": (post := await a_post(scene))}
    assert await noted("post_hidden", post) == 1
