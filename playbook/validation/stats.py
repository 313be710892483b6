"""Published figures of the small statistics."""

from __future__ import annotations

import pandas as pd

from playbook import stats
from playbook.validation import Check

__all__ = ["law_school_test", "rows"]

PATTERNS = (
    "00000 3 00001 6 00010 2 00011 11 00100 1 00101 1 00110 3 00111 4 01000 1 01001 8 01011 16 "
    "01101 3 01110 2 01111 15 10000 10 10001 29 10010 14 10011 81 10100 3 10101 28 10110 15 "
    "10111 80 11000 16 11001 56 11010 21 11011 173 11100 11 11101 61 11110 28 11111 298"
)
"""Answer patterns and counts, Law School Admission Test section 6 (Bock & Lieberman, 1970)."""

BH_1995 = (
    *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
    *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000),
)
"""P-values of the example in Benjamini & Hochberg (1995), section 3.2."""


def law_school_test() -> pd.DataFrame:
    """Five items (0 or 1) of 1,000 people, one row a person."""
    words = PATTERNS.split()
    answers = [
        [int(digit) for digit in pattern]
        for pattern, count in zip(words[::2], words[1::2], strict=True)
        for _ in range(int(count))
    ]
    return pd.DataFrame(answers, columns=[f"item_{number}" for number in range(1, 6)])


def _promoters() -> list[Check]:
    score = stats.net_promoter_from_shares(0.45, 0.20, 400)
    source = "multinomial variance, p = 45 %, d = 20 %, n = 400"
    half = (score.high - score.low) / 2
    return [
        Check("nps.score", "net promoter score", 25.0, score.score, 1e-9, False, source),
        Check("nps.se", "standard error of NPS", 3.832, score.se, 5e-4, False, source),
        Check("nps.half_width", "95 % half-width of NPS", 7.51, half, 5e-3, False, source),
    ]


def _shares() -> list[Check]:
    checks = []
    single = "Newcombe (1998), Stat. Med. 17:857, table I, method 3"
    for yes, n, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        ours = stats.wilson(yes, n)
        name = f"wilson.{yes}_of_{n}"
        checks += [
            Check(f"{name}.low", "Wilson interval, low", low, ours.low, 5e-5, False, single),
            Check(f"{name}.high", "Wilson interval, high", high, ours.high, 5e-5, False, single),
        ]
    gap = stats.two_proportion_difference(56, 70, 48, 80)
    pair = "Newcombe (1998), Stat. Med. 17:873, table II (a), method 10"
    return [
        *checks,
        Check("newcombe.low", "difference 56/70 - 48/80, low", 0.0524, gap.low, 5e-5, False, pair),
        Check("newcombe.high", "the same, high", 0.3339, gap.high, 5e-5, False, pair),
    ]


def rows() -> list[Check]:
    """Published figures beside ours.

    Returns
    -------
    list of Check
        Net promoter score, Wilson and Newcombe intervals, Cronbach's alpha, false discoveries,
        sample size.
    """
    alpha = stats.cronbach_alpha(law_school_test())
    ltm = "Rizopoulos (2006), J. Stat. Softw. 17(5), descript(LSAT)"
    dropped = [0.2754, 0.2376, 0.2168, 0.2459, 0.2663]
    items = [
        Check(
            f"alpha.lsat.drop_{number}",
            f"Cronbach's alpha without item {number}",
            published,
            float(alpha.items["alpha_if_dropped"].iloc[number - 1]),
            5e-5,
            False,
            ltm,
        )
        for number, published in enumerate(dropped, start=1)
    ]
    found = int((stats.false_discovery(BH_1995) <= 0.05).sum())
    size = stats.sample_size_two_proportions(0.50, 0.75, power=0.90)
    return [
        *_promoters(),
        *_shares(),
        Check("alpha.lsat", "Cronbach's alpha", 0.2950, alpha.value, 5e-5, False, ltm),
        *items,
        Check(
            "fdr.bh_1995",
            "hypotheses rejected at 5 %",
            4,
            found,
            0,
            False,
            "Benjamini & Hochberg (1995), section 3.2",
        ),
        Check(
            "sample_size.power_prop_test",
            "rows a group, 50 % against 75 %, power 90 % (76.7, rounded up)",
            77,
            size,
            0,
            False,
            "R stats, power.prop.test, example",
        ),
    ]
