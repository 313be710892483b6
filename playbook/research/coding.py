"""The coding frame: which words, in which language, speak of which need.

Content analysis by a fixed frame: a sentence speaks of a need when it holds one of the need's word
beginnings. The frame is general vocabulary of retail and service; what it does not catch is counted
and shown as the share of sentences without a code.
"""

from __future__ import annotations

import re
from functools import cache

import pandas as pd

__all__ = ["FRAME", "code", "need_of", "sentences"]

FRAME: dict[str, dict[str, str]] = {
    "delivery": {
        "en": "deliver|parcel|shipping|shipment|courier|driver|late\\b|on time|time slot|arrived|waited at home",
        "de": "liefer|paket|versand|zustell|fahrer|verspätet|zu spät|pünktlich|zeitfenster|gewartet",
        "sv": "leverans|levere|paket|frakt|chaufför|försena|för sent|bokat|väntade hemma",
        "zh": "送货|送到|物流|快递|配送|准时|等了",
    },
    "assembly": {
        "en": "assembl|fitter|instructions|screw|mounted|installation|build it|built it",
        "de": "aufbau|aufgebaut|monteur|montage|anleitung|schraube|fehlende teil",
        "sv": "monter|anvisning|skruv",
        "zh": "安装|说明书|螺丝|装好",
    },
    "price": {
        "en": "price|expensive|cheaper|bargain|voucher|discount|good value|great value|per cent|sale\\b|costs?\\b|afford",
        "de": "preis|teuer|billiger|schnäppchen|gutschein|rabatt|prozent|günstig",
        "sv": "pris|dyr|billigare|fynd|rabatt|procent",
        "zh": "价格|贵|便宜|优惠|划算|性价比",
    },
    "quality": {
        "en": "quality|solid|made\\b|crack|broke|broken|wore|worn|peel|jam|damag|defect|still looks new|last(?:s|ed)\\b",
        "de": "qualität|verarbeit|massiv|gebroch|kaputt|klemmt|löst sich|scheuert|beschädig|defekt|wie neu",
        "sv": "kvalitet|gediget|sprucket|trasig|slitet|kärvar|lossnar|skadad|som ny",
        "zh": "质量|结实|做工|裂|卡住|脱落|像新的",
    },
    "service": {
        "en": "service|called me back|answered|case was|explain my problem|advice|knew the products|staff|advis|question",
        "de": "kundendienst|service|beratung|zurückgerufen|antwort|der fall|mein problem",
        "sv": "kundtjänst|personalen|ärende|svarade|mitt problem|rådgiv",
        "zh": "客服|回复|问题|服务|店员",
    },
    "style": {
        "en": "design|style|colou?r|beautiful|lovely|looks cheap|picture|elegant",
        "de": "design|farbe|stil\\b|wunderbar zu|wirkt|aussehen|schön",
        "sv": "design|färg|vacker|stil\\b|snygg|ser billig ut",
        "zh": "设计|颜色|漂亮|好看|看起来",
    },
    "range": {
        "en": "range|assortment|choice of|in stock|out of stock|sizes",
        "de": "auswahl|sortiment|ausverkauft|lagernd",
        "sv": "sortiment|urval|slut i lager",
        "zh": "款式|品种|缺货|选择",
    },
    "sustainability": {
        "en": "sustainab|certified|recycl|forest|environment|packaging",
        "de": "nachhaltig|zertifiz|recycl|umwelt|verpackung",
        "sv": "hållbar|certifier|återvin|miljö|förpackning",
        "zh": "环保|认证|可持续|包装",
    },
    "returns": {
        "en": "return|refund|sent back|exchange",
        "de": "rückgabe|retoure|rücksend|erstattung|umtausch",
        "sv": "retur|ångra|återbetal|byta",
        "zh": "退货|退款|换货",
    },
    "app and web shop": {
        "en": "app\\b|web ?shop|website|online shop|checkout",
        "de": "app\\b|webseite|online-?shop",
        "sv": "app\\b|appen|webbplats|nätbutik",
        "zh": "网站|应用|网店",
    },
    "loyalty programme": {
        "en": "loyalty|points|member",
        "de": "treue|punkte|mitglied",
        "sv": "lojalitet|poäng|medlem",
        "zh": "积分|会员",
    },
    "invoice": {
        "en": "invoice|bill\\b|billing",
        "de": "rechnung",
        "sv": "faktura",
        "zh": "发票|账单",
    },
}
"""Need → language (ISO 639) → regular expression of word beginnings."""


@cache
def _patterns(language: str) -> dict[str, re.Pattern[str]]:
    """Return need → pattern for a language; another language is searched with all word lists."""
    known = language if language in FRAME["delivery"] else ""
    found = {}
    for name, words in FRAME.items():
        parts = [words[known]] if known else [words[key] for key in sorted(words)]
        spaced = [rf"\b(?:{p})" if key == "en" else f"(?:{p})" for key, p in zip([known] if known else sorted(words), parts, strict=True)]  # fmt: skip
        found[name] = re.compile("|".join(spaced), re.IGNORECASE)
    return found


def need_of(label: str) -> str:
    """Return the need a short label such as ``late deliveries`` belongs to, or the label itself.

    Examples
    --------
    >>> need_of("late deliveries"), need_of("style"), need_of("parking")
    ('delivery', 'style', 'parking')
    """
    text = str(label).strip()
    if text.casefold() in FRAME:
        return text.casefold()
    hits = [name for name, pattern in _patterns("en").items() if pattern.search(text)]
    return hits[0] if hits else text.casefold()


def sentences(texts: pd.DataFrame, key: str = "review_id") -> pd.DataFrame:
    """Return one row a sentence: the key, language and ``sentence``.

    Parameters
    ----------
    texts
        ``key``, language and text.
    """
    frame = texts[[key, "language", "text"]].dropna(subset=["text"]).sort_values(key)
    split = frame["text"].astype(str).map(lambda t: re.split(r"(?<=[.!?])\s+|(?<=[。！？])", t))
    frame = frame.assign(sentence=split).explode("sentence").drop(columns="text")
    frame["sentence"] = frame["sentence"].str.strip()
    return frame[frame["sentence"].str.len() > 1].reset_index(drop=True)


def code(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row a sentence and need it speaks of: the rows of ``frame`` with ``need``.

    Parameters
    ----------
    frame
        language (may be empty) and sentence.
    """
    parts = []
    for language, part in frame.groupby(frame["language"].fillna("").astype("str"), sort=True):
        for name, pattern in _patterns(str(language)).items():
            hit = part[part["sentence"].str.contains(pattern)]
            parts.append(hit.assign(need=name))
    if not parts:
        return frame.assign(need=pd.Series(dtype="str"))
    return pd.concat(parts).sort_index(kind="stable").astype({"need": "str"})
