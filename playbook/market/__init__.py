"""The simulated client: Larkfield Home, a home and living retailer whose truth is known.

`simulate` draws a `World` of standard tables and of the truth behind them, `advance` continues it
under a `Strategy`, `profit` says what a year earned (`lived` does both without the tables),
`menu` and `beliefs` what a client knows of the levers, `draw_settings` draws worlds unlike the demo; `write_inbox` writes the tables as a client would
deliver them. The demo engagement and the tests of the models use it.
It shares no code with the steps and models.
"""

from __future__ import annotations

from .accounts import Lived, Profit, profit
from .advance import advance, lived
from .deliver import write_demo, write_inbox
from .menu import Menu, beliefs, menu
from .scale import write_parquet
from .settings import Settings
from .strategy import Strategy
from .world import SHARD, World, simulate
from .worlds import draw_settings

__all__ = [
    "SHARD",
    "Lived",
    "Menu",
    "Profit",
    "Settings",
    "Strategy",
    "World",
    "advance",
    "beliefs",
    "draw_settings",
    "lived",
    "menu",
    "profit",
    "simulate",
    "write_demo",
    "write_inbox",
    "write_parquet",
]
