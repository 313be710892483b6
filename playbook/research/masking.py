"""Texts made fit to be shown: mark-up taken off, and what could name a person replaced by a mask.

Rules, not a model: each mask can be explained. Names are found by what stands before or after them
(a title, a greeting, "my name is"), by a list of frequent given names, and by the client's own list of
customers. Too much is masked rather than too little; what no rule sees may remain, so quotes with
a mask are not chosen where another one is there.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import cache
from itertools import pairwise

import pandas as pd

__all__ = ["MASK", "cleaned", "is_masked", "known_names", "masked"]

MASK = re.compile(r"\[(?:name|e-mail|link|number|address)\]")

_GIVEN = """adam adrian agnes alexander alice amelia amy andrea andreas andrew angela anders andreas anja anke anna annika
    anton arthur astrid axel barbara ben benjamin birgit birgitta brian britta camilla carina carl carla caroline catherine cecilia
    charlie charlotte chloe chris christian christina christine christoph claire clara claudia connor daniel daniela
    dave david dennis dieter dirk dominik edward elin elisabeth elizabeth ella elsa emelie emil emilia emily emma erik erika eva
    evelyn fabian felix florian fredrik gabriele george gerhard gertrud gunnar gunilla gustav hanna hannah hans harry heather
    heike heinz helen helena helga helmut henrik henry herbert hilde holger horst ian ida ines inga ingrid isabella isla jacob james jan
    jana jane janet jason jens jennifer jessica jessika joachim joanna johan johanna johannes john jonas jonathan josef joseph
    joshua julia julian jürgen karin karl karla karolina katarina katharina kathrin katja kerstin kevin klaus kristina kurt lars
    laura lauren lena lennart leon leonie liam lina linda linnea lisa louise lucas lucy ludwig lukas magnus maja malin manfred
    manuela marcel marcus margaret margareta maria marianne marie markus martin martina matthew matthias mats megan michael michaela
    mikael mia monika moritz natalie nicole nicholas niklas nina nora olaf oliver olivia olof oscar oskar oskar patrik patrick
    paul paula per-olof peter petra philip philipp rachel ralf rebecca renate richard robert robin roland rolf ryan sabine samuel sandra
    sara sarah sebastian silke simon sofia sofie sophie stefan stefanie stephanie stephen steven susan susanne sven tanja thomas thorsten
    timothy tobias tom tomas torsten ulf ulla ulrich ulrike ursula uwe viktor viktoria volker walter werner wilhelm wolfgang yvonne zoe åke åsa"""
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱林郭何罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁余叶蒋杜苏魏程吕丁沈姚卢姜崔钟谭陆汪范廖贾韦付邹熊孟秦邱尹薛闫雷侯"
_NAME = r"[A-ZÄÖÜÅÉ][\w'’\-]+"
_ANY = r"[^\W\d_][\w'’\-]+"
_STREETS_DE = r"(?:straße|strasse|str\.|weg|allee|platz|gasse|ring|damm|ufer|chaussee|markt)"
_STREETS_SV = r"(?:gatan|vägen|gränd|torget|allén|stigen|backen|gata|väg)"
_STREETS_EN = r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Drive|Close|Way|Court|Place|Square|Terrace|Crescent|Gardens|Grove)"
_ORDER = (
    r"(?:order|bestell\w*|auftrags?\w*|kunden?\w*|rechnungs?\w*|beställning\w*|kund\w*|faktura\w*|ärende\w*|invoice|ticket|case|customer|account"
    r"|parcel|tracking|订单|单号|快递单|客户|工单)"
)

_RULES: tuple[tuple[str, str], ...] = (
    (r"[\w.+\-]+\s?(?:@|＠|\(at\)|\[at\]|\(ät\))\s?[\w\-]+(?:\s?(?:\.|\(dot\)|\(punkt\))\s?[\w\-]+)+", "[e-mail]"),
    (r"(?i)\b(?:https?://|www\.)\S+", "[link]"),
    (r"(?<!\w)@\w{3,}", "[name]"),
    (rf"\b{_NAME}(?:[\s\-]{_NAME})?[\s\-]?{_STREETS_DE}\s*\d+\s?[a-zA-Z]?\b", "[address]"),
    (rf"(?i)\b\w+{_STREETS_DE}\s*\d+\s?[a-z]?\b", "[address]"),
    (rf"(?i)\b\w+(?:\s\w+)?{_STREETS_SV}\s*\d+\s?[a-z]?\b", "[address]"),
    (rf"(?i)\b\d+[a-z]?,?\s+(?:[a-z][a-z'’]+\s){{1,3}}{_STREETS_EN}\b\.?", "[address]"),
    (r"\b[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b", "[address]"),
    (r"\b(?:D-|S-|SE-)?\d{5}\s+[A-ZÄÖÜ][a-zäöüß]{2,}", "[address]"),
    (r"\b(?:SE-)?\d{3}\s\d{2}\s+[A-ZÅÄÖ][a-zåäö]{2,}", "[address]"),
    (r"[一-鿿]{2,12}(?:路|街|道|巷|弄|胡同|小区)\s?[\d一二三四五六七八九十百]+\s?[号弄栋](?:[\d\-]*(?:楼|室|单元|栋|号))*", "[address]"),
    (rf"(?i){_ORDER}[\s\-]*(?:no|nr|number|nummer|id|号码?|编号)?\s?[.:#：]*\s*#?[A-Z]{{0,4}}[\-/]?\d{{3,}}[A-Z0-9\-/]*", "[number]"),
    (r"#\s?[A-Z]{0,4}\-?\d{3,}[A-Z0-9\-]*", "[number]"),
    (r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){3,}(?:\s?[A-Z0-9]{1,4})?\b", "[number]"),
    (r"\b[A-Z]{1,5}[\-/]?\d{3,}[A-Z0-9\-/]*\b", "[number]"),
    (r"[+(]?\d(?:[\s().\-/–\u00a0]{0,2}\d){4,}", "[number]"),
    (r"[〇零一二三四五六七八九幺]{6,}", "[number]"),
    (rf"(?i:\b(?:my name is|name's|i am called|mein name ist|ich hei(?:ß|ss)e|jag heter|mitt namn är|mein mann|meine frau|my husband|my wife|min man|min fru))\s+(?!\[){_NAME}(?:\s+{_NAME})?", "[name]"),
    (rf"(?i:\b(?:my name is|i am called|mein name ist|ich hei(?:ß|ss)e|jag heter|mitt namn är))\s+(?!\[){_ANY}(?:\s+{_ANY})?", "[name]"),
    (rf"\b(?:Mrs?|Ms|Miss|Mx|Dr|Prof|Herrn?|Frau|Fräulein|Familie|Herr|Fru|Fröken)\.?\s+(?:(?:Dr|Prof)\.\s+)?{_NAME}(?:\s+{_NAME})?", "[name]"),
    (rf"(?i:\b(?:regards|sincerely|cheers|grüße|grüßen|gruß|gruss|hälsningar|hälsning|mvh|vänligen))[\s,.!\-–]+{_NAME}(?:\s+{_NAME})?\s*[.!]?\s*$", "[name]"),
    (rf"(?:我叫|名叫|姓名[:：]?|我的名字是|我是|收件人[:：]?)[{_SURNAMES}][一-鿿]{{1,2}}", "[name]"),
    (rf"[{_SURNAMES}][一-鿿]{{0,2}}(?:先生|女士|小姐|太太|师傅|经理|老师|阿姨|主任)", "[name]"),
)  # fmt: skip


@cache
def _rules() -> tuple[tuple[re.Pattern[str], str], ...]:
    given = "|".join(
        sorted({name.capitalize() for name in _GIVEN.split()}, key=lambda n: (-len(n), n))
    )
    names = (rf"\b(?:{given})(?:[’']?s)?\b(?:\s+(?:von\s|van\s|af\s|de\s)?{_NAME})?", "[name]")
    return tuple((re.compile(rule), mask) for rule, mask in (*_RULES, names))


def cleaned(text: object) -> str:
    """Return a text without mark-up, control signs and runs of spaces.

    Examples
    --------
    >>> cleaned("<b>Late</b> &amp; broken<br/>again")
    'Late & broken again'
    """
    plain = str(text)
    if "<" in plain or "&" in plain:
        plain = html.unescape(plain)
        plain = re.sub(r"(?is)<(script|style)\b.*?(?:</\1\s*>|$)", " ", plain)
        plain = re.sub(r"</?[a-zA-Z!][^<>]{0,300}>", " ", plain)
    if not plain.isprintable():
        signs = ((c, unicodedata.category(c)) for c in plain)
        plain = "".join(
            " " if k in ("Cc", "Zl", "Zp") else c
            for c, k in signs
            if k not in ("Cf", "Cs", "Co", "Cn")
        )
    return re.sub(r"\s+", " ", plain).strip()


def known_names(records: pd.DataFrame | None) -> tuple[frozenset[str], frozenset[str]]:
    """Return the client's customers' names: words of spaced names, and whole names written without a space.

    Parameters
    ----------
    records
        Customer records with ``name``; none when there are no names.
    """
    if records is None or "name" not in records:
        return frozenset(), frozenset()
    names = records["name"].dropna().astype(str).str.strip()
    whole = names[names.str.fullmatch(r"[一-鿿]{2,4}")]
    words = names[~names.index.isin(whole.index)].str.casefold().str.split(r"[\s,]+").explode()
    words = words[words.str.len() > 2]
    return frozenset(words), frozenset(whole)


def masked(
    texts: pd.Series, names: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
) -> pd.Series:
    """Return texts with names, e-mail addresses, links, numbers of five digits and more, and addresses masked.

    Parameters
    ----------
    names
        Of `known_names`.

    Examples
    --------
    >>> masked(pd.Series(["Mrs Brown, call 0171 555 0199"])).tolist()
    ['[name], call [number]']
    """
    words, whole = names
    signs = re.compile("|".join(sorted(map(re.escape, whole)))) if whole else None

    def one(text: str) -> str:
        numbers, marks = bool(_NUMBERS.search(text)), bool(_MARKS.search(text))
        for rule, mask in _rules():
            if numbers if mask in ("[number]", "[address]") else marks or mask == "[name]":
                text = rule.sub(mask, text)
        if words:
            text = _without_pairs(text, words)
        if signs is not None and _CHINESE.search(text):
            text = signs.sub("[name]", text)
        return text

    return texts.map(one).astype("str") if len(texts) else texts.astype("str")


_NUMBERS = re.compile(r"\d|[〇零一二三四五六七八九十幺]")
_MARKS = re.compile(r"[@＠(\[]|www|://")
_CHINESE = re.compile(r"[一-鿿]")
_CAPITALS = re.compile(rf"\b{_NAME}")


def _without_pairs(text: str, words: frozenset[str]) -> str:
    """Return the text with two neighbouring capital words masked where both are names of customers."""
    found = [m for m in _CAPITALS.finditer(text) if m[0].casefold() in words]
    for left, right in reversed(list(pairwise(found))):
        if text[left.end() : right.start()].isspace():
            text = text[: left.start()] + "[name]" + text[right.end() :]
    return text


def is_masked(texts: pd.Series) -> pd.Series:
    """Return whether something was masked in each text."""
    return texts.str.contains(MASK)
