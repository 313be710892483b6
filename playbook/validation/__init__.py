"""Published results, reproduced: every method's figures beside those of its source."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

__all__ = ["Check", "all_checks"]

SUBMODULES = (
    "clv", "forecast_error", "choice", "drivers", "stats", "allocation", "identity", "research",
)  # fmt: skip
WITH_REAL_DATA = ("choice", "forecast_error")
"""Those that read public data sets too, and leave their figures out where the folder is not given."""


@dataclass(frozen=True)
class Check:
    """One published figure and ours.

    Attributes
    ----------
    id
        Short unique name, ``"<method>.<data>.<quantity>"``.
    quantity
        What the figure is, in words.
    published, ours
        The two figures.
    tolerance
        Largest difference allowed; a share of ``published`` when ``relative``.
    relative
        Whether the tolerance is relative.
    source
        Author, year, place.
    """

    id: str
    quantity: str
    published: float
    ours: float
    tolerance: float
    relative: bool
    source: str

    @property
    def difference(self) -> float:
        """Absolute difference of ours from the published figure, relative if ``relative``."""
        gap = abs(self.ours - self.published)
        return gap / abs(self.published) if self.relative else gap

    @property
    def ok(self) -> bool:
        """Whether the difference is within the tolerance (a missing figure is not)."""
        return self.difference <= self.tolerance


def all_checks(real_data: Path | None = None) -> list[Check]:
    """Return the checks of every method, in a fixed order.

    Parameters
    ----------
    real_data
        Folder of the public data sets; without it the checks that need them are left out.
    """
    checks = []
    for name in SUBMODULES:
        module = import_module(f"playbook.validation.{name}")
        checks += module.rows(real_data) if name in WITH_REAL_DATA else module.rows()
    return checks
