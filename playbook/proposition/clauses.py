"""Writes the clauses of one segment's proposition from the strongest evidence that was measured."""

from __future__ import annotations

from typing import Any

import pandas as pd

from playbook.engagement.propositions import Proposition, Wording
from playbook.proposition.evidence import Evidence
from playbook.proposition.wordings import CLAIM, judge
from playbook.proposition.words import money, named, people_needed

__all__ = ["CLAUSES", "Writer", "pieces", "sentence"]

CLAUSES = ("for", "who", "our", "gives", "unlike", "we")
"""Clauses in the order of the sentence (after Moore, 1991, Crossing the Chasm)."""

RATINGS = "survey ratings of the own brand and of named competitors"
ASKED = people_needed(0.1, 0.1 - 0.98, 0.1 + 0.98, 1, 0.0)
"""People to ask whether a claim without any figure is true: tells 60 % yes from 50 %."""


class Writer:
    """Clauses of one segment: assembled, or in the words of the plan where their evidence holds.

    A weaker level of evidence stands in only where the stronger was not measured, never where it
    was measured and missed its threshold.
    """

    def __init__(
        self, segment: str, evidence: dict[str, Evidence], brand: str, currency: str = "",
        offers: pd.DataFrame | None = None, rivals: tuple[str, ...] = (), items: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        self.segment = segment
        self.evidence = evidence
        self.brand = brand
        self.currency = currency
        self.rivals = rivals
        self.items = items
        self._offers = offers
        self.said: dict[str, dict[str, Any]] = {}

    def write(self, plan: Proposition | None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the six clauses, and one row for every wording of the plan that is refused or added."""
        further = []
        for clause in ("for", "who", "our", "gives", "unlike", "we"):
            assembled = getattr(self, f"_{clause}")()
            wording = plan.clauses.get(clause) if plan else None
            if wording is not None:
                row = self._judged(clause, wording)
                if row["status"] == "supported":
                    assembled = row
                else:
                    further.append(row | {"clause": f"{clause} (plan)"})
            self.said[clause] = assembled
        for number, claim in enumerate(plan.claims if plan else [], 1):
            further.append(self._judged(CLAIM, claim) | {"clause": f"{CLAIM} {number}"})
        return [self.said[clause] for clause in CLAUSES], further

    def _judged(self, clause: str, wording: Wording) -> dict[str, Any]:
        verdict = judge(clause, wording, self.evidence, self.currency, self.rivals, self.items)
        reason = verdict.reason or self._misfit(clause, verdict.evidence)
        if verdict.evidence is None:
            row = self._nothing(clause, verdict.text, " + ".join(verdict.ids) or "none named")
            row["evidence_id"] = " + ".join(verdict.ids)
        else:
            row = self._row(clause, verdict.text, verdict.evidence)
        needed = None if not reason else row["people_needed"] or ASKED
        return row | {"status": "to test" if reason else "supported", "people_needed": needed,
                      "reason": reason, "written": "plan"}  # fmt: skip

    def _misfit(self, clause: str, item: Evidence | None) -> str:
        """Return why evidence that holds does not fit the clauses before it."""
        if clause == "gives" and item is not None and item.kind == "worth":
            return self._not_in_offer(item)
        if clause != "we" or item is None or item.rival == "all":
            return ""
        rival = self._named_rival()
        if not rival:
            return f"no competitor is surely the strongest; use lead:{item.row.item}:all or word “unlike” too"
        return "" if item.rival == rival else f"the evidence is against {item.rival}, the statement against {rival}"  # fmt: skip

    def _not_in_offer(self, item: Evidence) -> str:
        offer = self._offer()
        if offer is None or self.said["our"]["status"] != "supported":
            return "no offer is surely the best, so none can promise a feature"
        held = str(offer.get(item.row.attribute)) == item.row.level
        return "" if held else f"the offer {offer.name} does not hold {named(item.row.attribute, item.row.level)}"  # fmt: skip

    def _offer(self) -> pd.Series | None:
        first = self._first("offer")
        if first is None or self._offers is None:
            return None
        return self._offers.set_index("offer_id").loc[first.row.offer]

    def _named_rival(self) -> str:
        unlike = self.said["unlike"]
        item = self.evidence.get(unlike["evidence_id"])
        if unlike["status"] != "supported" or item is None:
            return ""
        return item.rival if item.rival != "all" else str(item.row.competitor)

    def _of(self, kind: str) -> list[Evidence]:
        return [item for item in self.evidence.values() if item.kind == kind]

    def _first(self, kind: str) -> Evidence | None:
        return next(iter(self._of(kind)), None)

    def _row(self, clause: str, text: str, item: Evidence) -> dict[str, Any]:
        """Return one clause; one that does not hold says how many people would settle it."""
        needed = None if item.holds else item.people_needed
        return {"segment": self.segment, "clause": clause, "text": text, "evidence": item.about, "n": item.n,
                "status": "supported" if item.holds else "to test", "value": float(item.value),
                "low": float(item.low), "high": float(item.high), "unit": item.unit, "people_needed": needed,
                "evidence_id": item.id, "level": item.level, "section": item.section,
                "reason": item.shortfall, "shown_false": item.opposite, "written": "assembled"}  # fmt: skip

    def _nothing(self, clause: str, text: str, evidence: str, ask: str = "") -> dict[str, Any]:
        """Return a clause for which there is no figure, with what to ask the client for."""
        none = float("nan")
        return {"segment": self.segment, "clause": clause, "text": text, "evidence": evidence,
                "n": 0, "status": "to test", "value": none, "low": none, "high": none, "unit": "",
                "people_needed": None, "evidence_id": "", "level": "", "section": "",
                "reason": f"not measured: ask for {ask}" if ask else "there is no figure", "shown_false": False, "written": "assembled"}  # fmt: skip

    def _for(self) -> dict[str, Any]:
        """Target: the segment and the trait that sets it apart most."""
        trait = self._first("trait")
        if trait is None:
            return self._row("for", self.segment, self._of("size")[0])
        text = f"{self.segment} ({100 * trait.row.share:.0f} % {trait.row.trait}, {100 * trait.row.share_all:.0f} % of all)"
        return self._row("for", text, trait)

    def _who(self) -> dict[str, Any]:
        """Need: the feature whose worth is surest; else what they call important; else what they do."""
        worth, says = self._first("worth"), self._first("says")
        if worth is not None:
            return self._row("who", f"want {named(worth.row.attribute, worth.row.level)}", worth)
        if says is not None:
            text = f"care about {says.row.item} ({says.row.importance:.1f}, mean of all items {says.row.mean:.1f})"
            return self._row("who", text, says)
        by = [t for t in self._of("trait")[1:] if t.row.trait.startswith("buys by: ")]
        if by:
            text = f"buy by {by[0].row.trait.split(': ', 1)[1]} ({100 * by[0].row.share:.0f} %, {100 * by[0].row.share_all:.0f} % of all)"
            return self._row("who", text, by[0])
        bought = self._bought()
        if bought is not None:
            return self._row("who", f"buy {self._group(bought)}", bought)
        return self._nothing("who", "want a feature that is worth its price", "V3 willingness-to-pay: refused",
                             "a choice experiment, or a survey on importance")  # fmt: skip

    def _bought(self) -> Evidence | None:
        """The group they buy more often than other segments, by the lead of its share of buyers."""
        taken = self.said.get("who", {}).get("evidence_id", "")
        more = [item for item in self._of("buys") if item.value > 0]
        found = sorted(more, key=lambda e: (not e.holds, e.id == taken, -e.value, e.id))
        return found[0] if found else None

    @staticmethod
    def _group(item: Evidence) -> str:
        told = item.row
        return f"{told['group']} more often than others ({100 * told['share']:.0f} % against {100 * told['rest']:.0f} %)"

    def _our(self) -> dict[str, Any]:
        """Offer: the best one; without a test of offers the group most of their money goes to."""
        best = self._first("offer")
        if best is not None:
            return self._row("our", f"{self.brand} {best.row.offer} at {money(best.row.price, self.currency)}", best)  # fmt: skip
        ranges = [item for item in self._of("range") if item.row["revenue"] > 0]
        if not ranges:
            return self._nothing(
                "our",
                self.brand,
                "V7 best-offer: no choices among offers",
                "a choice experiment, or order lines with products",
            )
        top = max(ranges, key=lambda e: (e.value, e.id))
        return self._row("our", f"{self.brand} (most bought: {top.row['group']}, by {100 * top.row['share']:.0f} %)", top)  # fmt: skip

    def _gives(self) -> dict[str, Any]:
        """Benefit: the feature of the offer worth most; else an important item at parity or better; else a group bought."""
        offer, worth = self._offer(), self._of("worth")
        if offer is not None and worth:
            held = [e for e in worth if str(offer.get(e.row.attribute)) == e.row.level]
            if not held:
                return self._nothing("gives", "a feature above the basic level", "V2 benefits: none in the offer", "an offer with such a feature")  # fmt: skip
            return self._promise(held[0])
        fits = self._of("fit")
        if fits:
            best = next((item for item in fits if item.holds), fits[0])
            return self._row("gives", f"{best.row.item}, on which no competitor is ahead", best)
        bought = self._bought()
        if bought is not None:
            return self._row("gives", f"{bought.row['group']}, bought by {100 * bought.row['share']:.0f} % of them and {100 * bought.row['rest']:.0f} % of others", bought)  # fmt: skip
        return self._nothing("gives", "a benefit with a figure", "V6 demand: none", "a choice experiment, or order lines with products")  # fmt: skip

    def _promise(self, item: Evidence) -> dict[str, Any]:
        what = f"{named(item.row.attribute, item.row.level)}, worth {money(item.row.worth, self.currency)} to them"
        clause, ours = self._row("gives", what, item), self.said["our"]
        if ours["status"] != "supported":  # no promise from an offer that may not be it
            clause |= {"status": "to test", "people_needed": ours["people_needed"], "reason": "the lead offer is open",
                       "evidence": f"{clause['evidence']}; the lead offer is open"}  # fmt: skip
        return clause

    def _unlike(self) -> dict[str, Any]:
        """Competitor: the one that wins most choices beside our offer; else the strongest on what matters to them."""
        rival = self._first("rival")
        if rival is not None:
            return self._row("unlike", rival.rival, rival)
        lead = self._lead("all")
        if lead is None:
            return self._nothing(
                "unlike", "a named competitor", "V4 differentiation: not rated", RATINGS
            )
        return self._row("unlike", str(lead.row.competitor), lead)

    def _lead(self, rival: str) -> Evidence | None:
        """The item most important to the segment on which we lead; the largest lead where there is none."""
        table = [item for item in self._of("lead") if item.rival == rival]
        weight = {e.row.item: float(e.row.importance) for e in self._of("says")}
        lead = [item for item in table if item.holds]
        if lead:
            return min(lead, key=lambda e: (-weight.get(e.row.item, 0.0), -e.value, e.row.item))
        return min(table, key=lambda e: (-e.value, -weight.get(e.row.item, 0.0), e.row.item), default=None)  # fmt: skip

    def _we(self) -> dict[str, Any]:
        """Difference: against the competitor named, or when none is sure, against the strongest."""
        rival = self._named_rival()
        item = self._lead(rival or "all")
        if item is None:
            return self._nothing("we", f"are better than {rival or 'a named competitor'}", "V4 differentiation: not rated", RATINGS)  # fmt: skip
        text = f"are rated {item.value:.1f} points better on {item.row.item}"
        return self._row("we", text if rival else text.replace("rated", "rated at least"), item)


def sentence(clauses: list[dict[str, Any]], segment: str, brand: str) -> str:
    """Return the proposition in words; refused clauses are left out, never replaced by a claim."""
    return "".join(text for text, _ in pieces(clauses, segment, brand))


def pieces(clauses: list[dict[str, Any]], segment: str, brand: str) -> list[tuple[str, str]]:
    """Return the proposition as texts in order, each with the clause it is (empty for words between)."""
    rows = {c["clause"]: c for c in clauses}
    said = {name: c["text"] if c["status"] == "supported" else "" for name, c in rows.items()}
    parts = [("For ", ""), (said["for"], "for") if said["for"] else (segment, "")]
    parts += [(" who ", ""), (said["who"], "who")] if said["who"] else []
    parts += [(", ", ""), (said["our"], "our") if said["our"] else (f"{brand} (lead offer to be tested)", "")]  # fmt: skip
    need = said["who"].removeprefix("want ")
    if said["gives"] and need and said["gives"].startswith(need + ","):
        said["gives"] = said["gives"].replace(need, "just that", 1)
    same = rows["gives"]["evidence_id"] == rows["who"]["evidence_id"] != ""
    if said["gives"] and said["who"] and same and rows["gives"]["written"] == "assembled" and rows["gives"]["level"] == "done":  # fmt: skip
        said["gives"] = "just that"
    parts += [(" gives ", ""), (said["gives"], "gives")] if said["gives"] else [(" promises no feature yet", "")]  # fmt: skip
    if said["we"] and said["unlike"]:
        parts += [("; unlike ", ""), (said["unlike"], "unlike"), (", we ", ""), (said["we"], "we")]
    elif said["we"]:
        end = " than any named competitor" if rows["we"]["written"] == "assembled" else ""
        parts += [("; we ", ""), (said["we"] + end, "we")]
    return [*parts, (".", "")]
