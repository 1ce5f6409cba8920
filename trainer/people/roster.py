"""People as a list: the columns that a personnel system hands over, how its cells are read, and handing it out again.

Columns: `email,employee_no,name,team,role,hired_on,birthday,time_zone,locale,buddy,manager`, in any order and by
English or Chinese headings. A person is known by e-mail or employee number. What the rows would change is worked out
in planning.py and carried out in importing.py.
Invariant: what is handed out is taken in again as the same.
"""

import asyncio
import re
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from trainer import db
from trainer.people import service
from trainer.people.audit import record_audit
from trainer.problems import Forbidden
from trainer.sheets.writing import write_csv, write_xlsx
from trainer.web.i18n import _
from trainer.web.session import Viewer

COLUMNS = (
    "email",
    "employee_no",
    "name",
    "team",
    "role",
    "hired_on",
    "birthday",
    "time_zone",
    "locale",
    "buddy",
    "manager",
)
# By what headings a column is known, beside its own name.
KNOWN: dict[str, tuple[str, ...]] = {
    "email": (
        "mail",
        "e-mail address",
        "mail address",
        "邮箱",
        "电子邮箱",
        "邮件",
        "電子郵件",
        "電郵",
        "信箱",
        "邮箱地址",
    ),
    "employee_no": (
        *(
            "employee number",
            "employee id",
            "employee",
            "staff number",
            "staff no",
            "staff id",
            "personnel number",
        ),
        *(
            "number",
            "no",
            "工号",
            "工號",
            "员工号",
            "员工编号",
            "員工編號",
            "员工工号",
            "坐席工号",
            "座席工号",
        ),
    ),
    "name": ("full name", "display name", "employee name", "姓名", "名字", "员工姓名", "員工姓名"),
    "team": (
        "group",
        "team name",
        "班组",
        "班組",
        "组",
        "組",
        "组别",
        "組別",
        "小组",
        "小組",
        "团队",
        "團隊",
    ),
    "role": ("roles", "角色", "岗位", "崗位", "职位", "職位", "职务", "職務"),
    "hired_on": (
        *(
            "hired",
            "hire date",
            "date of hire",
            "start date",
            "joined",
            "joining date",
            "here since",
            "joined on",
        ),
        *("入职日期", "入職日期", "入职时间", "到職日", "到職日期"),
    ),
    "birthday": ("birth day", "生日"),
    "time_zone": ("timezone", "zone", "时区", "時區"),
    "locale": ("language", "语言", "語言"),
    "buddy": ("mentor", "带教伙伴", "帶教夥伴", "带教人", "师傅", "師傅"),
    "manager": (
        "reports to",
        "supervisor",
        "line manager",
        "team lead",
        "上级",
        "上級",
        "直属上级",
        "直屬主管",
        "主管",
    ),
}
_ROLE_WORDS: dict[str, tuple[str, ...]] = {
    "agent": ("座席", "坐席", "客服人员", "客服人員", "客服"),
    "trainer": ("培训师", "培訓師", "訓練講師"),
    "qa_analyst": ("qaanalyst", "qa", "analyst", "质检员", "质检人员", "質檢員", "質檢人員", "品管人員"),
    "team_lead": ("teamlead", "lead", "teamleader", "班长", "组长", "班長", "組長"),
    "manager": ("centremanager", "centermanager", "中心经理", "中心經理"),
    "admin": ("administrator", "管理员", "管理員"),
}
_ROLE_OF = {word: role for role, words in _ROLE_WORDS.items() for word in (*words, role)}
_LOCALE_WORDS: dict[str, tuple[str, ...]] = {
    "en": ("english", "英文", "英语", "英語"),
    "zh-Hans": ("zhhans", "zhcn", "简体中文", "简体", "中文"),
    "zh-Hant": ("zhhant", "zhtw", "zhhk", "繁體中文", "繁體"),
}
_LOCALE_OF = {word: locale for locale, words in _LOCALE_WORDS.items() for word in (*words, locale)}
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]00:00(?::00)?)?")
_TYPED_AS_IS = ("email", "employee_no", "name", "birthday", "time_zone")


# Reading cells


def fields_of(cells: Mapping[str, str], *, new: bool) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """A row's filled cells as fields of a person (not checked yet), and (column, reason) of those that cannot be read.

    Teams and people that the row names are left to the plan.
    """
    given: dict[str, Any] = {name: cells[name] for name in _TYPED_AS_IS if cells.get(name)}
    faults: list[tuple[str, str]] = []
    if role := cells.get("role"):
        given["roles"] = _roles(role)
    if locale := cells.get("locale"):
        given["locale"] = _LOCALE_OF.get(_folded(locale), locale)
    if hired := cells.get("hired_on"):
        given["hired_on"] = _day(hired)
        if given["hired_on"] is None:
            faults.append(("hired_on", _("Please give a day as year, month and day, such as 2026-11-23.")))
    if new:
        given.setdefault("name", "")  # a new person needs one, and `checked` says so
        given.setdefault("roles", ["agent"])
    return given, faults


def _roles(cell: str) -> list[str]:
    found: list[str] = []
    for part in re.split(r"[;,、，/\n]+", cell):
        if not part.strip():
            continue
        role = _ROLE_OF.get(_folded(part))
        found += [role] if role else [_ROLE_OF.get(_folded(word), word) for word in part.split()]
    return found


def _folded(word: str) -> str:
    return re.sub(r"[\s_-]+", "", word).casefold()


def _day(cell: str) -> date | None:
    """A day as programs and Chinese offices write it. `01/02/2026` may be January or February: None."""
    found = _DAY.fullmatch(cell.strip())
    try:
        return date(*(int(part) for part in found.groups())) if found else None
    except ValueError:
        return None


# Handing out


async def people_rows(viewer: Viewer | None) -> list[list[str]]:
    """All active people in the columns of an import, by name. Raises Forbidden (admins and the system, None)."""
    if viewer is not None and not viewer.has("admin"):
        raise Forbidden(_("Only admins hand out the list of people."))
    people = await service.all_people()
    by_id = {person.id: person for person in people}

    def address(one: UUID | None) -> str | None:
        other = by_id.get(one) if one else None
        return (other.email or other.employee_no) if other else None

    rows = []
    for person in people:
        cells = {
            "email": person.email,
            "employee_no": person.employee_no,
            "name": person.name,
            "team": person.team_name,
            "role": " ".join(sorted(person.roles)),
            "hired_on": person.hired_on.isoformat() if person.hired_on else None,
            "birthday": person.birthday,
            "time_zone": person.time_zone,
            "locale": person.locale,
            "buddy": address(person.buddy),
            "manager": address(person.manager),
        }
        rows.append([cells[column] or "" for column in COLUMNS])
    async with db.transaction():
        await record_audit(viewer, "people_exported", "people", "", {"people": len(people)})
    return rows


async def export_people(viewer: Viewer | None, as_: str = "csv") -> bytes:
    """The list as a file that an import takes back. Raises Forbidden."""
    rows = await people_rows(viewer)
    if as_ == "xlsx":
        return await asyncio.to_thread(write_xlsx, _("People"), COLUMNS, rows)
    return await asyncio.to_thread(write_csv, COLUMNS, rows)
