"""Which answers of a choice survey a model can use, which attributes it can tell apart, and who did not choose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.choice.coding import effects_code

__all__ = ["separating_level", "straight_liners", "usable_attributes", "usable_tasks"]

KEYS = ["respondent_id", "task"]
FEWEST_TASKS = 4
"""Tasks from which always the same answer is no chance."""
CONDITION = 1e10


def usable_tasks(
    frame: pd.DataFrame, attributes: Sequence[str]
) -> tuple[pd.DataFrame, list[tuple[str, int]]]:
    """Keep the tasks that have exactly one choice among two or more alternatives that are known.

    Parameters
    ----------
    frame
        ``respondent_id``, ``task``, ``alternative``, ``chosen``, ``is_none`` and the attributes.
    attributes
        Attributes that must be known of every alternative but none.

    Returns
    -------
    frame, dropped
        Rows of whole tasks; and what was left out with the number of tasks (rows without keys).
    """
    dropped = []
    known = frame[[*KEYS, "alternative"]].notna().all(axis=1)
    if not known.all():
        dropped.append(("rows without respondent, task or alternative", int((~known).sum())))
    kept = frame[known].drop_duplicates()
    kept = kept.assign(chosen=kept["chosen"].astype("boolean").fillna(False).astype(bool))
    groups = kept.groupby(KEYS, sort=False)
    chosen = groups["chosen"].transform("sum")
    shown = ~kept["is_none"].astype(bool)
    unknown = (kept[list(attributes)].isna().any(axis=1) & shown).astype(int)
    reasons = [
        ("tasks that hold one alternative twice", kept.duplicated([*KEYS, "alternative"], keep=False)),
        ("tasks without a choice", chosen == 0),
        ("tasks with two choices or more", chosen > 1),
        ("tasks with one alternative only", groups["chosen"].transform("size") < 2),
        ("tasks with an offer of which an attribute is not known", unknown > 0),
    ]  # fmt: skip
    good = pd.Series(True, index=kept.index)
    for reason, bad in reasons:
        whole = (bad & good).groupby([kept[k] for k in KEYS]).transform("any")
        count = int((~kept[whole & good].duplicated(KEYS)).sum())
        if count:
            dropped.append((reason, count))
            good &= ~whole
    return kept[good], dropped


def usable_attributes(
    frame: pd.DataFrame, attributes: Sequence[str]
) -> tuple[list[str], list[tuple[str, str]]]:
    """Keep the attributes whose effects can be told apart, price first.

    Parameters
    ----------
    frame
        Usable tasks, with ``is_none``.
    attributes
        Candidates.

    Returns
    -------
    attributes, dropped
        In the order given; and attribute with the reason why it is left out.
    """
    shown = ~frame["is_none"].to_numpy(bool)
    none = frame["is_none"].to_numpy(float)
    kept: list[str] = []
    blocks: dict[str, np.ndarray] = {}
    base = [_inside(frame, none[:, None])] if none.any() else []
    dropped = []
    for name in sorted(attributes, key=lambda n: (n != "price", n)):
        if frame.loc[shown, name].nunique() < 2:
            dropped.append((name, "has one level only"))
            continue
        coding = effects_code(frame, [name], none="is_none" if none.any() else None)
        values = coding.matrix(frame)[[c for c in coding.columns if c != "none"]].to_numpy()
        block = _inside(frame, values)
        # an attribute of the person differs from none only: it is no attribute of the offer
        if not _told_apart([_inside(frame[shown], values[shown])]):
            dropped.append((name, "does not differ between the offers of a task"))
        elif not _told_apart([*base, *blocks.values(), block]):
            twin = [other for other in kept if not _told_apart([blocks[other], block])]
            dropped.append((name, f"always changes together with {twin[0] if twin else 'the others'}"))  # fmt: skip
        else:
            blocks[name] = block
            kept.append(name)
    return [name for name in attributes if name in kept], dropped


def _inside(frame: pd.DataFrame, values: np.ndarray) -> np.ndarray:
    """Values less their mean within the task: all that a choice can tell."""
    table = pd.DataFrame(values, index=frame.index)
    return (table - table.groupby([frame[k] for k in KEYS]).transform("mean")).to_numpy()


def _told_apart(blocks: list[np.ndarray]) -> bool:
    x = np.hstack(blocks)
    scale = np.sqrt((x**2).mean(axis=0))
    if (scale < 1e-12).any():
        return False
    return bool(np.linalg.cond((x / scale).T @ (x / scale) / len(x)) < CONDITION)


def separating_level(frame: pd.DataFrame, attribute: str) -> tuple[str, str] | None:
    """Level of an attribute that was never chosen, or always when another was there to choose.

    Returns
    -------
    tuple or None
        The level and ``never`` or ``always``; none when no single level separates.
    """
    shown = frame[~frame["is_none"].astype(bool)]
    text = shown[attribute].astype("str")
    for level in sorted(text.unique()):
        if not shown.loc[text == level, "chosen"].any():
            return level, "never"
    for level in sorted(text.unique()):
        has = (frame[attribute].astype("str") == level) & ~frame["is_none"].astype(bool)
        task = [frame[k] for k in KEYS]
        won = (has & frame["chosen"]).groupby(task).any()
        if won[has.groupby(task).any()].all():
            return level, "always"
    return None


def straight_liners(frame: pd.DataFrame) -> pd.DataFrame:
    """Respondents who gave the same answer in every task, four tasks or more.

    Returns
    -------
    pandas.DataFrame
        ``respondent_id`` and ``pattern`` (``always none`` or ``always offer <place>``).
    """
    rows = frame[frame["chosen"].astype(bool)].assign(
        place=lambda t: np.where(t["is_none"].astype(bool), "none", "offer " + t["alternative"].astype("str"))
    )  # fmt: skip
    each = rows.groupby("respondent_id")["place"].agg(["nunique", "size", "first"])
    same = each[(each["nunique"] == 1) & (each["size"] >= FEWEST_TASKS)]
    return pd.DataFrame({"respondent_id": same.index, "pattern": "always " + same["first"].to_numpy()})  # fmt: skip
