"""What people say: reviews, focus groups, employees, and moves between brands."""

from __future__ import annotations

import numpy as np
import pandas as pd

from . import quotes
from . import settings as s
from .frames import DAY, blank, codes, later, pick, points, share, table
from .people import People
from .phrases import TOPICS, sentences, titles

DEPARTMENTS = {
    # staff, mean score in the first year, change a year later
    "Marketing": (24, 3.5, 0.25),
    "E-commerce": (28, 3.4, 0.10),
    "Stores": (34, 3.3, 0.00),
    "Customer service": (30, 3.6, -0.20),
    "Logistics": (32, 2.4, 0.05),
    "Product and buying": (20, 2.8, 0.10),
    "Finance and IT": (12, 2.6, 0.15),
}
CAPABILITIES = {
    "Knows what customers need": 0.1,
    "Shares customer data": -0.5,
    "Plans with clear customer goals": -0.1,
    "Acts on customer feedback": 0.0,
    "Works across departments": -0.4,
    "Decides by customer value": -0.6,
    "Has the tools and training": -0.1,
    "Is led by example": 0.3,
}


def review_table(
    rng: np.random.Generator,
    people: People,
    orders: pd.DataFrame,
    lines: pd.DataFrame,
    cases: pd.DataFrame,
    quality: np.ndarray,
    products: pd.DataFrame,
    satisfaction: np.ndarray,
    start: np.datetime64,
    end: np.datetime64,
) -> pd.DataFrame:
    """Return the table ``reviews``: bad experiences are written about more often."""
    real = orders[~orders["refund"] & ~orders["guest"]].reset_index(drop=True)
    first = lines[~lines["refund"]].drop_duplicates("number").set_index("number")["product"]
    product = first.reindex(real["number"]).to_numpy()
    who = real["customer"].to_numpy()
    calendar = real["time"].to_numpy().astype("datetime64[M]")
    month = (calendar - start.astype("datetime64[M]")).astype(int)
    bad = real["late"].to_numpy(dtype=bool) | _failed(cases, who, calendar)
    effect = people.settings.service_effect
    write = rng.random(len(real)) < 0.08 + 0.22 * effect * bad
    who, product, bad, month = who[write], product[write], bad[write], month[write]
    late = real["late"].to_numpy(dtype=bool)[write]
    mood = satisfaction[month, who]
    stars = points(
        4.15 + 0.45 * mood + quality[product] - effect * bad + rng.normal(0, 0.85, len(who)), 1, 5
    )
    at = later(real["time"].to_numpy()[write], end, rng.gamma(2.0, 6.0, len(who)))
    language = pd.Series(people.country[who]).map({"DE": "de", "SE": "sv", "GB": "en"}).to_numpy()
    language = np.where(rng.random(len(who)) < 0.10, "zh", language)
    sore = np.where(late, TOPICS.index("delivery"), np.where(bad, TOPICS.index("service"), -1))
    columns = {
        "review_id": codes(rng.permutation(len(who)) + 1, 5, "V"),
        "customer_id": blank(people.customer_id[who], rng.random(len(who)) < 0.35),
        "product_id": products["product_id"].to_numpy()[product],
        "created_at": at,
        "source": rng.choice(
            ["own shop", "HomeRatings", "ReviewSpot"], len(who), p=[0.55, 0.3, 0.15]
        ),
        "language": language,
        "rating": stars,
        "title": titles(rng, language, stars),
        "text": sentences(rng, language, stars, parts=2, sore=sore),
    }
    frame = table("reviews", columns)
    return frame[frame["created_at"].notna()].reset_index(drop=True)


def _failed(cases: pd.DataFrame, who: np.ndarray, month: np.ndarray) -> np.ndarray:
    """Return whether the customer had a failed case in that month."""
    wrong = cases[cases["failed"]]
    when = wrong["time"].to_numpy().astype("datetime64[M]")
    failed = pd.MultiIndex.from_arrays([wrong["customer"], when.astype(int)])
    return pd.MultiIndex.from_arrays([who, month.astype(int)]).isin(failed)


def focus_group_table(rng: np.random.Generator) -> pd.DataFrame:
    """Return about 120 coded quotes of six focus groups; no quote is used twice in a group."""
    themes, moods = list(quotes.QUOTES), ["negative", "neutral", "positive"]
    rows = []
    for session, group in quotes.GROUPS:
        weight = np.array(quotes.WEIGHTS[group], dtype=float)
        tilt = np.array(quotes.SENTIMENT[group])
        cells = [
            (theme, mood, quote, weight[i] * tilt[j] / len(quotes.QUOTES[theme][mood]))
            for i, theme in enumerate(themes)
            for j, mood in enumerate(moods)
            for quote in quotes.QUOTES[theme][mood]
        ]
        chance = np.array([c[3] for c in cells])
        drawn = rng.choice(len(cells), 20, replace=False, p=chance / chance.sum())
        for k in drawn:
            theme, mood, quote, _ = cells[k]
            opening = quotes.OPENINGS[rng.integers(len(quotes.OPENINGS))]
            start = quote if not opening or quote.startswith("I ") else quote[0].lower() + quote[1:]
            rows.append(
                {
                    "session": session,
                    "participant": f"{session[:2]}-{rng.integers(1, 9)}",
                    "group": group,
                    "theme": theme,
                    "sentiment": mood,
                    "quote": opening + start,
                }
            )
    return table(
        "focus_group_quotes", dict(pd.DataFrame(rows)), ["session", "participant", "quote"]
    )


def employee_table(rng: np.random.Generator, years: list[int]) -> pd.DataFrame:
    """Return the table ``employee_survey``: 180 employees, eight capabilities, each year."""
    parts = []
    for turn, year in enumerate(years):
        for department, (staff, level, change) in DEPARTMENTS.items():
            person = rng.normal(0, 0.45, staff)
            role = np.where(rng.random(staff) < 0.16, "lead", "staff")
            for capability, tilt in CAPABILITIES.items():
                mean = level + turn * change + tilt + person + 0.3 * (role == "lead")
                parts.append(
                    pd.DataFrame(
                        {
                            "department": department,
                            "role": role,
                            "capability": capability,
                            "score": points(mean + rng.normal(0, 0.7, staff), 1, 5),
                            "answered_at": np.datetime64(f"{year}-09-15T09:00:00", "us")
                            + rng.integers(0, 15, staff) * DAY,
                        }
                    )
                )
    rows = pd.concat(parts, ignore_index=True)
    return table("employee_survey", dict(rows), ["answered_at", "department", "capability"])


# Where customers of each segment go and come from: Nordhus, CasaViva, Homely Direct.
_RIVAL = np.array(
    [[0.2, 0.1, 0.7], [0.2, 0.65, 0.15], [0.7, 0.2, 0.1], [0.2, 0.1, 0.7], [0.6, 0.2, 0.2]]
)
_WHY = {
    "Homely Direct": ("price", "faster delivery"),
    "CasaViva": ("style", "range"),
    "Nordhus": ("service", "quality"),
    "Larkfield": ("quality", "style"),
}


def switching_table(
    rng: np.random.Generator,
    people: People,
    active: np.ndarray,
    start: np.datetime64,
    end: np.datetime64,
) -> pd.DataFrame:
    """Return the table ``switching``: about 900 moves at 6,000 customers."""
    n = len(people)
    gone = active[:-1] & ~active[1:]
    month, left = np.nonzero(gone)
    lost = rng.random(len(left)) < 0.19
    month, left = month[lost] + 1, left[lost]
    new = np.flatnonzero(people.month >= 0)
    new = new[rng.random(len(new)) < 0.11]
    rivals = np.array(s.BRANDS[1:], dtype=object)
    to = rivals[pick(rng, _RIVAL[people.segment[left]])]
    came = rivals[pick(rng, _RIVAL[people.segment[new]])]
    others = max(4, round(n / 40 * share(start, end)))
    a = pick(rng, np.broadcast_to([0.4, 0.35, 0.25], (others, 3)))
    b = (a + 1 + (rng.random(others) < 0.6)) % 3
    at = (start.astype("datetime64[M]") + month).astype("datetime64[us]") + rng.integers(
        0, 28, len(left)
    ) * DAY
    span = int((end - start) / DAY)
    first = np.full(len(new), s.OUR_BRAND, dtype=object)
    columns = {
        "customer_id": np.concatenate(
            [people.customer_id[left], people.customer_id[new], np.full(others, None, dtype=object)]
        ),
        "moved_at": np.concatenate(
            [at, people.acquired_at[new], start + rng.integers(0, span, others) * DAY]
        ),
        "from_brand": np.concatenate([np.full(len(left), s.OUR_BRAND), came, rivals[a]]),
        "to_brand": np.concatenate([to, first, rivals[b]]),
    }
    frame = pd.DataFrame(columns)
    reason = np.array([_WHY[b][rng.integers(2)] for b in frame["to_brand"]], dtype=object)
    gone_for_service = (frame["from_brand"] == s.OUR_BRAND) & (rng.random(len(frame)) < 0.3)
    frame["reason"] = np.where(gone_for_service, "late deliveries", reason)
    return table("switching", dict(frame), ["moved_at", "from_brand", "to_brand", "customer_id"])
