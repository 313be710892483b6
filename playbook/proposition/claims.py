"""Reads the propositions claim by claim: the evidence of each, what the plan may write, what to test."""

from __future__ import annotations

import pandas as pd

from playbook.answer import Answer, Metric, answers
from playbook.errors import NotEnough
from playbook.proposition.evidence import KINDS, LEVELS, figure
from playbook.proposition.statements import SOURCE
from playbook.proposition.words import join, plural

__all__ = ["claims_to_test", "evidence_ids", "evidence_of", "plan_wordings"]


def _with_figures(propositions: Answer) -> pd.DataFrame:
    """Return all clauses with value and interval as text."""
    clauses, currency = propositions["clauses"], propositions["currency"]
    return clauses.assign(figure=[figure(row, currency) for row in clauses.itertuples()])


def _chosen(propositions: Answer, segment: str) -> str:
    """Return the segment asked for, or the one with most clauses supported."""
    ranked = propositions.table.sort_values("supported", ascending=False, kind="stable")
    return segment if segment in set(ranked["segment"]) else str(ranked["segment"].iloc[0])


@answers
def evidence_of(propositions: Answer, segment: str = "") -> Answer:
    """Return the evidence behind each clause of one segment's proposition.

    Parameters
    ----------
    propositions
        From `value_propositions`.
    segment
        Name of the segment; the one with most clauses supported when empty or unknown.

    Returns
    -------
    Answer
        ``clause``, ``text``, ``figure`` (with 95 % interval), ``n``, ``rests_on`` (chosen, said, done),
        ``status``, ``section``, ``id`` (to be written in the plan).
    """
    name = _chosen(propositions, segment)
    own = _with_figures(propositions).rename(columns={"level": "rests_on", "evidence_id": "id"})  # fmt: skip
    own = own[(own["segment"] == name) & ~own["clause"].str.contains(r"\(plan\)|claim ")]
    refused = own[own["status"] != "supported"]["clause"].tolist()
    weak = sorted(set(own["rests_on"]) & {"said", "done"})
    columns = ["clause", "text", "figure", "n", "rests_on", "status", "section", "id"]
    return Answer(
        table=own[columns].reset_index(drop=True),
        headline=f"{name}: {len(own) - len(refused)} of {len(own)} clauses are supported",
        so_what=(
            "Every clause can be checked in the section named beside it. "
            + (f"Leave out: {join(refused, 6)}. " if refused else "Use the statement as written. ")
            + "; ".join(f"{level.capitalize()} rests on {LEVELS[level]}" for level in weak)
            + ("." if weak else "")
        ).strip(),
        kind="prescriptive",
        caption=f"Each clause of the proposition for {name}: figure with 95 % interval, and its section",
        units={"n": "count"},
        source=SOURCE,
    )


@answers
def evidence_ids(propositions: Answer, segment: str = "") -> Answer:
    """Return all evidence on which the plan may rest words for one segment, by id.

    Parameters
    ----------
    propositions
        From `value_propositions`.
    segment
        Name of the segment, or ``all``; the one with most clauses supported when empty or unknown.

    Returns
    -------
    Answer
        ``segment`` (where all are asked for), ``id``, ``figure`` (with 95 % interval), ``n``, ``rests_on``,
        ``for_clauses``, ``holds``, ``why_not``; what holds first.
    """
    name = "all segments" if segment == "all" else _chosen(propositions, segment)
    rows = [
        {"segment": item.segment, "id": item.id, "figure": figure(item, propositions["currency"]), "n": item.n, "rests_on": item.level,
         "for_clauses": join(KINDS[item.kind]), "holds": item.holds, "why_not": item.shortfall or "–"}
        for held in propositions["book"].values() for item in held.values()
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    table["rank"] = table["rests_on"].map(list(LEVELS).index)
    table = table.sort_values(["segment", "holds", "rank"], ascending=[True, False, True], kind="stable")  # fmt: skip
    table = table.drop(columns="rank")
    own = table if segment == "all" else table[table["segment"] == name].drop(columns="segment")
    return Answer(
        table=own.reset_index(drop=True),
        headline=f"{int(own['holds'].sum()):,} of {len(own):,} figures can carry a claim for {name}",
        so_what=(
            "Write your own words for a clause into the plan under propositions, with the id of the figure "
            "they rest on: they are used as long as that figure holds, and refused in the year it does not."
        ),
        kind="prescriptive",
        caption=f"Evidence for {name} by id, and the clauses it may support",
        units={"n": "count"},
        source=SOURCE,
    )


@answers
def plan_wordings(propositions: Answer) -> Answer:
    """Return what became of each wording in the plan: used, or refused with the reason.

    Parameters
    ----------
    propositions
        From `value_propositions`.

    Returns
    -------
    Answer
        ``segment``, ``clause``, ``words``, ``evidence_id``, ``figure``, ``n``, ``verdict`` (used, refused,
        no such segment), ``reason``; refused ones first.
    """
    clauses = _with_figures(propositions)
    own = clauses[clauses["written"] == "plan"].rename(columns={"text": "words"})
    own = own.assign(verdict=own["status"].map({"supported": "used"}).fillna("refused"))
    columns = ["segment", "clause", "words", "evidence_id", "figure", "n", "verdict", "reason"]
    strange = [{"segment": name, "clause": "all", "words": "–", "evidence_id": "–", "figure": "–", "n": 0,
                "verdict": "no such segment", "reason": f"nearest this year: {near or 'none'}"}
               for name, near in propositions["strangers"].items()]  # fmt: skip
    table = pd.concat([own[columns], pd.DataFrame(strange, columns=columns)], ignore_index=True)
    if table.empty:
        raise NotEnough("the plan writes no words for a proposition; all statements are assembled")
    table["n"] = table["n"].astype(int)
    table["rank"] = table["verdict"].map({"refused": 0, "no such segment": 1, "used": 2})
    table = table.sort_values(["rank", "segment", "clause"]).drop(columns="rank")
    table["reason"] = table["reason"].where(table["reason"] != "", "–")
    refused = table[table["verdict"] == "refused"]
    used = int((table["verdict"] == "used").sum())
    return Answer(
        table=table.reset_index(drop=True),
        headline=f"{used:,} of {len(table):,} wordings of the plan are used, {len(refused):,} refused",
        so_what=(
            (f"Refused first: “{refused.iloc[0]['words']}”, for {refused.iloc[0]['reason']}. " if len(refused) else "")
            + ("Where words are refused the assembled clause stands. " if len(refused) else "")
            + ("Rename segments that are not found: names come from the data and may change. " if strange else "")
            + "Figures, names, numbers and the competitor are checked; the rest of the words is yours to answer for."
        ),
        kind="prescriptive",
        caption="Words of the plan and the evidence they name, in this run",
        units={"n": "count"},
        source="propositions of the plan; " + SOURCE,
        metrics=(Metric("wordings_refused", float(len(refused)), n=len(table), unit="count", kind="prescriptive"),),
    )  # fmt: skip


@answers
def claims_to_test(propositions: Answer, cost_per_respondent: float | None = None) -> Answer:
    """Return the refused claims with the number of people that would settle each.

    Parameters
    ----------
    propositions
        From `value_propositions`.
    cost_per_respondent
        Of one completed interview (currency), where it is known.

    Returns
    -------
    Answer
        ``segment``, ``clause``, ``text``, ``reason``, ``figure``, ``n``, ``people_needed`` (of this segment; 80 %
        power, two-sided 5 %), ``feasible`` (the segment has so many customers), ``cost`` where known;
        smallest test first. A claim without any figure gets the people who would tell 60 % yes from 50 %.
    """
    clauses = _with_figures(propositions)
    open_ = clauses[clauses["status"] != "supported"]
    columns = ["segment", "clause", "text", "reason", "figure", "n", "people_needed", "shown_false"]
    if open_.empty:
        return Answer(
            table=open_[columns[:-1]],
            headline="No claim is left to test",
            so_what="All clauses hold; test them again next year, for preferences change.",
            kind="prescriptive",
            caption=f"Claims refused, of {len(clauses):,}",
        )
    size = open_["segment"].map(propositions["customers"])
    open_ = open_[columns].assign(feasible=open_["people_needed"].le(size).fillna(False))
    if cost_per_respondent:
        open_["cost"] = open_["people_needed"].astype("Float64") * cost_per_respondent
    open_ = open_.sort_values(["shown_false", "people_needed", "segment", "clause"], na_position="last")  # fmt: skip
    fits, false = open_["feasible"].astype(bool), open_["shown_false"].astype(bool)
    unmeasured = open_["people_needed"].isna().to_numpy(bool)
    easy, hard = open_[fits & ~false], int((~fits & ~false & ~unmeasured).sum())
    price = f" and costs {easy.iloc[0]['cost']:,.0f}" if len(easy) and "cost" in easy else ""
    return Answer(
        table=open_.drop(columns="shown_false").reset_index(drop=True),
        headline=f"{plural(int((~false & ~unmeasured).sum()), 'claim')} to test, {len(easy):,} of them within the size of the segment",
        so_what=(
            (f"Cheapest first: \"{easy.iloc[0]['text']}\" for {easy.iloc[0]['segment']} needs "
             f"{int(easy.iloc[0]['people_needed']):,} respondents of that segment{price}. " if len(easy) else "")
            + (f"{plural(hard, 'claim')} would need more people than the segment has: decide by cost instead."
               if hard else "All fit into one survey wave or shop test." if len(easy) else "")
            + (f" {plural(int(unmeasured.sum()), 'clause')} {'was' if unmeasured.sum() == 1 else 'were'} not measured at all: "
               f"{open_[unmeasured].iloc[0]['reason'].removeprefix('not measured: ')} first." if unmeasured.any() else "")
            + (f" {plural(int(false.sum()), 'claim')} {'is' if false.sum() == 1 else 'are'} shown false, such as "
               f"“{open_[false].iloc[0]['text']}”: mend the cause before you ask again." if false.any() else "")
        ),
        kind="prescriptive",
        caption="Refused claims and the people of the segment needed to tell the effect from zero (80 % power)",
        units={"n": "count", "people_needed": "count", "cost": "currency"},
        source="figures of the sections named; error scaled to the sample needed",
        metrics=(Metric("claims_to_test", float((~false & ~unmeasured).sum()), n=len(clauses), unit="count", kind="prescriptive"),),
    )  # fmt: skip
