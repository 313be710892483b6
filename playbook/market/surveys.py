"""The relationship survey: questions, invitations, who answers, and what."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from . import settings as s
from .frames import DAY, blank, codes, logistic, points, table
from .people import People
from .phrases import TOPICS, sentences

SURVEY = "relationship"
NOISE = 1.35
"""Spread of a recommendation score around its latent value, in points."""
KANO = {
    "next_day": "delivery on the next day",
    "slot": "delivery in a slot you choose",
    "assembly": "assembly at your home",
    "returns": "returns within 100 days",
    "certified": "wood from certified forests",
}
_KANO_ANSWER = {"A": (1.2, 3.0), "O": (1.2, 4.8), "M": (2.2, 4.8), "I": (3.0, 3.1)}
# Touchpoints asked about: label, touchpoint, mean satisfaction, mean ease (none: not asked).
_TOUCHPOINTS: dict[str, tuple[str, str, float, float | None]] = {
    "page": ("our product pages", "product page", 3.95, None),
    "search": ("the search in our shop", "search on site", 3.70, 4.8),
    "checkout": ("ordering and paying", "checkout", 4.10, 5.7),
    "delivery": ("the delivery", "delivery", 3.80, 5.3),
    "store": ("our store", "store checkout", 4.25, 5.8),
    "phone": ("our service by telephone", "call centre", 3.80, 5.0),
    "email": ("our service by e-mail", "e-mail service", 3.80, 5.0),
    "chat": ("our service by chat", "live chat", 3.80, 5.0),
    "points": ("your Larkfield Circle account", "loyalty account", 3.85, 5.1),
}
PSYCHOGRAPHIC = (
    ("design_1", 0, 0.95, "I like to follow what is new in interior design."),
    ("design_2", 0, 0.90, "My home should show who I am."),
    ("design_3", 0, 0.80, "I notice the details of furniture at once."),
    ("convenience_1", 1, 0.95, "I pay more when it saves me time."),
    ("convenience_2", 1, 0.85, "Shopping has to be done in a few minutes."),
    ("convenience_3", 1, 0.80, "I want things delivered when it suits me."),
    ("price_1", 2, 0.95, "I compare prices before I buy."),
    ("price_2", 2, 0.90, "I wait for the sale."),
    ("price_3", 2, 0.25, "I keep my receipts."),
)
_PRICE = (
    ("vw_too_cheap", "so low that you would doubt the quality", 0.50),
    ("vw_bargain", "a bargain", 0.74),
    ("vw_expensive", "getting expensive", 1.16),
    ("vw_too_expensive", "too expensive to consider", 1.52),
)


def question_table() -> pd.DataFrame:
    """Return the table ``survey_questions``."""
    rows: list[tuple] = [
        ("nps", "How likely are you to recommend Larkfield Home?", "recommendation", "nps", 0, 10),
        ("csat_overall", "How satisfied are you with us overall?", "satisfaction", "csat", 1, 5),
        ("rebuy", "How likely are you to buy from us again?", "repurchase", "rating", 1, 7),
        ("wallet", "Of what you spend on your home, how many per cent is with us?", "wallet",
         "wallet", 0, 100),
        ("open", "What is the main reason for your answer?", "reason", "open", None, None),
    ]  # fmt: skip
    for key, (label, touch, _, ease) in _TOUCHPOINTS.items():
        asks = f"How satisfied are you with {label}?"
        rows.append((f"csat_{key}", asks, "satisfaction", "csat", 1, 5, touch))
        if ease is not None:
            easy = f"{label[0].upper()}{label[1:]}: it was easy for me."
            rows.append((f"ces_{key}", easy, "effort", "ces", 1, 7, touch))
    rows += [
        (f"imp_{a}", f"How important is {a} to you?", a, "importance", 1, 7) for a in s.ATTRIBUTES
    ]
    rows += [
        (_brand_id(b, a), f"How do you rate {b} on {a}?", a, "brand", 1, 7, None, b)
        for b in s.BRANDS
        for a in s.ATTRIBUTES
    ]
    rows += [
        (f"psy_{key}", text, s.CONSTRUCTS[c], "psychographic", 1, 7)
        for key, c, _, text in PSYCHOGRAPHIC
    ]
    rows += [
        (key, f"At what price (EUR) would this armchair be {text}?", "armchair", "price", 0, None)
        for key, text, _ in _PRICE
    ]
    rows += [
        (f"kano_{k}_{side}", f"How do you feel {word} {text}?", k, "kano", 1, 5)
        for k, text in KANO.items()
        for side, word in (("with", "with"), ("without", "without"))
    ]
    labels = ["question_id", "text", "construct", "kind", "scale_min", "scale_max"]
    labels += ["touchpoint", "brand"]
    full = [(*row, *[None] * (len(labels) - len(row))) for row in rows]
    frame = pd.DataFrame(full, columns=labels).assign(survey=SURVEY)
    return table("survey_questions", dict(frame))


def _brand_id(brand: str, attribute: str) -> str:
    return f"brand_{brand.split()[0].lower()}_{attribute}"


def waves(start_year: int, years: int) -> list[tuple[str, np.datetime64, int]]:
    """Return name, day of invitation and month number of each half-yearly wave."""
    return [
        (
            f"{start_year + y}-H{half}",
            np.datetime64(f"{start_year + y}-{'05' if half == 1 else '10'}-12T08:00:00", "us"),
            12 * y + (4 if half == 1 else 9),
        )
        for y in range(years)
        for half in (1, 2)
    ]


def survey_tables(
    rng: np.random.Generator,
    people: People,
    orders: pd.DataFrame,
    cases: pd.DataFrame,
    satisfaction: np.ndarray,
    active: np.ndarray,
    start_year: int,
    end: np.datetime64,
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame, pd.DataFrame]:
    """Return the survey tables, and the truth: NPS of everyone active, per wave; of everyone invited."""
    invited, answers, truth, asked_truth = [], [], [], []
    count = 0
    for wave, when, month in waves(start_year, len(active) // 12):
        here = active[month - 1] & (people.acquired_at < when - 30 * DAY)
        target = np.flatnonzero(here & (people.consent_email != False))  # noqa: E712
        asked = np.sort(target[rng.random(len(target)) < 0.45])
        mood = satisfaction[month - 1]
        hurt = np.isin(asked, _hurt(orders, cases, when))
        who = asked[rng.random(len(asked)) < _answering(people, asked, mood[asked], hurt)]
        invited.append(pd.DataFrame({"customer": asked, "wave": wave, "invited_at": when}))
        block = _answers(rng, people, who, mood, orders, cases, when, long=wave.endswith("H2"))
        at = when + (rng.exponential(3.2, len(who)).clip(0.01, 20) * 86_400e6).astype(
            "timedelta64[us]"
        )
        response = pd.DataFrame({"row": np.arange(len(who)), "customer": who, "answered_at": at})
        response["response_id"] = codes(count + np.arange(len(who)) + 1, 5, "R")
        count += len(who)
        response["anonymous"] = rng.random(len(who)) < 0.03
        answers.append(block.merge(response, on="row").assign(wave=wave))
        truth.append(_true_scores(people, mood, here, wave))
        asked_truth.append(
            pd.DataFrame(
                {"wave": wave, "customer_id": people.customer_id[asked],
                 "expected": _expected_score(mood[asked], people.country[asked])}
            )
        )  # fmt: skip
    rows = pd.concat(answers, ignore_index=True)
    rows = rows[rows["answered_at"].to_numpy() < end]
    sent = pd.concat(invited, ignore_index=True)
    tables = {
        "survey_invitations": table(
            "survey_invitations",
            {**sent, "customer_id": people.customer_id[sent["customer"]], "survey": SURVEY},
        ).loc[:, ["customer_id", "survey", "wave", "invited_at"]],
        "survey_answers": _answer_table(people, rows),
    }
    return tables, pd.concat(truth, ignore_index=True), pd.concat(asked_truth, ignore_index=True)


def _answering(people: People, asked: np.ndarray, mood: np.ndarray, hurt: np.ndarray) -> np.ndarray:
    """Return the chance to answer: not the same for everybody, whence the bias."""
    return logistic(
        people.settings.trait("answering", people.segment[asked])
        + 0.018 * (people.age[asked] - 45)
        + 0.45 * mood
        + 0.75 * people.settings.service_effect * hurt
    )


def _answer_table(people: People, rows: pd.DataFrame) -> pd.DataFrame:
    columns = {
        **rows[["response_id", "wave", "answered_at", "question_id", "value", "text"]],
        "customer_id": blank(
            people.customer_id[rows["customer"]], rows["anonymous"].to_numpy(dtype=bool)
        ),
        "survey": SURVEY,
    }
    return table("survey_answers", columns)


def _hurt(orders: pd.DataFrame, cases: pd.DataFrame, when: np.datetime64) -> np.ndarray:
    """Return the customers with a late delivery or failed case in the 90 days before."""
    bad = pd.concat(
        [
            orders.loc[orders["late"].astype(bool), ["customer", "time"]],
            cases.loc[cases["failed"], ["customer", "time"]],
        ]
    )
    recent = (bad["time"] < when) & (bad["time"] >= when - 90 * DAY)
    return np.unique(bad.loc[recent, "customer"].to_numpy())


def opinion(mood: np.ndarray, country: np.ndarray) -> np.ndarray:
    """Return the latent recommendation score (0 to 10, before rounding and chance)."""
    style = pd.Series(country).map(s.RESPONSE_STYLE).to_numpy()
    return 8.02 + 1.45 * mood + 1.2 * style


def _expected_score(mood: np.ndarray, country: np.ndarray) -> np.ndarray:
    """Return each person's expected contribution to the NPS (points)."""
    score = opinion(mood, country)
    return 100 * (norm.sf((8.5 - score) / NOISE) - norm.cdf((6.5 - score) / NOISE))


def _true_scores(people: People, mood: np.ndarray, here: np.ndarray, wave: str) -> pd.DataFrame:
    frame = pd.DataFrame({"segment": people.segment[here], "mood": mood[here]})
    frame["nps"] = _expected_score(mood[here], people.country[here])
    sums = frame.groupby("segment")[["mood", "nps"]].mean()
    sums["active"] = frame.groupby("segment").size()
    sums.insert(0, "wave", wave)
    return sums.reset_index().assign(segment=lambda d: np.array(s.SEGMENTS)[d["segment"]])


def _answers(
    rng: np.random.Generator,
    people: People,
    who: np.ndarray,
    mood: np.ndarray,
    orders: pd.DataFrame,
    cases: pd.DataFrame,
    when: np.datetime64,
    long: bool,
) -> pd.DataFrame:
    n = len(who)
    score = points(opinion(mood[who], people.country[who]) + rng.normal(0, NOISE, n), 0, 10)
    style = pd.Series(people.country[who]).map(s.RESPONSE_STYLE).to_numpy()
    met = _met(rng, people, who, orders, cases, when)
    values = {"nps": score} | _experience(
        rng, mood[who], style, met, people.settings.service_effect
    )
    if long:
        year = int(str(when)[:4]) - 2023
        values |= _attitudes(rng, people, who, mood[who], style, year)
    wide = pd.DataFrame(values)
    frame = wide.reset_index(names="row").melt("row", var_name="question_id").dropna()
    frame = frame[rng.random(len(frame)) < np.where(frame["question_id"] == "nps", 1, 0.975)]
    writes = np.flatnonzero(rng.random(n) < 0.38)
    language = pd.Series(people.country[who]).map({"DE": "de", "SE": "sv", "GB": "en"})
    sore = np.where(met["late"], TOPICS.index("delivery"), -1)
    sore = np.where(met["failed"], TOPICS.index("service"), sore)
    grade = (score[writes] - 2) / 2
    text = sentences(rng, language.to_numpy()[writes], grade, parts=1, sore=sore[writes])
    opened = pd.DataFrame({"row": writes, "question_id": "open", "text": text})
    return pd.concat([frame.assign(text=None), opened], ignore_index=True)


def _met(
    rng: np.random.Generator,
    people: People,
    who: np.ndarray,
    orders: pd.DataFrame,
    cases: pd.DataFrame,
    when: np.datetime64,
) -> dict[str, np.ndarray]:
    """Return which touchpoints each respondent met in the year before, and what went wrong."""
    recent = orders[(orders["time"] < when) & (orders["time"] >= when - 365 * DAY)]
    channel = recent["channel"].astype(str)
    store, online = channel.str.startswith("Store"), channel.isin(["Web shop", "App"])
    bought = recent["customer"].to_numpy()
    case = cases[(cases["time"] < when) & (cases["time"] >= when - 365 * DAY)]
    met = {
        "page": np.isin(who, bought[online]),
        "checkout": np.isin(who, bought[online]),
        "store": np.isin(who, bought[store]),
        "delivery": np.isin(who, bought[~store]),
        "points": people.member[who] & (rng.random(len(who)) < 0.6),
    }
    met["search"] = met["page"] & (rng.random(len(who)) < 0.7)
    for number, key in enumerate(("phone", "email", "chat")):
        met[key] = np.isin(who, case.loc[case["channel"] == number, "customer"])
    met["late"] = np.isin(who, bought[recent["late"].to_numpy(dtype=bool)])
    met["failed"] = np.isin(who, case.loc[case["failed"], "customer"])
    return met


def _experience(
    rng: np.random.Generator,
    mood: np.ndarray,
    style: np.ndarray,
    met: dict[str, np.ndarray],
    effect: float,
) -> dict[str, np.ndarray]:
    """Return overall and touchpoint satisfaction; the service channel itself has no effect."""
    n = len(mood)
    values = {
        "csat_overall": points(3.95 + 0.62 * mood + 0.4 * style + rng.normal(0, 0.6, n), 1, 5)
    }
    values["rebuy"] = points(5.3 + 0.95 * mood + 0.6 * style + rng.normal(0, 0.9, n), 1, 7)
    for key, (_, _, level, ease) in _TOUCHPOINTS.items():
        wrong = np.zeros(n)
        if key == "delivery":
            wrong = effect * met["late"]
        elif key in ("phone", "email", "chat"):
            wrong = effect * met["failed"]
        own = level + 0.30 * mood + 0.4 * style - 1.1 * wrong + rng.normal(0, 0.7, n)
        values[f"csat_{key}"] = np.where(met[key], points(own, 1, 5), np.nan)
        if ease is not None:
            own = ease + 0.3 * mood + 0.6 * style - 1.6 * wrong + rng.normal(0, 1.0, n)
            values[f"ces_{key}"] = np.where(met[key], points(own, 1, 7), np.nan)
    return values


def _attitudes(
    rng: np.random.Generator,
    people: People,
    who: np.ndarray,
    mood: np.ndarray,
    style: np.ndarray,
    year: int,
) -> dict[str, np.ndarray]:
    n, segment = len(who), people.segment[who]
    values: dict[str, np.ndarray] = {}
    for j, attribute in enumerate(s.ATTRIBUTES):
        own = (people.settings.importance + year * people.settings.importance_drift)[segment, j]
        drawn = own + 0.5 * style + rng.normal(0, people.settings.importance_sd, n)
        values[f"imp_{attribute}"] = points(drawn, 1, 7)
    halo = rng.normal(0, 0.45, n) + 0.6 * style
    for i, brand in enumerate(s.BRANDS):
        for j, attribute in enumerate(s.ATTRIBUTES):
            own = 0.35 * mood if i == 0 else 0.0
            drawn = people.settings.brand_image[i, j] + own + halo + rng.normal(0, 1.0, n)
            unknown = (rng.random(n) < 0.22) & (i > 0)
            values[_brand_id(brand, attribute)] = np.where(unknown, np.nan, points(drawn, 1, 7))
    trait = people.settings.psychographics[segment] + rng.normal(
        0, people.settings.psychographic_sd, (n, 3)
    )
    for key, construct, loading, _ in PSYCHOGRAPHIC:
        drawn = 4.2 + 1.15 * loading * trait[:, construct] + 0.5 * style + rng.normal(0, 0.7, n)
        values[f"psy_{key}"] = points(drawn, 1, 7)
    wallet = people.settings.trait("wallet", segment) + 9 * mood + rng.normal(0, 14, n)
    values["wallet"] = points(wallet / 5, 0, 20) * 5
    middle = people.settings.armchair[segment] * np.exp(rng.normal(0, 0.14, n))
    steps = np.sort(np.array([p for _, _, p in _PRICE]) + rng.normal(0, 0.05, (n, 4)), axis=1)
    for k, (key, _, _) in enumerate(_PRICE):
        values[key] = points(middle * steps[:, k] / 5, 2, 200) * 5
    for feature in KANO:
        kind = people.settings.kano[feature].to_numpy()[segment]
        answer = np.array([_KANO_ANSWER[k] for k in kind]).reshape(-1, 2) + rng.normal(
            0, 0.55, (n, 2)
        )
        values[f"kano_{feature}_with"] = points(answer[:, 0], 1, 5)
        values[f"kano_{feature}_without"] = points(answer[:, 1], 1, 5)
    return values
