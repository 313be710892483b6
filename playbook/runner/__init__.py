"""The runner: executes the steps of a period in order, skips what is up to date, two notebooks at a time."""

from __future__ import annotations

from playbook.runner.run_steps import run_periods

__all__ = ["run_periods"]
