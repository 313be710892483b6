"""The model card of the churn score: what it is for, on whom it was made and judged, and where it must not be used."""

from __future__ import annotations

import pandas as pd

from playbook.answer import Answer, answers, format_value
from playbook.crm.behaviour import WORDS, Snapshots

__all__ = ["model_card"]


@answers
def model_card(predicted: Answer, days: Snapshots) -> Answer:
    """Return the card of the model behind the scores, from the fitted model itself.

    Parameters
    ----------
    predicted
        From `propensity`.
    days
        From `snapshot_days`.

    Returns
    -------
    Answer
        Table about, says: outcome, for whom, fitted on, judged on, model, order (area under the curve), error (Brier score),
        probabilities (calibration), features, left out, meant for, not for, valid until.

    References
    ----------
    Mitchell, M. and others (2019). Model cards for model reporting. FAT* 2019.
    """
    model, until = predicted["model"], days.now["outcome_to"]
    rows = model.comparison.set_index("model")
    chosen, plain = rows.loc[model.chosen], _rival(rows, model.chosen)
    held = model.calibration["predicted"].between(model.calibration["low"], model.calibration["high"])  # fmt: skip
    names = [WORDS.get(name, name.replace("_", " ")) for name in model.effects["feature"]]
    suspicious = model.leakage.loc[model.leakage["suspicious"], "feature"].tolist()
    says = {
        "outcome": f"no order within {days.horizon_days} days; buying is its complement",
        "for whom": f"customers with an order in the {days.horizon_days} days before; lapsed customers get the rate of those like them",
        "fitted on": f"{model.n_train:,} customers as they stood at {days.train['cutoff']}",
        "judged on": f"{model.n_test:,} {'customers as they stood' if days.out_of_time else 'other customers, as all stood'} at {days.test['cutoff']}",
        "model": f"{model.chosen}, the simplest within one standard error of the best in cross-validation",
        "order": f"area under the curve {_range(chosen, 'auc')}{_against(plain, 'auc')}",
        "error": f"Brier score {_range(chosen, 'brier')}, {rows.loc['base rate', 'brier']:.3f} for the base rate",
        "probabilities": f"{int(held.sum())} of {len(held)} groups within their interval",
        "features": f"{len(names)}, most used: {', '.join(names[:3])}",
        "left out": _left_out(predicted["refused"], suspicious),
        "meant for": "choosing whom to contact or call first",
        "not for": "prices, credit or worse service for anybody; reading causes from its features",
        "valid until": f"{until}, or earlier when drift is found (step 7)",
    }  # fmt: skip
    better = model.beats_base_rate
    return Answer(
        table=pd.DataFrame({"about": list(says), "says": list(says.values())}),
        headline=(
            f"The score orders leavers with an area under the curve of {chosen['auc']:.2f}" if better
            else "The score is no better than the share of leavers: use the share"
        ),
        so_what=(
            f"Hand the card on with the scores. They hold for {days.horizon_days} days; "
            + ("their test lies a year after the fit, as in use." if days.out_of_time else
               "their test is on other customers of the same days, so next year's review is the first real one.")
        ),
        kind="predictive",
        caption=f"Model card of the churn score (judged on n = {model.n_test:,} customers)",
        source=predicted.source,
    )  # fmt: skip


def _rival(rows: pd.DataFrame, chosen: str) -> pd.Series | None:
    """The rule one would use without a model, where it was tried and is not the chosen one."""
    return rows.loc["recency only"] if "recency only" in rows.index and chosen != "recency only" else None  # fmt: skip


def _range(row: pd.Series, name: str) -> str:
    return f"{row[name]:.3f} ({row[f'{name}_low']:.3f} to {row[f'{name}_high']:.3f})"


def _against(row: pd.Series | None, name: str) -> str:
    return "" if row is None else f", {row[name]:.3f} for recency alone"


def _left_out(refused: list[str], suspicious: list[str]) -> str:
    said = [f"{', '.join(refused)} (filled in after the day)"] if refused else []
    if suspicious:
        said.append(f"nothing yet of {', '.join(suspicious)}, which foretells too well: look at it")
    return "; ".join(said) or format_value("no column was found to be filled in after the day")
