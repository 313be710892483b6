"""Focus groups: which themes were raised by which group, in which tone, with quotes chosen by rule."""

from __future__ import annotations

import pandas as pd

from playbook.answer import Answer, answers, need

__all__ = ["themes_by_group", "voices"]

ASK = "coded quotes of focus groups (session, participant, group, theme, sentiment, quote)"


@answers
def themes_by_group(quotes: pd.DataFrame) -> Answer:
    """Return how many participants of each group raised each theme, and the tone.

    Participants are counted, not quotes: one person who repeats a theme counts once. Focus groups show what
    there is, not how many customers think so; no interval is given because nobody was drawn at random.

    Parameters
    ----------
    quotes
        session, participant, group, theme, sentiment (negative, neutral, positive), quote.

    Returns
    -------
    Answer
        Table: theme, participants, of (participants in all), negative, positive, balance (positive − negative quotes ÷ quotes); most raised
        first. ``extra["groups"]`` is an answer with theme, group, participants, share of the group's participants.
    """
    need(quotes, "coded quotes of focus groups", ASK, rows=10)
    total = quotes["participant"].nunique()
    tone = pd.crosstab(quotes["theme"], quotes["sentiment"]).reindex(
        columns=["negative", "neutral", "positive"], fill_value=0
    )
    table = tone.assign(
        participants=quotes.groupby("theme")["participant"].nunique(),
        of=total,
        balance=(tone["positive"] - tone["negative"]) / tone.sum(axis=1),
    ).reset_index()
    table = table.sort_values(["participants", "theme"], ascending=[False, True], ignore_index=True)
    table = table[["theme", "participants", "of", "negative", "positive", "balance"]]
    first = table.iloc[0]
    sour = table.round({"balance": 9}).sort_values(["balance", "theme"]).iloc[0]
    groups = _groups(quotes, list(table["theme"]))
    return Answer(
        table=table,
        headline=f"{str(first['theme']).capitalize()} was raised by {first['participants']} of {total} participants",
        so_what=f"The tone is worst on {sour['theme']} ({sour['negative']} negative against {sour['positive']} positive quotes). Take themes "
        "from here and their frequency from the survey: a focus group finds questions, it does not count answers.",
        kind="descriptive",
        caption=f"Participants who raised a theme, and tone of their quotes ({quotes['session'].nunique()} sessions, {total} participants)",
        units={
            "participants": "count",
            "of": "count",
            "negative": "count",
            "positive": "count",
            "balance": "ratio",
        },
        source="coded focus group quotes",
        extra={"groups": groups},
    )


def _groups(quotes: pd.DataFrame, order: list[str]) -> Answer:
    sizes = quotes.groupby("group")["participant"].nunique()
    raised = quotes.groupby(["theme", "group"])["participant"].nunique()
    full = pd.MultiIndex.from_product([order, sorted(sizes.index)], names=["theme", "group"])
    table = raised.reindex(full, fill_value=0).rename("participants").reset_index()
    table["share"] = table["participants"] / table["group"].map(sizes)
    table["group"] = table["group"] + " (" + table["group"].map(sizes).astype(str) + ")"
    table = table.astype({"group": "str"})
    top = table.sort_values(
        ["share", "participants", "theme", "group"], ascending=[False, False, True, True]
    ).iloc[0]
    return Answer(
        table=table,
        headline=f"{str(top['theme']).capitalize()} occupies {top['group'].rsplit(' (', 1)[0]} most ({top['participants']} participants)",
        so_what="",
        kind="descriptive",
        caption="Participants who raised a theme, by group (participants in brackets)",
        units={"participants": "count", "share": "%"},
        source="coded focus group quotes",
    )


@answers
def voices(quotes: pd.DataFrame, number: int = 6) -> Answer:
    """Return a quote for each of the most raised themes, chosen by rule.

    The rule: in the theme's more frequent tone (negative where equal), the quote whose length is nearest to 70
    characters, then the first by alphabet.

    Returns
    -------
    Answer
        Table: theme, tone, group, quote.
    """
    need(quotes, "coded quotes of focus groups", ASK, rows=10)
    tone = quotes[quotes["sentiment"] != "neutral"]
    need(tone, "quotes with a tone", ASK)
    counts = tone.groupby(["theme", "sentiment"]).size().rename("n").reset_index()
    counts = counts.sort_values(["theme", "n", "sentiment"], ascending=[True, False, True])
    chosen = counts.drop_duplicates("theme")[["theme", "sentiment"]]
    people = quotes.groupby("theme")["participant"].nunique()
    best = tone.merge(chosen, on=["theme", "sentiment"])
    best = best.assign(raised=best["theme"].map(people), far=(best["quote"].str.len() - 70).abs())
    best = best.sort_values(
        ["raised", "theme", "far", "quote"], ascending=[False, True, True, True]
    )
    best = best.drop_duplicates("theme").head(number)
    table = best[["theme", "sentiment", "group", "quote"]].rename(columns={"sentiment": "tone"})
    bad = int((table["tone"] == "negative").sum())
    return Answer(
        table=table.reset_index(drop=True),
        headline=f"In {bad} of the {len(table)} most raised themes the prevailing tone is negative",
        so_what="Use the participants' own words when survey questions on these themes are written.",
        kind="descriptive",
        caption="One quote for each theme in its prevailing tone, chosen by rule",
        source="coded focus group quotes",
    )
