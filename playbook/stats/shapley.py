"""A change split exactly over what moved."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import combinations

__all__ = ["shapley_change"]


def shapley_change(
    value: Callable[[Mapping[str, float]], float],
    before: Mapping[str, float],
    after: Mapping[str, float],
) -> dict[str, float]:
    """Split ``value(after) - value(before)`` over the leaves; the parts sum exactly to the change.

    Parameters
    ----------
    value
        Computes the figure from its leaves.
    before, after
        Leaf name to its level in either period; zero and negative levels are allowed.

    Returns
    -------
    dict
        Leaf name to its part, averaged over all orders in which the leaves could have moved.

    Raises
    ------
    ValueError
        When the two periods do not name the same leaves.

    References
    ----------
    Shapley, L. S. (1953). A value for n-person games; Shorrocks, A. F. (2013). Decomposition
    procedures for distributional analysis, J. Econ. Inequality 11, eq. 9.
    """
    if set(before) != set(after):
        raise ValueError(
            f"both periods need the same leaves; only one has {set(before) ^ set(after)}"
        )
    names = sorted(before)
    n = len(names)
    worth = {
        moved: value({k: after[k] if k in moved else before[k] for k in names})
        for size in range(n + 1)
        for moved in map(frozenset, combinations(names, size))
    }
    weight = [math.factorial(s) * math.factorial(n - s - 1) / math.factorial(n) for s in range(n)]
    return {
        name: math.fsum(
            weight[len(moved)] * (worth[moved | {name}] - worth[moved])
            for moved in worth
            if name not in moved
        )
        for name in names
    }
