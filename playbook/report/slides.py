"""Reads the pictures that a run handed out as slides, for a page that shows one after the other."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from playbook.report.safe import picture, readable

__all__ = ["SLIDES", "Series", "Slide", "read_slides"]


@dataclass(frozen=True)
class Series:
    """Pictures that a step hands out together: their folder, the page's title, the link to it, and the paper they fit."""

    folder: str
    title: str
    link: str
    fits: str
    paper: str
    width: str


SLIDES = {
    "04": Series("canvases", "The proposition of each segment on one slide", "One slide per segment", "Each fits one 16:9 slide", "A4 landscape", "1080px"),
    "05": Series("journey-maps", "The customer journey on one page", "Journey maps to print", "Each prints on one A3 page, landscape", "A3 landscape", "1720px"),
}  # fmt: skip
"""Series of pictures by step."""


@dataclass(frozen=True)
class Slide:
    """A picture with the anchor and the name that lead to it."""

    anchor: str
    name: str
    image: str


def read_slides(folder: Path) -> list[Slide]:
    """Return the slides that ``folder`` lists, in order; none where nothing was handed out."""
    listed = folder / "index.json"
    if not listed.is_file():
        return []
    slides = []
    for number, entry in enumerate(json.loads(listed.read_text(encoding="utf-8")), 1):
        data = base64.b64encode((folder / Path(entry["file"]).name).read_bytes()).decode()
        slides.append(Slide(f"slide-{number}", readable(entry["name"]), picture(data, readable(entry["text"]))))  # fmt: skip
    return slides
