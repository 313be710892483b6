"""Focus groups: which themes were raised by which group, in which tone, with quotes chosen by rule."""

from __future__ import annotations

import pandas as pd

from playbook.answer import Answer, answers, need
from playbook.research.masking import cleaned, masked
from playbook.research.quoting import choose
from playbook.research.texts import languages

__all__ = ["themes_by_group", "voices"]

ASK = "coded quotes of focus groups (session, participant, group, theme, sentiment, quote)"
SMALL = 5
"""Participants of a group below which a share is not shown: one of two people is not 50 %."""


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
    quotes = need(_people(quotes), "coded quotes of focus groups", ASK, rows=10)
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


def _people(quotes: pd.DataFrame) -> pd.DataFrame:
    """Return the quotes with one name a person: "2" of one session is not "2" of another."""
    session, group = quotes["session"].astype("str"), quotes["group"].astype("str")
    return quotes.assign(
        participant=session + " / " + quotes["participant"].astype("str"),
        group=group.where(quotes["group"].notna(), "group not stated"),
    )


def _groups(quotes: pd.DataFrame, order: list[str]) -> Answer:
    sizes = quotes.groupby("group")["participant"].nunique()
    raised = quotes.groupby(["theme", "group"])["participant"].nunique()
    full = pd.MultiIndex.from_product([order, sorted(sizes.index)], names=["theme", "group"])
    table = raised.reindex(full, fill_value=0).rename("participants").reset_index()
    of = table["group"].map(sizes)
    table["share"] = (table["participants"] / of).where(of >= SMALL)
    ranked = table.assign(rank=table["share"].fillna(-1.0))
    top = ranked.sort_values(
        ["rank", "participants", "theme", "group"], ascending=[False, False, True, True]
    ).iloc[0]
    whole = int(sizes[top["group"]])
    small = sorted(sizes[sizes < SMALL].index)
    table["group"] = table["group"] + " (of " + of.astype(str) + ")"
    return Answer(
        table=table.astype({"group": "str"}),
        headline=f"{str(top['theme']).capitalize()} occupies {top['group']} most ({top['participants']} of {whole} participants)",
        so_what=f"Read a row to see whom a theme concerns. Too few for shares ({SMALL} participants needed): {', '.join(small)}." if small else "Read a row to see whom a theme concerns.",
        kind="descriptive",
        caption="Participants who raised a theme, by group (size of the group in brackets); counts, since nobody was drawn at random",
        units={"participants": "count", "share": "%"},
        source="coded focus group quotes",
    )  # fmt: skip


@answers
def voices(quotes: pd.DataFrame, number: int = 6) -> Answer:
    """Return quotes for the most raised themes, chosen by rule.

    The rule: of each theme's negative and of its positive quotes the quotable one (`quoting.quotable`) nearest to the
    centre of them all; the more frequent tone first; no participant is quoted twice.

    Returns
    -------
    Answer
        Table: theme, tone, group, quote, stands_for (quotes of that theme and tone); the most raised themes first.
    """
    quotes = need(_people(quotes), "coded quotes of focus groups", ASK, rows=10)
    tone = need(quotes[quotes["sentiment"] != "neutral"], "quotes with a tone", ASK)
    text = masked(tone["quote"].map(cleaned).astype("str"))
    tone = tone.assign(quote=text, language=languages(text), person=tone["participant"])
    raised = quotes.groupby("theme")["participant"].nunique()
    order = sorted(set(tone["theme"]), key=lambda theme: (-raised[theme], theme))[:number]
    counts = tone.groupby(["theme", "sentiment"]).size()
    cells = [
        tone[(tone["theme"] == theme) & (tone["sentiment"] == side)]
        for theme in order
        for side in sorted(counts[theme].index, key=lambda s: (-counts[theme, s], s))
    ]
    table = need(choose(cells), "quotes fit to be shown", ASK)
    table = table.rename(columns={"sentiment": "tone"})
    table = table[["theme", "tone", "group", "quote", "stands_for"]]
    table = table.astype({"theme": "str", "tone": "str", "group": "str", "quote": "str"})
    sides = counts.unstack(fill_value=0).reindex(columns=["negative", "positive"], fill_value=0)
    bad = int((sides.loc[order, "negative"] > sides.loc[order, "positive"]).sum())
    return Answer(
        table=table.reset_index(drop=True),
        headline=f"In {bad} of the {len(order)} most raised themes the prevailing tone is negative",
        so_what="Use the participants' own words when survey questions on these themes are written.",
        kind="descriptive",
        caption="Quote nearest to the centre of its theme and tone; names and numbers masked, no participant quoted twice",
        units={"stands_for": "count"},
        source="coded focus group quotes",
    )
