"""How a text file is encoded, decided by all of its bytes, and its text as UTF-8.

What the bytes do not decide is asked, never guessed: a wrong guess turns names into rubbish.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from playbook.intake.charset import plausible
from playbook.intake.delivered import Opening

__all__ = ["Text", "as_utf8"]

CHUNK = 1 << 20
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CONTINUES = "".join(
    re.escape(character)
    for byte in range(0x80, 0xC0)
    for character in {bytes([byte]).decode("cp1252", "replace"), chr(byte)} - {"�"}
)
TWICE = re.compile(f"[ÂÃ][{CONTINUES}]|[à-ï][{CONTINUES}]{{2}}")
"""What UTF-8 looks like once it was read as Western text and saved again: ``MÃ¼ller``."""
MAYBE_TWICE = re.compile(rb"\xc3(?:[\x82\x83]|[\xa0-\xaf][\xc2\xc5\xc6\xcb\xe2])")
"""The first bytes of such a place, quick to search for."""
LOST = "\ufffd".encode()
FEW_BYTES = 64
SHARE_OF_NULS = 0.02
"""Share of the characters of UTF-16 text that are ASCII (digits, delimiters, line ends), at least."""
MANY_BLANK = 1000


@dataclass
class Text:
    """A text file as UTF-8 on disk.

    Attributes
    ----------
    start
        Bytes to skip: the byte order mark.
    blank_lines
        Places of lines without any character, at most `MANY_BLANK` of them.
    """

    path: Path
    encoding: str
    start: int = 0
    blank_lines: tuple[int, ...] = ()


@dataclass
class _Seen:
    """What one pass over the bytes found; places are byte offsets."""

    line_end: int
    nul: int | None = None
    not_utf8: int | None = None
    other_bytes: int = 0
    blank_lines: list[int] = field(default_factory=list)
    lost: int | None = None
    twice: int | None = None
    lost_count: int = 0
    twice_count: int = 0


def _blocks(path: Path, start: int = 0) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while block := file.read(CHUNK):
            yield block


def as_utf8(opening: Opening, path: Path) -> Text:
    """Return the file as UTF-8: itself where it is, else a decoded copy in the scratch folder.

    Raises
    ------
    FileRefused
        When a line is too long, NUL bytes stand in it, or it is not in the declared encoding.
    Undecided
        When more than one encoding, or none, fits its bytes.
    """
    declared = _declared(opening)
    with path.open("rb") as file:
        head = file.read(4)
    mark = next(((bom, name) for bom, name in MARKS if head.startswith(bom)), (b"", ""))
    if mark[1].startswith(("utf-16", "utf-32")):
        return _decoded(opening, path, mark[1], declared)
    seen = _scan(opening, path, len(mark[0]))
    if seen.nul is not None or declared.startswith(("utf-16", "utf-32")):
        name = declared if declared.startswith(("utf-16", "utf-32")) else _sixteen(path)
        if not name:
            raise opening.refused(
                f"line {_line_of(path, seen.nul or 0)} holds a NUL byte, which no text holds",
                "export it again as CSV in UTF-8; the file is damaged or no text",
            )
        return _decoded(opening, path, name, "")
    if mark[1] or (seen.not_utf8 is None and not _needs_decoding(declared)):
        if mark[1] and seen.not_utf8 is not None:
            raise _not_in(opening, path, seen.not_utf8, "UTF-8, as its first bytes say")
        return _plain(opening, path, seen, mark, declared)
    return _decoded(opening, path, declared or _inferred(opening, path, seen), "")


def _declared(opening: Opening) -> str:
    name = opening.source.encoding.strip()
    if not name:
        return ""
    try:
        info = codecs.lookup(name)
    except LookupError:
        info = None
    if info is None or not info._is_text_encoding:
        raise opening.refused(
            f"there is no encoding {name!r}", "write one such as utf-8, cp1252 or gb18030"
        )
    return {"iso8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932"}.get(info.name, info.name)  # fmt: skip


def _needs_decoding(declared: str) -> bool:
    """Return whether the declared encoding writes plain letters as other bytes than ASCII."""
    if not declared or declared == "utf-8":
        return False
    stateful = declared.startswith(("iso2022", "hz", "utf-7"))
    letters = bytes(range(32, 91))
    return stateful or letters.decode(declared, "replace") != letters.decode("ascii")


def _scan(opening: Opening, path: Path, start: int) -> _Seen:
    """Look at every byte once, in large blocks and at the speed of C."""
    seen, place = _Seen(line_end=start - 1), start
    decoder = codecs.getincrementaldecoder("utf-8")()
    for block in _blocks(path, start):
        _scan_lines(opening, path, seen, block, place)
        nul = block.find(0)
        if nul >= 0:
            seen.nul = place + nul
            return seen
        if not block.isascii() or decoder.getstate()[0]:
            _scan_other(seen, block, place, decoder)
        place += len(block)
    if seen.not_utf8 is None:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            seen.not_utf8 = place - 1
    return seen


def _scan_lines(opening: Opening, path: Path, seen: _Seen, block: bytes, place: int) -> None:
    """Refuse a line that is too long, and remember where lines are blank."""
    returns = b"\r" in block
    end = 13 if returns and b"\n" not in block else 10  # 13 alone: the line ends of an old Mac
    content = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(content == end)
    lengths = np.diff(ends, prepend=seen.line_end - place)
    still_open = len(block) - (ends[-1] if len(ends) else seen.line_end - place)
    longest = opening.limits.line_kilobytes * 1000 + 2
    if still_open > longest or lengths.max(initial=0) > longest:
        begins = seen.line_end + 1
        if lengths.max(initial=0) > longest:
            begins = place + int((ends - lengths)[lengths.argmax()]) + 1
        raise opening.refused(
            f"line {_line_of(path, begins):,} is longer than the {opening.limits.line_kilobytes:,g} kB allowed",
            "check that it is a table with one row a line, or raise line_kilobytes under limits in engagement.yml",
        )
    blank = lengths == 1
    if returns and end == 10:
        blank |= (lengths == 2) & (content[np.maximum(ends - 1, 0)] == 13)
    if len(seen.blank_lines) < MANY_BLANK and blank.any():
        seen.blank_lines += [place + int(found) for found in ends[blank][:MANY_BLANK]]
    if len(ends):
        seen.line_end = place + int(ends[-1])


def _scan_other(seen: _Seen, block: bytes, place: int, decoder: codecs.IncrementalDecoder) -> None:
    seen.other_bytes += (
        len(block.translate(None, bytes(range(128)))) if seen.other_bytes < FEW_BYTES else 0
    )
    if seen.not_utf8 is None:
        kept = len(decoder.getstate()[0])
        try:
            text = decoder.decode(block)
        except UnicodeDecodeError as error:
            seen.not_utf8 = place + error.start - kept
        else:
            _scan_words(seen, block, text, place)


def _scan_words(seen: _Seen, block: bytes, text: str, place: int) -> None:
    """Look for characters that an earlier program lost or encoded twice."""
    lost = block.count(LOST)
    if lost:
        seen.lost_count += lost
        seen.lost = place + block.find(LOST) if seen.lost is None else seen.lost
    if MAYBE_TWICE.search(block):
        twice = TWICE.findall(text)
        if twice:
            seen.twice_count += len(twice)
            first = block.find(twice[0].encode())
            seen.twice = place + max(first, 0) if seen.twice is None else seen.twice


def _sixteen(path: Path) -> str:
    """Return the UTF-16 that a file with NUL bytes is in, empty when it is in none."""
    halves = [0, 0]
    for block in _blocks(path):
        halves[0] += block[0::2].count(0)
        halves[1] += block[1::2].count(0)
    size = path.stat().st_size
    if size % 2 or max(halves) < SHARE_OF_NULS * size / 2 or max(halves) < 10 * min(halves):
        return ""
    name = "utf-16-le" if halves[1] > halves[0] else "utf-16-be"
    decoder = codecs.getincrementaldecoder(name)()
    lines, nul = 0, False
    try:
        for block in _blocks(path):
            text = decoder.decode(block)
            lines, nul = lines + text.count("\n") + text.count("\r"), nul or "\0" in text
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return ""
    return name if lines and not nul else ""


def _inferred(opening: Opening, path: Path, seen: _Seen) -> str:
    found = plausible(lambda: _blocks(path))
    if len(found) == 1:
        opening.note(
            f"no encoding was declared; every character fits {found[0]} and no other encoding known here",
            f"nothing to do; declare encoding: {found[0]} to skip the check",
        )
        return found[0]
    candidates = tuple(found) or ("cp1252", "gb18030", "shift_jis", "cp1250", "cp1251", "mac-roman")
    line = _line_of(path, seen.not_utf8 or 0)
    fits = (
        f"both {' and '.join(found)} fit" if found else "no encoding that is recognised fits them"
    )
    raise opening.undecided(
        f"line {line:,} holds bytes that are not UTF-8, and {fits}",
        f"encoding: {candidates[0]}",
        candidates,
    )


def _plain(
    opening: Opening, path: Path, seen: _Seen, mark: tuple[bytes, str], declared: str
) -> Text:
    few = 0 < seen.other_bytes < FEW_BYTES and not mark[0] and declared in ("", "gb18030", "cp932")
    if few and "gb18030" in plausible(lambda: _blocks(path), instead_of_utf8=True):
        if declared == "gb18030":
            return _decoded(opening, path, declared, "")
        raise opening.undecided(
            "its few special characters fit UTF-8 as well as GB18030",
            "encoding: utf-8",
            ("utf-8", "gb18030"),
        )
    if declared not in ("", "utf-8", "ascii") and seen.other_bytes:
        opening.note(
            f"{declared} was declared, but every character of the file is UTF-8; it was read as UTF-8",
            "take encoding out of its entry in engagement.yml",
        )
    _note_words(opening, path, seen)
    return Text(path, mark[1] or "utf-8", len(mark[0]), tuple(seen.blank_lines))


def _note_words(opening: Opening, path: Path, seen: _Seen) -> None:
    if seen.twice is not None:
        opening.note(
            f"{seen.twice_count:,} characters were encoded twice before they reached us, as in MÃ¼ller; they are kept as they are",
            "export again from the source system with encoding UTF-8",
            "problem",
            _line_of(path, seen.twice),
            seen.twice_count,
        )
    if seen.lost is not None:
        opening.note(
            f"{seen.lost_count:,} characters were lost before they reached us and stand as \ufffd; they are kept as they are",
            "export again from the source system with encoding UTF-8",
            "problem",
            _line_of(path, seen.lost),
            seen.lost_count,
        )


def _decoded(opening: Opening, path: Path, name: str, declared: str) -> Text:
    """Write the text as UTF-8 into the scratch folder, block by block."""
    if declared and codecs.lookup(declared).name[:6] != codecs.lookup(name).name[:6]:
        opening.note(
            f"{declared} was declared, but the file begins with the mark of {name}; it was read as {name}",
            "take encoding out of its entry in engagement.yml",
        )
    copy = opening.scratch / "decoded"
    decoder = codecs.getincrementaldecoder(name)()
    place = 0
    with copy.open("wb") as target:
        for block in _blocks(path):
            try:
                target.write(decoder.decode(block).encode())
            except (UnicodeDecodeError, UnicodeEncodeError) as error:
                offset = error.start if isinstance(error, UnicodeDecodeError) else 0
                raise _not_in(opening, path, place + offset, name) from None
            place += len(block)
        try:
            target.write(decoder.decode(b"", final=True).encode())
        except UnicodeDecodeError:
            raise _not_in(opening, path, max(place - 1, 0), name) from None
    seen = _scan(opening, copy, 0)
    if seen.nul is not None:
        raise opening.refused(
            f"line {_line_of(copy, seen.nul)} holds a NUL character, which no text holds",
            "export it again as CSV in UTF-8; the file is damaged or no text",
        )
    _note_words(opening, copy, seen)
    return Text(copy, name, 0, tuple(seen.blank_lines))


def _not_in(opening: Opening, path: Path, place: int, name: str) -> Exception:
    return opening.refused(
        f"line {_line_of(path, place):,} holds bytes that are not {name}",
        "correct encoding in its entry in engagement.yml, or export the file again in UTF-8",
    )


def _line_of(path: Path, place: int) -> int:
    """Return the number of the line in which a byte stands."""
    line = 1
    with path.open("rb") as file:
        while place > 0 and (block := file.read(min(CHUNK, place))):
            line += block.count(b"\n")
            place -= len(block)
    return line
