"""The door to training for rooms above it: enrolling, assigning, building, publishing, documents, what comes next."""

from trainer.training.assigning.service import assign, end_assignment
from trainer.training.building import build_module
from trainer.training.deciding import sign_off_enrolment, unwaive, waive
from trainer.training.documents import export_module, import_module
from trainer.training.enrolling import EnrolmentView, enrol, enrolments_of, open_enrolments
from trainer.training.enrolling import next_enrolment as next_step_of
from trainer.training.modules import ModuleView, publish_module, visible_modules
from trainer.training.progress.service import people_stuck, progress_page, team_totals

__all__ = [
    "EnrolmentView",
    "ModuleView",
    "assign",
    "build_module",
    "end_assignment",
    "enrol",
    "enrolments_of",
    "export_module",
    "import_module",
    "next_step_of",
    "open_enrolments",
    "people_stuck",
    "progress_page",
    "publish_module",
    "sign_off_enrolment",
    "team_totals",
    "unwaive",
    "visible_modules",
    "waive",
]
