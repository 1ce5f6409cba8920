"""The columns of a sheet of calls, and what its cells mean in the words of the upload form.

Invariant: a cell that is not understood stays as it is, so that the form's own reading names it.
"""

from collections.abc import Collection, Mapping

from trainer.calls import forms
from trainer.calls.views import CONSENT_BASES
from trainer.problems import Invalid
from trainer.sheets.columns import Matched
from trainer.web.i18n import _

COLUMNS = (
    "file",
    "agent",
    "called_at",
    "title",
    "language",
    "consent_basis",
    "retain_until",
    "caller_is_minor",
    "staged",
    "csat",
    "tag",
    "transcript",
    "rulebook",
)
KNOWN: Mapping[str, Collection[str]] = {
    "file": (
        "audio",
        "file name",
        "filename",
        "recording",
        "录音",
        "录音文件",
        "文件",
        "文件名",
        "錄音",
        "檔案",
        "檔名",
    ),
    "agent": (
        "agent email",
        "employee_no",
        "employee number",
        "email",
        "座席",
        "坐席",
        "员工",
        "工号",
        "客服人員",
        "員工編號",
    ),
    "called_at": ("call date", "date", "date and time", "time of call", "通话时间", "来电时间", "通話時間"),
    "title": ("name", "subject", "标题", "標題"),
    "language": ("locale", "语言", "語言"),
    "consent_basis": ("basis", "legal basis", "consent", "依据", "法律依据", "依據"),
    "retain_until": ("keep until", "delete after", "保留至", "保留到"),
    "caller_is_minor": ("minor", "child", "未成年", "未成年人"),
    "staged": ("role play", "模拟", "模擬"),
    "csat": ("satisfaction", "满意度", "客户满意度", "滿意度"),
    "tag": ("kind", "kind of call", "标签", "標籤"),
    "transcript": ("words", "transcript file", "文字稿", "逐字稿"),
    "rulebook": ("rule book", "programme", "program", "项目", "項目"),
}
_YES_NO = {"y": "yes", "是": "yes", "有": "yes", "n": "no", "否": "no", "无": "no", "無": "no"}
_LANGUAGES = {
    "english": "en",
    "en-us": "en",
    "en-gb": "en",
    "zh": "zh-Hans",
    "zh-cn": "zh-Hans",
    "zh-hans": "zh-Hans",
    "zh-tw": "zh-Hant",
    "zh-hk": "zh-Hant",
    "zh-hant": "zh-Hant",
}


def labels() -> dict[str, str]:
    """Our columns in words."""
    return {
        "": _("whole row"),
        "file": _("File"),
        "agent": _("Agent"),
        "called_at": _("Date and time of the call"),
        "title": _("Title"),
        "language": _("Language spoken"),
        "consent_basis": _("Basis"),
        "retain_until": _("Keep until"),
        "caller_is_minor": _("The caller is a minor"),
        "staged": _("This call is staged"),
        "csat": _("Customer's satisfaction"),
        "tag": _("Kind of call"),
        "transcript": _("Transcript"),
        "rulebook": _("Programme"),
    }


def blocked(matched: Matched) -> list[str]:
    """Why these columns cannot be taken in at all; none when they can."""
    told = matched.complaints()[: len(matched.duplicate)]
    if "file" not in matched.columns and "file" not in matched.duplicate:
        told.append(_("The sheet needs the column file, which names each call's recording."))
    return told


def texts_of(matched: Matched, row: list[str], defaults: Mapping[str, str]) -> dict[str, str]:
    """What a row says of its call, over what holds for all calls; without `file` and `transcript`."""
    said = {name: matched.cell(row, name).strip() for name in matched.columns}
    texts = {name: plain(name, cell) for name, cell in said.items() if cell}
    texts = {name: text for name, text in texts.items() if name not in ("file", "transcript")}
    return {**{name: text for name, text in defaults.items() if text}, **texts}


def plain(name: str, cell: str) -> str:
    """A cell as the upload form would send it."""
    folded = cell.strip().lower()
    match name:
        case "staged" | "caller_is_minor":
            return _YES_NO.get(folded, cell)
        case "language":
            return _LANGUAGES.get(folded, folded if folded == "en" else cell)
        case "consent_basis":
            basis = folded.replace(" ", "_").replace("-", "_")
            return basis if basis in CONSENT_BASES else cell
        case "tag":
            return folded
    return cell


def reasons(problem: Invalid) -> list[tuple[str, str]]:
    """A refusal as (our column, why); what the upload form calls `audio` is a sheet's `file`."""
    named = {name: name for name in COLUMNS} | {"audio": "file"}
    return [
        (named.get(error.field, ""), error.message)
        for error in problem.errors
        if error.field != forms.ANYWAY_FIELD
    ] or [("", problem.detail)]
