"""Which answers of the choice experiment count: what is left out is named and counted, the rest is used."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from playbook.choice.coding import Coding, effects_code
from playbook.choice.logit import LogitResult, SeparationError, conditional_logit
from playbook.choice.quality import separating_level, usable_attributes, usable_tasks
from playbook.errors import NotEnough
from playbook.tables import TABLES

__all__ = ["Screened", "fit_everybody", "named", "read_attributes", "screen"]

ASK = "a choice experiment (conjoint) with about 300 customers, or its export by alternative"
FEWEST = 30
"""Respondents that a model needs."""
UNKNOWN = 0.2
"""Share of missing values from which an attribute is left out instead of its tasks."""


@dataclass(frozen=True)
class Screened:
    """Tasks to fit and tasks held out, attributes to use, and findings (``what``, ``count``)."""

    train: pd.DataFrame
    held_out: pd.DataFrame
    names: list[str]
    findings: list[tuple[str, int]]


def named(attribute: str, level: str) -> str:
    """Return a level as a sentence says it: "next day delivery", "free assembly service"."""
    what = attribute.replace("_", " ")
    return f"no {what}" if level.lower() in ("none", "no") else f"{level} {what}"


def read_attributes(choices: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the choices with numeric attributes as numbers, and the names of the attributes.

    Attributes are the columns that the standard table does not name; one whose every shown value
    reads as a number is a number. Attributes with a single level are left out.
    """
    standard = set(TABLES["choice_tasks"].columns) | {"segment"}
    given = choices["is_none"] if "is_none" in choices else pd.Series(False, index=choices.index)
    none = given.astype("boolean").fillna(False).to_numpy(bool)
    frame, names = choices.assign(is_none=none), []
    for column in sorted(set(choices.columns) - standard):
        shown = frame.loc[~none, column].dropna()
        numbers = pd.to_numeric(shown, errors="coerce")
        if numbers.notna().all():
            frame[column] = pd.to_numeric(frame[column], errors="coerce").astype(float)
        if len(shown.unique()) > 1:
            names.append(column)
    return frame, names


def screen(frame: pd.DataFrame, names: list[str]) -> Screened:
    """Split tasks into those to fit and those held out, leaving out what no model can use.

    Raises
    ------
    NotEnough
        No attribute with two levels, or fewer than 30 respondents with usable tasks.
    """
    findings: list[tuple[str, int]] = []
    shown = frame[~frame["is_none"]]
    thin = [name for name in names if shown[name].isna().mean() > UNKNOWN]
    findings += [(f"attribute {name} left out: not known of {shown[name].isna().mean():.0%} of the offers", int(shown[name].isna().sum())) for name in thin]  # fmt: skip
    names = [name for name in names if name not in thin]
    if not names:
        raise NotEnough("the choice tasks have no attribute with two levels", ASK)
    kept, dropped = usable_tasks(frame, names)
    findings += dropped
    held = kept["is_holdout"] if "is_holdout" in kept else pd.Series(False, index=kept.index)
    held = held.astype("boolean").fillna(False).to_numpy(bool)
    train, held_out = kept[~held].reset_index(drop=True), kept[held].reset_index(drop=True)
    _enough(train, names, dropped)
    names, apart = usable_attributes(train, names)
    findings += [(f"attribute {name} left out: it {why}", int(train[name].notna().sum())) for name, why in apart]  # fmt: skip
    if not names:
        raise NotEnough("the choice tasks have no attribute whose effect can be told", ASK)
    return Screened(train, held_out, names, findings)


def _enough(train: pd.DataFrame, names: list[str], dropped: list[tuple[str, int]]) -> None:
    """Refuse a model of too few respondents; say what counting tells, and what was unusable."""
    people = train["respondent_id"].nunique()
    if people >= FEWEST:
        return
    reason = f"{people} respondents, {FEWEST} needed"
    if dropped:
        reason += " (left out: " + ", ".join(f"{count:,} {what}" for what, count in dropped) + ")"
    offers = train[~train["is_none"]]
    texts = [name for name in names if not pd.api.types.is_numeric_dtype(offers[name])]
    long = offers.melt("chosen", texts, "attribute", "level") if len(offers) else pd.DataFrame()
    if len(long):
        each = long.groupby(["attribute", "level"])["chosen"].agg(["mean", "size"])
        top = each.sort_values("mean", ascending=False, kind="stable").iloc[0]
        reason += (
            f"; by counting only, {named(*map(str, top.name))} was chosen most often when shown "
            f"({top['mean']:.0%} of {int(top['size'])} times), which is no measure of its worth"
        )
    raise NotEnough(reason, ASK)


def _coded(train: pd.DataFrame, names: list[str]) -> tuple[Coding, LogitResult]:
    """Code the attributes, the level least liked by all as reference of each, and fit everybody."""
    none = "is_none" if train["is_none"].any() else None
    first = effects_code(train, names, none=none)
    everybody = conditional_logit(train, first.matrix(train))
    worth = first.level_rows() @ everybody.params[first.columns]
    least = {name: str(worth.loc[name].idxmin()) for name in first.levels}
    coding = effects_code(train, names, reference=least, none=none)
    return coding, conditional_logit(train, coding.matrix(train))


def fit_everybody(screened: Screened) -> tuple[Screened, Coding, LogitResult]:
    """Fit one model for everybody; what separates the choices perfectly is taken out and named.

    Notes
    -----
    A level that is never chosen has no finite part-worth. Its offers are taken out of the tasks,
    which leaves the other part-worths consistent (independence of irrelevant alternatives); of a
    level that always wins, its tasks. An attribute that separates in another way is left out.
    """
    for _ in range(8):
        try:
            coding, everybody = _coded(screened.train, screened.names)
        except SeparationError as error:
            screened = _without(screened, error.columns)
        except ValueError as error:
            raise NotEnough(f"choice tasks that a model can be fitted to: {error}", ASK) from error
        else:
            held_out, found = _asked_before(screened.held_out, coding)
            findings = screened.findings + found
            return Screened(screened.train, held_out, screened.names, findings), coding, everybody
    raise NotEnough("choice tasks that are not decided by single levels without exception", ASK)


def _without(screened: Screened, columns: list[str]) -> Screened:
    """Take out the level, or else the attribute, that separates the choices.

    One level without bounds drags the other columns of its attribute, and that of none, along: so
    levels come first, and none only where it was never or always chosen.
    """
    train, names = screened.train, screened.names
    found = {column.split(": ")[0] for column in columns}
    for name in [n for n in names if n in found and not pd.api.types.is_numeric_dtype(train[n])]:
        level = separating_level(train, name)
        if level is None:
            continue
        rows = (train[name].astype("str") == level[0]) & ~train["is_none"]
        task = rows.groupby([train["respondent_id"], train["task"]]).transform("any")
        part, lost = usable_tasks(train[~(rows if level[1] == "never" else task)], names)
        note = f"{named(name, level[0])}: {level[1]} chosen when shown, so its worth is beyond what was asked; taken out"  # fmt: skip
        return _again(screened, part, names, [(note, int(rows.sum())), *lost])
    none = train.loc[train["is_none"], "chosen"]
    if len(none) and (none.all() or not none.any()):
        return _without_none(screened)
    numbers = [n for n in names if n in found and pd.api.types.is_numeric_dtype(train[n])]
    worst = next(iter([*numbers, *sorted(found & set(names))]), names[0])
    note = f"attribute {worst} left out: it decides the choices without exception, so its worth is beyond what was asked"  # fmt: skip
    return _again(screened, train, [n for n in names if n != worst], [(note, int(train[worst].notna().sum()))])  # fmt: skip


def _without_none(screened: Screened) -> Screened:
    train = screened.train
    chosen = train.loc[train["is_none"], "chosen"]
    if chosen.all():
        raise NotEnough("choices of an offer: every respondent chose none in every task", ASK)
    part, lost = usable_tasks(train[~train["is_none"]], screened.names)
    note = ("none of the offers: never chosen; taken out", int(chosen.size))
    return _again(screened, part, screened.names, [note, *lost])


def _again(screened: Screened, train: pd.DataFrame, names: list[str], notes: list[tuple[str, int]]) -> Screened:  # fmt: skip
    train = train.reset_index(drop=True)
    if not names or train.empty:
        raise NotEnough(f"choices that differ: {notes[0][0]}", ASK)
    _enough(train, names, notes)
    names, apart = usable_attributes(train, names)
    notes = notes + [(f"attribute {name} left out: it {why}", int(train[name].notna().sum())) for name, why in apart]  # fmt: skip
    if not names:
        raise NotEnough(f"choices that differ: {notes[0][0]}", ASK)
    return Screened(train, screened.held_out, names, screened.findings + notes)


def _asked_before(held: pd.DataFrame, coding: Coding) -> tuple[pd.DataFrame, list[tuple[str, int]]]:
    """Held-out tasks without the offers that have no part-worth, and what was left out.

    A task stays when its choice is among the offers that are left: the model then says which of these
    (independence of irrelevant alternatives).
    """
    if held.empty:
        return held, []
    bad = held["is_none"].to_numpy(bool) & (coding.none is None)
    for name, levels in coding.levels.items():
        bad |= ~held[name].astype("str").isin(levels).to_numpy() & ~held["is_none"].to_numpy(bool)
    if not bad.any():
        return held, []
    kept, dropped = usable_tasks(held[~bad], coding.attributes)
    found = [("offers of held-out tasks with a level that has no part-worth", int(bad.sum()))]
    found += [(f"held-out {what}, such offers left out", count) for what, count in dropped]
    return kept.reset_index(drop=True), found
