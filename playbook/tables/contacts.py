"""How customers and the company were in touch."""

from __future__ import annotations

from playbook.tables.definition import Table, flag, identifier, money, number, one_of, text, time

__all__ = ["CONTACTS"]

CONTACTS: dict[str, Table] = {
    "interactions": Table(
        "one contact of a customer or visitor with a touchpoint",
        {
            "interaction_id": identifier("interaction", True),
            "customer_id": identifier("customer, where known"),
            "visitor_id": identifier("visitor (browser or device), where known"),
            "occurred_at": time("when", True),
            "touchpoint": text("touchpoint, such as product page or call centre", True),
            "channel": text("channel"),
            "stage": one_of(
                "stage of the journey",
                "awareness consideration purchase support loyalty",
                True,
            ),
            "outcome": text("what came of it"),
            "duration_s": number("duration", "seconds", low=0),
            "cost": money("cost of this contact", low=0),
        },
        ("interaction_id",),
        "occurred_at",
        links={"customer_id": "customers"},
    ),
    "tickets": Table(
        "one service case",
        {
            "ticket_id": identifier("case", True),
            "customer_id": identifier("customer"),
            "opened_at": time("when opened", True),
            "first_response_at": time("first answer by a person"),
            "resolved_at": time("when resolved; none while open"),
            "channel": text("channel the case came in by"),
            "topic": text("topic"),
            "priority": one_of("priority", "low normal high urgent"),
            "reopened": flag("whether it was opened again"),
            "csat": number("satisfaction with the case", "1 to 5", low=1, high=5),
        },
        ("ticket_id",),
        "opened_at",
        {
            "first_response_at": ("first_response_at",),
            "resolved_at": ("resolved_at", "reopened", "csat"),
        },
        links={"customer_id": "customers"},
    ),
}
