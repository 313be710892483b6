"""How far the client's beliefs held where campaigns measured them: what beliefs about levers nobody measured are worth."""

from __future__ import annotations

from functools import lru_cache

from playbook import crm
from playbook.arena.game import Client
from playbook.arena.worth import planned_actions, prospects

__all__ = ["beliefs_held"]


@lru_cache(maxsize=2)
def beliefs_held(client: Client) -> float | None:
    """Return what campaigns with a random control brought as a share of what was believed of them; none where none tells.

    It is the share that the next best action states (step 6). Offers and the programme were never tried, so that what is
    believed of them is taken to hold as far as the same people's other beliefs did (Flyvbjerg 2008).
    """
    return crm.expected_effects(prospects(client), planned_actions(client), client.outcomes).held
