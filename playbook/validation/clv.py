"""Published figures of the customer lifetime value models: the CDNOW sample and two contract cohorts.

The CDNOW 1/10 sample (2,357 customers whose first purchase was in the first quarter of 1997) is read
from the ``lifetimes`` distribution without importing it. Purchases of one day are merged, time is in
weeks, calibration ends on 1997-09-30 and the hold-out is the following 39 weeks.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import numpy as np
import pandas as pd

from playbook.clv import (
    FitResult,
    fit_bg_nbd,
    fit_gamma_gamma,
    fit_kaplan_meier,
    fit_mbg_nbd,
    fit_pareto_nbd,
    fit_sbg,
)
from playbook.validation import Check

__all__ = ["cdnow", "cdnow_lines", "cdnow_path", "rows"]

CALIBRATION_END = pd.Timestamp("1997-09-30")
HOLDOUT_WEEKS = 39
FADER_2005 = "Fader, Hardie & Lee 2005, Marketing Science 24(2)"
PARETO_NOTE = "Fader & Hardie 2005, A note on deriving the Pareto/NBD model"
BTYDPLUS = "BTYDplus (R), mbgnbd.EstimateParameters; model of Batislam et al. 2007"
EXCEL = "Fader, Hardie & Lee 2005, Implementing the BG/NBD model in Excel"
REFERENCE = "computed at the published estimates; not printed in the paper"
GAMMA_NOTE = "Fader & Hardie 2013, The Gamma-Gamma model of monetary value"
SBG_2007 = "Fader & Hardie 2007, J. of Interactive Marketing 21(1)"
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]
FREIREICH = (
    "Freireich et al. 1963, Blood 21; Kaplan-Meier figures as in Kalbfleisch & Prentice 2002"
)
SURVFIT = "Freireich et al. 1963, Blood 21; standard errors as R's survival::survfit prints them"
REMISSION = {6: 3, 7: 1, 10: 1, 13: 1, 16: 1, 22: 1, 23: 1}
CENSORED = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]


def cdnow_path() -> Path:
    """Path of the CDNOW sample inside the installed ``lifetimes`` distribution.

    Raises
    ------
    FileNotFoundError
        If the package is not installed or lacks the file; the message says how to install it.
    """
    try:
        listed = files("lifetimes") or []
    except PackageNotFoundError:
        listed = []
    for entry in listed:
        if entry.as_posix().endswith("lifetimes/datasets/CDNOW_sample.txt"):
            return Path(str(entry.locate()))
    raise FileNotFoundError(
        "CDNOW_sample.txt is not installed: it comes with the lifetimes package of the test extra; "
        'run "make setup", or: pip install "lifetimes>=0.11.3,<0.12"'
    )


def cdnow_lines() -> pd.DataFrame:
    """Return the purchases of the CDNOW sample: ``customer_id``, ``day``, ``dollars`` among others."""
    names = ["master", "customer_id", "day", "discs", "dollars"]
    lines = pd.read_csv(
        cdnow_path(), sep=r"\s+", names=names, dtype={"customer_id": str, "day": str}
    )
    return lines.assign(day=pd.to_datetime(lines["day"], format="%Y%m%d"))


def cdnow() -> pd.DataFrame:
    """One row per CDNOW customer.

    Returns
    -------
    pandas.DataFrame
        Indexed by customer: ``frequency``, ``recency``, ``age`` (weeks), ``monetary`` (dollars) as of the
        end of calibration, and ``holdout`` (purchase days in the following 39 weeks).
    """
    days = cdnow_lines().groupby(["customer_id", "day"], as_index=False)["dollars"].sum()
    before = days[days["day"] <= CALIBRATION_END]
    first = before.groupby("customer_id")["day"].agg(["min", "max", "size"])
    repeat = before[before["day"] > before["customer_id"].map(first["min"])]
    holdout = days[days["day"] > CALIBRATION_END].groupby("customer_id").size()
    return pd.DataFrame(
        {
            "frequency": first["size"] - 1,
            "recency": (first["max"] - first["min"]).dt.days / 7,
            "age": (CALIBRATION_END - first["min"]).dt.days / 7,
            "monetary": repeat.groupby("customer_id")["dollars"].mean(),
            "holdout": holdout.reindex(first.index, fill_value=0),
        }
    ).fillna({"monetary": 0.0})


def rows() -> list[Check]:
    """Fit every model and set its figures beside the published ones."""
    frame = cdnow()
    bg = fit_bg_nbd(frame)
    checks = _estimates(
        "bg_nbd", bg, [0.242595, 4.413602, 0.792922, 2.425907], -9582.429, FADER_2005
    )
    pareto = fit_pareto_nbd(frame)
    checks += _estimates(
        "pareto_nbd", pareto, [0.5533, 10.578, 0.606, 11.668], -9594.98, PARETO_NOTE
    )
    mbg = fit_mbg_nbd(frame)
    checks += _estimates("mbg_nbd", mbg, [0.5248, 6.183, 0.8914, 1.614], None, BTYDPLUS)
    spend = fit_gamma_gamma(frame)
    checks += _estimates("gamma_gamma", spend, [6.2496, 3.7442, 15.4435], -4055.92, GAMMA_NOTE)
    one = pd.DataFrame({"frequency": [2.0], "recency": [30.43], "age": [38.86]})
    in_39 = float(bg.expected_purchases(one, HOLDOUT_WEEKS).iloc[0])
    expected = bg.expected_purchases(frame, HOLDOUT_WEEKS)
    error = float(np.abs(expected - frame["holdout"]).mean())
    total, bought = float(expected.sum()), float(frame["holdout"].sum())
    what = "E[Y(39)] for x=2, t_x=30.43, T=38.86"
    checks += [
        Check("bg_nbd.cdnow.expected", what, 1.226, in_39, 0.0005, False, EXCEL),
        Check("bg_nbd.cdnow.holdout", "predicted purchases", 1653, total, 0.5, False, REFERENCE),
        Check("cdnow.holdout", "actual purchases", 1882, bought, 0.0, False, REFERENCE),
        Check("bg_nbd.cdnow.mae", "mean absolute error", 0.785, error, 0.0005, False, REFERENCE),
    ]
    for weeks, published in {1.0: 0.0532, 31.8571: 1.0405}.items():
        ours, name = bg.expected_new_customer(weeks), f"bg_nbd.cdnow.new_customer_{weeks:.0f}"
        checks.append(Check(name, f"E[X({weeks:g})]", published, ours, 0.0001, False, EXCEL))
    return checks + _contract_checks() + _survival_checks()


def _survival_checks() -> list[Check]:
    """Weeks in remission of the 21 patients on 6-mercaptopurine: published survival and its error at three times."""
    ended = [week for week, number in REMISSION.items() for _ in range(number)]
    curve = fit_kaplan_meier([*ended, *CENSORED], [True] * len(ended) + [False] * len(CENSORED))
    seen = curve.table.set_index("time")
    figures = {6: (0.857, 0.0764), 10: (0.753, 0.0963), 23: (0.448, 0.1346)}
    checks = []
    for week, (share, error) in figures.items():
        name, (ours, our_error) = (
            f"kaplan_meier.remission.week_{week}",
            seen.loc[week, ["survival", "std_err"]],
        )
        checks += [
            Check(name, "survival", share, float(ours), 0.0005, False, FREIREICH),
            Check(
                f"{name}.std_err",
                "standard error of survival (Greenwood)",
                error,
                float(our_error),
                0.00005,
                False,
                SURVFIT,
            ),
        ]
    return checks  # fmt: skip


def _contract_checks() -> list[Check]:
    published = {"high_end": (HIGH_END, 0.668, 3.806), "regular": (REGULAR, 0.704, 1.182)}
    checks = []
    for cohort, (survivors, alpha, beta) in published.items():
        ours = fit_sbg(survivors).params
        checks += [
            Check(f"sbg.{cohort}.alpha", "alpha", alpha, ours["alpha"], 0.0005, False, SBG_2007),
            Check(f"sbg.{cohort}.beta", "beta", beta, ours["beta"], 0.0005, False, SBG_2007),
        ]
    return checks


def _estimates(
    method: str, result: FitResult, published: list[float], llf: float | None, source: str
) -> list[Check]:
    checks = [
        Check(f"{method}.cdnow.{name}", str(name), figure, float(ours), 1e-3, True, source)
        for (name, ours), figure in zip(result.params.items(), published, strict=True)
    ]
    if llf is not None:
        checks.append(
            Check(f"{method}.cdnow.llf", "log-likelihood", llf, result.llf, 0.01, False, source)
        )
    return checks
