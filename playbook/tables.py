"""The standard tables: their only definition, from which intake, checks and the data dictionary read.

Glossary
--------
table
    One kind of row a client delivers, in our names and units.
key
    The columns that identify a row; two rows with one key are duplicates.
known_at
    The column that tells when a row became known. A row known after ``as_of`` is not visible.
later
    Columns that were filled in after the row was created, by the time that filled them. They are
    blanked when that time lies after ``as_of``, so that no outcome leaks into the past.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd
import pandera.pandas as pa

__all__ = ["SQL_TYPE", "TABLES", "Table", "dictionary", "schema", "validate"]

SQL_TYPE = {
    "id": "VARCHAR",
    "text": "VARCHAR",
    "choice": "VARCHAR",
    "money": "DECIMAL(18,2)",
    "price": "DECIMAL(18,4)",
    "number": "DOUBLE",
    "share": "DOUBLE",
    "whole": "BIGINT",
    "flag": "BOOLEAN",
    "time": "TIMESTAMP",
    "day": "DATE",
}
"""SQL type of each column kind. Money is exact, unit prices keep four decimals; ids are text; times are UTC."""


@dataclass(frozen=True)
class Column:
    """One column: its kind (a key of ``SQL_TYPE``), meaning, unit and what is allowed in it."""

    kind: str
    meaning: str
    unit: str = ""
    required: bool = False
    allowed: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Table:
    """One standard table.

    Attributes
    ----------
    row
        What one row is.
    columns
        Column name to `Column`.
    key
        Columns that identify a row.
    known_at
        Column that tells when the row became known; empty where rows have no time.
    later
        Time column to the columns it filled in (itself included).
    attributes
        Whether further columns (attributes of an offer) are kept, as text.
    links
        Column to the table whose key it must be found in.
    """

    row: str
    columns: dict[str, Column]
    key: tuple[str, ...] = ()
    known_at: str = ""
    later: dict[str, tuple[str, ...]] = field(default_factory=dict)
    attributes: bool = False
    links: dict[str, str] = field(default_factory=dict)
    required: bool = False


def _id(meaning: str, required: bool = False) -> Column:
    return Column("id", meaning, required=required)


def _text(meaning: str, required: bool = False) -> Column:
    return Column("text", meaning, required=required)


def _one_of(meaning: str, allowed: str, required: bool = False) -> Column:
    return Column("choice", meaning, required=required, allowed=tuple(allowed.split()))


def _money(meaning: str, required: bool = False, low: float | None = None) -> Column:
    return Column("money", meaning, "currency", required, low=low)


def _number(
    meaning: str,
    unit: str = "",
    required: bool = False,
    low: float | None = None,
    high: float | None = None,
) -> Column:
    return Column("number", meaning, unit, required, low=low, high=high)


def _whole(
    meaning: str, unit: str = "count", required: bool = False, low: float | None = None
) -> Column:
    return Column("whole", meaning, unit, required, low=low)


def _share(meaning: str) -> Column:
    return Column("share", meaning, "0 to 1", low=0, high=1)


def _flag(meaning: str, required: bool = False) -> Column:
    return Column("flag", meaning, "true/false", required)


def _time(meaning: str, required: bool = False) -> Column:
    return Column("time", meaning, "UTC", required)


def _day(meaning: str) -> Column:
    return Column("day", meaning, "date")


_CONSENT = "true only when the customer agreed to be contacted by"
_PERSON = {
    "name": _text("full name of the person, or of the contact at a company"),
    "email": _text("e-mail address"),
    "phone": _text("telephone number"),
    "birth_date": _day("date of birth"),
    "gender": _text("gender as recorded"),
    "income": _money("yearly household income", low=0),
    "education": _text("highest education"),
    "household": _whole("people in the household", "people", low=1),
    "country": _text("country, ISO 3166 two-letter code or name"),
    "region": _text("region of the country"),
    "city": _text("city"),
    "postcode": _text("postal code"),
    "latitude": _number("latitude", "degrees", low=-90, high=90),
    "longitude": _number("longitude", "degrees", low=-180, high=180),
    "area_type": _text("urban, suburban or rural"),
    "company": _text("company name, for business customers"),
    "industry": _text("industry of the company"),
    "employees": _whole("employees of the company", "people", low=0),
    "acquired_at": _time("when the customer was won"),
    "acquisition_channel": _text("channel that won the customer"),
    "market_segment": _text("segment of the market the customer belongs to, as in table market"),
    "consent_email": _flag(f"{_CONSENT} e-mail"),
    "consent_sms": _flag(f"{_CONSENT} SMS"),
    "consent_phone": _flag(f"{_CONSENT} telephone"),
    "consent_social": _flag(f"{_CONSENT} social media"),
    "consent_updated_at": _time("when the consents were last changed"),
    "is_deceased_or_closed": _flag("true when the person died or the company closed"),
}

TABLES: dict[str, Table] = {
    "customers": Table(
        "one customer after identity resolution",
        {"customer_id": _id("customer", True)} | _PERSON,
        ("customer_id",),
        "acquired_at",
        required=True,
    ),
    "customer_records": Table(
        "one record of a person or company in one system, before identity resolution",
        {
            "system": _text("system the record comes from", True),
            "system_id": _id("identifier in that system", True),
        }
        | _PERSON
        | {
            "street": _text("street and number"),
            "tax_id": _id("tax or registration number"),
        },
        ("system", "system_id"),
        "acquired_at",
    ),
    "customer_keys": Table(
        "one identifier of a customer in one system",
        {
            "customer_id": _id("customer", True),
            "system": _text("system", True),
            "system_id": _id("identifier in that system", True),
            "match_probability": _share("probability that the link is right"),
        },
        ("system", "system_id"),
        links={"customer_id": "customers"},
    ),
    "orders": Table(
        "one order or refund",
        {
            "order_id": _id("order", True),
            "customer_id": _id("customer; none for a guest"),
            "ordered_at": _time("when it was ordered or refunded", True),
            "channel": _text("sales channel"),
            "revenue": _money("revenue net of discount, negative for a refund", True),
            "discount": _money("discount given"),
            "cost": _money("cost of the goods or services sold"),
            "campaign_id": _id("campaign the order is credited to by the client"),
        },
        ("order_id",),
        "ordered_at",
        links={"customer_id": "customers"},
        required=True,
    ),
    "order_lines": Table(
        "one line of an order",
        {
            "order_id": _id("order", True),
            "line": _whole("number of the line in its order", "number", True),
            "product_id": _id("product"),
            "quantity": _number("quantity, negative when returned", "units", True),
            "unit_price": Column("price", "price of one unit", "currency", True),
            "unit_cost": Column("price", "cost of one unit", "currency"),
        },
        ("order_id", "line"),
        links={"order_id": "orders"},
    ),
    "products": Table(
        "one product or service",
        {
            "product_id": _id("product", True),
            "name": _text("name"),
            "category": _text("category"),
            "brand": _text("brand"),
            "kind": _one_of("product or service", "product service"),
            "list_price": _money("list price", low=0),
            "unit_cost": _money("cost of one unit", low=0),
        },
        ("product_id",),
    ),
    "subscriptions": Table(
        "one contract spell",
        {
            "subscription_id": _id("contract", True),
            "customer_id": _id("customer", True),
            "plan": _text("plan or tariff"),
            "started_at": _time("start", True),
            "ended_at": _time("end; none while it runs"),
            "monthly_fee": _money("fee per month", True, 0),
            "end_reason": _text("why it ended"),
        },
        ("subscription_id",),
        "started_at",
        {"ended_at": ("ended_at", "end_reason")},
        links={"customer_id": "customers"},
    ),
    "interactions": Table(
        "one contact of a customer or visitor with a touchpoint",
        {
            "interaction_id": _id("interaction", True),
            "customer_id": _id("customer, where known"),
            "visitor_id": _id("visitor (browser or device), where known"),
            "occurred_at": _time("when", True),
            "touchpoint": _text("touchpoint, such as product page or call centre", True),
            "channel": _text("channel"),
            "stage": _one_of(
                "stage of the journey",
                "awareness consideration purchase support loyalty",
                True,
            ),
            "outcome": _text("what came of it"),
            "duration_s": _number("duration", "seconds", low=0),
            "cost": _money("cost of this contact", low=0),
        },
        ("interaction_id",),
        "occurred_at",
        links={"customer_id": "customers"},
    ),
    "tickets": Table(
        "one service case",
        {
            "ticket_id": _id("case", True),
            "customer_id": _id("customer"),
            "opened_at": _time("when opened", True),
            "first_response_at": _time("first answer by a person"),
            "resolved_at": _time("when resolved; none while open"),
            "channel": _text("channel the case came in by"),
            "topic": _text("topic"),
            "priority": _one_of("priority", "low normal high urgent"),
            "reopened": _flag("whether it was opened again"),
            "csat": _number("satisfaction with the case", "1 to 5", low=1, high=5),
        },
        ("ticket_id",),
        "opened_at",
        {
            "first_response_at": ("first_response_at",),
            "resolved_at": ("resolved_at", "reopened", "csat"),
        },
        links={"customer_id": "customers"},
    ),
    "survey_questions": Table(
        "one question of a survey",
        {
            "question_id": _id("question", True),
            "survey": _text("survey", True),
            "text": _text("wording"),
            "construct": _text("construct the question measures"),
            "kind": _one_of(
                "kind of question",
                "nps csat ces importance rating psychographic brand price wallet kano open",
                True,
            ),
            "scale_min": _number("lowest answer of the scale", "points"),
            "scale_max": _number("highest answer of the scale", "points"),
            "touchpoint": _text("touchpoint the question is about"),
            "brand": _text("brand the question is about"),
        },
        ("survey", "question_id"),
    ),
    "survey_invitations": Table(
        "one invited person in a wave",
        {
            "customer_id": _id("customer", True),
            "survey": _text("survey", True),
            "wave": _text("wave", True),
            "invited_at": _time("when invited", True),
        },
        ("customer_id", "survey", "wave"),
        "invited_at",
        links={"customer_id": "customers"},
    ),
    "survey_answers": Table(
        "one answer to one question",
        {
            "response_id": _id("completed questionnaire", True),
            "customer_id": _id("customer; none when anonymous"),
            "survey": _text("survey", True),
            "wave": _text("wave", True),
            "answered_at": _time("when answered", True),
            "question_id": _id("question", True),
            "value": _number("numeric answer on the question's scale", "points"),
            "text": _text("open answer or chosen label"),
        },
        ("response_id", "question_id"),
        "answered_at",
        links={"customer_id": "customers"},
    ),
    "choice_tasks": Table(
        "one alternative shown in one choice task",
        {
            "respondent_id": _id("respondent", True),
            "customer_id": _id("customer, where known"),
            "task": _whole("number of the task", "number", True),
            "alternative": _whole("number of the alternative in the task", "number", True),
            "chosen": _flag("whether it was chosen", True),
            "is_none": _flag("whether it is the option of choosing none"),
            "version": _text("version of the design"),
            "is_holdout": _flag("whether the task is held out for validation"),
        },
        ("respondent_id", "task", "alternative"),
        attributes=True,
    ),
    "offers": Table(
        "one competing offer in the market",
        {
            "offer_id": _id("offer", True),
            "brand": _text("brand", True),
            "is_ours": _flag("whether it is ours", True),
            "price": _money("price", True, 0),
            "unit_cost": _money("our cost of one unit", low=0),
        },
        ("offer_id",),
        attributes=True,
    ),
    "reviews": Table(
        "one public review",
        {
            "review_id": _id("review", True),
            "customer_id": _id("customer, where known"),
            "product_id": _id("product"),
            "created_at": _time("when written", True),
            "source": _text("site"),
            "language": _text("language, ISO 639 code"),
            "rating": _number("stars", "1 to 5", low=1, high=5),
            "title": _text("title"),
            "text": _text("text"),
        },
        ("review_id",),
        "created_at",
    ),
    "focus_group_quotes": Table(
        "one coded quote of a focus group",
        {
            "session": _text("focus group", True),
            "participant": _id("participant (pseudonym)", True),
            "group": _text("kind of participants"),
            "theme": _text("coded theme", True),
            "sentiment": _one_of("sentiment", "negative neutral positive", True),
            "quote": _text("quote", True),
        },
    ),
    "employee_survey": Table(
        "one answer of one employee",
        {
            "department": _text("department", True),
            "role": _text("role"),
            "capability": _text("customer-management capability asked about", True),
            "score": _number("score", "1 to 5", True, 1, 5),
            "answered_at": _time("when answered", True),
        },
        (),
        "answered_at",
    ),
    "market": Table(
        "one brand in one market segment and year",
        {
            "market_segment": _text("segment of the market", True),
            "year": _whole("year", "year", True),
            "market_revenue": _money("revenue of all brands in the segment", True, 0),
            "our_revenue": _money("our revenue in the segment", low=0),
            "customers_in_market": _whole("customers in the segment", "customers", low=0),
            "brand": _text("brand", True),
            "brand_share": _share("share of the brand in the segment's revenue"),
        },
        ("market_segment", "year", "brand"),
        "year",
    ),
    "switching": Table(
        "one observed move between brands",
        {
            "customer_id": _id("customer"),
            "moved_at": _time("when", True),
            "from_brand": _text("brand left", True),
            "to_brand": _text("brand chosen", True),
            "reason": _text("stated reason"),
        },
        (),
        "moved_at",
    ),
    "campaigns": Table(
        "one campaign",
        {
            "campaign_id": _id("campaign", True),
            "name": _text("name"),
            "objective": _text("what it is for"),
            "channel": _text("channel"),
            "started_at": _time("start", True),
            "ended_at": _time("end"),
            "offer": _text("what was offered"),
            "fixed_cost": _money("cost whatever the number of contacts", low=0),
            "unit_cost": _money("cost of one contact", low=0),
        },
        ("campaign_id",),
        "started_at",
    ),
    "campaign_members": Table(
        "one customer in one campaign",
        {
            "campaign_id": _id("campaign", True),
            "customer_id": _id("customer", True),
            "assigned_at": _time("when assigned", True),
            "arm": _one_of("arm", "treated control", True),
            "assignment_probability": _share("probability of being treated; none if not random"),
            "stratum": _text("stratum of the random draw"),
            "opened": _flag("opened the message"),
            "clicked": _flag("clicked"),
            "responded_at": _time("when the customer responded"),
            "unsubscribed": _flag("unsubscribed"),
        },
        ("campaign_id", "customer_id"),
        "assigned_at",
        {"responded_at": ("responded_at",)},
        links={"customer_id": "customers", "campaign_id": "campaigns"},
    ),
    "suppressions": Table(
        "one contact that must not be targeted",
        {
            "customer_id": _id("customer, or"),
            "system": _text("system and"),
            "system_id": _id("identifier in it"),
            "channel": _text("channel, or all", True),
            "reason": _text("why"),
            "since": _time("since when"),
        },
    ),
    "channel_spend": Table(
        "spend on one channel in one month",
        {
            "month": _time("first day of the month", True),
            "channel": _text("channel", True),
            "purpose": _one_of("purpose", "acquisition retention", True),
            "spend": _money("spend", True, 0),
            "new_customers": _whole("customers won", "customers", low=0),
        },
        ("month", "channel", "purpose"),
        "month",
    ),
    "opportunities": Table(
        "one sales opportunity",
        {
            "opportunity_id": _id("opportunity", True),
            "customer_id": _id("customer"),
            "owner": _text("sales person"),
            "product": _text("product"),
            "source": _text("source"),
            "created_at": _time("when created", True),
            "stage": _text("present stage"),
            "amount": _money("amount", low=0),
            "probability": _share("probability the CRM states"),
            "expected_close": _time("expected closing date"),
            "closed_at": _time("when closed; none while open"),
            "is_won": _flag("whether it was won"),
            "loss_reason": _text("why it was lost"),
            "competitor": _text("competitor in the deal"),
        },
        ("opportunity_id",),
        "created_at",
        {"closed_at": ("closed_at", "is_won", "loss_reason", "stage", "probability")},
        links={"customer_id": "customers"},
    ),
    "opportunity_history": Table(
        "one change of stage",
        {
            "opportunity_id": _id("opportunity", True),
            "changed_at": _time("when", True),
            "from_stage": _text("stage before"),
            "to_stage": _text("stage after", True),
        },
        ("opportunity_id", "changed_at", "to_stage"),
        "changed_at",
        links={"opportunity_id": "opportunities"},
    ),
    "leads": Table(
        "one lead",
        {
            "lead_id": _id("lead", True),
            "source": _text("source"),
            "created_at": _time("when created", True),
            "score": _number("score of the CRM", "points"),
            "status": _text("status"),
            "converted_at": _time("when converted"),
            "customer_id": _id("customer it became"),
        },
        ("lead_id",),
        "created_at",
        {"converted_at": ("converted_at", "customer_id", "status")},
    ),
    "loyalty_events": Table(
        "one movement of loyalty points",
        {
            "customer_id": _id("customer", True),
            "occurred_at": _time("when", True),
            "kind": _one_of("kind of movement", "earn redeem expire adjust", True),
            "points": _number("points, negative when they leave the account", "points", True),
            "order_id": _id("order that caused it"),
            "tier": _text("tier of the customer at that time"),
        },
        (),
        "occurred_at",
        links={"customer_id": "customers"},
    ),
    "referrals": Table(
        "one referral",
        {
            "referrer_id": _id("customer who recommends", True),
            "referred_id": _id("customer who was recommended to", True),
            "referred_at": _time("when", True),
            "converted": _flag("whether the referred person bought"),
        },
        ("referrer_id", "referred_id"),
        "referred_at",
    ),
}

_PANDAS_TYPE = {
    "id": "str",
    "text": "str",
    "choice": "str",
    "money": "float64",
    "price": "float64",
    "number": "float64",
    "share": "float64",
    "whole": "Int64",
    "flag": "boolean",
    "time": "datetime64[us]",
    "day": "datetime64[us]",
}


def schema(name: str) -> pa.DataFrameSchema:
    """Return the pandera schema of a standard table, as its frame looks in pandas.

    Money is float64 in a frame (exact in the Parquet file), whole numbers are ``Int64``,
    flags ``boolean``, times ``datetime64[us]`` in UTC without zone.
    """
    table = TABLES[name]
    columns = {
        name: pa.Column(
            _PANDAS_TYPE[column.kind],
            checks=_checks(column),
            nullable=not column.required,
            required=column.required,
            coerce=True,
            description=column.meaning,
            metadata={"unit": column.unit},
        )
        for name, column in table.columns.items()
    }
    unique = list(table.key) or None
    return pa.DataFrameSchema(columns, unique=unique, strict=not table.attributes, name=name)


def _checks(column: Column) -> list[pa.Check]:
    checks = []
    if column.allowed:
        checks.append(pa.Check.isin(column.allowed))
    if column.low is not None:
        checks.append(pa.Check.ge(column.low))
    if column.high is not None:
        checks.append(pa.Check.le(column.high))
    return checks


def validate(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame as the standard table ``name``, typed and checked.

    Raises
    ------
    pandera.errors.SchemaErrors
        With one row per violation in ``failure_cases``.
    """
    return schema(name).validate(frame, lazy=True)


def dictionary() -> str:
    """Return the data dictionary as Markdown: every table, column, unit and meaning."""
    lines = [
        "# Data dictionary",
        "",
        "Made from `playbook/tables.py` by `make docs`; a test keeps it current. Only `customers` and `orders`",
        "are required. Times are UTC, money is in the engagement's currency, shares are 0 to 1.",
    ]
    for name, table in TABLES.items():
        lines += ["", f"## {name}", "", f"One row is {table.row}."]
        if table.key:
            lines += [f"Key: {', '.join(f'`{c}`' for c in table.key)}."]
        if table.attributes:
            lines += ["Further columns, one per attribute of the offer, are kept as text."]
        lines += ["", "| column | kind | unit | needed | meaning |", "|---|---|---|---|---|"]
        for label, column in table.columns.items():
            meaning = column.meaning + (f" ({', '.join(column.allowed)})" if column.allowed else "")
            needed = "yes" if column.required else ""
            lines.append(f"| {label} | {column.kind} | {column.unit} | {needed} | {meaning} |")
    return "\n".join(lines) + "\n"
