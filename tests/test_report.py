"""The report: whole, safe whatever the client's data say, and quiet in a browser."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import skip_or_fail

from playbook import cli
from playbook.report.safe import MAX_PAGE_BYTES, fonts_css, picture, sanitised

ATTACKS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<a href='javascript:alert(1)'>x</a>", "<svg onload=alert(1)>",
    "</style><script>alert(1)</script>", "<iframe src=//evil>", "<a href='https://evil.example'>x</a>", "<p style='background:url(//evil)'>x</p>",
]  # fmt: skip


class _Elements(HTMLParser):
    """Collects every element with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def _dangerous(text: str) -> list[tuple[str, dict]]:
    return [
        (tag, attributes)
        for tag, attributes in _Elements(text).found
        if tag in ("script", "iframe", "object", "embed", "form", "svg", "link", "base")
        or any(name.startswith("on") for name in attributes)
        or re.match(
            r"\s*(javascript|vbscript|https?:|//)",
            (attributes.get("href") or "") + (attributes.get("src") or ""),
            re.I,
        )
        or (tag not in ("div",) and "style" in attributes)
    ]


@pytest.mark.parametrize("attack", ATTACKS)
def test_markup_from_outside_is_taken_out(attack: str) -> None:
    assert _dangerous(sanitised(f"<p>before {attack} after</p>")) == []


def test_a_picture_must_be_one() -> None:
    with pytest.raises(ValueError):
        picture('"><script>', "x")
    assert 'alt="a &quot;b&quot;"' in picture("iVBORw0KGgo=", 'a "b"')


def test_only_the_chinese_signs_in_use_are_carried() -> None:
    assert "Playbook CJK" not in fonts_css("latin only")
    assert 5_000 > len(fonts_css("客户")) - len(fonts_css("")) > 0


def test_every_page_of_the_demo_is_safe_and_small(demo: Path) -> None:
    pages = sorted((demo / "2025" / "report").glob("*.html"))
    assert len(pages) == 18 + 9  # and one for each role
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert _dangerous(text) == [], page.name
        assert not re.search(r"&lt;/?(?:table|caption|p|h[1-4]|style)\b", text), (
            f"{page.name} shows markup as text"
        )
        assert "Content-Security-Policy" in text and len(text.encode()) <= MAX_PAGE_BYTES
        links = [a["href"] for tag, a in _Elements(text).found if tag == "a" and a.get("href")]
        for link in links:
            name, _, anchor = str(link).partition("#")
            target = (page.parent / name) if name else page
            assert target.is_file(), f"{page.name} → {link}"
            assert not anchor or f'id="{anchor}"' in target.read_text(encoding="utf-8"), (
                f"{page.name} → {link}"
            )


def test_the_start_page_says_what_to_do_for_whom_and_with_what_effect(demo: Path) -> None:
    text = (demo / "2025" / "report" / "index.html").read_text(encoding="utf-8")
    for heading in (
        "Where we stand",
        "Who our customers are",
        "The actions that matter most",
        "Where the money goes",
        "What we do not know yet",
    ):
        assert heading in text


def test_the_demo_ends_with_its_review_in_ten_lines(
    demo: Path, capsys: pytest.CaptureFixture
) -> None:
    assert cli.main(["review", "demo", "--period", "2025"]) == 0
    said = capsys.readouterr().out
    lines = re.findall(r"^ ?\d+\. (\w+) .+$", said, re.M)
    assert "nothing to do" in said and 5 <= len(lines) <= 10
    assert len({"Keep", "Adjust", "Stop"} & set(lines)) >= 2
    assert "Review of 2025 against 2024" in said and "report/review.html" in said


@pytest.mark.browser
def test_a_browser_shows_every_page_without_error_or_request(demo: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        skip_or_fail("browser", "no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    said: list[str] = []
    asked: list[str] = []
    with sync_playwright() as tool:
        browser = tool.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        for path in sorted((demo / "2025" / "report").glob("*.html")):
            asked.clear()
            page.goto(path.as_uri())
            assert [
                url[:80] for url in asked if not url.startswith(("data:", path.as_uri()))
            ] == [], path.name
            assert said == [], path.name
            wide = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide <= 1, f"{path.name} is {wide} pixels too wide"
            empty = page.evaluate(
                "[...document.images].filter(i => !i.naturalWidth || !i.alt).length"
            )
            assert empty == 0, f"{path.name} has pictures without content or text"
        browser.close()
