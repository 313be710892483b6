"""The decision log: what each review decided, by rule or person, and what became of it a year later."""

from __future__ import annotations

import pandas as pd

from playbook.answer import Answer, Missing, answers

__all__ = ["decision_log"]

OPEN = "known at the next review"
COLUMNS = ["period", "kind", "id", "name", "decision", "by_rule", "decided_by", "reason", "figures", "outcome", "a_year_later"]  # fmt: skip


def decision_log(
    period: str,
    review: Answer | Missing,
    earlier: pd.DataFrame | Missing,
) -> Answer | Missing:
    """Return the decisions of all reviews, the latest first.

    Parameters
    ----------
    period
        Name of this period.
    review
        Answer of `annual_review`; missing while no review is due, then the log stays as it was.
    earlier
        Result ``decision_log`` of the period before.

    Returns
    -------
    Answer
        Table: the result ``decision_log``: period, kind, id, name, decision (in force), by_rule, decided_by, reason, figures,
        outcome (of the next review: keep, adjust or stop; ended, left out or gone; empty while it is not known), a_year_later (the same
        in words, with figures). ``answer["shown"]`` is made for readers.
    """
    now = review.table if isinstance(review, Answer) else None
    if now is None and isinstance(earlier, Missing):
        return review if isinstance(review, Missing) else earlier
    return _log(period, now, earlier)


@answers
def _log(period: str, now: pd.DataFrame | None, earlier: pd.DataFrame | None = None) -> Answer:
    parts = []
    if now is not None:
        parts.append(now.assign(period=period, outcome="", a_year_later=OPEN)[COLUMNS])
    if earlier is not None and len(earlier):
        old = earlier[COLUMNS].copy()
        if now is not None:
            waiting = old["outcome"] == ""
            found = [_outcome(row, now) for row in old[waiting].to_dict("records")]
            old.loc[waiting, "outcome"] = [outcome for outcome, _ in found]
            old.loc[waiting, "a_year_later"] = [words for _, words in found]
        parts.append(old)
    table = pd.concat(parts, ignore_index=True)
    known = table[table["outcome"] != ""]
    persons = int((table["decided_by"] != "rule").sum())
    reviews = table["period"].nunique()
    shown = table.assign(decided_by=[
        by if by == "rule" else f"{by} (rule: {rule}): {reason}"
        for by, rule, reason in table[["decided_by", "by_rule", "reason"]].itertuples(index=False)
    ])  # fmt: skip
    columns = ["period", "name", "decision", "decided_by", "a_year_later"]
    plural = "s" if reviews > 1 else ""
    return Answer(
        table=table,
        headline=f"{len(table)} decisions in {reviews} review{plural}, {persons} of them by a person",
        so_what=(
            f"Of {len(known)} decisions a year or more old, {_counted(known)}. "
            if len(known)
            else "What becomes of them is known at the next review. "
        )
        + "A decision by a person stays beside the rule's, so that in a year both can be held against what happened.",
        kind="descriptive",
        caption=f"All decisions, latest first (n = {len(table)}, {reviews} review{plural})",
        source="results review and decision_log of each period",
        extra={"shown": Answer(shown[columns], "", "", "descriptive", f"All decisions, latest first (n = {len(table)})")},
    )  # fmt: skip


def _outcome(row: dict, now: pd.DataFrame) -> tuple[str, str]:
    """Return what this year's review found of a decision of last year, as a word and in words."""
    mine = now[(now["kind"] == row["kind"]) & (now["id"] == row["id"])]
    if len(mine):
        found = mine.iloc[0]
        still = row["decision"] == "stop" and row["kind"] == "initiative"
        words = f"{found['decision']} now: {found['figures']}"
        return found[
            "decision"
        ], f"although stopped, still in the plan; {words}" if still else words
    if row["kind"] == "strategy":
        return "gone", "no segment of this name any more"
    if row["decision"] == "stop":
        return "ended", "ended as decided"
    return "left out", "left out of the next plan"


def _counted(known: pd.DataFrame) -> str:
    same = int((known["outcome"] == known["decision"]).sum())
    count = known["outcome"].value_counts()
    ended, gone = int(count.get("ended", 0)), int(count.get("left out", 0) + count.get("gone", 0))
    other = len(known) - same - ended - gone
    return f"{same} came out the same a year later, {other} otherwise, {ended} were stopped and ended, {gone} were no longer there"
