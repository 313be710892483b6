"""Published conditional logits."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from statsmodels.datasets import modechoice

from playbook.choice import LogitResult, conditional_logit
from playbook.validation import Check

__all__ = ["greene", "mode_canada", "rows"]


def greene() -> LogitResult:
    """Travel mode between Sydney, Canberra and Melbourne, 210 people (data in statsmodels)."""
    data = modechoice.load_pandas().data
    names = {"individual": "respondent_id", "mode": "alternative", "choice": "chosen"}
    design = pd.DataFrame({"gc": data["gc"], "ttme": data["ttme"]})
    design["air_income"] = data["hinc"] * (data["mode"] == 1)
    for number, mode in enumerate(["air", "train", "bus"], start=1):
        design[mode] = (data["mode"] == number).astype(float)
    return conditional_logit(data.rename(columns=names).assign(task=1), design, clustered=False)


def mode_canada(path: Path) -> LogitResult:
    """Montreal to Toronto, the 2,779 travellers with four modes.

    Constants, income and in-vehicle time by alternative; cost, frequency and other time in common.
    """
    data = pd.read_csv(path)
    data = data[data["noalt"] == 4].reset_index(drop=True)
    names = {"case": "respondent_id", "alt": "alternative", "choice": "chosen"}
    design = data[["cost", "freq", "ovt"]].astype(float)
    for mode in ["air", "bus", "car", "train"]:
        here = (data["alt"] == mode).astype(float)
        design[f"{mode}_ivt"] = here * data["ivt"]
        if mode != "car":
            design[mode] = here
            design[f"{mode}_income"] = here * data["income"]
    return conditional_logit(data.rename(columns=names).assign(task=1), design, clustered=False)


def _checks(name: str, fit: LogitResult, values: dict[str, float], source: str) -> list[Check]:
    return [
        Check(
            f"logit.{name}.{column}", "coefficient", value, fit.params[column], 1e-3, True, source
        )
        for column, value in values.items()
    ]


def _errors(name: str, fit: LogitResult, values: dict[str, float], source: str) -> list[Check]:
    return [
        Check(f"logit.{name}.se.{column}", "standard error", value, fit.bse[column], 1e-3, True, source)
        for column, value in values.items()
    ]  # fmt: skip


def rows(real_data: Path | None = None) -> list[Check]:
    """Published coefficients, standard errors and log-likelihoods beside ours.

    Parameters
    ----------
    real_data
        Folder that holds ``mode_canada/ModeCanada.csv``; that data set is left out when absent.
    """
    source = "Greene (2003), Econometric Analysis, 5th ed., table 21.11"
    fit = greene()
    published = {
        "gc": -0.015501,
        "ttme": -0.096125,
        "air_income": 0.013287,
        "air": 5.2074,
        "train": 3.8690,
        "bus": 3.1632,
    }
    errors = {
        "gc": 0.004408,
        "ttme": 0.010440,
        "air_income": 0.010262,
        "air": 0.77906,
        "train": 0.44313,
        "bus": 0.45027,
    }
    checks = [
        *_checks("greene", fit, published, source),
        *_errors("greene", fit, errors, source),
        Check("logit.greene.ll", "log-likelihood", -199.128, fit.llf, 1e-3, False, source),
    ]
    if real_data is not None:
        source = "R package mlogit, vignette, ModeCanada with four alternatives"
        fit = mode_canada(real_data / "mode_canada" / "ModeCanada.csv")
        published = {"cost": -0.0333, "freq": 0.0925, "ovt": -0.0430}
        checks += [
            Check(f"logit.canada.{c}", "coefficient", v, fit.params[c], 5e-5, False, source)
            for c, v in published.items()
        ]
        errors = {"cost": 0.00709508, "freq": 0.00509738, "ovt": 0.00322449}
        checks += _errors("canada", fit, errors, "Du, Kanodia & Athey (2023), torch-choice, section 4.1.4")  # fmt: skip
        checks.append(
            Check("logit.canada.ll", "log-likelihood", -1874.343, fit.llf, 1e-3, False, source)
        )
    return checks
