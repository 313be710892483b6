"""The errors a user can mend. Each carries the exit code of the command that met it."""

from __future__ import annotations

__all__ = [
    "ConsentError",
    "DataError",
    "LockedError",
    "NotEnough",
    "PlanError",
    "PlaybookError",
    "StepError",
]


class PlaybookError(Exception):
    """Something the user can mend; its message says where, what was expected and how."""

    exit_code = 1


class StepError(PlaybookError):
    """A notebook did not finish."""

    exit_code = 1


class PlanError(PlaybookError):
    """The command, the engagement file or the plan is not valid."""

    exit_code = 2


class DataError(PlaybookError):
    """The delivery breaks the data contract."""

    exit_code = 3


class ConsentError(PlaybookError):
    """A person who must not be contacted would have been, or personal data would have leaked."""

    exit_code = 4


class LockedError(PlaybookError):
    """Another run of the same engagement is under way."""

    exit_code = 75


class NotEnough(PlaybookError):
    """A question cannot be answered from this client's data.

    Parameters
    ----------
    reason
        What is missing, in words of the field.
    ask
        What to ask the client for.
    """

    def __init__(self, reason: str, ask: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.ask = ask
