"""The simulated client: Larkfield Home, a home and living retailer whose truth is known.

`simulate` draws a `World` of standard tables and of the truth behind them, `advance` continues it
under given actions, `draw_settings` draws worlds unlike the demo; `write_inbox` writes the tables as
a client would deliver them. The demo engagement and the tests of the models use it.
It shares no code with the steps and models.
"""

from __future__ import annotations

from .advance import advance
from .deliver import write_demo, write_inbox, write_truth
from .scale import write_parquet
from .settings import Settings
from .world import SHARD, World, simulate
from .worlds import draw_settings

__all__ = [
    "SHARD",
    "Settings",
    "World",
    "advance",
    "draw_settings",
    "simulate",
    "write_demo",
    "write_inbox",
    "write_parquet",
    "write_truth",
]
