"""What stops a file or a column from being read, with the mend."""

from __future__ import annotations

from playbook.errors import DataError

__all__ = ["FileRefused", "Undecided"]


class FileRefused(DataError):
    """A file that cannot be used; the rest of the delivery still loads.

    Parameters
    ----------
    what
        What is wrong, naming the file.
    mend
        What the client or the consultant can do.
    """

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what}; {mend}")
        self.what = what
        self.mend = mend


class Undecided(DataError):
    """A reading that the data do not decide.

    Parameters
    ----------
    what
        What is open, naming file, column and the form of its values.
    ask
        The line to add under the file's entry in engagement.yml.
    candidates
        The readings that are possible.
    """

    def __init__(self, what: str, ask: str, candidates: tuple[str, ...] = ()) -> None:
        super().__init__(f"{what}; add {ask} under its entry in engagement.yml")
        self.what = what
        self.ask = ask
        self.candidates = candidates
