"""Writes the report's pages from templates."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
from nbconvert import HTMLExporter

from playbook.atomic import publish
from playbook.coverage import coverage
from playbook.engagement import Folder
from playbook.report.page import render
from playbook.report.review_page import read_review_page
from playbook.report.role_page import read_role_pages
from playbook.report.safe import readable, sanitised
from playbook.report.slides import SLIDES, read_slides
from playbook.report.start_page import read_start_page
from playbook.report.step_page import read_step_page
from playbook.runner.graph import STEPS

__all__ = ["write_report"]


def write_report(folder: Folder, period: str) -> list[Path]:
    """Write ``report/`` of a period and return its files.

    Raises
    ------
    StepError
        When a page grows beyond 5 MB.
    """
    root = folder.run(period)
    target, work = root / "report", root / ".report"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    pages = _Pages(folder, period, work)
    pages.write()
    shutil.rmtree(target, ignore_errors=True)
    work.rename(target)
    return sorted(target.glob("*.html"))


class _Pages:
    """The pages of one report under way."""

    def __init__(self, folder: Folder, period: str, target: Path) -> None:
        self.folder = folder
        self.period = period
        self.target = target
        self.engagement = folder.engagement()
        self.plan = folder.plan(period)
        self.steps = [step for step in STEPS.values() if step.notebook]
        self.review = read_review_page(folder, period)
        self.links = [
            {"href": f"{s.id}_{s.name}.html", "label": f"{int(s.id)} {s.name}"} for s in self.steps
        ]
        if self.review:
            self.links.append({"href": "review.html", "label": "review"})

    def write(self) -> None:
        cards = []
        for step in self.steps:
            assert step.notebook is not None
            notebook = self.folder.run(self.period) / "notebooks" / step.notebook.name
            page = read_step_page(notebook)
            slides = self._slides(step.id, f"{step.id}_{step.name}.html")
            self._page(
                f"{step.id}_{step.name}.html",
                "step.html",
                page.title,
                page=page,
                appendix=f"notebook_{step.id}.html",
                slides=slides,
                series=SLIDES.get(step.id),
            )
            self._page(
                f"notebook_{step.id}.html",
                "appendix.html",
                page.title,
                body=_notebook_html(notebook, f"{step.id}_{step.name}.html"),
                back=f"{step.id}_{step.name}.html",
            )
            cards.append(
                {
                    "href": f"{step.id}_{step.name}.html",
                    "title": page.title,
                    "headlines": self._headlines(step.id),
                }
            )
        roles = read_role_pages(self.folder, self.period)
        for role in roles:
            self._page(role.href, "role.html", f"{role.title}: what the strategy means", role=role)
        if self.review:
            self._page("review.html", "review.html", "The annual review", review=self.review)
        parts = coverage(self.folder, self.period)
        start = read_start_page(self.folder, self.period)
        self._page(
            "index.html",
            "start.html",
            "The strategy on one page",
            start=start,
            cards=cards,
            parts=parts,
            roles=roles,
            review=self.review,
        )

    def _slides(self, step: str, back: str) -> str:
        """Write the page of the pictures a step handed out and return its name, empty when there are none."""
        series = SLIDES.get(step)
        slides = read_slides(self.folder.run(self.period) / "handouts" / series.folder) if series else []  # fmt: skip
        if series is None or not slides:
            return ""
        name = f"{step}_{series.folder}.html"
        self._page(name, "slides.html", series.title, slides=slides, series=series, back=back)
        return name

    def _headlines(self, step: str) -> list[str]:
        path = self.folder.run(self.period) / "results" / f"{step}_findings.json"
        return [finding["headline"] for finding in json.loads(path.read_text(encoding="utf-8"))[:3]]

    def _page(self, name: str, template: str, title: str, **content: Any) -> None:
        shared = {
            "title": title, "client": self.engagement.client, "period": self.period, "as_of": self.plan.as_of,
            "currency": self.engagement.currency,
            "steps": self.links, "here": name,
        }  # fmt: skip
        text = render(name, template, "show fewer figures in that notebook", **(shared | content))
        publish(self.target / name, lambda path: path.write_text(text, encoding="utf-8"))


def _notebook_html(notebook: Path, page: str) -> str:
    """Return an executed notebook as HTML without script or outside address; links to sections lead to ``page``."""
    node = nbformat.read(notebook, as_version=4)
    for cell in node.cells:
        for output in cell.get("outputs", []):
            _keep_shown(output.get("data", {}))
    exporter = HTMLExporter(
        template_name="basic",
        sanitize_html=True,
        mathjax_url="",
        require_js_url="",
        embed_images=True,
    )
    exporter.register_filter("clean_html", sanitised)
    body, _ = exporter.from_notebook_node(node)
    body = re.sub(
        r"<script\b.*?</script>|<a class=\"anchor-link\".*?</a>", "", body, flags=re.S | re.I
    )
    body = re.sub(r'\shref="(?!#)[^"]*"', "", readable(body))
    return re.sub(r'href="#([\w-]+)"', lambda m: m[0] if f'id="{m[1]}"' in body else f'href="{page}#{m[1]}"', body)  # fmt: skip


def _keep_shown(data: dict[str, Any]) -> None:
    """Leave text, tables (without their style sheet) and pictures in an output's data."""
    for kind in [k for k in data if k not in ("text/plain", "text/html", "image/png")]:
        del data[kind]
    if "text/html" in data:
        data["text/html"] = re.sub(r"<style\b.*?</style>", "", data["text/html"], flags=re.S)
