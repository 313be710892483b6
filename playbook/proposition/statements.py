"""Value propositions: six clauses a segment, each bound to its evidence, or refused and listed to test."""

from __future__ import annotations

from typing import Any

import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.proposition.words import join, money, named, people_needed, plural

__all__ = ["CLAUSES", "claims_to_test", "evidence_of", "value_propositions"]

CLAUSES = ("for", "who", "our", "gives", "unlike", "we")
"""Clauses in the order of the sentence (after Moore, 1991, Crossing the Chasm)."""

SURE = 0.8
"""Chance from which the best offer and the strongest competitor are named."""

FEWEST = 20
"""Fewest people behind a clause, of the segment's own for what comes from choices."""


class _Writer:
    """Writes the clauses of one segment; ``worth`` and ``best`` are its rows of V3 and V7."""

    def __init__(self, segment: str, brand: str, currency: str, least_worth: float) -> None:
        self.segment = segment
        self.brand = brand
        self.currency = currency
        self.least_worth = least_worth

    def clause(
        self, clause: str, text: str, evidence: str, figures: tuple[float, float, float], n: int,
        holds: bool, unit: str, least: float = 0.0,
    ) -> dict[str, Any]:  # fmt: skip
        """Return one row; a clause that does not hold says how many people would settle it."""
        value, low, high = (float(figure) for figure in figures)
        holds = bool(holds) and n >= FEWEST
        needed = None if holds else people_needed(abs(value), low, high, max(int(n), 2), least, FEWEST)  # fmt: skip
        return {"segment": self.segment, "clause": clause, "text": text, "evidence": evidence,
                "n": int(n), "status": "supported" if holds else "to test", "value": value,
                "low": low, "high": high, "unit": unit, "people_needed": needed}  # fmt: skip

    def nothing(self, clause: str, text: str, evidence: str) -> dict[str, Any]:
        """Return a clause for which there is no figure."""
        none = float("nan")
        return {"segment": self.segment, "clause": clause, "text": text, "evidence": evidence,
                "n": 0, "status": "to test", "value": none, "low": none, "high": none, "unit": "",
                "people_needed": None}  # fmt: skip

    def who_for(self, profiles: Answer) -> dict[str, Any]:
        """Target: the segment and the trait that sets it apart most."""
        traits = profiles["traits"]
        own = traits[traits["segment"] == self.segment]
        if own.empty:
            size = profiles.table.set_index("segment").loc[self.segment]
            share = float(size["share_customers"])
            return self.clause("for", self.segment, "V1 target-profile: share of customers",
                               (share, share, share), int(size["customers"]), True, "%")  # fmt: skip
        row = own.iloc[0]
        text = f"{self.segment} ({100 * row['share']:.0f} % {row['trait']}, {100 * row['share_all']:.0f} % of all)"
        return self.clause("for", text, f"V1 target-profile: {row['trait']}, lead over other customers",
                           (row["difference"], row["low"], row["high"]), row["n"], row["low"] > 0, "%")  # fmt: skip

    def _worth(self, clause: str, text: str, row: pd.Series) -> dict[str, Any]:
        holds = row["low"] > 0 and row["worth"] >= self.least_worth and row["own_answers"]
        borrowed = "" if row["own_answers"] else " (all respondents: too few of this segment)"
        return self.clause(
            clause, text, f"V3 willingness-to-pay: {row['feature']} instead of {row['instead_of']}{borrowed}",
            (row["worth"], row["low"], row["high"]), row["n"], holds, "currency", self.least_worth,
        )  # fmt: skip

    def need(self, worth: pd.DataFrame) -> dict[str, Any]:
        """Need: the feature whose worth is surest (largest lower end)."""
        if worth.empty:
            return self.nothing("who", "want a feature that is worth its price", "V3 willingness-to-pay: refused")  # fmt: skip
        row = worth.iloc[0]
        return self._worth("who", f"want {named(row['attribute'], row['level'])}", row)

    def offer(self, best: pd.Series) -> dict[str, Any]:
        """Offer: the best one, judged by its lead in margin over our next best."""
        text = f"{self.brand} {best['offer']} at {money(best['price'], self.currency)}"
        return self.clause(
            "our", text, f"V7 best-offer: lead in margin over our next offer; best in {100 * best['chance_best']:.0f} % of draws",
            (best["lead"], best["lead_low"], best["lead_high"]), best["n"],
            best["chance_best"] >= SURE and best["own_answers"], "currency", 0.5,
        )  # fmt: skip

    def benefit(
        self, worth: pd.DataFrame, offer: pd.Series, offer_clause: dict[str, Any]
    ) -> dict[str, Any]:
        """Benefit: the feature of the offer whose worth is surest."""
        held = worth[[str(offer.get(a)) == v for a, v in zip(worth["attribute"], worth["level"], strict=True)]]  # fmt: skip
        if held.empty:
            return self.nothing(
                "gives", "a feature above the basic level", "V2 benefits: none in the offer"
            )
        row = held.iloc[0]
        what = f"{named(row['attribute'], row['level'])}, worth {money(row['worth'], self.currency)} to them"
        clause = self._worth("gives", what, row)
        if offer_clause["status"] != "supported":  # no promise from an offer that may not be it
            clause |= {"status": "to test", "people_needed": offer_clause["people_needed"],
                       "evidence": f"{clause['evidence']}; the lead offer is open"}  # fmt: skip
        return clause

    def rival(self, best: pd.Series) -> dict[str, Any]:
        """Competitor: the one that wins most choices beside our offer, by its lead over the next."""
        return self.clause(
            "unlike", str(best["rival"]),
            f"V7 best-offer: lead in share over the next competitor; strongest in {100 * best['rival_chance']:.0f} % of draws",
            (best["rival_lead"], best["rival_lead_low"], best["rival_lead_high"]), best["n"],
            best["rival_chance"] >= SURE and best["own_answers"], "%", 0.05,
        )  # fmt: skip

    def difference(
        self, differences: Answer, rival: str, importance: Answer | None
    ) -> dict[str, Any]:
        """Difference: the item most important to the segment on which we lead.

        Against ``rival``, or when no rival is sure, against the strongest competitor on the item.
        """
        table = differences.table
        if rival:
            table = table[table["competitor"] == rival]
        else:
            table = table.sort_values(["item", "difference", "competitor"]).groupby("item").head(1)
        if table.empty:
            return self.nothing("we", f"are better than {rival}", "V4 differentiation: not rated")
        table = table.assign(weight=table["item"].map(_weights(self.segment, importance)))
        table = table.fillna({"weight": 0.0})
        lead = table[table["status"] == "difference"]
        keys = ["weight", "difference", "item"] if len(lead) else ["difference", "weight", "item"]
        row = (
            (lead if len(lead) else table).sort_values(keys, ascending=[False, False, True]).iloc[0]
        )
        text = f"are rated {row['difference']:.1f} points better on {row['item']}"
        return self.clause(
            "we", text if rival else text.replace("rated", "rated at least"),
            f"V4 differentiation: {row['item']} against {row['competitor']}, all raters",
            (row["difference"], row["low"], row["high"]), row["n"], row["status"] == "difference",
            "points", float(differences["least"]),
        )  # fmt: skip


def _weights(segment: str, importance: Answer | None) -> dict[str, float]:
    if importance is None:
        return {}
    asked = importance.table[importance.table["segment"] == segment]
    return dict(zip(asked["item"], asked["importance"].astype(float), strict=True))


def _sentence(clauses: list[dict[str, Any]], segment: str, brand: str) -> str:
    """The proposition in words; refused clauses are left out, never replaced by a claim."""
    said = {c["clause"]: c["text"] if c["status"] == "supported" else "" for c in clauses}
    text = f"For {said['for'] or segment}"
    text += f" who {said['who']}, " if said["who"] else ", "
    text += said["our"] or f"{brand} (lead offer to be tested)"
    if said["gives"] and said["who"] and said["gives"].startswith(said["who"][5:] + ","):
        said["gives"] = said["gives"].replace(said["who"][5:], "just that", 1)
    text += f" gives {said['gives']}" if said["gives"] else " promises no feature yet"
    if said["we"] and said["unlike"]:
        text += f"; unlike {said['unlike']}, we {said['we']}"
    elif said["we"]:
        text += f"; we {said['we']} than any named competitor"
    return text + "."


@answers
def value_propositions(
    profiles: Answer, worth: Answer, best: Answer, offers: pd.DataFrame, differences: Answer,
    brand: str, importance: Answer | None = None, currency: str = "", smallest_worth: float = 5.0,
) -> Answer:  # fmt: skip
    """Return the value proposition of each segment, every clause with its evidence.

    Parameters
    ----------
    profiles, worth, best, differences
        From `target_profiles`, `willingness_to_pay`, `best_offers`, `brand_differences`.
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

    Returns
    -------
    Answer
        ``segment``, ``proposition``, ``supported`` (clauses of six), ``refused``; largest revenue
        first. ``extra["clauses"]``: ``segment``, ``clause``, ``text``, ``evidence``, ``n``, ``status``
        (supported, to test), ``value``, ``low``, ``high``, ``unit``, ``people_needed``.

    Notes
    -----
    For *target* who *need*, *our offer* gives *benefit*; unlike *competitor*, we *difference* (after Moore,
    1991). Thresholds: interval above zero and the smallest effect for need, benefit and difference
    (with false-discovery control); a chance of 80 % for best offer and strongest competitor; 20
    people for every clause, of the segment's own for what comes from choices.
    """
    chosen = best["all"].set_index("segment")
    segments = [s for s in profiles.table["segment"] if s in chosen.index]
    need(pd.DataFrame({"segment": segments}), "segments with a best offer", "a choice experiment")
    held = offers.set_index("offer_id")
    rows, clauses = [], []
    for segment in segments:
        writer, row = _Writer(segment, brand, currency, smallest_worth), chosen.loc[segment]
        own = worth["all"][worth["all"]["segment"] == segment]
        own = own.sort_values(["low", "feature"], ascending=[False, True])
        unlike, ours = writer.rival(row), writer.offer(row)
        rival = str(row["rival"]) if unlike["status"] == "supported" else ""
        said = [writer.who_for(profiles), writer.need(own), ours,
                writer.benefit(own, held.loc[row["offer"]], ours), unlike,
                writer.difference(differences, rival, importance)]  # fmt: skip
        refused = [c["clause"] for c in said if c["status"] != "supported"]
        rows.append({"segment": segment, "proposition": _sentence(said, segment, brand),
                     "supported": len(said) - len(refused), "refused": join(refused, 6) or "–"})  # fmt: skip
        clauses += said
    size = profiles.table.set_index("segment")["customers"].to_dict()
    return _told(pd.DataFrame(rows), pd.DataFrame(clauses), size)


def _told(table: pd.DataFrame, clauses: pd.DataFrame, customers: dict[str, int]) -> Answer:
    clauses["people_needed"] = pd.array(clauses["people_needed"].tolist(), dtype="Int64")
    supported = int((clauses["status"] == "supported").sum())
    whole = table[table["supported"] == len(CLAUSES)]["segment"].tolist()
    ready = table.sort_values("supported", ascending=False, kind="stable").iloc[0]
    return Answer(
        table=table,
        headline=f"{supported:,} of {len(clauses):,} claims hold; {plural(len(whole), 'proposition')} can be used in full",
        so_what=(
            (f"Use {join(whole)} as written. " if whole
             else f"The best founded is {ready['segment']} with {ready['supported']} of 6 clauses. ")
            + f"{plural(len(clauses) - supported, 'claim')} left out for want of evidence: let nobody "
            "write them back in before they are tested."
        ),
        kind="prescriptive",
        caption="Value proposition of each segment; clauses whose evidence misses its threshold are left out",
        units={"supported": "count"},
        source="sections target-profile, benefits, willingness-to-pay, differentiation and best-offer",
        metrics=(
            Metric("claims_supported", supported / len(clauses), n=len(clauses), unit="%", kind="prescriptive"),
        ),
        extra={"clauses": clauses, "customers": customers},
    )  # fmt: skip


def _figure(row: Any) -> str:
    """Value and interval as text in the unit of the clause."""
    if row.value != row.value:
        return "no figure"
    value = format_value(row.value, row.unit)
    if row.low == row.high:
        return value
    return f"{value} ({format_value(row.low, row.unit)} to {format_value(row.high, row.unit)})"


def _with_figures(clauses: pd.DataFrame) -> pd.DataFrame:
    return clauses.assign(figure=[_figure(row) for row in clauses.itertuples()])


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
        ``clause``, ``text``, ``figure`` (with 95 % interval), ``n``, ``status``, ``evidence``.
    """
    ranked = propositions.table.sort_values("supported", ascending=False, kind="stable")
    name = segment if segment in set(ranked["segment"]) else ranked["segment"].iloc[0]
    own = _with_figures(propositions["clauses"])
    own = own[own["segment"] == name]
    refused = own[own["status"] != "supported"]["clause"].tolist()
    return Answer(
        table=own[["clause", "text", "figure", "n", "status", "evidence"]].reset_index(drop=True),
        headline=f"{name}: {len(own) - len(refused)} of {len(own)} clauses are supported",
        so_what=(
            "Every clause can be checked in the section named beside it. "
            + (f"Leave out: {join(refused, 6)}." if refused else "Use the statement as written.")
        ),
        kind="prescriptive",
        caption=f"Each clause of the proposition for {name}: figure with 95 % interval, and its section",
        units={"n": "count"},
        source="sections target-profile, benefits, willingness-to-pay, differentiation and best-offer",
    )


@answers
def claims_to_test(propositions: Answer) -> Answer:
    """Return the refused claims with the number of people that would settle each.

    Parameters
    ----------
    propositions
        From `value_propositions`.

    Returns
    -------
    Answer
        ``segment``, ``clause``, ``text``, ``figure``, ``n``, ``people_needed`` (of this segment; 80 %
        power, two-sided 5 %), ``feasible`` (the segment has so many customers); smallest test first.
    """
    clauses = _with_figures(propositions["clauses"])
    open_ = clauses[clauses["status"] != "supported"]
    columns = ["segment", "clause", "text", "figure", "n", "people_needed"]
    if open_.empty:
        return Answer(
            table=open_[columns],
            headline="No claim is left to test",
            so_what="All clauses hold; test them again next year, for preferences change.",
            kind="prescriptive",
            caption=f"Claims refused, of {len(clauses):,}",
        )
    size = open_["segment"].map(propositions["customers"])
    open_ = open_[columns].assign(feasible=open_["people_needed"].le(size).fillna(False))
    open_ = open_.sort_values(["people_needed", "segment", "clause"], na_position="last")
    easy, hard = open_[open_["feasible"].astype(bool)], int((~open_["feasible"].astype(bool)).sum())
    return Answer(
        table=open_.reset_index(drop=True),
        headline=f"{plural(len(open_), 'claim')} to test, {len(easy):,} of them within the size of the segment",
        so_what=(
            (f"Cheapest first: \"{easy.iloc[0]['text']}\" for {easy.iloc[0]['segment']} needs "
             f"{int(easy.iloc[0]['people_needed']):,} respondents of that segment. " if len(easy) else "")
            + (f"{plural(hard, 'claim')} would need more people than the segment has: decide by cost instead."
               if hard else "All fit into one survey wave or shop test.")
        ),
        kind="prescriptive",
        caption="Refused claims and the people of the segment needed to tell the effect from zero (80 % power)",
        units={"n": "count", "people_needed": "count"},
        source="figures of the sections named; error scaled to the sample needed",
        metrics=(Metric("claims_to_test", float(len(open_)), n=len(clauses), unit="count", kind="prescriptive"),),
    )  # fmt: skip
