"""Value propositions: six clauses a segment, each bound to its evidence, or refused and listed to test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from playbook.answer import Answer, Metric, answers
from playbook.engagement.propositions import Proposition
from playbook.errors import NotEnough
from playbook.proposition.clauses import CLAUSES, Writer, sentence
from playbook.proposition.evidence import LEVELS, evidence_book
from playbook.proposition.wordings import segment_named
from playbook.proposition.words import join, plural

__all__ = ["CLAUSES", "value_propositions"]

SOURCE = "sections target-profile, benefits, willingness-to-pay, differentiation, demand and best-offer"  # fmt: skip


@answers
def value_propositions(
    profiles: Answer, worth: Answer | None = None, best: Answer | None = None,
    offers: pd.DataFrame | None = None, differences: Answer | None = None, brand: str = "",
    importance: Answer | None = None, currency: str = "", smallest_worth: float = 5.0,
    bought: Answer | None = None, wordings: Sequence[Proposition] = (),
) -> Answer:  # fmt: skip
    """Return the value proposition of each segment, every clause with its evidence.

    Parameters
    ----------
    profiles
        From `target_profiles`.
    worth, best, differences
        From `willingness_to_pay`, `best_offers`, `brand_differences`, where there are some.
    offers
        Standard table ``offers``.
    brand
        Our brand.
    importance
        From `stated_importance`; without it the size of the lead chooses the item.
    currency
        Written before amounts.
    smallest_worth
        Smallest willingness to pay worth claiming (currency).
    bought
        From `demand`.
    wordings
        ``propositions`` of the plan: words for clauses and further claims, each with the ids of its
        evidence. Words whose evidence does not hold in this run are refused, the assembled clause stands.

    Returns
    -------
    Answer
        ``segment``, ``proposition``, ``supported`` (clauses of six), ``rests_on`` (levels of evidence),
        ``refused``; largest revenue first. ``extra["clauses"]``: ``segment``, ``clause``, ``text``,
        ``evidence``, ``n``, ``status`` (supported, to test), ``value``, ``low``, ``high``, ``unit``,
        ``people_needed``, ``evidence_id``, ``level`` (chosen, said, done), ``section``, ``reason``,
        ``written`` (assembled, plan); after the six the refused words and further claims of the plan.
        ``extra["book"]``: all `Evidence` by segment and id.

    Notes
    -----
    For *target* who *need*, *our offer* gives *benefit*; unlike *competitor*, we *difference* (after Moore,
    1991). Thresholds: interval above zero and the smallest effect for need, benefit and difference
    (with false-discovery control); a chance of 80 % for best offer and strongest competitor; 20
    people for every clause, of the segment's own for what comes from choices. Without choices a clause
    rests on what customers say, without that on what they do; it never claims willingness to pay then.
    """
    answers_given = (worth, best, differences, importance, bought)
    if all(answer is None for answer in answers_given) and profiles["traits"].empty:
        raise NotEnough("neither choices, ratings, products bought nor traits of customers",
                        "order lines with products, a survey on importance and brands, or a choice experiment")  # fmt: skip
    book = evidence_book(
        profiles, worth, best, differences, importance, bought, float(smallest_worth)
    )
    items = _names(differences, "item") + _names(importance, "item")
    rivals = _names(differences, "competitor") + (() if best is None else tuple(best["all"]["rival"].astype(str).unique()))  # fmt: skip
    planned, strangers = _planned(wordings, list(book))
    rows, clauses, further = [], [], []
    for segment, evidence in book.items():
        writer = Writer(segment, evidence, brand or "our brand", currency, offers, rivals, items)
        said, added = writer.write(planned.get(segment))
        refused = [c["clause"] for c in said if c["status"] != "supported"]
        kept = [level for level in LEVELS if any(c["level"] == level for c in said if c["status"] == "supported")]  # fmt: skip
        rows.append({"segment": segment, "proposition": sentence(said, segment, brand or "our brand"),
                     "supported": len(said) - len(refused), "rests_on": join(kept) or "–", "refused": join(refused, 6) or "–"})  # fmt: skip
        clauses += said
        further += added
    size = profiles.table.set_index("segment")["customers"].to_dict()
    extra = {"customers": size, "book": book, "strangers": strangers, "brand": brand or "our brand", "currency": currency}  # fmt: skip
    return _told(pd.DataFrame(rows), clauses, further, extra)


def _names(answer: Answer | None, column: str) -> tuple[str, ...]:
    return () if answer is None else tuple(answer.table[column].astype(str).unique())


def _planned(
    wordings: Sequence[Proposition], segments: list[str]
) -> tuple[dict[str, Proposition], dict[str, str]]:
    """Return the plan's words by segment, and names that are no segment this year with the nearest one."""
    planned, strangers = {}, {}
    for item in wordings:
        segment, nearest = segment_named(item.segment, segments)
        if segment is None:
            strangers[item.segment] = nearest
        else:
            planned[segment] = item
    return planned, strangers


def _told(
    table: pd.DataFrame,
    clauses: list[dict[str, Any]],
    further: list[dict[str, Any]],
    extra: dict[str, Any],
) -> Answer:
    supported = sum(c["status"] == "supported" for c in clauses)
    whole = table[table["supported"] == len(CLAUSES)]["segment"].tolist()
    ready = table.sort_values("supported", ascending=False, kind="stable").iloc[0]
    refused = sum(c["status"] != "supported" for c in further)
    levels = {c["level"] for c in clauses if c["status"] == "supported"}
    every = pd.DataFrame(clauses + further)
    every["people_needed"] = pd.array(every["people_needed"].tolist(), dtype="Int64")
    return Answer(
        table=table,
        headline=f"{supported:,} of {len(clauses):,} claims hold; {plural(len(whole), 'proposition')} can be used in full",
        so_what=(
            (f"Use {join(whole)} as written. " if whole
             else f"The best founded is {ready['segment']} with {ready['supported']} of 6 clauses. ")
            + ("" if "chosen" in levels else "No choices among offers were asked, so nothing here claims a willingness to pay. ")
            + (f"{plural(refused, 'wording')} of the plan {'is' if refused == 1 else 'are'} refused. " if refused else "")
            + (f"{join(extra['strangers'])} of the plan {'is no segment' if len(extra['strangers']) == 1 else 'are no segments'} this year. "
               if extra["strangers"] else "")
            + f"{plural(len(clauses) - supported, 'claim')} left out for want of evidence: let nobody "
            "write them back in before they are tested."
        ),
        kind="prescriptive",
        caption="Value proposition of each segment; clauses whose evidence misses its threshold are left out",
        units={"supported": "count"},
        source=SOURCE,
        metrics=(
            Metric("claims_supported", supported / len(clauses), n=len(clauses), unit="%", kind="prescriptive"),
        ),
        extra=extra | {"clauses": every},
    )  # fmt: skip
