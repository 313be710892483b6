"""What an engagement file and a plan may say, as validated models."""

from __future__ import annotations

from datetime import date
from itertools import product
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from playbook.engagement.action import Action
from playbook.engagement.delivery import Database, Identity, Limits, Source
from playbook.engagement.propositions import Propositions
from playbook.engagement.review import ReviewRules
from playbook.engagement.strict import Positive, Share, Strict

__all__ = [
    "Action",
    "Engagement",
    "Objective",
    "Plan",
    "StrategyRule",
]

Score = Annotated[int, Field(ge=1, le=5)]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
Area = Literal["acquisition", "engagement", "satisfaction", "retention", "value"]
Strategy = Literal[
    "appreciate", "grow share", "develop", "maintain at low cost", "win back", "exit"
]


class Role(Strict):
    """A person or team with work in the strategy, and the days a month they have for it."""

    id: Key
    title: str
    department: str
    person_days_per_month: Positive
    guidance: str = ""


class Stakeholder(Strict):
    """Someone who must know, what they are told, how and how often."""

    name: str
    message: str
    channel: str
    cadence: str
    owner: Key


class ServiceLevels(Strict):
    """Promised hours by priority of a case, the share to be kept, and the cases the desk can take a month."""

    first_response_hours: dict[str, Positive]
    resolution_hours: dict[str, Positive]
    share_within: Share = 0.9
    cases_per_month: Positive | None = None


class Costs(Strict):
    """Unit costs (currency) and rates the value calculations use; each is the client's figure."""

    discount_rate_year: Share = 0.10
    margin_rate: Share | None = None
    cost_per_ticket: Positive | None = None
    cost_per_respondent: Positive | None = None
    hurdle_rate_year: Share = 0.15


class Constraints(Strict):
    """Limits that every target list and budget keeps."""

    contact_cap_per_month: Annotated[int, Field(ge=0)] = 2
    capacity_per_month: dict[str, Positive] = {}
    holdout_share: Share = 0.05
    minimum_cell: Annotated[int, Field(ge=1)] = 5
    max_quarantined_share: Share = 0.05


class Engagement(Strict):
    """``engagement.yml``: what lasts from year to year.

    ``data_until`` is the last day the deliveries hold (default: the last plan's ``as_of``);
    ``test_accounts`` are patterns (``*@test.example``) of ids, names or e-mails that are no customers.
    """

    client: str
    brand: str
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    language: str = "en"
    engine: Literal["duckdb", "spark"] = "duckdb"
    fiscal_year_starts: Annotated[int, Field(ge=1, le=12)] = 1
    seed: int = 1
    purpose: str = ""
    mission: str = ""
    vision: str = ""
    roles: list[Role] = []
    stakeholders: list[Stakeholder] = []
    service_levels: ServiceLevels | None = None
    costs: Costs = Costs()
    constraints: Constraints = Constraints()
    crm_systems: list[Literal["salesforce", "hubspot", "zoho", "fxiaoke"]] = []
    data_until: date | None = None
    test_accounts: list[str] = []
    identity: Identity = Identity()
    limits: Limits = Limits()
    databases: dict[Key, Database] = {}
    inbox: list[Source]

    @field_validator("inbox", mode="before")
    @classmethod
    def _nothing_yet(cls, value: object) -> object:
        return [] if value is None else value

    @model_validator(mode="after")
    def _databases_are_named(self) -> Engagement:
        for source in self.inbox:
            if source.database and source.database not in self.databases:
                known = ", ".join(sorted(self.databases)) or "none"
                raise ValueError(f"inbox: database {source.database!r} has no entry under databases (there are: {known})")  # fmt: skip
        return self


class Objective(Strict):
    """A measurable goal; ``metric`` is the id of a figure the playbook computes."""

    id: Key
    name: str
    area: Area
    metric: str
    target: float
    due: date
    owner: Key
    serves: Literal["purpose", "mission", "vision"]
    because: str


class Rollout(Strict):
    """Where an initiative began before it began elsewhere: the first day of each place; places not named go without.

    ``by`` is the column of the customers that names the place.
    """

    by: Literal[
        "country", "region", "area_type", "customer_type", "market_segment", "acquisition_channel"
    ]
    starts: Annotated[dict[str, date], Field(min_length=1)]


class Initiative(Strict):
    """A piece of work that serves objectives; ``person_days`` is by role over its whole length."""

    id: Key
    name: str
    objectives: list[Key]
    start: date
    end: date
    owner: str = ""
    budget: Positive
    person_days: dict[Key, Positive] = {}
    depends_on: list[Key] = []
    raci: dict[Key, Literal["R", "A", "C", "I"]] = {}
    campaigns: list[str] = []
    segments: list[str] = []
    rollout: Rollout | None = None

    @model_validator(mode="after")
    def _ends_after_start(self) -> Initiative:
        if self.end < self.start:
            raise ValueError(f"initiative {self.id} ends {self.end} before it starts {self.start}")
        return self


class Risk(Strict):
    """A risk, scored 1 to 5 before and after its mitigation."""

    id: Key
    description: str
    likelihood: Score
    impact: Score
    mitigation: str
    owner: str = ""
    residual_likelihood: Score
    residual_impact: Score


class BelievedCurve(Strict):
    """How spend on winning customers is believed to work: share of prospects won = ceiling·(1 - e^(-k·spend a prospect)).

    For a year: ``prospects`` addressed, ``ceiling`` the share won at unlimited spend, ``k`` per unit of money and prospect.
    """

    prospects: Annotated[float, Field(gt=0)]
    ceiling: Annotated[float, Field(gt=0, le=1)]
    k: Annotated[float, Field(gt=0)]


class Budget(Strict):
    """Money for the coming year (currency); the curve is used where the months of spend show none."""

    total: Positive
    acquisition: Positive
    retention: Positive
    acquisition_curve: BelievedCurve | None = None


class StrategyRule(Strict):
    """One line of the rule table; the first line whose conditions all hold gives the strategy.

    Conditions compare a segment with the hurdles named beside them; a line without conditions
    holds for every segment and must stand last.
    """

    strategy: Strategy
    value: Literal["high", "low"] | None = None
    potential: Literal["high", "low"] | None = None
    contribution: Literal["positive", "negative"] | None = None
    activity: Literal["active", "lapsed"] | None = None
    do: str
    avoid: str


def _rules_never_reached(rules: list[StrategyRule]) -> list[tuple[int, StrategyRule]]:
    """Return number (from 1) and rule of those that no combination of facts comes to."""
    facts = ("value", "potential", "contribution", "activity")
    sides = (("high", "low"), ("high", "low"), ("positive", "negative"), ("active", "lapsed"))
    reached = set()
    for cell in product(*sides):
        for number, rule in enumerate(rules):
            asked = [getattr(rule, name) for name in facts]
            if all(a is None or a == side for a, side in zip(asked, cell, strict=True)):
                reached.add(number)
                break
    return [(n + 1, rule) for n, rule in enumerate(rules) if n not in reached]


class Tier(Strict):
    """A tier of the loyalty programme, reached by yearly revenue; ``offer_cost`` is per member who buys and year (currency)."""

    name: str
    from_revenue: Positive
    points_per_unit: Positive
    offer: str = ""
    offer_cost: Positive = 0.0


class LoyaltyDesign(Strict):
    """Another design of the programme to be compared with the present one, and the lift it is believed to bring.

    Without a belief of its own, the programme's is scaled by how generous the design is.
    """

    name: str
    point_value: Positive
    tiers: Annotated[list[Tier], Field(min_length=1)]
    believed_lift: float | None = None
    believed_lift_low: float | None = None
    believed_lift_high: float | None = None

    @model_validator(mode="after")
    def _belief_is_whole(self) -> LoyaltyDesign:
        given = [self.believed_lift, self.believed_lift_low, self.believed_lift_high]
        if any(x is None for x in given) != all(x is None for x in given):
            raise ValueError(
                f"loyalty design {self.name}: give believed_lift with its low and high, or none of them"
            )
        return self


class LoyaltyProgramme(Strict):
    """Rules of the loyalty programme; ``point_value`` in currency."""

    point_value: Positive
    expiry_months: Annotated[int, Field(ge=1)] = 24
    tiers: list[Tier]
    believed_lift: float
    believed_lift_low: float
    believed_lift_high: float
    care_calendar: dict[str, str] = {}
    designs: list[LoyaltyDesign] = []


class AutomationRule(Strict):
    """When a score or event holds, who does what by when.

    ``strategies`` limits the rule to segments with one of these strategies (empty: all). Where one
    customer meets more rules than the contact cap allows, the rule that stands first in the plan goes first.
    """

    id: Key
    area: Literal["sales", "marketing", "service"]
    trigger: Literal[
        "high churn risk", "deal without progress", "detractor", "likely to buy", "birthday",
        "open case late", "promoter", "competitor offers more",
    ]  # fmt: skip
    then: str
    owner: Key
    due_days: Annotated[int, Field(ge=0)]
    strategies: list[Strategy] = []


class Response(Strict):
    """What the queue of call backs suggests to say or do, by cause and, where one is named, by topic of the case.

    Without a response for a cause, that of the automation rule which names its owner is suggested.
    """

    cause: Literal[
        "open case beyond the promise", "detractor", "case reopened", "dissatisfied with a case"
    ]
    topic: str = ""
    then: str


class Plan(Strict):
    """``plans/<period>.yml``: what is decided with the data up to ``as_of``, for the year after."""

    as_of: date
    objectives: list[Objective] = []
    initiatives: list[Initiative] = []
    risks: list[Risk] = []
    budget: Budget | None = None
    segment_names: dict[str, str] = {}
    strategies: list[StrategyRule] = []
    propositions: Propositions = []
    actions: list[Action] = []
    loyalty_programme: LoyaltyProgramme | None = None
    automation: list[AutomationRule] = []
    responses: list[Response] = []
    review: ReviewRules = ReviewRules()
    parameters: dict[Key, dict[Key, int | float | str | bool]] = {}

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Plan:
        for name in ("objectives", "initiatives", "risks", "actions", "automation"):
            ids = [item.id for item in getattr(self, name)]
            twice = sorted({i for i in ids if ids.count(i) > 1})
            if twice:
                raise ValueError(f"{name}: id {twice[0]} stands more than once; ids are unique")
        return self

    @model_validator(mode="after")
    def _strategies_cover_every_segment(self) -> Plan:
        open_rules = [
            number
            for number, rule in enumerate(self.strategies)
            if not (rule.value or rule.potential or rule.contribution or rule.activity)
        ]
        if self.strategies and open_rules != [len(self.strategies) - 1]:
            raise ValueError(
                "strategies: exactly one rule without conditions, and it stands last, "
                "so that every segment gets one strategy"
            )
        never = _rules_never_reached(self.strategies)
        if never:
            number, rule = never[0]
            raise ValueError(
                f"strategies: rule {number} ({rule.strategy}) can never hold, earlier rules cover all it asks for; "
                "move it up or give it other conditions"
            )
        return self
