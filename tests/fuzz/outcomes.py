"""What becomes of an input, and the table of what became of all."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """Something that must not happen.

    Args:
        what: the same for what is probably the same fault.
        detail: of this one.
    """

    what: str
    detail: str


@dataclass
class Outcome:
    """What became of one input.

    Args:
        kind: of the input.
        number: of the input; both together make it again.
        verdict: "loaded", "refused" (with one of tfzoo's errors) or "failed".
        findings: what must not happen and did; none in most cases.
        mutations: the names of the mutations, in order.
        seconds: how long it took.
    """

    kind: str
    number: int
    verdict: str
    findings: list[Finding] = field(default_factory=list)
    mutations: str = ""
    seconds: float = 0.0


def table(outcomes: Sequence[Outcome]) -> str:
    """Counts per kind and the longest time in seconds, and which input took longest of all."""
    rows = defaultdict(Counter)
    for outcome in outcomes:
        for row in (rows[outcome.kind], rows["all"]):
            row["inputs"] += 1
            row[outcome.verdict] += 1
            row["findings"] += len(outcome.findings)
            row["slowest"] = max(row["slowest"], round(outcome.seconds, 2))
    columns = ["inputs", "loaded", "refused", "findings", "slowest"]
    width = max(map(len, rows), default=0)
    lines = [" ".join([" " * width, *(f"{column:>8}" for column in columns)])]
    for kind in sorted(rows, key=lambda kind: (kind == "all", kind)):
        lines.append(" ".join([kind.ljust(width), *(f"{rows[kind][c]:>8}" for c in columns)]))
    slowest = max(outcomes, key=lambda outcome: outcome.seconds)
    lines.append(f"slowest: {_replay(slowest)}")
    return "\n".join(lines)


def faults(outcomes: Iterable[Outcome]) -> str:
    """The findings, those of the same fault together, with how to see the first of them again."""
    groups = defaultdict(list)
    for outcome in outcomes:
        for finding in outcome.findings:
            groups[finding.what].append((finding, outcome))
    lines = []
    for what, found in sorted(groups.items(), key=lambda group: -len(group[1])):
        finding, outcome = found[0]
        kinds = ", ".join(sorted({outcome.kind for _, outcome in found}))
        lines += [
            f"\n{len(found)} x {what}",
            f"  in {kinds}",
            f"  {finding.detail}",
            f"  {_replay(outcome)}",
        ]
    return "\n".join(lines)


def _replay(outcome: Outcome) -> str:
    return f"--replay='{outcome.kind}:{outcome.number}' ({outcome.mutations})"
