"""Checks what a reviewer added in ``reviews/<period>.yml`` before anything runs."""

from __future__ import annotations

from playbook.engagement import Folder
from playbook.engagement.review import Override
from playbook.errors import PlanError

__all__ = ["check_notes"]


def check_notes(folder: Folder, period: str) -> None:
    """Check the decisions a person took against the plan under review, the roles and the day of the data.

    Raises
    ------
    PlanError
        When one names what is not under review, a role nobody has, or a day before the data end.
    """
    notes = folder.review_notes(period)
    if not notes.overrides:
        return
    roles = {role.id for role in folder.engagement().roles}
    as_of = folder.plan(period).as_of
    for number, one in enumerate(notes.overrides, 1):
        where = f"reviews/{period}.yml: override {number} ({one.kind} {one.id})"
        known = _under_review(folder, period, one)
        if known is not None and one.id not in known:
            names = ", ".join(sorted(known)) or "none"
            raise PlanError(f"{where}: not under review; under review are: {names}")
        if roles and one.by not in roles:
            raise PlanError(
                f"{where}: by {one.by!r} is no role of engagement.yml; its roles are {', '.join(sorted(roles))}"
            )
        if one.day < as_of:
            raise PlanError(
                f"{where}: decided on {one.day}, before the data end ({as_of}); a review looks back, mend the day"
            )


def _under_review(folder: Folder, period: str, override: Override) -> set[str] | None:
    """Return the ids that may be decided; none known where last year's run has no strategies."""
    previous = folder.previous(period)
    if previous is None:
        return set()
    if override.kind == "initiative":
        return {initiative.id for initiative in folder.plan(previous).initiatives}
    path = folder.run(previous) / "results" / "strategies.parquet"
    if not path.is_file():
        return None
    import pandas as pd

    return set(pd.read_parquet(path, columns=["segment"])["segment"])
