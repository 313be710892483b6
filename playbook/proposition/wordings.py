"""Judges the words a consultant wrote against the evidence they name: kept, or refused with the reason."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from playbook.engagement.propositions import Wording, same_name
from playbook.proposition.evidence import KINDS, Evidence, figure

__all__ = ["CLAIM", "Verdict", "judge", "segment_named"]

CLAIM = "claim"
"""A claim of the plan that is none of the six clauses."""

_NUMBER = re.compile(r"(?<!\w)\d+(?:[,.]\d{3})*(?:[.,]\d{1,2})?(?!\d)")
_FLOOR = re.compile(r"(?:at least|more than|over|from)\s+(?:[A-Z]{3}\s+)?$", re.I)
_CHEAP = re.compile(
    r"\b(?:cheap(?:er|est)?|low(?:er|est)?[ -]priced?|less expensive|inexpensive|affordable)\b",
    re.I,
)
_PAY = re.compile(r"\b(?:worth|willing(?:ness)? to pay|would pay|pay (?:more|extra|for))\b", re.I)
_RATIO = re.compile(
    r"\b(?:twice|thrice|double|triple|half|(?:two|three|four|five|ten) times)\b", re.I
)
_EVERY = re.compile(
    r"\b(?:than any|than all|than every|no other|no one else|nobody else|the best|number one|second to none|"
    r"un(?:matched|beaten|rivalled))\b",
    re.I,
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What became of one wording; ``evidence`` is the piece it stands or falls with, if any was found."""

    text: str
    ids: tuple[str, ...]
    reason: str
    evidence: Evidence | None
    mend: str = ""

    @property
    def holds(self) -> bool:
        """Whether the words may be used."""
        return not self.reason


def segment_named(name: str, segments: Iterable[str]) -> tuple[str | None, str]:
    """Return the segment of this year with that name, or none and the nearest name there is."""
    known = {same_name(segment): segment for segment in segments}
    if (wanted := same_name(name)) in known:
        return known[wanted], ""
    near = difflib.get_close_matches(wanted, list(known), n=1, cutoff=0.0)
    return None, known[near[0]] if near else ""


def judge(
    clause: str, wording: Wording, book: dict[str, Evidence], currency: str = "",
    rivals: Sequence[str] = (), items: Sequence[str] = (),
) -> Verdict:  # fmt: skip
    """Return whether words may be used for a clause of a segment, and if not, why.

    Parameters
    ----------
    clause
        One of the six clauses, or `CLAIM`.
    wording
        Words and ids from the plan.
    book
        Evidence of the segment by id.
    currency
        Code of the currency.
    rivals, items
        All competitors and rated items of this run: words about one of them need evidence about it.
    """
    text = " ".join(unicodedata.normalize("NFC", wording.text).split())
    ids = tuple(wording.evidence)
    if not ids:
        return Verdict(text, ids, "no evidence is named", None, "name the id of the evidence")
    known = {same_name(name): item for name, item in book.items()}
    found: list[Evidence] = []
    for name in ids:
        item = known.get(same_name(name))
        if item is None:
            near = difflib.get_close_matches(same_name(name), list(known), n=1, cutoff=0.0)
            hint = f"; nearest: {known[near[0]].id}" if near else ""
            return Verdict(text, ids, f"no evidence {name} this year{hint}", None, "name an id of the list")  # fmt: skip
        if clause != CLAIM and clause not in KINDS[item.kind]:
            fits = " and ".join(f"*{name}*".replace("*", "“", 1).replace("*", "”") for name in KINDS[item.kind])  # fmt: skip
            return Verdict(text, ids, f"{item.id} can prove {fits}, not “{clause}”", None, "name other evidence")  # fmt: skip
        found.append(item)
    short = next((item for item in found if not item.holds), None)
    if short is not None:
        return Verdict(text, ids, short.shortfall, short, "test it")
    first = found[0]
    reason = _beyond(text, found, currency, rivals, items)
    return Verdict(text, ids, reason, first, "change the words" if reason else "")


def _beyond(
    text: str, found: list[Evidence], currency: str, rivals: Sequence[str], items: Sequence[str]
) -> str:
    """Return in what the words go beyond the evidence, empty when they do not."""
    subjects = [word for item in found for word in item.subjects]
    bare = _without(text, [*subjects, found[0].segment])
    other = next((name for name in rivals if _mentions(bare, name)), "")
    if other:
        return f"the words name {other}, the evidence does not"
    if any(item.kind in ("lead", "says", "fit") for item in found):
        topic = next((name for name in items if _mentions(bare, name)), "")
        if topic:
            return f"the words speak of {topic}, the evidence does not"
    if _CHEAP.search(bare) and not any("price" in word.lower() for word in subjects):
        return "the words speak of a low price, the evidence does not"
    if _EVERY.search(bare) and not any(item.rival == "all" for item in found):
        return "the words claim a lead over everybody; name evidence against all (lead:…:all)"
    paid = _PAY.search(bare) or (currency and re.search(rf"\b{re.escape(currency)}\b", bare))
    if paid and not any(item.level == "chosen" for item in found):
        return "an amount or willingness to pay needs choices, not what they say or did"
    ratio = _RATIO.search(bare)
    if ratio:
        return f"“{ratio[0]}” is a ratio; no figure of the evidence is one"
    wrong = _wrong_number(
        re.sub(rf"\b{re.escape(currency)}(?=\d)", "", bare) if currency else bare, found
    )
    if wrong:
        quoted = "; ".join(figure(item) for item in found)
        return f"the number {wrong} is not a figure of the evidence ({quoted})"
    return ""


def _without(text: str, names: Iterable[str]) -> str:
    for name in sorted(set(names), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", " ", text, flags=re.I)
    return text


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.I) is not None


def _wrong_number(text: str, found: list[Evidence]) -> str:
    """Return the first number in the words that no figure of the evidence rounds to."""
    for match in _NUMBER.finditer(text):
        written = match[0]
        plain = re.sub(r"[,.](?=\d{3}(?:\D|$))", "", written).replace(",", ".")
        number, digits = float(plain), len(plain.partition(".")[2])
        floor = _FLOOR.search(text[: match.start()]) is not None
        if not any(_quotes(number, digits, floor, item) for item in found):
            return written
    return ""


def _quotes(number: float, digits: int, floor: bool, item: Evidence) -> bool:
    scale = 100 if item.unit == "%" else 1
    own = [x * scale for x in (item.value, item.low, item.high) if x == x]
    figures: list[Any] = [*own, float(item.n), *item.numbers, *(100 * x for x in item.numbers)]
    near = 0.5 * 10**-digits + 1e-9
    return any(abs(float(x) - number) <= near for x in figures) or (
        floor and bool(own) and number <= item.low * scale
    )
