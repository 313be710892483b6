"""Small statistics that every step shares: intervals, tests, weights, drift, reliability.

Glossary
--------
interval
    Point, lower and upper end at a stated confidence level, with the number of rows behind it.
net promoter score
    Share of promoters (9, 10) minus share of detractors (0 to 6), in points from -100 to 100.
raking
    Weights that make the margins of a sample equal known margins of the population.
effective sample size
    Size of an equally weighted sample of the same precision (Kish).
"""

from __future__ import annotations

from playbook.stats.growth import yearly_growth
from playbook.stats.intervals import (
    Difference,
    Interval,
    bootstrap,
    mean_interval,
    ratio_interval,
    two_proportion_difference,
    wilson,
)
from playbook.stats.measures import (
    SMALLEST_CELL,
    Reliability,
    Stability,
    cronbach_alpha,
    false_discovery,
    gini,
    lorenz,
    population_stability,
    xmr_limits,
)
from playbook.stats.promoters import (
    NetPromoter,
    net_promoter,
    net_promoter_difference,
    net_promoter_from_shares,
)
from playbook.stats.samples import (
    effective_sample_size,
    power_two_proportions,
    rake,
    sample_size_two_proportions,
    smallest_detectable_effect,
)
from playbook.stats.shapley import shapley_change

__all__ = [
    "SMALLEST_CELL",
    "Difference",
    "Interval",
    "NetPromoter",
    "Reliability",
    "Stability",
    "bootstrap",
    "cronbach_alpha",
    "effective_sample_size",
    "false_discovery",
    "gini",
    "lorenz",
    "mean_interval",
    "net_promoter",
    "net_promoter_difference",
    "net_promoter_from_shares",
    "population_stability",
    "power_two_proportions",
    "rake",
    "ratio_interval",
    "sample_size_two_proportions",
    "smallest_detectable_effect",
    "two_proportion_difference",
    "wilson",
    "xmr_limits",
    "yearly_growth",
    "shapley_change",
]
