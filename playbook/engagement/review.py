"""The yearly review: the rule table of the plan, and what the reviewer adds in ``reviews/<period>.yml``.

Glossary
--------
side
    Where a figure lies: *good* above the upper line, *bad* below the lower line, *between* on or between them.
evidence
    *measured*; *too few* customers; *none* (no control group, no roll-out, no figure); *gone* (nobody is left).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import product
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from playbook.engagement.strict import Strict

__all__ = [
    "CELLS",
    "Decision",
    "Facts",
    "Override",
    "ReviewNotes",
    "ReviewRule",
    "ReviewRules",
    "first_rule",
    "one_line",
    "year_after",
]

Decision = Literal["keep", "adjust", "stop"]
Kind = Literal["initiative", "strategy"]
Evidence = Literal["measured", "too few", "none", "gone"]
Side = Literal["good", "between", "bad"]
Facts = tuple[Kind, Evidence, Side | None, Side | None, Side | None]
"""Kind, evidence, and the sides of the figure and of the ends of its interval (none unless measured)."""

_SIDES: tuple[Side, ...] = ("bad", "between", "good")
_KINDS: tuple[Kind, ...] = ("initiative", "strategy")
_UNMEASURED: tuple[Evidence, ...] = ("too few", "none", "gone")
CELLS: list[Facts] = [
    *((kind, "measured", _SIDES[v], _SIDES[low], _SIDES[high])
      for kind, low, v, high in product(_KINDS, range(3), range(3), range(3)) if low <= v <= high),
    *((kind, evidence, None, None, None) for kind, evidence in product(_KINDS, _UNMEASURED)),
]  # fmt: skip
"""Everything that can be the case; an interval holds its figure."""
_LONGEST = 300


def year_after(day: date) -> date:
    """Return the same day a year later (28 February after a 29th)."""
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return day.replace(year=day.year + 1, day=28)


def one_line(text: str, what: str) -> str:
    """Return a reason as one line without signs that steer a terminal or turn text round.

    Raises
    ------
    ValueError
        When nothing is left, or it is longer than 300 signs.
    """
    plain = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    if not plain:
        raise ValueError(f"{what} is empty; say in a sentence why")
    if len(plain) > _LONGEST:
        raise ValueError(f"{what} is longer than {_LONGEST} signs; say it in a sentence or two")
    return plain


class ReviewRule(Strict):
    """One line of the review's rule table; the first line whose conditions all hold decides.

    A condition left out holds always. ``value`` is where the figure lies, ``low`` and ``high`` where the ends of its
    95 % interval lie; these three can hold only for what was measured on enough customers.
    """

    decision: Decision
    kind: list[Kind] = []
    evidence: list[Evidence] = []
    value: list[Side] = []
    low: list[Side] = []
    high: list[Side] = []
    because: str

    @field_validator("because")
    @classmethod
    def _says_why(cls, text: str) -> str:
        return one_line(text, "because")

    def holds(self, facts: Facts) -> bool:
        """Whether all conditions of the line hold."""
        asked: list[Sequence[str]] = [self.kind, self.evidence, self.value, self.low, self.high]
        return all(not wanted or fact in wanted for wanted, fact in zip(asked, facts, strict=True))

    @property
    def is_open(self) -> bool:
        """Whether the line has no condition."""
        return not (self.kind or self.evidence or self.value or self.low or self.high)


DEFAULT_RULES = [
    ReviewRule(decision="stop", evidence=["gone"], because="nobody is left in the segment"),
    ReviewRule(decision="adjust", evidence=["none"], because="not attributable"),
    ReviewRule(decision="adjust", evidence=["too few"], because="not enough data"),
    ReviewRule(decision="keep", value=["good"], low=["good", "between"], because="good, and chance does not reach down to bad"),
    ReviewRule(decision="stop", value=["bad"], high=["bad", "between"], because="bad, and chance does not reach up to good"),
    ReviewRule(decision="adjust", because="between the lines, or chance decides"),
]  # fmt: skip


class ReviewRules(Strict):
    """When an initiative or segment strategy is kept, adjusted or stopped at the yearly review.

    The return of an initiative is good above ``keep_if_return_above`` and bad below ``stop_if_return_below`` (times its
    campaign cost); the change of a segment's contribution likewise by the two lines of change (share of last year's).
    Fewer than ``minimum_n`` customers are too few. ``rules`` is the table: its first line that holds decides.
    """

    keep_if_return_above: float = 0.0
    stop_if_return_below: float = -0.5
    keep_if_change_above: float = 0.0
    stop_if_change_below: float = -0.25
    minimum_n: Annotated[int, Field(ge=1)] = 100
    rules: list[ReviewRule] = DEFAULT_RULES

    @model_validator(mode="after")
    def _lines_are_in_order(self) -> ReviewRules:
        for name in ("return", "change"):
            upper, lower = (getattr(self, f"{word}_if_{name}_{end}") for word, end in (("keep", "above"), ("stop", "below")))  # fmt: skip
            if upper < lower:
                raise ValueError(
                    f"keep_if_{name}_above ({upper:g}) lies below stop_if_{name}_below ({lower:g}); a figure would be good and bad"
                )
        return self

    @model_validator(mode="after")
    def _every_case_has_one_rule(self) -> ReviewRules:
        if [rule.is_open for rule in self.rules] != [False] * (len(self.rules) - 1) + [True]:
            raise ValueError(
                "rules: exactly one line without conditions, and it stands last, so that everything gets one decision"
            )
        used = {first_rule(self.rules, cell) for cell in CELLS}
        never = [number for number in range(len(self.rules)) if number not in used]
        if never:
            raise ValueError(
                f"rules: line {never[0] + 1} ({self.rules[never[0]].decision}) can never hold, earlier lines cover all it asks for "
                "or its conditions contradict each other; move it up, mend or drop it"
            )
        return self

    def lines(self, kind: Kind) -> tuple[float, float]:
        """Return above which a figure of this kind is good and below which it is bad."""
        if kind == "initiative":
            return self.keep_if_return_above, self.stop_if_return_below
        return self.keep_if_change_above, self.stop_if_change_below


def first_rule(rules: list[ReviewRule], facts: Facts) -> int:
    """Return the number (from 0) of the line that decides; the last line holds always."""
    return next(number for number, rule in enumerate(rules) if rule.holds(facts))


class Override(Strict):
    """A decision a person takes against the rule, or confirms: what, who (a role), when, and why."""

    kind: Kind
    id: str
    decision: Decision
    by: str
    day: date
    reason: str

    @field_validator("reason", "by")
    @classmethod
    def _is_given(cls, text: str) -> str:
        return one_line(text, "the reason or the role")


class ReviewNotes(Strict):
    """``reviews/<period>.yml``: why a review comes before its time, and decisions taken against the rule."""

    forced: str = ""
    overrides: list[Override] = []

    @field_validator("forced")
    @classmethod
    def _has_a_reason(cls, text: str) -> str:
        return one_line(text, "forced") if text else ""

    @model_validator(mode="after")
    def _one_decision_each(self) -> ReviewNotes:
        seen = [(one.kind, one.id) for one in self.overrides]
        twice = sorted({name for name in seen if seen.count(name) > 1})
        if twice:
            raise ValueError(
                f"overrides: {twice[0][0]} {twice[0][1]} stands more than once; keep one"
            )
        return self
