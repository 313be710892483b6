"""Words and marks that deliveries use for true, false and nothing, and the plain form of an id."""

from __future__ import annotations

from playbook.intake.files import literal

__all__ = [
    "ERRORS",
    "FALSE",
    "NOTHING",
    "PLACEHOLDERS",
    "TRUE",
    "any_of",
    "plain_digits",
    "plain_id",
]

TRUE = ("true", "t", "yes", "y", "1", "1.0", "1,0", "x", "ja", "j", "wahr", "sant", "sann", "oui", "vrai", "si", "sí", "on", "checked", "✓", "✔", "是", "真", "对")  # fmt: skip
"""Words for true, lower case: English, German, Swedish, French, Spanish, Chinese, ticks."""
FALSE = ("false", "f", "no", "n", "0", "0.0", "0,0", "nein", "falsch", "nej", "falskt", "non", "faux", "off", "unchecked", "✗", "✘", "否", "假", "不")  # fmt: skip
"""Words for false, lower case."""
ERRORS = ("#N/A", "#NV", "#REF!", "#VALUE!", "#WERT!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#BEZUG!", "#SAKNAS!")  # fmt: skip
"""What a spreadsheet writes into a cell that it could not compute: never a value, in any column."""
NOTHING = ("NULL", "null", "Null", "(null)", "<null>", "NA", "N/A", "n/a", "n.a.", "NaN", "nan", "NAN", "None", "none", "NONE", "nil", "k.A.", "k. A.", "-", "--", "—", "–", ".", "?", "\\N", "NaT", "无", "空")  # fmt: skip
"""Words for nothing in columns of numbers, dates, flags and choices; names, texts and ids keep them."""
PLACEHOLDERS = ("0000-00-00", "1900-01-00", "1899-12-30", "1899-12-31", "00.00.0000", "00/00/0000", "0001-01-01", "01.01.0001", "9999-12-31", "31.12.9999", "12/31/9999", "31/12/9999")  # fmt: skip
"""Dates that programs write where there is none."""

_WIDE = "".join(chr(code) for code in range(0xFF01, 0xFF5F))
_ASCII = "".join(chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F))
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_MINUS = "−﹣‐‑–"
_APOSTROPHES = "’ʼ´`"
_INVISIBLE = (
    r"[\x{00AD}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2064}\x{2066}-\x{2069}\x{FEFF}]"
)


def any_of(words: tuple[str, ...] | list[str]) -> str:
    """Return the words as an SQL list of strings."""
    return ", ".join(literal(word) for word in words)


def plain_digits(text: str) -> str:
    """Return the SQL of a number's or date's text in ASCII: digits, spaces, minus, apostrophe."""
    found = _WIDE + _SPACES + _MINUS + _APOSTROPHES
    put = _ASCII + " " * len(_SPACES) + "-" * len(_MINUS) + "'" * len(_APOSTROPHES)
    return f"trim(translate({text}, {literal(found)}, {literal(put)}))"


def plain_id(text: str) -> str:
    """Return the SQL of an id in its plain form: composed, half width, without invisible signs or edges."""
    wide = f"translate(nfc_normalize({text}), {literal(_WIDE + _SPACES)}, {literal(_ASCII + ' ' * len(_SPACES))})"
    return f"nullif(trim(regexp_replace({wide}, {literal(_INVISIBLE)}, '', 'g'), ' \t'), '')"
