"""Customer Strategy Playbook: seven steps from objectives to annual review, over one client's data."""

from __future__ import annotations

__version__ = "0.1.0"
