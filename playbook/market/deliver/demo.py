"""Writes the demo client's delivery as it would arrive: the exports of its systems, with their faults."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..world import World, simulate
from .china import write_china
from .crm import write_crm
from .delivery import Delivery
from .finance import write_finance
from .service import write_service
from .shop import write_shop
from .voices import write_reviews, write_surveys

__all__ = ["write_demo"]


def write_demo(inbox: Path, customers: int = 6000, seed: int = 2025) -> World:
    """Write the demo client's delivery into the folder ``inbox`` and return its world.

    Files of the same names are replaced. The world's truth has ``delivery_faults`` besides: what was
    planted (``what``), in which file, how often (``count``).
    """
    world = simulate(customers=customers, seed=seed)
    delivery = Delivery(world, inbox, seed)
    delivery.folder.mkdir(parents=True, exist_ok=True)
    for write in (
        write_shop,
        write_crm,
        write_service,
        write_surveys,
        write_reviews,
        write_china,
        write_finance,
    ):
        write(delivery)
    known = {"identities": delivery.identities, "delivery_faults": delivery.faults}
    return replace(world, truth=world.truth | known)
