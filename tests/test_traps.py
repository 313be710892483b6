"""What is planted in the demo client to mislead: the naive reading falls for it, the truth is as planted."""

import numpy as np
import pandas as pd
import pytest

from playbook import market
from playbook.market.phrases import PHRASES


@pytest.fixture(scope="module")
def world():
    return market.simulate(customers=20_000, seed=5)


@pytest.fixture(scope="module")
def segment(world):
    return world.truth["customers"].set_index("customer_id")["segment"]


@pytest.fixture(scope="module")
def sales(world):
    orders = world.tables["orders"]
    return orders[orders["revenue"] > 0].dropna(subset="customer_id")


def _orders_in(sales, month):
    return sales[sales["ordered_at"].dt.strftime("%Y-%m") == month].groupby("customer_id").size()


def test_those_who_answer_are_happier_than_those_asked(world, segment):
    invited = world.truth["invited_scores"]
    answers = world.tables["survey_answers"]
    answered = answers.loc[answers["question_id"] == "nps", ["customer_id", "wave"]].dropna()
    both = invited.merge(answered.assign(answered=True), on=["customer_id", "wave"], how="left")
    told = both["answered"].notna()
    assert both.loc[told, "expected"].mean() - both["expected"].mean() > 4
    # not only since other segments and ages answer: within each segment, too
    kind = both["customer_id"].map(segment)
    for name in kind.unique():
        here = kind == name
        assert both.loc[here & told, "expected"].mean() > both.loc[here, "expected"].mean()


def test_old_customers_answer_more_often(world):
    invited, answers = world.tables["survey_invitations"], world.tables["survey_answers"]
    people = world.tables["customers"].set_index("customer_id")
    old = invited["customer_id"].map(people["birth_date"]) < pd.Timestamp("1965-01-01")
    answered = pd.MultiIndex.from_frame(invited[["customer_id", "wave"]]).isin(
        pd.MultiIndex.from_frame(answers[["customer_id", "wave"]])
    )
    assert answered[old].mean() > 1.3 * answered[~old].mean()


def test_simpson_trade_fairs_keep_more_overall_and_fewer_in_every_group(world, sales):
    people = world.tables["customers"]
    new = people[people["acquired_at"].between("2023-01-01", "2024-12-31")]
    after = sales.merge(new[["customer_id", "acquired_at"]], on="customer_id")
    days = (after["ordered_at"] - after["acquired_at"]).dt.days
    stayed = new["customer_id"].isin(after.loc[days.between(3, 365), "customer_id"])
    fair = new["acquisition_channel"] == "Trade fairs"
    firm = new["company"].notna()
    assert stayed[fair].mean() > stayed[~fair].mean() + 0.03
    for group in (firm, ~firm):
        assert stayed[fair & group].mean() < stayed[~fair & group].mean()
    assert world.settings.channel_dropout == {"Trade fairs": 0.70}


def test_the_channel_of_a_case_matters_only_through_its_topic(world):
    tickets = world.tables["tickets"].dropna(subset="csat")
    means = tickets.groupby("channel")["csat"].mean()
    assert means["store desk"] - means["chat"] > 0.1
    cells = tickets.groupby(["topic", "channel"])["csat"].agg(["mean", "var", "size"])
    desk, chat = (cells.xs(c, level="channel") for c in ("store desk", "chat"))
    weight = 1 / (desk["var"] / desk["size"] + chat["var"] / chat["size"])
    within = ((desk["mean"] - chat["mean"]) * weight).sum() / weight.sum()
    assert abs(within) < 3 / np.sqrt(weight.sum())


def test_the_best_customers_would_have_bought_anyway(world, sales):
    members, people = world.tables["campaign_members"], world.tables["customers"]
    best = members[members["campaign_id"] == "C2403"]
    assert (best["arm"] == "treated").all()
    bought = people["customer_id"].map(_orders_in(sales, "2024-06")).fillna(0)
    there = people["acquired_at"] < "2024-06-01"
    chosen = people["customer_id"].isin(best["customer_id"])
    naive = bought[chosen].mean() / bought[~chosen & there].mean()
    assert naive > 2
    assert max(world.truth["campaign_effects"].query("campaign_id == 'C2403'")["log_lift"]) < 0.15


def test_a_campaign_with_a_random_control_beside_it_shows_its_effect(world, sales):
    members = world.tables["campaign_members"].query("campaign_id == 'C2405'")
    bought = members["customer_id"].map(_orders_in(sales, "2024-11")).fillna(0)
    treated = members["arm"] == "treated"
    truth = world.truth["campaign_effects"].query("campaign_id == 'C2405'")["log_lift"]
    found = np.log(bought[treated].mean() / bought[~treated].mean())
    error = np.sqrt(1 / bought[treated].sum() + 1 / bought[~treated].sum())
    assert truth.min() - 2 * error < found < truth.max() + 2 * error


def test_the_clearance_drives_seniors_away_and_wins_families(world):
    effects = world.truth["campaign_effects"].query("campaign_id == 'C2501'")
    effects = effects.set_index("segment")["log_lift"]
    assert effects["Service-sensitive seniors"] == -0.45
    assert effects["Price-driven families"] == 0.50
    gaps = {"Service-sensitive seniors": [], "Price-driven families": []}
    for seed in (5, 6, 7):
        other = world if seed == 5 else market.simulate(customers=20_000, seed=seed)
        kind = other.truth["customers"].set_index("customer_id")["segment"]
        orders = other.tables["orders"]
        count = _orders_in(orders[orders["revenue"] > 0], "2025-02")
        members = other.tables["campaign_members"].query("campaign_id == 'C2501'")
        bought = members["customer_id"].map(count).fillna(0)
        treated = members["arm"] == "treated"
        for name, found in gaps.items():
            here = members["customer_id"].map(kind) == name
            found.append(bought[here & treated].mean() - bought[here & ~treated].mean())
    assert np.mean(gaps["Service-sensitive seniors"]) < 0
    assert np.mean(gaps["Price-driven families"]) > 0


def test_the_crm_knows_who_left_because_it_was_filled_in_afterwards(world, sales):
    desk = world.extra["crm_contacts"].set_index("customer_id")["retention_status"]
    people = world.tables["customers"]
    there = people.loc[people["acquired_at"] < "2025-01-01", "customer_id"]
    later = sales.loc[sales["ordered_at"] >= "2025-07-01", "customer_id"]
    lost = there.map(desk) == "closed: lost"
    silent = ~there.isin(later)
    recent = sales.loc[sales["ordered_at"].between("2024-07-01", "2024-12-31"), "customer_id"]
    buyer = there.isin(recent)
    # among those who still bought lately it tells the year's end better than anything known then
    assert silent[buyer & lost].mean() > silent[buyer & ~lost].mean() + 0.2
    # of those who still bought in the last year, it marks the ones who left during it
    end = there.map(world.truth["customers"].set_index("customer_id")["active_at_end"])
    assert not (lost & end).any()
    assert (lost & ~silent).sum() > 100


def test_urbanites_want_next_day_delivery_more_in_the_last_year(world, segment):
    tasks = world.tables["choice_tasks"]
    when = tasks.groupby("respondent_id")["answered_at"].first()
    worths = world.truth["choice_part_worths"].set_index("respondent_id")
    early = worths.index.map(when) < pd.Timestamp("2025-01-01")
    urban = worths["segment"] == "Convenience urbanites"
    next_day = worths["delivery: next day"]
    assert 0.25 < next_day[urban & ~early].mean() - next_day[urban & early].mean() < 0.55
    chosen = tasks[(tasks["delivery"] == "next day")].assign(
        urban=lambda d: d["customer_id"].map(segment) == "Convenience urbanites",
        late=lambda d: d["answered_at"] > "2025-01-01",
    )
    share = chosen[chosen["urban"]].groupby("late")["chosen"].mean()
    assert share[True] > share[False]


def test_two_segments_look_alike_and_want_opposite_things(world, segment):
    people = world.tables["customers"].assign(segment=lambda d: d["customer_id"].map(segment))
    style, ease = (
        people[people["segment"] == name] for name in ("Style seekers", "Convenience urbanites")
    )
    for column in ("income", "household"):
        assert abs(style[column].mean() / ease[column].mean() - 1) < 0.05
    assert abs((style["birth_date"].mean() - ease["birth_date"].mean()).days) < 365
    worths = world.truth["segment_part_worths"].set_index("segment")
    gap = worths.loc["Style seekers"] - worths.loc["Convenience urbanites"]
    assert gap["delivery: next day"] <= -1
    assert gap["sustainability: certified"] > 0.7


def test_some_customers_cost_more_than_they_bring(world, sales):
    margin = world.truth["margin"].groupby("customer_id")["margin"].sum()
    planted = world.truth["customers"].set_index("customer_id")["refund_probability"] == 0.9
    bought = sales.groupby("customer_id")["revenue"].sum().reindex(margin.index).fillna(0)
    assert 0.01 < planted.mean() < 0.03
    assert (margin[planted & (bought > 0)] < 0).mean() > 0.5
    assert margin[planted].mean() < 0.15 * margin[~planted].mean()
    # by what they buy they are customers like others
    assert bought[planted].mean() > 0.8 * bought[~planted].mean()


def test_of_two_markets_with_a_low_share_one_has_potential(world):
    growth = world.truth["market_growth"].set_index("market_segment")["growth"]
    ours = world.tables["market"].query("brand == 'Larkfield'")
    share = ours[ours["year"] == 2025].set_index("market_segment")["brand_share"]
    size = ours.pivot(index="market_segment", columns="year", values="market_revenue")
    grew = (size[2025] / size[2023]) ** 0.5
    assert (
        max(share["Hospitality"], share["Family homes"])
        < share.drop(["Hospitality", "Family homes"]).min()
    )
    assert growth["Hospitality"] > 1.05 > 1.0 > growth["Family homes"]
    assert grew["Hospitality"] > grew["Family homes"] + 0.02


def test_a_late_delivery_is_felt_everywhere(world, segment):
    """It lowers satisfaction, which ends relationships; it lowers stars and gets people to answer."""
    contacts = world.tables["interactions"]
    late = contacts[(contacts["touchpoint"] == "delivery") & (contacts["outcome"] == "late")]
    hit = late.loc[late["occurred_at"] < "2025-10-01", "customer_id"].unique()
    fine = contacts.loc[contacts["outcome"] == "on time", "customer_id"].unique()
    fine = np.setdiff1d(fine, hit)
    truth = world.truth["customers"].set_index("customer_id")
    mood = truth["satisfaction"] - truth["base_satisfaction"]
    assert mood[hit].mean() < mood[fine].mean() - 0.1
    quiet = market.simulate(
        customers=20_000,
        seed=5,
        settings=market.Settings(late=dict.fromkeys(("DE", "SE", "GB"), 0.0)),
    )
    assert quiet.truth["customers"]["active_at_end"].mean() > truth["active_at_end"].mean() + 0.01
    scores = [w.truth["survey_scores"]["nps"].mean() for w in (quiet, world)]
    assert scores[0] > scores[1] + 3
    stars = [w.tables["reviews"]["rating"].mean() for w in (quiet, world)]
    assert stars[0] > stars[1]
    asked, answered = world.tables["survey_invitations"], world.tables["survey_answers"]
    last = asked[asked["wave"] == "2025-H2"]["customer_id"]
    soon = late[late["occurred_at"].between("2025-07-20", "2025-10-12")]["customer_id"]
    told = last.isin(answered.loc[answered["wave"] == "2025-H2", "customer_id"])
    assert told[last.isin(soon)].mean() > told[~last.isin(soon)].mean()


def test_complaints_of_delivery_rise_in_every_language(world):
    reviews = world.tables["reviews"]
    year = reviews["created_at"].dt.year
    rise = pd.DataFrame(
        {
            (language, topic): reviews.loc[reviews["language"] == language, "text"]
            .map(lambda text, bad=bad: any(sentence in text for sentence in bad))  # type: ignore[misc]
            .groupby(year)
            .mean()
            for language, topics in PHRASES.items()
            for topic, (_, bad) in topics.items()
        }
    ).T
    rise = (rise[2025] - rise[2024]).unstack()
    assert (rise["delivery"] > 0.02).all()
    assert (rise.idxmax(axis=1) == "delivery").all()
    assert not (rise.drop(columns="delivery") > 0.02).all().any()
