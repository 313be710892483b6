"""Makes HTML safe to show: markup from a known list only, pictures as data, no script, no address."""

from __future__ import annotations

import base64
import html
import re
import unicodedata
from functools import cache
from io import BytesIO
from pathlib import Path

import bleach
from fontTools import subset
from fontTools.ttLib import TTFont

__all__ = ["MAX_PAGE_BYTES", "fonts_css", "picture", "readable", "sanitised"]

MAX_PAGE_BYTES = 5_000_000
FONTS = Path(__file__).resolve().parents[1] / "figures" / "fonts"
_TAGS = {
    "p", "span", "strong", "em", "code", "pre", "br", "ul", "ol", "li", "h1", "h2", "h3", "h4", "blockquote",
    "table", "caption", "thead", "tbody", "tr", "th", "td", "div", "a", "hr",
}  # fmt: skip
_ATTRIBUTES = {
    "*": ["class"],
    "a": ["href"],
    "th": ["class", "colspan"],
    "td": ["class", "colspan"],
}
_HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def sanitised(markup: str) -> str:
    """Return markup with only plain text elements; links lead within the report only."""
    clean = bleach.clean(markup, tags=_TAGS, attributes=_ATTRIBUTES, protocols=[], strip=True)
    return re.sub(r'href="(?!#|\w[\w-]*\.html)[^"]*"', "", clean)


def readable(text: object) -> str:
    """Return client text in normal form without invisible or direction-changing signs (not escaped)."""
    return _HIDDEN.sub("", unicodedata.normalize("NFC", str(text)))


def picture(png_base64: str, alternative: str) -> str:
    """Return an image element that holds the picture itself."""
    data = re.sub(r"\s", "", png_base64)
    base64.b64decode(data, validate=True)
    return f'<img src="data:image/png;base64,{data}" alt="{html.escape(alternative)}">'


def fonts_css(text: str) -> str:
    """Return the house typeface as CSS, with just the Chinese and Japanese signs that ``text`` uses."""
    faces = [
        _face("Playbook Sans", 400, _whole("PlaybookSans-Regular.otf")),
        _face("Playbook Sans", 700, _whole("PlaybookSans-Bold.otf")),
    ]
    wide = {ord(sign) for sign in set(text) if ord(sign) >= 0x2E80}
    if wide:
        faces.append(_face("Playbook CJK", 400, _subset(FONTS / "PlaybookCJK-Regular.otf", wide)))
    return "\n".join(faces)


def _face(family: str, weight: int, data: bytes) -> str:
    encoded = base64.b64encode(data).decode()
    return (
        f'@font-face {{font-family: "{family}"; font-weight: {weight}; '
        f"src: url(data:font/woff;base64,{encoded})}}"
    )


@cache
def _whole(name: str) -> bytes:
    font = TTFont(FONTS / name, recalcTimestamp=False)
    return _woff(font)


def _subset(path: Path, signs: set[int]) -> bytes:
    options = subset.Options()
    options.recalc_timestamp = False
    font = TTFont(path, recalcTimestamp=False)
    maker = subset.Subsetter(options)
    maker.populate(unicodes=sorted(signs))
    maker.subset(font)
    return _woff(font)


def _woff(font: TTFont) -> bytes:
    font.flavor = "woff"
    buffer = BytesIO()
    font.save(buffer)
    return buffer.getvalue()
