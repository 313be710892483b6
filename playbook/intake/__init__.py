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
"""

from __future__ import annotations

from playbook.intake.take_in import Intake, take_in

__all__ = ["Intake", "take_in"]
