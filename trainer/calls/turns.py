"""What a transcript tells of talking at once, where the sound cannot: both sides of a mono call are in one channel."""

from collections.abc import Iterable, Mapping
from typing import Any

INTERRUPTION_MS = 500  # an "mhm" is not talking over somebody


def talked_over(lines: Iterable[Mapping[str, Any]]) -> tuple[int, int | None] | None:
    """(how many ms agent and caller spoke at once, where they did so longest), from lines in the order of their start.

    None where the lines do not say who spoke.
    """
    until = {"agent": 0, "caller": 0}
    spoke: set[str] = set()
    total, longest, at = 0, 0, None
    for line in lines:
        if line["speaker"] not in until:
            continue
        spoke.add(line["speaker"])
        other = "caller" if line["speaker"] == "agent" else "agent"
        both = min(until[other], line["end_ms"]) - line["start_ms"]
        if both >= INTERRUPTION_MS:
            total += both
            if both > longest:
                longest, at = both, line["start_ms"]
        until[line["speaker"]] = max(until[line["speaker"]], line["end_ms"])
    return (total, at) if len(spoke) == 2 else None
