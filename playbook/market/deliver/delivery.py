"""A delivery under way: where it goes, who is who in which system, and which faults are planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ..world import World

__all__ = ["Delivery", "decimal_comma", "german_time", "local_time", "mark", "of_none", "utc_time"]

NOISE = 77
"""Purpose of the generator of a delivery's faults."""
ZONE = "Europe/Berlin"


class Delivery:
    """One delivery of a world.

    Attributes
    ----------
    tables, extra
        The world's.
    folder
        Where the files go.
    rng
        Draws the faults, and nothing of the world.
    """

    def __init__(self, world: World, folder: Path, seed: int) -> None:
        self.tables = world.tables
        self.extra = world.extra
        self.identities = world.truth["identities"]
        self.folder = Path(folder)
        self.rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(NOISE,)))
        self._faults: list[tuple[str, str, int]] = []

    def plant(self, what: str, file: str, count: int) -> None:
        """Count a fault planted in a file."""
        if count:
            self._faults.append((what, file, int(count)))

    def know(self, identities: pd.DataFrame) -> None:
        """Add records to those whose customers are known."""
        both = pd.concat([self.identities, identities])
        self.identities = both.sort_values(["system", "system_id"], ignore_index=True)

    @property
    def faults(self) -> pd.DataFrame:
        """What was planted: ``what``, ``file``, ``count``."""
        frame = pd.DataFrame(self._faults, columns=["what", "file", "count"])
        return frame.groupby(["what", "file"], as_index=False)["count"].sum()

    def records(self, system: str) -> pd.DataFrame:
        """Return the records of one system with the customer of each, in order of their ids."""
        frame = self.tables["customer_records"]
        own = frame[frame["system"] == system].merge(
            self.identities[["system", "system_id", "customer_id"]], on=["system", "system_id"]
        )
        return own.sort_values("system_id", ignore_index=True)

    def ids(
        self, system: str, customer_id: pd.Series, at: pd.Series | None = None, prefix: str = ""
    ) -> pd.Series:
        """Return the ids that a system has for customers, none for none.

        Who is there twice is named by the second record in half of what comes after it (``at``).

        Raises
        ------
        ValueError
            When a customer is in no record of the system.
        """
        own = self.records(system).sort_values(["acquired_at", "system_id"], kind="stable")
        own = own[own["system_id"].str.startswith(prefix)]
        first = own.drop_duplicates("customer_id").set_index("customer_id")["system_id"]
        last = own.drop_duplicates("customer_id", keep="last").set_index("customer_id")
        result = customer_id.map(first)
        lost = customer_id[customer_id.notna() & result.isna()]
        if len(lost):
            raise ValueError(
                f"{system} has no record of {len(lost)} customers, such as {lost.iloc[0]}"
            )
        if at is not None:
            then = customer_id.map(last["acquired_at"]) <= at
            second = then & (self.rng.random(len(at)) < 0.5)
            result = result.mask(second, customer_id.map(last["system_id"]))
        return result.astype("str")


def of_none(values: pd.Series) -> pd.Series:
    """Return the values as text, empty where there is none."""
    return values.astype("str").fillna("")


def decimal_comma(values: pd.Series, digits: int = 2) -> pd.Series:
    """Return numbers as ``1.234,56``; without thousands for ``digits`` beyond 2."""
    form = "{:,.2f}" if digits == 2 else "{:." + str(digits) + "f}"
    text = values.map(form.format, na_action="ignore").astype("str")
    return text.str.translate(str.maketrans(",.", ".,")).fillna("")


def german_time(times: pd.Series, form: str = "%d.%m.%Y %H:%M:%S") -> pd.Series:
    """Return UTC times as German local time, day first."""
    return of_none(times.dt.tz_localize("UTC").dt.tz_convert(ZONE).dt.strftime(form))


def local_time(times: pd.Series) -> pd.Series:
    """Return UTC times as local time with its offset, none for none."""
    local = times.dt.tz_localize("UTC").dt.tz_convert(ZONE)
    text = local.dt.strftime("%Y-%m-%dT%H:%M:%S%z").astype(object)
    return text.map(lambda t: f"{t[:-2]}:{t[-2:]}", na_action="ignore")


def utc_time(times: pd.Series) -> pd.Series:
    """Return UTC times as ``2025-03-01T12:00:00.000Z``."""
    return of_none(times.dt.strftime("%Y-%m-%dT%H:%M:%S.000Z"))


def mark(flags: pd.Series, yes: str, no: str) -> pd.Series:
    """Return flags as words, empty where unknown."""
    return flags.astype("boolean").map({True: yes, False: no}).astype("str").fillna("")
