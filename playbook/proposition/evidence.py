"""The evidence of a run that a claim may rest on: an id, a figure with interval, and whether it holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from playbook.answer import Answer, format_value
from playbook.proposition.words import named, people_needed
from playbook.stats import false_discovery, two_proportion_difference, wilson

__all__ = ["FEWEST", "KINDS", "LEVELS", "Evidence", "evidence_book", "figure"]

LEVELS = {
    "chosen": "choices among complete offers",
    "said": "answers to a survey; people call almost everything important",
    "done": "orders and records; shows what they do, not why, and no willingness to pay",
}
"""What a clause rests on, strongest first, with its limits."""

SURE = 0.8
"""Chance from which the best offer and the strongest competitor are named."""

FEWEST = 20
"""Fewest people behind a clause, of the segment's own for what comes from choices."""

KINDS = {
    "size": ("for",),
    "trait": ("for", "who"),
    "worth": ("who", "gives"),
    "says": ("who",),
    "buys": ("who", "gives"),
    "offer": ("our",),
    "range": ("our",),
    "fit": ("gives",),
    "rival": ("unlike",),
    "lead": ("unlike", "we"),
}
"""Kinds of evidence and the clauses each may support."""


@dataclass(frozen=True)
class Evidence:
    """One figure of this run that a claim about one segment may rest on.

    Attributes
    ----------
    id
        The same words every year as long as the data's names are the same; written in plans.
    kind, level, section
        One of `KINDS`, one of `LEVELS`, and the section of the notebook that shows it.
    least, zero
        Smallest value worth claiming, and the value that the interval must lie above.
    failing
        Why it does not hold where its interval alone would, else empty.
    subjects
        What it is about: words a claim resting on it may use.
    rival
        Competitor it is measured against, ``all`` for the strongest on the item.
    numbers
        Further figures that a wording may quote.
    by_chance
        Judged by the chance of being the best of several instead of by the interval.
    row
        What the text of a clause is written from.
    """

    segment: str
    id: str
    kind: str
    level: str
    section: str
    about: str
    value: float
    low: float
    high: float
    n: int
    unit: str
    least: float = 0.0
    zero: float = 0.0
    failing: str = ""
    subjects: tuple[str, ...] = ()
    rival: str = ""
    numbers: tuple[float, ...] = ()
    by_chance: bool = False
    row: Any = None

    @property
    def opposite(self) -> bool:
        """Whether the evidence surely says the contrary."""
        return self.n >= FEWEST and self.high < self.zero and not self.by_chance

    @property
    def shortfall(self) -> str:
        """Why it does not hold, in words; empty when it does."""
        if self.n < FEWEST:
            return f"{self.n} people stand behind it, {FEWEST} are needed"
        if self.opposite:
            return f"the evidence says the opposite: {figure(self)}"
        if self.failing or self.by_chance:
            return self.failing
        if not self.low > self.zero:
            return f"the interval reaches {format_value(self.zero, self.unit)}: {figure(self)}"
        if self.value < self.least:
            return f"smaller than {format_value(self.least, self.unit)}, the smallest worth claiming: {figure(self)}"
        return ""

    @property
    def holds(self) -> bool:
        """Whether a claim may rest on it."""
        return not self.shortfall

    @property
    def people_needed(self) -> int:
        """People that a test needs to tell the effect from zero (80 % power).

        Where the evidence says the opposite: to show the smallest effect worth claiming.
        """
        effect = 0.0 if self.opposite else abs(self.value - self.zero)
        low, high = self.low - self.zero, self.high - self.zero
        return people_needed(effect, low, high, max(self.n, 2), self.least or 0.05, FEWEST)


def figure(item: Any, currency: str = "") -> str:
    """Return value and interval as text in the unit of the evidence."""
    if item.value != item.value:
        return "no figure"
    before = f"{currency} " if item.unit == "currency" and currency else ""
    value = (
        before + format_value(item.value, item.unit) + (" points" if item.unit == "points" else "")
    )
    if item.low == item.high:
        return value
    return f"{value} ({format_value(item.low, item.unit)} to {format_value(item.high, item.unit)})"


def evidence_book(
    profiles: Answer, worth: Answer | None, best: Answer | None, differences: Answer | None,
    importance: Answer | None, bought: Answer | None, smallest_worth: float,
) -> dict[str, dict[str, Evidence]]:  # fmt: skip
    """Return all evidence by segment and id, in the order of the notebook's sections."""
    book: dict[str, dict[str, Evidence]] = {name: {} for name in profiles.table["segment"]}
    found = [*_sizes(profiles), *_traits(profiles)]
    found += _buying(profiles, bought) if bought is not None else []
    found += _worths(worth, smallest_worth) if worth is not None else []
    found += _importance(importance, differences) if importance is not None else []
    found += _leads(differences, list(book)) if differences is not None else []
    found += _offers(best) if best is not None else []
    for item in found:
        if item.segment in book:
            book[item.segment].setdefault(item.id, item)
    return book


def _sizes(profiles: Answer) -> Iterator[Evidence]:
    for row in profiles.table.itertuples():
        share = float(row.share_customers)
        yield Evidence(row.segment, "size", "size", "done", "target-profile",
                       "V1 target-profile: share of customers", share, share, share, int(row.customers), "%",
                       zero=-1.0, subjects=(row.segment,), numbers=(float(row.customers),), row=row)  # fmt: skip


def _traits(profiles: Answer) -> Iterator[Evidence]:
    for row in profiles["traits"].itertuples():
        word, level = row.trait.split(": ", 1)
        yield Evidence(row.segment, f"trait:{word}={level}", "trait", "done", "target-profile",
                       f"V1 target-profile: {row.trait}, lead over other customers",
                       row.difference, row.low, row.high, int(row.n), "%", subjects=(word, level),
                       numbers=(row.share, row.share_all, row.index / 100), row=row)  # fmt: skip


def _buying(profiles: Answer, bought: Answer) -> Iterator[Evidence]:
    """Share of a segment's buyers who buy a group, alone and against the buyers of other segments."""
    cells = bought.table[bought.table["product_group"] != "all others"]
    most = cells.groupby("segment")["buyers"].max()
    people = profiles.table.set_index("segment")["buyers"]
    people = pd.concat([people, most], axis=1).max(axis=1).fillna(0).astype(int)
    cells = cells[cells["segment"].isin(people.index)]
    groups = cells.groupby("product_group")["buyers"].sum()
    rows = []
    for row in cells.itertuples():
        n, others = int(people[row.segment]), int(people.sum() - people[row.segment])
        inside, outside = int(row.buyers), int(groups[row.product_group] - row.buyers)
        if n >= FEWEST and others >= FEWEST and inside >= 5:
            gap = two_proportion_difference(inside, n, min(outside, others), others)
            rows.append((row, n, wilson(inside, n), gap, min(outside, others) / others))
    q_values: Any = false_discovery([gap.p_value for _, _, _, gap, _ in rows]) if rows else []
    for (row, n, share, gap, rest), q_value in zip(rows, q_values, strict=True):
        group = str(row.product_group)
        told = {"group": group, "share": share.value, "rest": rest, "revenue": row.revenue}
        yield Evidence(row.segment, f"range:{group}", "range", "done", "demand",
                       f"V6 demand: buyers of the segment who buy {group}", share.value, share.low, share.high, n,
                       "%", least=0.05, subjects=(group,), row=told)  # fmt: skip
        yield Evidence(row.segment, f"buys:{group}", "buys", "done", "demand",
                       f"V6 demand: share of buyers who buy {group}, lead over other segments",
                       gap.value, gap.low, gap.high, n, "%", least=0.05,
                       failing="" if q_value <= 0.05 else f"among {len(rows):,} groups compared it may be chance",
                       subjects=(group,), numbers=(share.value, rest), row=told)  # fmt: skip


def _worths(worth: Answer, least: float) -> Iterator[Evidence]:
    table = worth["all"].sort_values(["low", "feature"], ascending=[False, True])
    for row in table.itertuples():
        borrowed = "" if row.own_answers else " (all respondents: too few of this segment)"
        failing = "" if row.own_answers else "too few of this segment answered; the figure is everybody's"  # fmt: skip
        yield Evidence(row.segment, f"worth:{row.attribute.replace('_', ' ')}={row.level}", "worth", "chosen", "willingness-to-pay",
                       f"V3 willingness-to-pay: {row.feature} instead of {row.instead_of}{borrowed}",
                       row.worth, row.low, row.high, int(row.n), "currency", least, failing=failing,
                       subjects=(row.attribute.replace("_", " "), row.level, named(row.attribute, row.level)), row=row)  # fmt: skip


def _importance(importance: Answer, differences: Answer | None) -> Iterator[Evidence]:
    """Importance of an item above the segment's mean, and whether we are at least at parity on it."""
    table = importance.table
    mean = table.groupby("segment")["importance"].transform("mean")
    table = table.assign(mean=mean).sort_values(["importance", "item"], ascending=[False, True])
    rated = {} if differences is None else {row.item: row for row in _strongest(differences.table).itertuples()}  # fmt: skip
    least = 0.0 if differences is None else float(differences["least"])
    for row in table.itertuples():
        said = Evidence(row.segment, f"says:{row.item}", "says", "said", "benefits",
                        f"V2 benefits: importance of {row.item}, above the mean of all items rated",
                        row.importance - row.mean, row.low - row.mean, row.high - row.mean, int(row.n), "points",
                        subjects=(row.item,), numbers=(row.importance, row.mean), row=row)  # fmt: skip
        yield said
        if row.item in rated:
            own = rated[row.item]
            failing = "" if said.holds else f"the item is not surely important: {said.shortfall}"
            yield Evidence(row.segment, f"fit:{row.item}", "fit", "said", "differentiation",
                           f"V4 differentiation: {row.item} against {own.competitor}, at least parity (−{least:g})",
                           own.difference, own.low, own.high, int(own.n), "points", -least, -least,
                           failing, (row.item,), "all", (row.importance, row.mean), row=row)  # fmt: skip


def _strongest(table: pd.DataFrame) -> pd.DataFrame:
    """Return the competitor against whom our lead is smallest, per item."""
    return table.sort_values(["item", "difference", "competitor"]).groupby("item").head(1)


def _leads(differences: Answer, segments: list[str]) -> Iterator[Evidence]:
    least = float(differences["least"])
    every = _strongest(differences.table).assign(against="all")
    table = pd.concat([differences.table.assign(against=differences.table["competitor"]), every])
    for row in table.itertuples():
        lacks = {"parity": f"at parity: {_points(row)}", "open": f"not sure: {_points(row)}"}
        for segment in segments:
            yield Evidence(segment, f"lead:{row.item}:{row.against}", "lead", "said", "differentiation",
                           f"V4 differentiation: {row.item} against {row.competitor}, all raters",
                           row.difference, row.low, row.high, int(row.n), "points", least, failing=lacks.get(row.status, ""),
                           subjects=(row.item, row.competitor), rival=row.against, row=row)  # fmt: skip


def _points(row: Any) -> str:
    return f"{row.difference:.1f} points ({row.low:.1f} to {row.high:.1f})".replace("-", "−")


def _offers(best: Answer) -> Iterator[Evidence]:
    for row in best["all"].itertuples():
        own = "" if row.own_answers else "too few of this segment answered; the figure is everybody's"  # fmt: skip
        chance = f"best in {100 * row.chance_best:.0f} % of draws, {100 * SURE:.0f} % needed"
        yield Evidence(row.segment, f"offer:{row.offer}", "offer", "chosen", "best-offer",
                       f"V7 best-offer: lead in margin over our next offer; best in {100 * row.chance_best:.0f} % of draws",
                       row.lead, row.lead_low, row.lead_high, int(row.n), "currency", 0.5, 0.0,
                       own or ("" if row.chance_best >= SURE else chance), (str(row.offer),),
                       numbers=(row.price, row.current_price, row.chance_best), by_chance=True, row=row)  # fmt: skip
        strongest = (
            f"strongest in {100 * row.rival_chance:.0f} % of draws, {100 * SURE:.0f} % needed"
        )
        yield Evidence(row.segment, f"rival:{row.rival}", "rival", "chosen", "best-offer",
                       f"V7 best-offer: lead in share over the next competitor; strongest in {100 * row.rival_chance:.0f} % of draws",
                       row.rival_lead, row.rival_lead_low, row.rival_lead_high, int(row.n), "%", 0.05, 0.0,
                       own or ("" if row.rival_chance >= SURE else strongest), (str(row.rival),),
                       str(row.rival), (row.rival_share,), True, row)  # fmt: skip
