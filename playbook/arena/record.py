"""How far the client's beliefs held where campaigns measured them: what beliefs about levers nobody measured are worth."""

from __future__ import annotations

from functools import lru_cache

from playbook import crm
from playbook.arena.game import Client
from playbook.arena.worth import planned_actions, prospects

__all__ = ["WORKS", "beliefs_held"]

WORKS = 0.8
"""Expected part of a belief with a log error of one half, shrunken as step 6 shrinks beliefs: m² / (m² + s²)."""


@lru_cache(maxsize=2)
def beliefs_held(client: Client) -> float | None:
    """Return what campaigns with a random control brought as a share of what was believed of them, at most all of it.

    None where none tells.

    It is the share that the next best action states (step 6). Offers and the programme were never tried, so that what is
    believed of them is taken to hold as far as the same people's other beliefs did (Flyvbjerg 2008).
    """
    held = crm.expected_effects(prospects(client), planned_actions(client), client.outcomes).held
    return None if held is None else min(held, 1.0)
