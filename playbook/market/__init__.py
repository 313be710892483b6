"""The simulated client: Larkfield Home, a home and living retailer whose truth is known.

`simulate` draws a `World` of standard tables and of the truth behind them; `write_inbox` writes
the tables as a client would deliver them. The demo engagement and the tests of the models use it.
It shares no code with the steps and models.
"""

from __future__ import annotations

from .deliver import write_demo, write_inbox, write_truth
from .world import World, simulate

__all__ = ["World", "simulate", "write_demo", "write_inbox", "write_truth"]
