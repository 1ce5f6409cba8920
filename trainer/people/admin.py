"""The first admin of a new centre: somebody has to be able to invite the others."""

from trainer import db
from trainer.people import queries
from trainer.people.links import issue_link
from trainer.people.service import create_person
from trainer.problems import Conflict
from trainer.web.i18n import _


async def create_first_admin(*, name: str, email: str) -> str:
    """Adds the first admin; returns the secret of the invitation, for `/welcome/<secret>`.

    Raises Conflict when there is an admin already (they invite further people), Invalid.
    """
    async with db.transaction():
        await db.lock("admins")
        if await queries.active_admins():
            raise Conflict(_("This centre has an admin already. Admins add people on the page People."))
        person = await create_person(None, name=name, email=email, roles=["admin"])
        return await issue_link(None, person)
