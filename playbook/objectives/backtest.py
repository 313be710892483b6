"""How well would the forecast have done? Each model tried on the client's own past, month by month."""

from __future__ import annotations

import pandas as pd

from playbook.answer import Answer, answers, format_value
from playbook.errors import NotEnough
from playbook.forecast import FEWEST_MONTHS, FEWEST_ORIGINS

__all__ = ["backtest"]

BENCHMARK = "last year's month"
FEWEST = FEWEST_MONTHS + FEWEST_ORIGINS


@answers
def backtest(usual: Answer) -> Answer:
    """Return the rolling-origin errors of the models behind the forecast, best first.

    Parameters
    ----------
    usual
        `business_as_usual`.

    Returns
    -------
    Answer
        method, error (mean absolute error of a month, share of the mean month), against_benchmark (that error less the
        one of last year's month), error_sum (of the months ahead together), bias, origins, chosen.

    Notes
    -----
    From each month with two years before it, the model sees only what was known then and forecasts up to 12 months.

    References
    ----------
    Tashman, L. J. (2000). Out-of-sample tests of forecasting accuracy. Int. J. Forecasting 16.
    """
    errors: pd.DataFrame = usual["errors"]
    if errors.empty:
        months = int(usual["series"]["actual"].notna().sum())
        raise NotEnough(
            f"{months} whole months are known, too few to try one model against another",
            f"monthly orders of at least {FEWEST} months",
        )
    table = errors.copy()
    naive = float(table.loc[table["method"] == BENCHMARK, "error"].iloc[0])
    table.insert(2, "against_benchmark", table["error"] - naive)
    table["chosen"] = [place == 0 for place in range(len(table))]
    best = table.iloc[0]
    return Answer(
        table=table,
        headline=f"{_capital(best['method'])} misses a month by {format_value(best['error'], '%')} on average",
        so_what=_so_what(best, naive),
        kind="predictive",
        caption=f"Error of {usual['measure']} forecast up to 12 months ahead from {int(best['origins'])} past months, "
        "share of the mean month",
        units={
            "error": "%",
            "against_benchmark": "%",
            "error_sum": "%",
            "bias": "%",
            "origins": "count",
        },
        source="orders; rolling origin, two years of history before the first",
    )


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _so_what(best: pd.Series, naive: float) -> str:
    miss, of_sum = format_value(best["error"], "%"), format_value(best["error_sum"], "%")
    if best["method"] == BENCHMARK:
        text = f"No model beats repeating last year's month ({miss}), so that is used: nothing cleverer has earned trust here."
    else:
        gain = format_value(1 - best["error"] / naive if naive else 0.0, "%")
        text = f"{_capital(best['method'])} is used: it misses a month by {miss}, {gain} less than repeating last year's month."
    text += f" The months ahead together it missed by {of_sum}: read targets with that in mind."
    if abs(best["bias"]) > 0.8 * best["error_sum"] > 0:
        way = "too low" if best["bias"] > 0 else "too high"
        text += f" Nearly all of its forecasts were {way}: the level is moving, so look at the latest months first."
    return text
