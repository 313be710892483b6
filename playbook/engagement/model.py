"""What an engagement file and a plan may say, as validated models."""

from __future__ import annotations

import re
from datetime import date
from itertools import product
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = [
    "Action",
    "Database",
    "Engagement",
    "Identity",
    "Limits",
    "Objective",
    "Plan",
    "Source",
    "StrategyRule",
]

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(ge=0)]
Score = Annotated[int, Field(ge=1, le=5)]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
Area = Literal["acquisition", "engagement", "satisfaction", "retention", "value"]
Strategy = Literal[
    "appreciate", "grow share", "develop", "maintain at low cost", "win back", "exit"
]


class Strict(BaseModel):
    """A block of the file: unknown keys and silent changes of type are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def inside_inbox(value: str) -> str:
    """Return a path that stays inside the inbox, or raise `ValueError`."""
    if value.startswith(("/", "~")) or ".." in re.split(r"[/\\]", value) or ":" in value:
        raise ValueError("a path inside the inbox folder, without .. or a leading /")
    return value


class Source(Strict):
    """Which inbox files, or which relation of a database, hold which standard table, and how they are written.

    What is left empty is read off the data (encoding, delimiter, header row, decimal mark, order of
    dates); what is said here is believed.

    Attributes
    ----------
    files, relation
        Pattern of inbox files, or ``schema.table`` of the entry ``database`` under ``databases``.
    system
        The client's system that the rows come from; their customer ids are that system's own.
    columns
        Our column to the file's header; columns of equal name or a known synonym may be left out.
    join
        Our column to the headers that make it together, such as ``name: [FirstName, LastName]``.
    values
        Our column to the client's word to ours, such as ``arm: {Kontrolle: control}``.
    derive
        Tables that are made from the lines of this one.
    dates, timezone
        Formats of dates (strptime), tried in order; time zone of times that carry no offset.
    nulls
        Words that stand for nothing, besides the empty cell.
    """

    files: str = ""
    database: str = ""
    relation: str = ""
    table: str
    system: str = ""
    columns: dict[str, str] = {}
    join: dict[str, Annotated[list[str], Field(min_length=2)]] = {}
    constants: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    ignore: list[str] = []
    derive: list[Literal["orders", "customers", "products"]] = []
    sheet: str = ""
    header_row: Annotated[int, Field(ge=1)] | None = None
    delimiter: str = ""
    encoding: str = ""
    decimal: Literal["", ".", ","] = ""
    dates: list[str] = []
    timezone: str = "UTC"
    nulls: list[str] = []

    @field_validator("files")
    @classmethod
    def _inside_inbox(cls, value: str) -> str:
        return inside_inbox(value)

    @model_validator(mode="after")
    def _one_origin(self) -> Source:
        if bool(self.files) == bool(self.database and self.relation):
            raise ValueError("either files, or database and relation")
        both = sorted({*self.join} & {*self.columns, *self.constants})
        if both:
            raise ValueError(
                f"{both[0]} stands under join and under columns or constants; keep one"
            )
        return self


class Database(Strict):
    """A database that tables are read from; its address or password stands in the environment only.

    ``url_env`` names the environment variable that holds a PostgreSQL address; ``file`` is a DuckDB
    file inside the inbox.
    """

    kind: Literal["postgresql", "duckdb"]
    url_env: str = ""
    file: str = ""

    @model_validator(mode="after")
    def _address_stays_outside(self) -> Database:
        variable = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.url_env)
        if self.kind == "postgresql" and (self.file or not variable):
            raise ValueError(
                "url_env is the name of an environment variable, such as SHOP_DATABASE; "
                "the address itself is set there and never stands in this file"
            )
        if self.kind == "duckdb" and (self.url_env or not self.file):
            raise ValueError("file is the DuckDB file in the inbox, such as shop.duckdb")
        if self.file:
            inside_inbox(self.file)
        return self


class Identity(Strict):
    """How records of several systems become one customer.

    Attributes
    ----------
    systems
        Systems in order of trust; the first that has a field gives it.
    trust
        Field to the systems in order of trust, where a field has an order of its own.
    link_above, review_above
        Probabilities above which two records are linked, and above which a person should look.
    confirm, reject
        Pairs decided by hand: ``system:id = system:id``.
    """

    systems: list[str] = []
    trust: dict[str, list[str]] = {}
    link_above: Share = 0.95
    review_above: Share = 0.50
    confirm: list[str] = []
    reject: list[str] = []


class Limits(Strict):
    """How large a delivered file may be before it is refused."""

    file_megabytes: Positive = 4000
    unpacked_megabytes: Positive = 8000
    unpacked_ratio: Positive = 200
    line_kilobytes: Positive = 4096
    columns: Annotated[int, Field(ge=1)] = 2000
    workbook_cells: Annotated[int, Field(ge=1)] = 50_000_000


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
    """Promised hours by priority of a case, and the share to be kept."""

    first_response_hours: dict[str, Positive]
    resolution_hours: dict[str, Positive]
    share_within: Share = 0.9


class Costs(Strict):
    """Unit costs (currency) and rates the value calculations use; each is the client's figure."""

    discount_rate_year: Share = 0.10
    margin_rate: Share | None = None
    cost_per_ticket: Positive | None = None
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


class Budget(Strict):
    """Money for the coming year (currency)."""

    total: Positive
    acquisition: Positive
    retention: Positive


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


class Action(Strict):
    """What the client can do to one customer.

    The effect is a *belief* until it is measured: the change in the probability of at least one more
    order within a year (0.03 = three percentage points), with its plausible range.
    """

    id: Key
    name: str
    channel: Literal["email", "sms", "phone", "social", "letter", "none"]
    purpose: Literal["retention", "cross-sell", "up-sell", "win-back", "service", "advocacy"]
    unit_cost: Positive
    believed_effect: float
    believed_effect_low: float
    believed_effect_high: float
    applies_to: Literal["everyone", "active", "at risk", "lapsed", "detractors", "promoters"] = (
        "everyone"
    )


class Tier(Strict):
    """A tier of the loyalty programme, reached by yearly revenue."""

    name: str
    from_revenue: Positive
    points_per_unit: Positive
    offer: str = ""


class LoyaltyProgramme(Strict):
    """Rules of the loyalty programme; ``point_value`` in currency."""

    point_value: Positive
    expiry_months: Annotated[int, Field(ge=1)] = 24
    tiers: list[Tier]
    believed_lift: float
    believed_lift_low: float
    believed_lift_high: float
    care_calendar: dict[str, str] = {}


class AutomationRule(Strict):
    """When a score or event holds, who does what by when."""

    id: Key
    area: Literal["sales", "marketing", "service"]
    trigger: Literal[
        "high churn risk", "deal without progress", "detractor", "likely to buy", "birthday",
        "open case late", "promoter",
    ]  # fmt: skip
    then: str
    owner: Key
    due_days: Annotated[int, Field(ge=0)]


class ReviewRules(Strict):
    """When an initiative or segment strategy is kept, adjusted or stopped at the yearly review."""

    keep_if_return_above: float = 0.0
    stop_if_return_below: float = -0.5
    minimum_n: Annotated[int, Field(ge=1)] = 100


class Plan(Strict):
    """``plans/<period>.yml``: what is decided with the data up to ``as_of``, for the year after."""

    as_of: date
    objectives: list[Objective] = []
    initiatives: list[Initiative] = []
    risks: list[Risk] = []
    budget: Budget | None = None
    segment_names: dict[str, str] = {}
    strategies: list[StrategyRule] = []
    actions: list[Action] = []
    loyalty_programme: LoyaltyProgramme | None = None
    automation: list[AutomationRule] = []
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
