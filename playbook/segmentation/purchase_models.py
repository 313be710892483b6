"""Purchase models for customers won during the record of orders and for those won before it began.

The first purchase of a customer won earlier is not in the record. Its clock starts with the record, and
a customer who bought nothing since is a history too; leaving those out would make the others look
more loyal than they are, and pooling both kinds makes new customers look like the survivors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from playbook.clv import BetaGeometricNbd, fit_bg_nbd, fit_mbg_nbd

__all__ = ["FITS", "PurchaseModels", "comparable", "fit_models"]

FITS: dict[str, Callable[[pd.DataFrame], BetaGeometricNbd]] = {
    "BG/NBD": fit_bg_nbd,
    "MBG/NBD": fit_mbg_nbd,
}
LEAST_EACH = 100


@dataclass(frozen=True)
class PurchaseModels:
    """One model for each kind of history: won before the record (True) or during it (False)."""

    by_kind: dict[bool, BetaGeometricNbd]

    def parts(self, frame: pd.DataFrame) -> list[tuple[BetaGeometricNbd, pd.DataFrame]]:
        """Each model with its customers."""
        kind = frame["won_before_record"].astype(bool)
        return [
            (model, frame[kind == k])
            for k, model in sorted(self.by_kind.items())
            if (kind == k).any()
        ]

    def expected_purchases(self, frame: pd.DataFrame, horizon: float) -> pd.Series:
        """Expected purchases of each customer in ``horizon`` weeks, on the index of ``frame``."""
        said = [model.expected_purchases(part, horizon) for model, part in self.parts(frame)]
        return pd.concat(said).loc[frame.index]

    def p_alive(self, frame: pd.DataFrame) -> pd.Series:
        """Probability that each customer is still active, on the index of ``frame``."""
        return pd.concat([model.p_alive(part) for model, part in self.parts(frame)]).loc[
            frame.index
        ]


def comparable(histories: pd.DataFrame) -> pd.DataFrame:
    """Return histories (index ``customer_id``) that models can be fitted to.

    Customers won before the record keep their own clock where there are at least 100 of them, some
    without a purchase since, and 100 others. Else their clock starts at the first purchase seen, as for
    everyone, and those without any are left out: nothing tells how many there are.
    """
    frame = histories.set_index("customer_id")
    early = frame["won_before_record"].astype(bool)
    silent = early & (frame["frequency"] == 0)
    if early.sum() >= LEAST_EACH and silent.any() and (~early).sum() >= LEAST_EACH:
        return frame
    frame = frame[~silent].copy()
    shift = frame["won_before_record"].astype(bool)
    frame.loc[shift, ["recency", "age"]] = frame.loc[shift, ["recency", "age"]].sub(
        frame.loc[shift, "weeks_to_first"], axis=0
    )
    frame.loc[shift, "frequency"] -= 1
    return frame.assign(recency=frame["recency"].clip(lower=0.0), won_before_record=False)


def fit_models(name: str, frame: pd.DataFrame) -> PurchaseModels:
    """Fit model ``name`` to each kind of history of `comparable`; raises ValueError as the model does."""
    kinds = frame.groupby(frame["won_before_record"].astype(bool))
    return PurchaseModels({bool(kind): FITS[name](part) for kind, part in kinds})
