"""Reads an executed notebook into the sections of a report page: prose, tables, figures, sentences."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbconvert.filters.markdown import markdown2html

from playbook.report.safe import picture, readable, sanitised

__all__ = ["Section", "StepPage", "read_step_page"]


@dataclass
class Section:
    """A heading with what stands under it, as safe HTML pieces in order."""

    name: str
    title: str
    pieces: list[str] = field(default_factory=list)


@dataclass
class StepPage:
    """A step's page: title, opening prose, sections."""

    title: str
    opening: str
    sections: list[Section]


def read_step_page(notebook: Path) -> StepPage:
    """Return the page of an executed notebook; code is left out."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    first = "".join(cells[0]["source"])
    page = StepPage(first.splitlines()[0].lstrip("# "), _prose(first), [])
    section: Section | None = None
    for cell in cells[1:]:
        text, tags = "".join(cell["source"]), cell["metadata"].get("tags", [])
        if cell["cell_type"] == "markdown":
            heading = re.match(r"##? +(.+)", text)
            if heading:
                named = [tag.removeprefix("section:") for tag in tags if tag.startswith("section:")]
                name = named[0] if named else re.sub(r"\W+", "-", heading[1].lower()).strip("-")
                section = Section(name, readable(heading[1]))
                page.sections.append(section)
            if section:
                section.pieces.append(_prose(text))
        elif section:
            section.pieces += [piece for output in cell["outputs"] if (piece := _piece(output))]
    page.sections = [s for s in page.sections if any(s.pieces)]
    return page


def _prose(markdown: str) -> str:
    body = re.sub(r"\A#{1,2} .*\n?", "", markdown)
    linked = re.sub(r'<a class="anchor-link".*?</a>', "", markdown2html(body))
    return sanitised(linked) if body.strip() else ""


def _piece(output: dict[str, Any]) -> str:
    """Return one output as safe HTML; text that is neither table, figure nor sentence is left out."""
    data = output.get("data", {})
    text = readable("".join(data.get("text/plain", "")))
    if "image/png" in data:
        return (
            f"<figure>{picture(''.join(data['image/png']), text.removeprefix('Figure: '))}</figure>"
        )
    if "text/html" in data:
        return sanitised(readable("".join(data["text/html"])))
    return ""
