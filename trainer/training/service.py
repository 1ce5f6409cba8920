"""The door to training for rooms above it: enrolling, building, publishing, documents, what comes next."""

from trainer.training.building import build_module
from trainer.training.documents import export_module, import_module
from trainer.training.enrolling import EnrolmentView, enrol, enrolments_of
from trainer.training.enrolling import next_enrolment as next_step_of
from trainer.training.modules import ModuleView, publish_module, visible_modules

__all__ = [
    "EnrolmentView",
    "ModuleView",
    "build_module",
    "enrol",
    "enrolments_of",
    "export_module",
    "import_module",
    "next_step_of",
    "publish_module",
    "visible_modules",
]
