"""The campaigns that are planned in a world, and what each really does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Campaign:
    """One campaign and its planted effect.

    Attributes
    ----------
    target
        ``all``, ``recent`` (bought within 12 months), ``best`` (top 15 % by spend), ``lapsed``
        (no order for 180 days), ``unhappy`` (a failed case or late delivery within 6 months).
    treated
        Probability of being treated, for each stratum; 1 means no control.
    lift
        Log change of the order rate during one month, per segment.
    care
        Change of satisfaction (standard score), per segment.
    cut
        Discount (share) that treated customers get on orders in that month.
    """

    campaign_id: str
    name: str
    objective: str
    channel: str
    month: str
    target: str
    treated: tuple[float, ...]
    lift: tuple[float, float, float, float, float]
    offer: str
    cut: float = 0.0
    care: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    fixed_cost: float = 800.0
    unit_cost: float = 0.02
    size: float = 0.3


CAMPAIGNS = (
    Campaign("C2401", "Spring home", "cross-sell", "email", "2024-03", "recent", (0.8,),
             (0.22, 0.28, 0.05, 0.10, 0.0), "new collection"),
    Campaign("C2402", "Refill reminder", "retention", "email", "2024-05", "recent", (0.7,),
             (0.10, 0.0, 0.05, 0.35, 0.10), "refill within two clicks"),
    Campaign("C2403", "Gold private sale", "appreciation", "email", "2024-06", "best", (1.0,),
             (0.05, 0.12, 0.05, 0.05, 0.05), "private sale, 15 %", 0.15),
    Campaign("C2404", "Come back voucher", "win-back", "email", "2024-09", "lapsed", (0.9, 0.5),
             (0.75, 0.25, 0.10, 0.35, 0.0), "15 % voucher", 0.15),
    Campaign("C2405", "Black Week early access", "sales", "email", "2024-11", "all", (0.9,),
             (0.45, 0.15, 0.05, 0.20, 0.10), "early access, 10 %", 0.10, size=0.35),
    Campaign("C2501", "Winter clearance", "sales", "sms", "2025-02", "recent", (0.75,),
             (0.50, -0.05, -0.45, 0.15, 0.0), "20 % on last pieces", 0.20, unit_cost=0.08),
    Campaign("C2502", "Double points", "loyalty", "email", "2025-03", "recent", (0.75,),
             (0.0, 0.0, 0.0, 0.0, 0.0), "double points for a month"),
    Campaign("C2503", "Delivery promise", "retention", "email", "2025-04", "all", (0.5,),
             (0.0, 0.0, 0.06, 0.30, 0.15), "free booked slot", 0.0, (0.0, 0.0, 0.1, 0.2, 0.1)),
    Campaign("C2504", "Design lookbook", "cross-sell", "mail", "2025-05", "recent", (0.8, 0.5, 0.3),
             (0.0, 0.45, 0.10, 0.05, 0.0), "printed lookbook", fixed_cost=2400.0, unit_cost=1.10),
    Campaign("C2505", "Care call", "retention", "phone", "2025-06", "unhappy", (0.5,),
             (0.0, 0.05, 0.30, 0.10, 0.20), "personal call and apology",
             care=(0.2, 0.2, 0.8, 0.35, 0.4), fixed_cost=300.0, unit_cost=4.50),
    Campaign("C2506", "Come back voucher 2025", "win-back", "email", "2025-09", "lapsed",
             (0.9, 0.5), (0.70, 0.20, 0.10, 0.30, 0.0), "15 % voucher", 0.15),
    Campaign("C2507", "Gold private sale 2025", "appreciation", "email", "2025-10", "best", (1.0,),
             (0.05, 0.12, 0.05, 0.05, 0.05), "private sale, 15 %", 0.15),
    Campaign("C2508", "Black Week early access 2025", "sales", "email", "2025-11", "all", (0.9,),
             (0.40, 0.12, 0.05, 0.18, 0.10), "early access, 10 %", 0.10, size=0.35),
)  # fmt: skip


@dataclass(frozen=True)
class Action:
    """One action of the menu that `playbook.market.advance` takes, and what it really does.

    Attributes
    ----------
    lift
        Log change of the order rate during the month, per segment.
    care
        Change of satisfaction (standard score), per segment.
    cut
        Discount (share) on the orders of that month.
    unit_cost
        Cost of one contact.
    past
        Past campaigns of the same kind.
    """

    action: str
    channel: str
    unit_cost: float
    lift: tuple[float, float, float, float, float]
    cut: float = 0.0
    care: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    past: tuple[str, ...] = ()


ACTIONS = (
    Action("voucher", "email", 0.02, (0.70, 0.20, 0.10, 0.30, 0.0), 0.15,
           past=("C2404", "C2506")),
    Action("early access", "email", 0.02, (0.45, 0.15, 0.05, 0.20, 0.10), 0.10,
           past=("C2405", "C2508")),
    Action("clearance text", "sms", 0.08, (0.50, -0.05, -0.45, 0.15, 0.0), 0.20,
           (0.0, -0.05, -0.15, 0.0, 0.0), ("C2501",)),
    Action("lookbook", "mail", 1.10, (0.0, 0.45, 0.10, 0.05, 0.0), past=("C2504",)),
    Action("delivery promise", "email", 0.60, (0.0, 0.0, 0.06, 0.30, 0.15), 0.0,
           (0.0, 0.0, 0.1, 0.2, 0.1), ("C2503",)),
    Action("care call", "phone", 4.50, (0.0, 0.05, 0.30, 0.10, 0.20), 0.0,
           (0.2, 0.2, 0.8, 0.35, 0.4), ("C2505",)),
    Action("refill reminder", "email", 0.02, (0.10, 0.0, 0.05, 0.35, 0.10), past=("C2402",)),
    Action("account visit", "sales team", 38.0, (0.0, 0.0, 0.0, 0.0, 0.60), 0.0,
           (0.0, 0.0, 0.1, 0.0, 0.5)),
)  # fmt: skip
