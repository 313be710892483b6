"""The most memory a process has held, told by the process itself at its end."""

from __future__ import annotations

from pathlib import Path

__all__ = ["peak_gigabytes"]

STATUS = Path("/proc/self/status")


def peak_gigabytes() -> float:
    """Return the largest resident memory of this process so far.

    On Linux the peak in ``getrusage`` is inherited from the parent, so the kernel's own record is read; elsewhere
    (macOS) ``getrusage`` tells it, in bytes.
    """
    if STATUS.exists():
        return int(STATUS.read_text().split("VmHWM:")[1].split()[0]) / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e9
