"""The journey map: what is a pain point, what each segment's map shows, and that all of it fits its page."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from playbook import experience, figures
from playbook.answer import Answer, Missing
from playbook.experience.common import STAGES
from playbook.figures.journey_map import A3
from playbook.report.slides import SLIDES

AS_OF = date(2025, 12, 31)
NAMES = {
    "awareness": ["search ad", "social ad", "recommendation", "fair", "shop window", "catalogue", "radio", "poster"],
    "consideration": ["product page", "search on site"],
    "purchase": ["checkout", "store checkout"],
    "support": ["delivery", "live chat", "store service desk"],
    "loyalty": ["newsletter", "loyalty account"],
}  # fmt: skip
QUOTES = pd.DataFrame(
    [("delivery", "critical", 2.0, "Swedish", "Jag väntade hela dagen på leveransen och ingen kom.", 80),
     ("delivery", "approving", 5.0, "Chinese", "在我预约的时间段准时送到，服务非常好，我很满意。", 40),
     ("style", "approving", 5.0, "Chinese", "设计很好看，颜色和图片一样。", 47),
     ("parking", "critical", 1.0, "German", "Kein Parkplatz.", 9)],
    columns=["need", "side", "stars", "language", "quote", "stands_for"],
)  # fmt: skip


def inventory(stages: tuple[str, ...] = STAGES, rated: bool = True) -> Answer:
    """Touchpoints of which delivery is rated low and one checkout in five fails."""
    rows = [
        {"touchpoint": name, "stage": stage, "volume": 900 - 10 * i, "reach": 800 - 10 * i, "cost": 90.0, "unit_cost": 0.1,
         "csat": (3.2 if name == "delivery" else 4.1) if rated and stage != "awareness" else np.nan, "csat_n": 80, "ces": 5.0,
         "failure_share": 0.2 if name == "checkout" else 0.02, "repeat_7d": 0.1}
        for stage in stages for i, name in enumerate(NAMES[stage])
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    table["csat_low"], table["csat_high"] = table["csat"] - 0.2, table["csat"] + 0.2
    return Answer(table, "", "", "descriptive", extra={"inventory": table})


def outcomes() -> pd.DataFrame:
    rows = [(s, t, c, o, 50) for s in STAGES for t in NAMES[s] for c in ("web", "app") for o in ("done", "abandoned")]  # fmt: skip
    alone = [
        ("support", "delivery", "carrier", "late", 30),
        ("support", "odd one", None, "late", 30),
    ]
    return pd.DataFrame(
        rows + alone, columns=["stage", "touchpoint", "channel", "outcome", "contacts"]
    )


def lived(low: str = "Buyers 高端", gap: float = 1.2) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Contacts, answers and segments of 120 customers; one segment rates live chat ``gap`` points lower."""
    rng = np.random.default_rng(4)
    people = pd.DataFrame({"customer_id": [f"c{i:03d}" for i in range(120)], "segment": ["Families", low, "Offices"] * 40})  # fmt: skip
    points = [t for s in STAGES for t in NAMES[s]]
    visited = people[["customer_id"]].merge(pd.DataFrame({"touchpoint": points}), how="cross")
    visited = visited.assign(contacts=2, told=2, failed=(visited["touchpoint"] == "delivery") * 1)
    rated = people.merge(
        pd.DataFrame({"touchpoint": ["delivery", "live chat", "checkout"]}), how="cross"
    )
    noise = rng.normal(0, 0.5, len(rated))
    drop = gap * ((rated["segment"] == low) & (rated["touchpoint"] == "live chat"))
    scores = rated.assign(kind="csat", answered_at=pd.Timestamp("2025-06-01"), response_id=rated["customer_id"],
                          score=((3.8 + noise - drop).clip(1, 5) - 1) / 4)  # fmt: skip
    return visited, scores, people


@cache
def whole() -> Answer:
    told = experience.experience_by_segment(*lived(), AS_OF)
    return experience.journey_map(
        inventory(), AS_OF, outcomes=outcomes(), by_segment=told, quotes=QUOTES
    )


def texts(answer: Answer) -> list[tuple[str, float, tuple[float, float, float, float]]]:
    figure = figures.journey_map(answer)._figure
    assert figure is not None
    renderer = FigureCanvasAgg(figure).get_renderer()
    return [(t.get_text(), t.get_fontsize(), t.get_window_extent(renderer).extents / figure.dpi) for t in figure.axes[0].texts if t.get_text()]  # fmt: skip


@cache
def words_of_whole() -> list[tuple[str, float, tuple[float, float, float, float]]]:
    return texts(whole())


def shaded(answer: Answer) -> int:
    """Figures on the map that are marked as too many failures."""
    figure = figures.journey_map(answer)._figure
    assert figure is not None
    return sum(to_hex(patch.get_facecolor()) == "#f8dcc6" for patch in figure.axes[0].patches)


def test_pain_points_are_numbered_along_the_journey_and_need_a_sure_gap_or_failures() -> None:
    points = experience.journey_map(inventory(), AS_OF)["points"].set_index("touchpoint")
    assert points["pain_number"].dropna().to_dict() == {"checkout": 1.0, "delivery": 2.0}
    assert points.loc["delivery", "is_low"] and not points.loc["checkout", "is_low"]
    assert points.loc["checkout", "is_failing"] and not points.loc["delivery", "is_failing"]


def test_a_segment_that_lives_through_it_worse_is_named_and_chance_is_not() -> None:
    told = experience.experience_by_segment(*lived(), AS_OF)
    assert "Buyers 高端 rate live chat 1." in told.headline and "below the others" in told.headline
    cells = told["cells"]
    assert set(cells.loc[cells["differs"], "touchpoint"]) == {"live chat"}
    quiet = experience.experience_by_segment(*lived(gap=0.0), AS_OF)
    assert quiet["cells"]["differs"].sum() == 0 and "No segment" in quiet.headline


def test_reach_and_failures_of_segments_add_up_to_those_of_all() -> None:
    visited, scores, people = lived()
    cells = experience.experience_by_segment(visited, scores, people, AS_OF)["cells"]
    assert cells["contacts"].sum() == visited["contacts"].sum()
    assert cells["failed"].sum() == visited["failed"].sum()
    assert (cells["reach_share"] == 1).all()


def test_each_segment_gets_its_map_beside_all_customers() -> None:
    maps = experience.journey_maps(whole())
    assert list(maps) == ["All customers", "Buyers 高端", "Families", "Offices"]
    own = maps["Buyers 高端"]
    assert "live chat is rated" in own.headline and "40 customers" in own.caption
    assert own["points"].set_index("touchpoint").loc["live chat", "csat"] < 3.0
    assert own["reference"].set_index("touchpoint").loc["live chat", "csat"] == pytest.approx(4.1)


def test_every_word_of_the_map_is_on_the_page_large_enough_and_in_its_own_script() -> None:
    told = words_of_whole()
    assert min(size for _, size, _ in told) >= 8
    for text, _, (left, low, right, high) in told:
        assert left >= 0.2 and low >= 0.1 and right <= A3[0] and high <= A3[1], text
    joined = "".join(text for text, _, _ in told)
    assert "设计很好看" in joined and "väntade hela dagen" in joined
    assert "Parkplatz" not in joined
    assert "1 smaller not drawn" in joined


def test_the_names_of_touchpoints_do_not_run_into_each_other() -> None:
    told = [(t, e) for t, size, e in words_of_whole() if size == 8.5]
    names = {w for s in STAGES for n in NAMES[s] for w in (n, *n.split())}
    placed = [(t, e) for t, e in told if t in names]
    assert len(placed) > 12
    for i, (text, one) in enumerate(placed):
        for other, two in placed[i + 1 :]:
            apart = one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1]
            assert apart, (text, other)


@pytest.mark.parametrize("stages", [("support",), ("purchase", "loyalty"), ("awareness",)])
def test_a_client_without_some_stages_gets_the_map_of_the_others(stages: tuple[str, ...]) -> None:
    found = experience.journey_map(inventory(stages), AS_OF)
    assert set(found.table["stage"]) == set(stages)
    assert sum("no contact is recorded" in t for t, _, _ in texts(found)) == 5 - len(stages)


def test_a_client_without_ratings_gets_a_map_of_failures() -> None:
    found = experience.journey_map(inventory(rated=False), AS_OF)
    assert list(found["points"].loc[found["points"]["is_pain"], "touchpoint"]) == ["checkout"]
    assert found["failing"] == 0.10 and shaded(found) == 1
    assert shaded(replace(found, extra=dict(found.extra) | {"failing": 1.1})) == 0


def test_stages_that_are_none_of_the_five_are_no_map() -> None:
    odd = inventory(("support",))
    odd["inventory"]["stage"] = "retention"
    missing = experience.journey_map(odd, AS_OF)
    assert isinstance(missing, Missing) and "five stages" in repr(missing)


def test_the_page_of_the_maps_is_laid_out_for_a3() -> None:
    assert SLIDES["05"].paper == "A3 landscape" and SLIDES["05"].folder == "journey-maps"
    assert A3[0] / A3[1] == pytest.approx(420 / 297, abs=0.001)


def test_a_touchpoint_rated_low_for_its_cases_is_not_where_to_begin() -> None:
    drivers = pd.DataFrame({"driver": ["live chat", "delivery"], "is_driver": True, "coefficient": 0.2, "low": 0.1, "high": 0.3})  # fmt: skip
    moments = Answer(drivers, "", "", "diagnostic")
    low = inventory()
    low["inventory"].loc[low["inventory"]["touchpoint"] == "live chat", ["csat", "csat_low", "csat_high"]] = [3.0, 2.9, 3.1]  # fmt: skip
    verdicts = pd.DataFrame({"touchpoint": ["live chat", "delivery"], "verdict": ["mend its cases", "mend first"]})  # fmt: skip
    told = experience.journey_map(low, AS_OF, moments=moments, importance=Answer(verdicts, "", "", "diagnostic"))  # fmt: skip
    assert "Begin with delivery" in told.so_what and "live chat" not in told.headline
    assert "delivery and live chat" in experience.journey_map(low, AS_OF, moments=moments).headline
