"""Looks at a file's content before anything parses it, and refuses what could do harm.

The name of a file is a claim; its first bytes decide. Nothing here holds more than a few megabytes.
"""

from __future__ import annotations

import mmap
import re
import zipfile
import zlib
from pathlib import Path

from playbook.intake.delivered import Opening
from playbook.intake.extent import check_extent

__all__ = ["check_size", "is_gzip", "recognise", "unpack"]

CHUNK = 1 << 20
MEGABYTE = 1_000_000
RATIO_MATTERS_ABOVE = 10 * MEGABYTE
"""A small file may be packed tightly (a column of equal words); a large one that is, is a bomb."""
MAX_MEMBERS = 10_000

SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF", "a PDF document", "ask for the table behind it as CSV or Excel"),
    (b"\x89PNG", "an image", "ask for the data as CSV or Excel"),
    (b"\xff\xd8\xff", "an image", "ask for the data as CSV or Excel"),
    (b"GIF8", "an image", "ask for the data as CSV or Excel"),
    (b"MZ", "a program", "delete it and ask the sender what it was meant to be"),
    (b"\x7fELF", "a program", "delete it and ask the sender what it was meant to be"),
    (b"#!", "a script", "delete it and ask the sender what it was meant to be"),
    (b"7z\xbc\xaf", "an archive (7z)", "unpack it into the inbox"),
    (b"Rar!", "an archive (rar)", "unpack it into the inbox"),
    (b"BZh", "a file packed with bzip2", "unpack it into the inbox"),
    (b"\xfd7zXZ", "a file packed with xz", "unpack it into the inbox"),
    (b"\x28\xb5\x2f\xfd", "a file packed with zstd", "unpack it into the inbox"),
    (b"SQLite format 3", "a SQLite database", "export its tables as CSV"),
    (b"\x89HDF", "an HDF5 file", "export it as Parquet or CSV"),
    (b"\x93NUMPY", "a NumPy array", "export it as Parquet or CSV"),
    (b"ARROW1", "an Arrow file", "export it as Parquet or CSV"),
    (b"ORC", "an ORC file", "export it as Parquet or CSV"),
    (b"Obj\x01", "an Avro file", "export it as Parquet or CSV"),
    (b"{\\rtf", "a text document (RTF)", "ask for the table as CSV or Excel"),
    (b"version https://git-lfs", "only a pointer to a file kept elsewhere", "send the file itself"),
)  # fmt: skip
PICKLE = re.compile(
    rb"\x80[\x02-\x05](?:[\x95cK\]\}\(\x8c])|c[A-Za-z_][\w.]*\n\w+\n|\([dlc]p?\d*\n|\(lp0\n"
)
ANY_WEB_PAGE = re.compile(rb"\s*(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html|head|body|script|table)\b", re.I | re.S)  # fmt: skip
JSON_START = re.compile(rb"\s*(?:\{\s*(?:\"|\})|\[\s*(?:\{|\]))")
NO_DTD = (b"<!DOCTYPE", b"<!ENTITY")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def check_size(opening: Opening) -> None:
    """Refuse an empty file and one above the size limit."""
    size, limit = opening.path.stat().st_size, opening.limits.file_megabytes
    if size == 0:
        raise opening.refused("the file is empty; expected a header line", "send it again")
    if size > limit * MEGABYTE:
        raise opening.refused(
            f"{size / MEGABYTE:,.1f} MB are more than the {limit:,g} MB allowed",
            "split the file, or raise file_megabytes under limits in engagement.yml",
        )


def is_gzip(path: Path) -> bool:
    """Return whether a file is packed with gzip, whatever its name."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def unpack(opening: Opening) -> Path:
    """Unpack a gzip file into the scratch folder, never more than the limits allow."""
    target = opening.scratch / "unpacked"
    packed, written = opening.path.stat().st_size, 0
    engine = zlib.decompressobj(31)
    with opening.path.open("rb") as source, target.open("wb") as plain:
        data = source.read(CHUNK)
        while data:
            try:
                block = engine.decompress(data, CHUNK)
            except zlib.error:
                raise _broken(opening) from None
            written += len(block)
            _check_unpacked(opening, written, packed)
            plain.write(block)
            if engine.eof:
                data = engine.unused_data or source.read(CHUNK)
                if not data.strip(b"\0"):
                    break
                engine = zlib.decompressobj(31)
            else:
                data = engine.unconsumed_tail or source.read(CHUNK)
    if not engine.eof:
        raise _broken(opening)
    if not written:
        raise opening.refused("the file is empty; expected a header line", "send it again")
    return target


def _broken(opening: Opening) -> Exception:
    return opening.refused(
        "cannot be read: the packed file is cut off or damaged", "send it again, whole"
    )


def _check_unpacked(opening: Opening, unpacked: int, packed: int) -> None:
    limits = opening.limits
    if unpacked > limits.unpacked_megabytes * MEGABYTE:
        raise opening.refused(
            f"unpacks to more than the {limits.unpacked_megabytes:,g} MB allowed",
            "split the file, or raise unpacked_megabytes under limits in engagement.yml",
        )
    if unpacked > RATIO_MATTERS_ABOVE and unpacked > limits.unpacked_ratio * packed:
        raise opening.refused(
            f"unpacks to more than {limits.unpacked_ratio:,g} times its size, as an attack would",
            "ask the sender what it holds; if it is right, raise unpacked_ratio under limits in engagement.yml",
        )


def recognise(opening: Opening, path: Path, named: str) -> str:
    """Return what a file holds: text, json, parquet, xlsx, xlsb, ods or xls.

    Raises
    ------
    FileRefused
        When it holds anything else, or could do harm.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    for signature, what, mend in SIGNATURES:
        if head.startswith(signature) and not (signature in (b"MZ", b"ORC") and _is_words(head)):
            raise opening.refused(f"is {what}, not a table", mend)
    if PICKLE.match(head):
        raise opening.refused(
            "is a Python pickle, which can run code when opened; it was not opened",
            "ask for the data as CSV, Excel or Parquet",
        )
    if head[8:12] == b"DUCK":
        raise opening.refused("is a DuckDB database", "name it under databases in engagement.yml")
    if head.startswith(b"\x1f\x8b"):
        raise opening.refused("is packed twice", "unpack it into the inbox")
    if head.startswith(b"PK"):
        return _archive(opening, path)
    if head.startswith(OLE):
        return _old_office(opening, path)
    if head.startswith(b"PAR1"):
        return "parquet"
    return _text(opening, head, named)


def _is_words(head: bytes) -> bool:
    """Return whether bytes are plain text (a header may begin with the letters of a signature)."""
    return not any(byte < 9 or 14 <= byte < 27 for byte in head[:512])


def _text(opening: Opening, head: bytes, named: str) -> str:
    words = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")
    if ANY_WEB_PAGE.match(words):
        raise opening.refused(
            "is a web page, perhaps the system's login page, not a table",
            "download it again after signing in, as CSV or Excel",
        )
    if words.lstrip()[:5] == b"<?xml" or words.lstrip()[:1] == b"<":
        raise opening.refused(
            "is an XML document, not a table", "save it as .xlsx or CSV and send it again"
        )
    if JSON_START.match(words):
        if b'"nbformat"' in head or (b'"cells"' in head and b'"cell_type"' in head):
            raise opening.refused(
                "is a notebook, which is never run or shown", "ask for the data as CSV"
            )
        return "json"
    return "json" if named == "json" else "text"


def _old_office(opening: Opening, path: Path) -> str:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find("EncryptedPackage".encode("utf-16-le")) >= 0:
            raise opening.refused(
                "is protected by a password, so that nothing can be read",
                "ask for a copy without password",
            )
        names = ("Workbook", "Book")
        if not any(content.find(name.encode("utf-16-le") + b"\0\0") >= 0 for name in names):
            raise opening.refused(
                "is an office document without a sheet", "ask for the table as CSV or Excel"
            )
        if content.find("_VBA_PROJECT".encode("utf-16-le")) >= 0:
            _note_macros(opening)
    return "xls"


def _note_macros(opening: Opening) -> None:
    opening.note(
        "the workbook holds macros; they were ignored and only its cells were read",
        "nothing to do; prefer a workbook without macros",
    )


def _archive(opening: Opening, path: Path) -> str:
    """Return the kind of workbook a zip file is, after checking every part of it."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            kind = _kind_of_archive(archive, {part.filename for part in parts})
            if not kind:
                raise opening.refused(
                    "is an archive (zip) or a document, not a table",
                    "unpack it into the inbox, or ask for the table as CSV or Excel",
                )
            _check_parts(opening, path, parts)
            for part in parts:
                if part.filename.lower().endswith((".xml", ".rels", ".vml", ".bin")):
                    _scan_part(opening, archive, part)
            check_extent(opening, archive, kind)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        if isinstance(error, RuntimeError) and "encrypted" in str(error):
            raise opening.refused(
                "is protected by a password", "ask for a copy without password"
            ) from None
        raise opening.refused(
            "cannot be read: the workbook is cut off or damaged", "open it, save it and send it again"
        ) from None  # fmt: skip
    return kind


def _kind_of_archive(archive: zipfile.ZipFile, names: set[str]) -> str:
    if "xl/workbook.xml" in names:
        return "xlsx"
    if "xl/workbook.bin" in names:
        return "xlsb"
    if "mimetype" in names and "content.xml" in names:
        with archive.open("mimetype") as file:
            return "ods" if b"spreadsheet" in file.read(200) else ""
    return ""


def _check_parts(opening: Opening, path: Path, parts: list[zipfile.ZipInfo]) -> None:
    if len(parts) > MAX_MEMBERS:
        raise opening.refused(
            f"holds {len(parts):,} parts, more than any workbook needs",
            "save the sheet as CSV and send that",
        )
    if any(part.filename.startswith(("/", "\\")) or ".." in part.filename for part in parts):
        raise opening.refused(
            "holds parts that point out of the file, as an attack would",
            "ask the sender what it holds",
        )
    _check_unpacked(opening, sum(part.file_size for part in parts), path.stat().st_size)
    names = [part.filename for part in parts]
    if any(name.endswith("vbaProject.bin") for name in names):
        _note_macros(opening)
    if any(name.startswith("xl/externalLinks/") for name in names):
        opening.note(
            "the workbook points at other workbooks; their values are as last saved in this one",
            "check that it was recalculated before it was saved",
        )


def _scan_part(opening: Opening, archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Unpack a part without keeping it: its size must be as declared, and it may define no entities."""
    marks = NO_DTD + tuple(mark.decode().encode("utf-16-le") for mark in NO_DTD)
    tail = b""
    with archive.open(part) as content:
        while block := content.read(CHUNK):
            window = tail + block
            if any(mark in window for mark in marks) and not part.filename.endswith(".bin"):
                raise opening.refused(
                    "defines entities in its XML, as an attack that reads other files would",
                    "open it in Excel, save it again as .xlsx and send that",
                )
            tail = block[-32:]
