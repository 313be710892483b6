"""What the command prints: the score table with intervals and the verdict on each target, or every row as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from playbook.answer import Answer
from playbook.arena.score import ORACLE, OURS, Score
from playbook.errors import PlanError

__all__ = ["answer_of", "as_json", "as_text", "write_page"]

START, END = "<!-- measured -->", "<!-- /measured -->"


def as_json(rows: pd.DataFrame) -> str:
    """Return every world × policy × year × source as JSON records."""
    return json.dumps(rows.to_dict("records"), indent=1, ensure_ascii=False)


def _money(value: float) -> str:
    return "" if pd.isna(value) else f"{value:,.0f}"


def _share(value: float) -> str:
    return "" if pd.isna(value) else f"{0.0 if abs(value) < 0.005 else value:.0%}"


def _range(low: float, high: float, shown: object = _money) -> str:
    assert callable(shown)
    return "" if pd.isna(low) else f"{shown(low)} to {shown(high)}"


def _policies(score: Score) -> list[tuple[str, ...]]:
    head = (
        "policy",
        "gain a world",
        "of the oracle's",
        "95 % interval",
        f"{OURS} earns more by",
        "95 % interval, paired",
    )
    return [head] + [
        (row.policy, _money(row.gain), _share(row.share), _range(row.low, row.high, _share),
         "" if row.policy == OURS else _money(row.behind), _range(row.behind_low, row.behind_high))
        for row in score.policies.itertuples()
    ]  # fmt: skip


def _sources(score: Score) -> list[tuple[str, ...]]:
    head = ("lever alone", OURS, ORACLE, "share", "95 % interval")
    return [head] + [
        (row.lever, _money(row.playbook), _money(row.oracle), _share(row.share), _range(row.low, row.high, _share))
        for row in score.sources.itertuples()
    ]  # fmt: skip


def _aligned(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if i == 0 else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def as_text(score: Score) -> str:
    """Return the score table, the sources of gain and the verdicts."""
    said = {True: "yes", False: "NO", None: "not judged"}
    return "\n".join([
        f"Gain over doing nothing, both years together, mean of {score.worlds} worlds ({score.nulls} of them null worlds)",
        "", _aligned(_policies(score)),
        *(["", "By source: one lever alone", "", _aligned(_sources(score))] if len(score.sources) else []),
        "",
        *(f"{said[v.passed]}: {v.target}; reached: {v.reached}" for v in score.verdicts),
    ])  # fmt: skip


def write_page(path: Path, score: Score, rows: pd.DataFrame, made: str) -> None:
    """Put the measured tables between the marks of a page.

    Parameters
    ----------
    path
        The page, with the lines ``<!-- measured -->`` and ``<!-- /measured -->``.
    made
        How the figures were made.
    """
    text = path.read_text(encoding="utf-8")
    if text.count(START) != 1 or text.count(END) != 1:
        raise PlanError(f"{path.name}: expected the lines {START} and {END}, once each")
    before, after = text.split(START)[0], text.split(END)[1]
    kinds = rows.drop_duplicates("seed")["kind"].value_counts().sort_index()
    worlds = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    said = {True: "**reached**", False: "**missed**", None: "not judged"}
    parts = [
        START, "", f"{made} Markets: {worlds}. Money in EUR.", "", *(f"- {said[v.passed]}: {v.target}; {v.reached}." for v in score.verdicts), "",
        _markdown(_policies(score)),
    ]  # fmt: skip
    if len(score.sources):
        parts += ["", "By source of gain: one lever switched on alone, the rest as in *nothing*.", "", _markdown(_sources(score))]  # fmt: skip
    path.write_text(before + "\n".join([*parts, "", END]) + after, encoding="utf-8")


def _markdown(rows: Sequence[tuple[str, ...]]) -> str:
    rule = "|---" + "|---:" * (len(rows[0]) - 1) + "|"
    return "\n".join(
        [f"| {' | '.join(rows[0])} |", rule, *(f"| {' | '.join(r)} |" for r in rows[1:])]
    )


def answer_of(score: Score, rows: pd.DataFrame) -> Answer:
    """Return the score as an answer, for the figure."""
    by = score.policies.set_index("policy")
    rivals = by.drop(index=[ORACLE, OURS])
    next_best = str(rivals["share"].idxmax())
    years = sorted(rows["year"].unique())
    return Answer(
        table=score.policies,
        headline=f"The playbook earns {_share(by.loc[OURS, 'share'])} of what the oracle gains, the next best policy ({next_best}) {_share(rivals['share'].max())}",
        so_what=" ".join(f"{v.target}: {v.reached}." for v in score.verdicts),
        kind="diagnostic",
        caption=f"Pooled gain over doing nothing, {years[0]} and {years[-1]} together, as a share of the oracle's; {score.worlds} simulated markets ({score.nulls} null), 95 % bootstrap",
        units={"gain": "currency", "share": "%"},
        source="python -m playbook arena; every policy with the same data, money, menu and luck",
        extra={"policies": score.policies, "sources": score.sources},
    )  # fmt: skip
