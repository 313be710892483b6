"""Intake: the client's files become standard tables, and every row is accounted for.

Rows in = rows kept + rows quarantined + rows merged, and so is the money in them; this is checked at
the end of every intake. Nothing is dropped in silence.

Glossary
--------
quarantined
    A row that cannot be used, kept apart with file, row and reason.
merged
    A row that repeats another one exactly.
finding
    Something the client should know or mend, counted, with the first place it was seen.
reading
    How a file or column is written (delimiter, decimal mark, order of dates), inferred from all of it.
undecided
    A reading that the data leave open; one line in engagement.yml settles it.
"""

from __future__ import annotations

from playbook.intake.result import Intake, load_intake
from playbook.intake.take_in import examine, take_in

__all__ = ["Intake", "examine", "load_intake", "take_in"]
