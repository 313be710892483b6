"""Renders one page of a report: house style, house typeface, everything escaped, nothing from outside."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from playbook.errors import StepError
from playbook.report.safe import MAX_PAGE_BYTES, fonts_css, readable

__all__ = ["render"]

TEMPLATES = Path(__file__).parent / "templates"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["readable"] = readable
    environment.filters["capitalise"] = lambda text: text[:1].upper() + text[1:]
    return environment


def render(name: str, template: str, too_large: str, **content: Any) -> str:
    """Return a page as HTML.

    Parameters
    ----------
    name
        Of the file it becomes, for the error.
    too_large
        How to mend a page that is larger than 5 MB.

    Raises
    ------
    StepError
        When the page grows beyond 5 MB.
    """
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    body = _environment().get_template(template).render(**content, style=style)
    text = body.replace("/*fonts*/", fonts_css(body), 1)
    if len(text.encode()) > MAX_PAGE_BYTES:
        raise StepError(f"report: {name} is larger than {MAX_PAGE_BYTES:,} bytes; {too_large}")
    return text
