"""One customer across systems: exact keys first, probabilities for the rest, and what survives of each field.

Glossary
--------
record
    One person or company as one system knows it, written ``system:id``.
exact key
    Something that identifies a person by itself, such as an e-mail address, when the names do not
    speak against it.
link
    Two records taken to be one customer.
anchor
    The record of a customer that was won first; it names the customer, so that the name stays from
    year to year.
"""

from __future__ import annotations

from playbook.identity.resolve import Resolution, exact_groups, resolve
from playbook.identity.scores import PairScores, pair_scores

__all__ = ["PairScores", "Resolution", "exact_groups", "pair_scores", "resolve"]
