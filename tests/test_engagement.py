"""The engagement file and the plan: what is refused, and that the message says how to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest

from playbook.engagement import open_folder
from playbook.engagement.model import Engagement, Plan
from playbook.engagement.yaml_file import read_model
from playbook.errors import PlanError

GOOD = (
    "as_of: 2025-12-31\nobjectives:\n  - {id: a, name: A, area: value, metric: revenue, target: 1, due: 2026-12-31,\n"
    "     owner: ceo, serves: purpose, because: Growth}\n"
)


def _refused(tmp_path: Path, text: str, model: type = Plan) -> str:
    path = tmp_path / "2025.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PlanError) as error:
        read_model(path, model)
    return str(error.value)


def test_a_good_plan_is_read(tmp_path: Path) -> None:
    path = tmp_path / "2025.yml"
    path.write_text(GOOD, encoding="utf-8")
    assert read_model(path, Plan).objectives[0].target == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "target",
            "targte",
            "line 3: objectives → 0 → targte: unknown key; did you mean 'target'?",
        ),
        (
            "as_of: 2025-12-31",
            "as_of: 2025-12-31\nas_of: 2024-12-31",
            "line 2: the key 'as_of' stands twice",
        ),
        (
            "owner: ceo",
            "owner: NO",
            'line 4: NO could mean a word or true/false; write "NO" in quotes',
        ),
        ("name: A", "name: on", 'write "on" in quotes'),
        (
            "serves: purpose",
            "serves: profit",
            "Input should be 'purpose', 'mission' or 'vision' (found 'profit')",
        ),
        ("target: 1", "target: many", "objectives → 0 → target: Input should be a valid number"),
        ("as_of: 2025-12-31", "as_of: soon", "as_of: Input should be a valid date"),
        ("name: A", "name: *x", "aliases"),
        (
            "name: A",
            "name: !!python/object/apply:os.system [ls]",
            "could not determine a constructor",
        ),
    ],
)
def test_a_broken_plan_is_refused_with_the_line_and_the_mend(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert said in _refused(tmp_path, GOOD.replace(old, new))


def test_values_keep_their_type(tmp_path: Path) -> None:
    assert "client" in _refused(
        tmp_path,
        "client: 5\nbrand: B\ncurrency: EUR\ninbox: [{files: a.csv, table: orders}]\n",
        Engagement,
    )


def test_ids_with_leading_zeros_and_clock_times_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "e.yml"
    path.write_text(
        "client: 00123\nbrand: 1:30\ncurrency: EUR\ninbox: [{files: a.csv, table: orders}]\n",
        encoding="utf-8",
    )
    assert (read_model(path, Engagement).client, read_model(path, Engagement).brand) == (
        "00123",
        "1:30",
    )


@pytest.mark.parametrize(
    "files", ["../secret.csv", "/etc/passwd", "~/x.csv", "a/../../b.csv", "C:\\x.csv", "file://x"]
)
def test_inbox_patterns_stay_inside_the_inbox(tmp_path: Path, files: str) -> None:
    said = _refused(
        tmp_path,
        f"client: A\nbrand: B\ncurrency: EUR\ninbox: [{{files: '{files}', table: orders}}]\n",
        Engagement,
    )
    assert "a path inside the inbox folder" in said


def test_strategy_rules_give_every_segment_exactly_one_strategy(tmp_path: Path) -> None:
    rule = "strategies:\n  - {strategy: develop, value: low, do: x, avoid: y}\n"
    assert "exactly one rule without conditions" in _refused(tmp_path, "as_of: 2025-12-31\n" + rule)


@pytest.mark.parametrize(
    "name",
    ["../x", "x; touch p", "$(touch p)", "a/b", "", "A", "-rf", "x\ny", "{x}", "con", "lpt1", "a" * 65, "naïve", "a.", "."],
)  # fmt: skip
def test_engagement_names_are_plain_folder_names(name: str) -> None:
    with pytest.raises(PlanError, match="engagement"):
        open_folder(name)


def test_an_unknown_engagement_names_the_known_ones() -> None:
    with pytest.raises(PlanError, match=r"there are: .*demo, online_retail"):
        open_folder("acme")


def test_the_demo_plans_are_valid_and_linked(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = open_folder("demo")
    roles = {role.id for role in folder.engagement().roles}
    for period in folder.periods():
        plan = folder.plan(period)
        assert {o.owner for o in plan.objectives} | {
            r for i in plan.initiatives for r in i.raci
        } <= roles
    assert folder.previous("2025") == "2024"
    assert folder.previous("2024") is None


def test_a_folder_that_links_elsewhere_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "engagement.yml").write_text("client: x\n", encoding="utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "acme").symlink_to(outside)
    monkeypatch.setenv("PLAYBOOK_DATA", str(tmp_path / "data"))
    with pytest.raises(PlanError, match="outside the data folder"):
        open_folder("acme")
