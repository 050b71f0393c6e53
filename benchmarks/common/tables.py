"""Parts of the Markdown that every comparison writes."""

from __future__ import annotations

import statistics

from common.exports import Export
from common.turns import Entry

QUIET = 0.2  # CPUs of others below which a measurement counts as undisturbed
MIB = 1 << 20


def table(head: list[str], lines: list[list[str]]) -> str:
    """A Markdown table, its first column to the left and the others to the right."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *lines])


def machine_lines(machine: dict, finished: str) -> list[str]:
    """When and on what it ran, and the versions of everything measured."""
    return [
        f"- {finished}; {machine['cpu']} (family/model {machine['family_model']}), {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, {' '.join(machine['isa'])}",
        "- " + ", ".join(f"{name} {version}" for name, version in machine["versions"].items()),
    ]


def disturbance_line(others: list[float]) -> str:
    """How much of the machine others used in the measurements."""
    if not others:
        return "- Others' CPU use is not known."
    disturbed = sum(used > QUIET for used in others)
    return (f"- Other processes used {statistics.median(others):.2f} CPUs in the median measurement, {max(others):.2f} at most; "
            f"{disturbed} of {len(others)} measurements had more than {QUIET}.")


def footprint_cell(entry: Entry | None) -> str:
    """Peak resident MiB / load ms."""
    cost = entry.footprint if entry else None
    return f"{cost.peak_rss_bytes / MIB:.0f} / {cost.load_ms:.0f}" if cost else "-"


def export_lines(exports: dict[str, Export]) -> str:
    """What became of each form."""
    return "\n".join(f"- `{form}`: {export}" for form, export in exports.items())


def failure_lines(entries: list[tuple[str, Entry]]) -> str:
    """Who could not be measured, on which of the named workloads, and why."""
    shapes: dict[tuple[str, str], list[str]] = {}
    for workload, entry in entries:
        if entry.failure:
            shapes.setdefault((entry.contender.key, entry.failure), []).append(workload)
    return "\n".join(f"- {key}, {' '.join(names)}: {reason}" for (key, reason), names in shapes.items())
