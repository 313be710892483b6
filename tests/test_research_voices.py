"""What customers say: masks, languages, tone, movers, quotes, focus groups, and needs with their evidence."""

from __future__ import annotations

import time
from datetime import date

import numpy as np
import pandas as pd
import pytest

from playbook import figures
from playbook import research as r
from playbook.answer import Missing
from playbook.market.phrases import PHRASES
from playbook.research import texts
from playbook.research.masking import cleaned, known_names, masked
from playbook.research.quoting import choose, quotable
from playbook.research.sentiment import tone, trained

SINCE = date(2024, 12, 31)
NOBODY = pd.DataFrame({"name": pd.Series(dtype="str")})


def _masked(text: str, *names: str) -> str:
    known = known_names(pd.DataFrame({"name": list(names)}))
    return masked(pd.Series([cleaned(text)]), known).iloc[0]


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("Write to Ada.Lovelace+shop@mail.example.org!", ["Ada", "example"]),
        ("ada (at) example (dot) org", ["ada", "example"]),
        ("Call me on +44 (0)20 7946 0958 or 07700 900123", ["7946", "900123"]),
        ("My name is john smith, 12 Abbey Road, NW8 9AY", ["john", "smith", "Abbey", "NW8"]),
        ("Order no. 88213 and ticket #AB-4711 of Mr. O'Brien", ["88213", "4711", "Brien"]),
        ("Kind regards, Wilhelmina Featherstone", ["Wilhelmina", "Feather"]),
        ("Herr Dr. Müller-Lüdenscheidt rief nie zurück", ["Müller", "Lüden"]),
        ("Meine Bestellnummer: 4711, Hauptstraße 12a, 20095 Hamburg", ["4711", "Haupt", "20095"]),
        ("Mit freundlichen Grüßen Karl-Heinz Schröder", ["Karl", "Schröder"]),
        ("ich heiße anna schmidt, IBAN DE89 3704 0044 0532 0130 00", ["anna", "schmidt", "3704"]),
        ("Jag heter Åsa Lindqvist, 070-123 45 67", ["Åsa", "Lindqvist", "123"]),
        ("Skicka till Drottninggatan 5, 111 51 Stockholm", ["Drottning", "111 51"]),
        ("Personnummer 19480503-1234. Mvh Erik Svensson", ["19480503", "Erik", "Svensson"]),
        ("我叫王小明，电话１３８００１３８０００", ["王小明", "１３８"]),
        ("请送到南京路100号3楼，李女士收", ["南京路", "100", "李女士"]),
        ("订单号20250102，王师傅没有来", ["20250102", "王师傅"]),
        ("电话是一三八零零一三八零零零", ["一三八"]),
        ("see https://example.org/me?id=7 or @janedoe", ["example", "janedoe"]),
    ],
)  # fmt: skip
def test_what_names_a_person_is_masked(text: str, secrets: list[str]) -> None:
    shown = _masked(text)
    assert "[" in shown and not [s for s in secrets if s in shown], shown


def test_the_clients_own_customers_are_masked() -> None:
    assert _masked("Tell Xanthe Quibble that it broke", "Xanthe Quibble") == "Tell [name] that it broke"  # fmt: skip
    assert _masked("欧阳锋收到了", "欧阳锋") == "[name]收到了"
    assert _masked("The Oak Table broke", "Xanthe Quibble") == "The Oak Table broke"


def test_ordinary_sentences_stay_as_they_are() -> None:
    said = [p for topics in PHRASES.values() for sides in topics.values() for side in sides for p in side]  # fmt: skip
    said += ["I paid 1200 euros in 2024.", "安装师傅动作快，收拾得很干净。", "Meine Frau und ich warten seit 14 Tagen."]  # fmt: skip
    assert masked(pd.Series(said)).tolist() == said


def test_mark_up_is_taken_off_and_formulas_are_not_quoted() -> None:
    assert cleaned("<script>alert(1)</script><b>Late</b>&nbsp;again\u202e!") == "Late again!"
    said = pd.Series(["=HYPERLINK(\"x\") the parcel was late", "THE PARCEL NEVER CAME AT ALL", "Never again, worst shop ever!!!",
                      "The parcel was a week late and broken.", "The driver [name] was very late again."])  # fmt: skip
    assert quotable(said).tolist() == [False, False, False, True, False]


def test_languages_are_read_as_said_or_guessed() -> None:
    said = pd.Series(["Die Lieferung war zu spät", "Leveransen kom för sent", "The delivery was late", "送货很快", "12345", "Bra"])  # fmt: skip
    assert texts.languages(said).tolist() == ["de", "sv", "en", "zh", "unknown", "sv"]
    stated = pd.Series(["de-DE", "Swedish", "ENG", "zh-Hans", None, "tlh"])
    assert texts.languages(said, stated).tolist() == ["de", "sv", "en", "zh", "unknown", "sv"]
    assert texts.languages(pd.Series(["The delivery was late"]), pd.Series(["zh"])).tolist() == ["en"]  # fmt: skip


def test_open_answers_of_the_simulated_client_are_guessed_right() -> None:
    rows = [(language, p) for language, topics in PHRASES.items() for sides in topics.values() for side in sides for p in side]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["language", "text"])
    guessed = texts.languages(frame["text"])
    assert (guessed == frame["language"]).mean() > 0.95
    assert (guessed.eq(frame["language"]) | guessed.eq("unknown")).all()


def test_forms_of_a_swedish_word_are_one_and_chinese_words_are_cut() -> None:
    assert set(texts.stemmed(pd.Series(["leveransen", "leveranser", "leveransens"]), "sv")) <= {"leverans", "leveransen"}  # fmt: skip
    assert texts.stemmed(pd.Series(["leveransen leveranser"]), "sv").iloc[0] == "leverans leverans"
    assert texts.tokens("没有人来送货", "zh") == ["送货"]
    table, _ = texts.topics(pd.Series(["Leveransen försenad"] * 20 + ["Leveranser försenade"] * 15 + ["Fin färg"] * 30), "sv", 2)  # fmt: skip
    assert table["texts"].tolist() == [35, 30] and set(table.loc[0, "topic"].split(" · ")) == {
        "försenad",
        "leveransen",
    }


def _written(
    language: str = "en", n: int = 240, bad: str = "The parcel came a week late.", good: str = "The design is lovely.",
    late: float = 0.5, before: float = 0.5, seed: int = 1,
) -> pd.DataFrame:  # fmt: skip
    """Return reviews of two years; a share of them complains, another share in each year."""
    rng = np.random.default_rng(seed)
    at = pd.to_datetime(np.repeat(["2024-06-01", "2025-06-01"], n // 2))
    wrong = rng.random(n) < np.repeat([before, late], n // 2)
    return pd.DataFrame({
        "review_id": [f"{language}{i:04d}" for i in range(n)], "customer_id": [f"C{i}" for i in range(n)], "product_id": "1", "created_at": at,
        "source": "shop", "language": language, "rating": np.where(wrong, 1.0, 5.0), "title": "t", "text": np.where(wrong, bad, good)})  # fmt: skip


def _movers(reviews: pd.DataFrame, **more: pd.DataFrame) -> r.voices.Answer:  # type: ignore[name-defined]
    found = r.voices.gather(reviews, **more)
    return r.voices.movers(found, r.voices.heard(found), SINCE)


PAIRS = {
    "en": ("The parcel came a week late.", "The design is lovely."),
    "de": ("Die Lieferung kam zu spät.", "Tolles Design und schöne Farbe."),
    "sv": ("Leveransen kom för sent.", "Fin design och vacker färg."),
    "zh": ("送货晚了一个星期。", "设计很好看，颜色很漂亮。"),
}


def test_a_risen_complaint_is_first_in_every_language_and_over_all() -> None:
    parts = [_written(x, 160, bad, good, 0.5, 0.2, i) for i, (x, (bad, good)) in enumerate(PAIRS.items())]  # fmt: skip
    answer = _movers(pd.concat(parts))
    first = answer.table[answer.table["place"] == 1].set_index("language")
    assert sorted(first.index) == ["Chinese", "English", "German", "Swedish"]
    assert set(first["need"]) == {"delivery"} and (first["q"] < 0.05).all()
    whole = answer["all"].table.iloc[0]
    assert whole["need"] == "delivery" and whole["low"] > 0 and whole["texts"] == 320
    assert "rose most" in answer.headline and "4 of 4 languages" in answer.so_what


def test_nothing_moves_when_only_the_number_of_open_answers_does() -> None:
    reviews = _written("en", 200, late=0.5, before=0.5)
    rng = np.random.default_rng(5)
    at = pd.to_datetime(["2024-06-01"] * 20 + ["2025-06-01"] * 200)
    bad = rng.random(220) < 0.9
    opened = pd.DataFrame({"response_id": [f"R{i}" for i in range(220)], "customer_id": "x", "question_id": "why", "answered_at": at,
                           "text": np.where(bad, "The parcel came a week late.", "The design is lovely.")})  # fmt: skip
    row = _movers(reviews, opened=opened)["all"].table.iloc[0]
    raw = r.voices.gather(reviews, opened)
    crude = raw.assign(bad=raw["text"].str.contains("late")).groupby(raw["created_at"].dt.year)["bad"].mean().diff().iloc[-1]  # fmt: skip
    assert crude > 0.15 and row["low"] < 0 < row["high"]


def test_the_change_over_strata_is_that_of_mantel_and_haenszel() -> None:
    hits = pd.DataFrame({True: [12, 30], False: [6, 10]}, index=["a", "b"])
    sizes = pd.DataFrame({True: [40, 60], False: [50, 30]}, index=["a", "b"])
    found = r.voices._risk_difference(hits, sizes)
    w = np.array([40 * 50 / 90, 60 * 30 / 90])
    by_hand = (w * (np.array([12 / 40, 30 / 60]) - np.array([6 / 50, 10 / 30]))).sum() / w.sum()
    assert found["change"] == pytest.approx(100 * by_hand) and found["low"] < found["change"] < found["high"]  # fmt: skip


def test_false_alarms_of_movers_stay_within_their_rate() -> None:
    hits, worlds = 0, 30
    for seed in range(worlds):
        rng = np.random.default_rng(1000 + seed)
        n = 240
        table = pd.DataFrame({"text_id": [str(i) for i in range(n)], "source": "review", "language": np.where(rng.random(n) < 0.7, "en", "de"),
                              "created_at": pd.to_datetime(np.repeat(["2024-06-01", "2025-06-01"], n // 2))})  # fmt: skip
        said = table.assign(need=rng.choice(list("abcdef"), n), complaint=rng.random(n) < 0.4, judged="model")  # fmt: skip
        answer = r.voices.movers(table, said, SINCE)
        hits += int((answer["all"].table["q"] < 0.05).any())
    assert hits <= 5  # 1.5 expected; six or more have a chance of less than 1 in 250


def test_tone_of_a_sentence_is_learned_from_other_reviews() -> None:
    reviews = _written("de", 80, *PAIRS["de"]).reset_index(drop=True)
    pieces = pd.DataFrame({"sentence": [PAIRS["de"][0], PAIRS["de"][1]], "review": ["none", "none"]})  # fmt: skip
    score = tone(pieces, reviews, "de")
    assert score.iloc[0] < 0 < score.iloc[1]
    unseen = reviews.assign(text=[f"wort{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(80)])
    assert (
        trained(unseen, "de").abs().mean() < 0.2
    )  # words of one review only teach nothing about it


def test_agreement_stands_beside_the_majority() -> None:
    reviews = _written("en", 200, late=0.2, before=0.2)
    table = r.reviews.sentiment_agreement(reviews).table.set_index("method")
    assert table.loc["trained on stars", "right"] == 1.0
    assert table.loc["lexicon", "majority"] == pytest.approx((reviews["rating"] == 5).mean())
    assert (table["low"] <= table["right"]).all() and (table["right"] <= table["high"]).all()


def test_quotes_are_typical_of_both_sides_and_of_different_people() -> None:
    reviews = _written("en", 120)
    odd = reviews["rating"].eq(1) & (np.arange(120) % 10 == 0)
    reviews.loc[odd, "text"] = "The parcel exploded like a volcano of frozen herring."
    reviews["customer_id"] = np.where(reviews["rating"] == 1, "same", reviews["customer_id"])
    found = r.voices.gather(reviews)
    table = r.quoting.quotes(found, r.voices.heard(found)).table
    assert table.set_index("side")["quote"].to_dict() == {"critical": "The parcel came a week late.", "approving": "The design is lovely."}  # fmt: skip
    cell = pd.DataFrame({"quote": ["The parcel came a week late again."] * 3, "language": "en", "person": ["a", "a", "a"]})  # fmt: skip
    other = cell.assign(quote="The courier never rang the bell at all.", person=["a", "a", "b"])
    assert choose([cell, other])["person"].tolist() == ["a", "b"]


def test_nothing_personal_is_in_any_table_of_texts() -> None:
    secret = (
        "My name is Zebulon Quartermain, zeb@quarter.example, 0171 555 0199, the parcel was late."
    )
    reviews = _written("en", 160, bad=secret)
    found = r.voices.gather(reviews)
    said = r.voices.heard(found)
    answers = [r.reviews.review_topics(found, 4, said), r.voices.movers(found, said, SINCE), r.reviews.themes(found), r.voices.sources(found),
               r.reviews.sentiment_agreement(found), r.quoting.quotes(found, said)]  # fmt: skip
    quotes = pd.DataFrame({"session": "1", "participant": list("abcdefghij"), "group": "g", "theme": "delivery", "sentiment": "negative", "quote": secret})  # fmt: skip
    answers += [r.focus_groups.themes_by_group(quotes), r.focus_groups.voices(quotes)]
    for answer in answers:
        shown = (
            ""
            if isinstance(answer, Missing)
            else answer.table.to_csv() + answer.headline + answer.so_what
        )
        shown = (shown + repr(answer)).casefold()
        assert not [w for w in ("zebulon", "quartermain", "zeb@", "555") if w in shown], answer
    assert isinstance(answers[-1], Missing)  # every quote had to be masked: none is shown


EMPTY = _written("en", 2).iloc[:0]
ODD = {
    "no reviews": EMPTY,
    "one review": _written("en", 2).iloc[:1],
    "empty texts": _written("en", 60).assign(text=None),
    "blank texts": _written("en", 60).assign(text="  "),
    "emoji only": _written("en", 60).assign(text="😀👍"),
    "no stars": _written("en", 60).assign(rating=np.nan),
    "all five stars": _written("de", 120, *PAIRS["de"]).assign(rating=5.0),
    "an unknown language": _written("tlh", 120, "nuqneH Qapla", "Heghlu meH QaQ jajvam"),
    "no language": _written("en", 120).assign(language=None),
    "one word": _written("sv", 120).assign(text="Bra"),
    "only stop words": _written("en", 120).assign(text="it was not"),
    "HTML and formulas": _written("en", 120, "<img src=x onerror=alert(1)>", '=cmd|" /C calc"!A0'),
    "one year": _written("en", 120).assign(created_at=pd.Timestamp("2025-05-01")),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_texts_are_answered_or_explained(name: str) -> None:
    reviews = ODD[name]
    found = r.voices.gather(reviews, EMPTY.assign(response_id="x", question_id="q", answered_at=pd.NaT), NOBODY)  # fmt: skip
    said = r.voices.heard(found)
    answers = [r.voices.sources(found), r.reviews.rating_trend(reviews, SINCE), r.reviews.review_topics(found, 12, said), r.voices.movers(found, said, SINCE),
               r.reviews.themes(found), r.reviews.sentiment_agreement(found), r.quoting.quotes(found, said)]  # fmt: skip
    for answer in answers:
        if isinstance(answer, Missing):
            assert "Not answered: " in repr(answer) and "Ask the client for" in repr(answer)
        else:
            assert len(answer.table) and answer.headline and "nan" not in answer.so_what.casefold()
    if name in ("no reviews", "one review", "empty texts", "blank texts", "emoji only"):
        assert isinstance(answers[2], Missing) and isinstance(answers[-1], Missing)
        assert repr(figures.movers(answers[3])).startswith("No figure: ")


def test_one_language_is_read_by_itself() -> None:
    found = r.voices.gather(_written("zh", 120, *PAIRS["zh"], 0.6, 0.2))
    answer = r.voices.movers(found, r.voices.heard(found), SINCE)
    assert set(answer.table["language"]) == {"Chinese"} and "1 of 1 languages" in answer.so_what
    assert repr(figures.movers(answer)).startswith("Figure: ")


def test_a_hundred_thousand_reviews_take_seconds_and_not_minutes() -> None:
    """Run on a twentieth of them, as every part grows with the number of texts or is capped."""
    reviews = pd.concat([_written("de", 5000, *PAIRS["de"], seed=i).assign(review_id=lambda d, i=i: d["review_id"] + str(i)) for i in range(1)])  # fmt: skip
    start = time.process_time()
    found = r.voices.gather(reviews)
    said = r.voices.heard(found)
    r.reviews.review_topics(found, 12, said)
    r.quoting.quotes(found, said)
    assert time.process_time() - start < 12


def _quotes(rows: list[tuple[str, str, str, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["session", "participant", "group", "theme"])
    return frame.assign(sentiment="negative", quote=[f"It is the thing number {chr(97 + i)} that nobody explained." for i in range(len(frame))])  # fmt: skip


def test_participant_two_of_another_session_is_another_person() -> None:
    rows = [(s, str(p), "families", "price") for s in "AB" for p in range(5)]
    assert r.focus_groups.themes_by_group(_quotes(rows)).table.loc[0, "participants"] == 10


def test_a_group_of_two_has_counts_and_no_share() -> None:
    rows = [("A", str(i), "families", "price") for i in range(8)] + [("B", str(i), "firms", "range") for i in range(2)]  # fmt: skip
    groups = r.focus_groups.themes_by_group(_quotes(rows))["groups"]
    table = groups.table.set_index(["group", "theme"])
    assert pd.isna(table.loc[("firms (of 2)", "range"), "share"])
    assert table.loc[("firms (of 2)", "range"), "participants"] == 2
    assert groups.headline == "Price occupies families most (8 of 8 participants)"
    assert "firms" in groups.so_what


def test_quotes_of_groups_show_both_tones_and_nobody_twice() -> None:
    rows = [("A", str(i % 3), "families", "price") for i in range(12)]
    quotes = _quotes(rows).assign(sentiment=["negative", "positive"] * 6)
    table = r.focus_groups.voices(quotes).table
    assert table["tone"].tolist() == ["negative", "positive"] and table["quote"].is_unique


def _strength(values: dict[str, dict[str, float]], n: int = 400) -> pd.DataFrame:
    rows = [(need, source, v, max(v - 0.05, 0), v + 0.05, n) for source, needs in values.items() for need, v in needs.items()]  # fmt: skip
    return pd.DataFrame(rows, columns=["need", "source", "strength", "low", "high", "n"])


SAID = {
    "survey importance": {"price": 0.5, "quality": 0.4, "style": 0.2, "delivery": 0.1},
    "reasons to leave": {"delivery": 0.5, "price": 0.3, "quality": 0.1, "style": 0.05},
    "behaviour": {"price": 0.9},
}


def test_needs_say_in_words_where_sources_differ() -> None:
    answer = r.needs.needs(_strength(SAID))
    words = answer["reading"].table.set_index("need")["reading"]
    assert words["delivery"] == "Customers leave for it, but few ask for it."
    assert words["price"] == "Customers ask for it and leave for it."
    assert answer.table.loc[0, "need"] == "price" and "about delivery" in answer.so_what
    assert answer.table.set_index("need").loc["price", "sources"] == 2  # behaviour is not ranked
    assert repr(figures.evidence(answer["profile"])).startswith("Figure: Price is what")


def test_needs_that_rose_since_the_year_before_are_marked() -> None:
    past = {s: dict(v) for s, v in SAID.items() if s != "behaviour"}
    past["reasons to leave"] = {"price": 0.5, "quality": 0.3, "style": 0.2}
    answer = r.needs.needs(_strength(SAID), _strength(past))
    risen = answer.table.set_index("need")["rising"]
    assert risen["delivery"] == "reasons to leave" and risen["style"] == ""
    assert "delivery rose in reasons to leave (+50.0 points" in answer.so_what
    same = r.needs.needs(_strength(SAID), _strength(SAID))
    assert "No source speaks of a need more" in same.so_what


def test_strengths_count_texts_people_and_buyers() -> None:
    found = r.voices.gather(_written("en", 120, late=0.5, before=0.0))
    empty = pd.DataFrame({"kind": [], "construct": [], "response_id": [], "customer_id": [], "wave": [], "value": []}, dtype=object)  # fmt: skip
    weights = pd.DataFrame({"customer_id": [], "wave": [], "weight": []}, dtype=object)
    quotes = _quotes([(s, str(p), "g", "late deliveries") for s in "AB" for p in range(5)])
    moves = pd.DataFrame({"moved_at": [pd.Timestamp("2025-03-01")] * 30 + [pd.Timestamp("2024-03-01")] * 30, "from_brand": "Us", "reason": ["price"] * 30 + ["style"] * 30})  # fmt: skip
    cases, earlier = pd.DataFrame({"topic": ["late delivery"], "cases": [40]}), pd.DataFrame({"topic": ["late delivery", "invoice"], "cases": [40, 60]})  # fmt: skip
    metrics = pd.DataFrame({"orders": [1] * 40, "discount": [1.0] * 10 + [0.0] * 30})
    now = r.needs.strengths(empty, weights, found, cases, quotes, moves, "Us", SINCE, metrics)
    by = now.set_index(["need", "source"])["strength"]
    late = found[found["created_at"] > "2025"]["text"].str.contains("late").mean()
    assert by[("delivery", "reviews")] == pytest.approx(late)
    assert by[("delivery", "focus groups")] == 1.0 and by[("price", "reasons to leave")] == 1.0
    assert by[("price", "behaviour")] == pytest.approx(0.25)
    past = r.needs.strengths_before(
        empty, empty, weights, found, cases, earlier, moves, "Us", SINCE
    )
    by = past.set_index(["need", "source"])["strength"]
    assert by[("style", "reasons to leave")] == 1.0 and by[("invoice", "service cases")] == 1.0
    assert ("delivery", "reviews") not in by.index  # nobody wrote of it in the year before
    assert r.needs.year_before(date(2024, 2, 29)) == date(2023, 2, 28)


def test_choices_are_counted_when_shown() -> None:
    rng = np.random.default_rng(2)
    rows = []
    for person in range(60):
        for task in range(4):
            first = int(rng.random() < 0.8)
            rows += [(f"P{person}", task, 1, bool(first), False, "slot"), (f"P{person}", task, 2, not first, False, "standard"),
                     (f"P{person}", task, 3, False, True, None)]  # fmt: skip
    tasks = pd.DataFrame(rows, columns=["respondent_id", "task", "alternative", "chosen", "is_none", "delivery"])  # fmt: skip
    table = r.preferences.chosen(tasks).table.set_index("level")
    share = tasks[tasks["delivery"] == "slot"]["chosen"].mean()
    assert table.loc["slot", "share"] == pytest.approx(share)
    assert table.loc["slot", "low"] < share < table.loc["slot", "high"]
    assert table.loc["slot", "share"] + table.loc["standard", "share"] == pytest.approx(1.0)
    assert isinstance(r.preferences.chosen(tasks.head(5)), Missing)
    assert isinstance(r.preferences.chosen(tasks.drop(columns="delivery")), Missing)


def test_habits_count_customers_and_their_first_choice() -> None:
    rows = [(f"C{i}", "channel", "shop", 3.0) for i in range(30)] + [(f"C{i}", "channel", "app", 5.0) for i in range(10)]  # fmt: skip
    mix = pd.DataFrame(rows, columns=["customer_id", "dimension", "name", "amount"])
    table = r.preferences.habits(mix).table.set_index("name")
    assert table.loc["app", ["customers", "share", "main"]].tolist() == pytest.approx([10, 1 / 3, 1 / 3])  # fmt: skip
    assert isinstance(r.preferences.habits(mix.head(3)), Missing)


def test_behaviour_alone_says_nothing_of_needs() -> None:
    answer = r.needs.needs(_strength({"behaviour": SAID["behaviour"]}))
    assert "no source but behaviour speaks of them" in repr(answer) and isinstance(answer, Missing)
    one = r.needs.needs(_strength({k: SAID[k] for k in ("behaviour", "reasons to leave")}))
    assert "only one source (reasons to leave)" in repr(one)
    assert repr(figures.evidence(one["profile"])).startswith("No figure: ")
