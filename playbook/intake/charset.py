"""Which encodings fit the bytes of a file that is not UTF-8: each candidate must be borne out by its words."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Callable, Iterable

__all__ = ["plausible"]

Blocks = Callable[[], Iterable[bytes]]
ENOUGH_WORDS = 200_000
"""Different words after which no more are gathered; every byte is still decoded."""
STRAY_SHARE = 0.005
"""Share of odd places that a large file may hold: one strange name in two hundred."""

ABOUT = re.compile("[A-Za-z0-9]{0,2}[^\x00-\x7f]+[A-Za-z0-9]{0,2}")
LATIN = re.compile("[€£¥©®«»¿¡–—’“”„°§²³·×]|[A-Za-z0-9][\u00a0-\u017f]|[\u00a0-\u017f][A-Za-z0-9]")
"""Signs of Latin scripts, and accents beside letters or digits."""
LETTER = "À-ÖØ-öø-ÿŠšŽžŒœŸ"
CAPITAL = "À-ÖØ-ÞŠŽŒŸ"
SIGNS = "¡¢£¤¥¦¨¬¯¶¸¹¼½¾¿†‡ˆ‰‹„‚"
ODD_WESTERN = re.compile(
    f"[{LETTER}]{{4}}"  # no Western word has four accents in a row
    f"|(?<![A-Za-z{LETTER}])[{LETTER}]{{2,}}(?![A-Za-z{LETTER}])"
    f"|[A-Za-z{LETTER}][{SIGNS}³²±¤”“»«›•©§¶†‡˜][A-Za-z{LETTER}]"
    f"|[A-Za-z{LETTER}][{SIGNS}]"
    f"|[a-z][{CAPITAL}]|[A-Z][{CAPITAL}][a-z]"
    f"|[{SIGNS}§©«°±²³´µ·º»]{{2}}"
    f"|(?<![A-Za-z{LETTER}])[{LETTER}](?![A-Za-z{LETTER}’'])(?<![àÀéÉêÊôåÅöÖäÄüÜøØæÆíÍóÓúÚáÁèÈùçÇñÑß])"
)
WESTERN = tuple(
    set(letters)
    for letters in ("äöüßé", "àâçéèêëîïôùûüÿœæ", "åäöéæø", "áéíóúüñ", "ãõáâàçéêíóôúü", "àèéìíòóùú", "éëïöüèê", "áéíóúýþæöð")
)  # fmt: skip
CENTRAL = tuple(
    set(letters)
    for letters in ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíľĺňóôŕšťúýž", "áéíóöőúüű", "čćđšž", "ăâîşţ")
)  # fmt: skip
RIVALS = ("cp1250", "mac-roman", "cp850")
MOSTLY = 0.95


def plausible(blocks: Blocks, *, instead_of_utf8: bool = False) -> list[str]:
    """Return the encodings whose reading of every block makes sense, the likeliest first.

    Parameters
    ----------
    blocks
        Gives the file's bytes from the start, each time it is called.
    instead_of_utf8
        The bytes are UTF-8 too: only a reading as Chinese text, where nothing looks like a Latin script, counts.
    """
    if instead_of_utf8:
        other = _words(blocks, "utf-8") or Counter()
        latin = any(LATIN.search(word) for word in other)
        return [] if latin or not _is_chinese(blocks) else ["gb18030"]
    found = []
    western = _words(blocks, "cp1252")
    if western is not None and _few_odd(western, lambda word: bool(ODD_WESTERN.search(word))):
        found.append("cp1252")
        found += [rival for rival in RIVALS if _fits_better(blocks, western, rival)]
    if _is_chinese(blocks):
        found.append("gb18030")
        if _is_korean(blocks):
            found.append("euc-kr")
        if _has_kana(_words(blocks, "euc-jp")):
            found.append("euc-jp")
    if _is_japanese(blocks):
        found.append("shift_jis")
    return found


def _words(blocks: Blocks, name: str) -> Counter[str] | None:
    """Return the words with characters beyond ASCII, counted; none when a byte cannot be decoded."""
    words: Counter[str] = Counter()
    decoder = codecs.getincrementaldecoder(name)()
    rest = ""
    try:
        for block in blocks():
            text = rest + decoder.decode(block)
            cut = max(text.rfind("\n"), 0) or len(text)
            if len(words) < ENOUGH_WORDS:
                words.update(ABOUT.findall(text[:cut]))
            rest = text[cut:]
        words.update(ABOUT.findall(rest + decoder.decode(b"", final=True)))
    except UnicodeDecodeError:
        return None
    return words


def _few_odd(words: Counter[str], odd: Callable[[str], bool]) -> bool:
    strange = sum(count for word, count in words.items() if odd(word))
    return strange <= STRAY_SHARE * words.total()


def _fits_better(blocks: Blocks, western: Counter[str], rival: str) -> bool:
    """Return whether the words fit one language in the rival encoding and no Western one in cp1252."""
    other = _words(blocks, rival)
    if other is None or not _few_odd(other, _breaks_a_word):
        return False
    as_western, as_rival = (
        {letter for word in words for letter in word.lower() if letter > "\x7f" and letter.isalpha()}
        for words in (western, other)
    )  # fmt: skip
    return (
        as_western != as_rival
        and not any(as_western <= letters for letters in WESTERN)
        and bool(as_rival)
        and any(as_rival <= letters for letters in (*WESTERN, *CENTRAL))
    )


def _breaks_a_word(word: str) -> bool:
    """Return whether a sign, or a capital, stands in the middle of a word's letters."""
    for before, middle, after in zip(word, word[1:], word[2:], strict=False):
        if middle > "\x7f" and before.isalpha() and after.isalpha():
            capital = middle.isupper() and (before.islower() or after.islower())
            if capital or not (middle.isalpha() or middle in "’‘´–·"):
                return True
    return False


def _characters(words: Counter[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            if character > "\x7f":
                counts[character] += count
    return counts


def _in(character: str, name: str) -> bool:
    try:
        character.encode(name)
    except UnicodeEncodeError:
        return False
    return True


def _is_chinese(blocks: Blocks) -> bool:
    """Common Han characters, seldom glued into Latin words, and no kana."""
    words = _words(blocks, "gb18030")
    if not words:
        return False
    characters = _characters(words)
    han = {c: n for c, n in characters.items() if "一" <= c <= "鿿"}
    known = sum(n for c, n in characters.items() if _in(c, "gb2312"))
    common = sum(n for c, n in han.items() if _in(c, "gb2312") and c.encode("gb2312")[0] <= 0xD7)
    glued = sum(n for w, n in words.items() if re.search("[a-z][一-鿿][a-z]|[A-Za-z]{2}[一-鿿][A-Za-z]", w))  # fmt: skip
    total, all_han = characters.total(), sum(han.values())
    return bool(
        all_han
        and known >= 0.98 * total
        and common >= 0.8 * all_han
        and glued <= 0.2 * words.total()
    )


def _is_korean(blocks: Blocks) -> bool:
    words = _words(blocks, "euc-kr")
    if not words:
        return False
    characters = _characters(words)
    hangul = sum(n for c, n in characters.items() if "가" <= c <= "힣")
    return hangul >= MOSTLY * characters.total()


def _has_kana(words: Counter[str] | None) -> bool:
    return bool(words) and any(re.search("[ぁ-ヺ]", word) for word in words or ())


def _is_japanese(blocks: Blocks) -> bool:
    """Kana among common characters, and few of the half-width ones that Chinese bytes look like."""
    words = _words(blocks, "cp932")
    if not words or not _has_kana(words):
        return False
    characters = _characters(words)
    half = sum(n for c, n in characters.items() if "｡" <= c <= "ﾟ")
    known = sum(n for c, n in characters.items() if _in(c, "cp932"))
    return half <= 0.2 * characters.total() and known >= 0.98 * characters.total()
