"""The world as files: in the standard tables' own form, or as the exports of six systems with their faults.

Byte for byte repeatable. The faults are drawn apart from the world and counted in its truth.
"""

from __future__ import annotations

from .demo import write_demo
from .plain import write_inbox

__all__ = ["write_demo", "write_inbox"]
