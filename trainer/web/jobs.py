"""`/jobs/{id}`: the progress of something that a person waits for, as a fragment that renews itself."""

from typing import Any
from uuid import UUID

from litestar import Response, get
from litestar.connection import Request
from litestar.params import FromPath

from trainer import jobs
from trainer.problems import NotFound
from trainer.web.guards import signed_in
from trainer.web.i18n import _
from trainer.web.session import viewer_of
from trainer.web.templating import render


@get("/jobs/{job_id:uuid}", guards=[signed_in], include_in_schema=False)
async def show_job(request: Request[Any, Any, Any], job_id: FromPath[UUID]) -> Response[str]:
    """The job's progress bar; the person who waits for it may see it, nobody else."""
    state = await jobs.get_job(job_id)
    if state is None or state.person != viewer_of(request).id:
        raise NotFound(_("There is no such job."))
    return render(request, "jobs/progress.html", job=state)


pages = [show_job]
