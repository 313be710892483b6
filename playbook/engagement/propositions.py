"""Wordings of value propositions that a plan may hold; the evidence behind each is checked by every run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from playbook.engagement.strict import Strict

__all__ = ["Clause", "Proposition", "Propositions", "Wording", "same_name"]

Clause = Literal["for", "who", "our", "gives", "unlike", "we"]
Text = Annotated[str, Field(min_length=1, max_length=300)]


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Wording(Strict):
    """The words of one clause or claim, and the ids of the evidence it rests on (notebook 04 prints them).

    The figure, number of people and interval of each id in the run at hand decide whether the
    words may be used; they are refused when one of them does not hold.
    """

    text: Text
    evidence: Annotated[list[Text], BeforeValidator(_listed)] = []


class Proposition(Strict):
    """What the consultant writes for one segment: words of clauses, and further claims of their own.

    ``segment`` is the name as step 3 gives it this year; clauses are *for* target *who* need, *our*
    offer *gives* benefit, *unlike* competitor, *we* difference. What is left out is assembled.
    """

    segment: Text
    clauses: dict[Clause, Wording] = {}
    claims: list[Wording] = []


def same_name(name: str) -> str:
    """Return a name as it is compared: small letters, one space between words."""
    return " ".join(str(name).split()).casefold()


def _once_a_segment(propositions: list[Proposition]) -> list[Proposition]:
    seen: set[str] = set()
    for item in propositions:
        if same_name(item.segment) in seen:
            raise ValueError(
                f"segment '{item.segment}' stands more than once; write all its clauses under one entry"
            )
        seen.add(same_name(item.segment))
    return propositions


Propositions = Annotated[list[Proposition], AfterValidator(_once_a_segment)]
