"""What the command prints: the score table with intervals and the verdict on each target, or every row as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pandas as pd

from playbook.answer import Answer
from playbook.arena.score import ORACLE, OURS, Score

__all__ = ["as_json", "as_text", "page_tables"]


def as_json(rows: pd.DataFrame) -> str:
    """Return every world × policy × year × source as JSON records."""
    return json.dumps(rows.to_dict("records"), indent=1, ensure_ascii=False)


def _money(value: float) -> str:
    return "" if pd.isna(value) else f"{value:,.0f}"


def _share(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.0%}"


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


def page_tables(score: Score) -> tuple[str, str]:
    """Return both tables in Markdown, for the page in docs."""

    def markdown(rows: Sequence[tuple[str, ...]]) -> str:
        rule = "|---" + "|---:" * (len(rows[0]) - 1) + "|"
        return "\n".join(
            [f"| {' | '.join(rows[0])} |", rule, *(f"| {' | '.join(r)} |" for r in rows[1:])]
        )

    return markdown(_policies(score)), markdown(_sources(score))


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
        caption=f"Pooled gain over doing nothing, {years[0]} and {years[-1]} together, as a share of the oracle's; 95 % bootstrap over {score.worlds} simulated markets ({score.nulls} of them null)",
        units={"gain": "currency", "share": "%"},
        source="python -m playbook arena; every policy with the same data, money, menu and luck",
        extra={"policies": score.policies, "sources": score.sources},
    )  # fmt: skip
