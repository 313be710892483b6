"""What the client can do to one customer, as the plan states it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from playbook.engagement.strict import Positive, Strict

__all__ = ["Action"]

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]


class Action(Strict):
    """What the client can do to one customer.

    The effect is a *belief* until it is measured, with its plausible range. ``effect_on`` says of what: *buyers*, the change
    in the probability of at least one more order within a year (0.03 = three percentage points), or *orders*, the relative
    change of the orders of the 30 days after the contact (0.2 = a fifth more), as results of campaigns are often told.

    ``discount`` is the share taken off every order of the 30 days after the contact, whether or not the
    contact caused it. ``measured_by`` names past campaigns of the same kind (``campaign_id``): where
    they had a random control group, what they measured is weighed against the belief.

    ``need`` is what the action speaks to, in the words of the survey's questions on importance (price,
    style, service, ...): segments that hold it more important are expected to answer more.
    ``believed_staying`` is what the contact changes in all orders of the next 12 months because customers
    stay, besides the orders it brings itself (0.01 = one order in a hundred), with its plausible range. It
    goes with what a customer buys anyway, and no campaign of some weeks can measure it.
    """

    id: Key
    name: str
    channel: Literal["email", "sms", "phone", "social", "letter", "none"]
    purpose: Literal["retention", "cross-sell", "up-sell", "win-back", "service", "advocacy"]
    unit_cost: Positive
    believed_effect: float
    believed_effect_low: float
    believed_effect_high: float
    effect_on: Literal["buyers", "orders"] = "buyers"
    discount: Annotated[float, Field(ge=0, lt=1)] = 0.0
    measured_by: list[str] = Field(default_factory=list)
    applies_to: Literal[
        "everyone", "active", "at risk", "lapsed", "detractors", "promoters", "businesses"
    ] = "everyone"
    need: str = ""
    believed_staying: float = 0.0
    believed_staying_low: float = 0.0
    believed_staying_high: float = 0.0

    @model_validator(mode="after")
    def _range_holds_the_belief(self) -> Action:
        low, middle, high = (
            getattr(self, f"believed_staying{end}") for end in ("_low", "", "_high")
        )
        if not low <= middle <= high:
            raise ValueError(
                f"action {self.id}: believed_staying {middle} is not between its low {low} and high {high}; give all three"
            )
        return self
