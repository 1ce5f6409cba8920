"""One line of the table that `make bench` prints and README shows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A measurement against its reference in the same run. `ok` is None where there is no gate."""

    name: str
    value: float
    unit: str
    reference: float | None
    ratio: float | None
    bound: str
    ok: bool | None
