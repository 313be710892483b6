"""Who the customers are and what they bought."""

from __future__ import annotations

from playbook.tables.definition import (
    Column,
    Table,
    day,
    flag,
    identifier,
    money,
    number,
    one_of,
    share,
    text,
    time,
    whole,
)

__all__ = ["CUSTOMERS_ORDERS"]

_CONSENT = "true only when the customer agreed to be contacted by"
_PERSON = {
    "name": text("full name of the person, or of the contact at a company"),
    "email": text("e-mail address"),
    "phone": text("telephone number"),
    "birth_date": day("date of birth"),
    "gender": text("gender as recorded"),
    "income": money("yearly household income", low=0),
    "education": text("highest education"),
    "household": whole("people in the household", "people", low=1),
    "country": text("country, ISO 3166 two-letter code or name"),
    "region": text("region of the country"),
    "city": text("city"),
    "postcode": text("postal code"),
    "latitude": number("latitude", "degrees", low=-90, high=90),
    "longitude": number("longitude", "degrees", low=-180, high=180),
    "area_type": text("urban, suburban or rural"),
    "company": text("company name, for business customers"),
    "industry": text("industry of the company"),
    "employees": whole("employees of the company", "people", low=0),
    "acquired_at": time("when the customer was won"),
    "acquisition_channel": text("channel that won the customer"),
    "market_segment": text("segment of the market the customer belongs to, as in table market"),
    "consent_email": flag(f"{_CONSENT} e-mail"),
    "consent_sms": flag(f"{_CONSENT} SMS"),
    "consent_phone": flag(f"{_CONSENT} telephone"),
    "consent_social": flag(f"{_CONSENT} social media"),
    "consent_updated_at": time("when the consents were last changed"),
    "is_deceased_or_closed": flag("true when the person died or the company closed"),
}

CUSTOMERS_ORDERS: dict[str, Table] = {
    "customers": Table(
        "one customer after identity resolution",
        {"customer_id": identifier("customer", True)} | _PERSON,
        ("customer_id",),
        "acquired_at",
        required=True,
    ),
    "customer_records": Table(
        "one record of a person or company in one system, before identity resolution",
        {
            "system": text("system the record comes from", True),
            "system_id": identifier("identifier in that system", True),
        }
        | _PERSON
        | {
            "street": text("street and number"),
            "tax_id": identifier("tax or registration number"),
        },
        ("system", "system_id"),
        "acquired_at",
    ),
    "customer_keys": Table(
        "one identifier of a customer in one system",
        {
            "customer_id": identifier("customer", True),
            "system": text("system", True),
            "system_id": identifier("identifier in that system", True),
            "match_probability": share("probability that the link is right"),
        },
        ("system", "system_id"),
        links={"customer_id": "customers"},
    ),
    "orders": Table(
        "one order or refund",
        {
            "order_id": identifier("order", True),
            "customer_id": identifier("customer; none for a guest"),
            "ordered_at": time("when it was ordered or refunded", True),
            "channel": text("sales channel"),
            "revenue": money("revenue net of discount, negative for a refund", True),
            "discount": money("discount given"),
            "cost": money("cost of the goods or services sold"),
            "campaign_id": identifier("campaign the order is credited to by the client"),
        },
        ("order_id",),
        "ordered_at",
        links={"customer_id": "customers"},
        required=True,
    ),
    "order_lines": Table(
        "one line of an order",
        {
            "order_id": identifier("order", True),
            "line": whole("number of the line in its order", "number", True),
            "product_id": identifier("product"),
            "quantity": number("quantity, negative when returned", "units", True),
            "unit_price": Column("price", "price of one unit", "currency", True),
            "unit_cost": Column("price", "cost of one unit", "currency"),
        },
        ("order_id", "line"),
        links={"order_id": "orders"},
    ),
    "products": Table(
        "one product or service",
        {
            "product_id": identifier("product", True),
            "name": text("name"),
            "category": text("category"),
            "brand": text("brand"),
            "kind": one_of("product or service", "product service"),
            "list_price": money("list price", low=0),
            "unit_cost": money("cost of one unit", low=0),
        },
        ("product_id",),
    ),
    "subscriptions": Table(
        "one contract spell",
        {
            "subscription_id": identifier("contract", True),
            "customer_id": identifier("customer", True),
            "plan": text("plan or tariff"),
            "started_at": time("start", True),
            "ended_at": time("end; none while it runs"),
            "monthly_fee": money("fee per month", True, 0),
            "end_reason": text("why it ended"),
        },
        ("subscription_id",),
        "started_at",
        {"ended_at": ("ended_at", "end_reason")},
        links={"customer_id": "customers"},
    ),
}
