"""Plans, effects and movements one can check by hand, for the tests of the annual review."""

from __future__ import annotations

from datetime import date

import pandas as pd

from playbook.answer import Answer, Missing
from playbook.engagement import Plan
from playbook.engagement.review import Override

DAY, BEFORE = date(2025, 12, 31), date(2024, 12, 31)
NONE = Missing("not there")


def plan_of(as_of: date = BEFORE, **changes) -> Plan:
    work = {"start": date(2025, 2, 1), "end": date(2025, 6, 30), "objectives": []}
    initiatives = [
        work | {"id": "good", "name": "Good", "budget": 10.0, "campaigns": ["A"]},
        work | {"id": "bad", "name": "Bad", "budget": 20.0, "campaigns": ["B"]},
        work | {"id": "blind", "name": "Blind", "budget": 30.0, "depends_on": ["bad"]},
    ]
    return Plan.model_validate({"as_of": as_of, "initiatives": initiatives} | changes)


def effects_of(a: float = 3.0, b: float = -3.0, error: float = 0.1) -> Answer:
    """Two campaigns with 1,000 treated at cost 1,000, so that an effect of e returns e - 1 times its cost."""
    rows = [
        {"campaign_id": name, "effect": e, "standard_error": error, "treated": 1000, "control": 500, "cost": 1000.0,
         "incremental_margin": 1000 * e, "reason": ""}
        for name, e in (("A", a), ("B", b))
    ]  # fmt: skip
    numbers = pd.DataFrame(rows)
    return Answer(numbers, "", "", "diagnostic", extra={"numbers": numbers})


def movement_of(*segments: tuple[str, int, float]) -> Answer:
    rows = [
        {"segment": name, "strategy": "grow share", "customers_before": 500, "customers_now": now, "contribution_before": 1000.0,
         "contribution_now": 1000 * (1 + change), "change": change, "low": change - 0.1, "high": change + 0.1}
        for name, now, change in segments
    ]  # fmt: skip
    return Answer(pd.DataFrame(rows), "", "", "diagnostic")


def override(id_: str = "bad", decision: str = "keep", kind: str = "initiative") -> Override:
    return Override(kind=kind, id=id_, decision=decision, by="ceo", day=DAY, reason="It opens the market")  # fmt: skip
