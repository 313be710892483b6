"""What customers, employees and the market say.

Questions of kind price come in two forms, told apart by the end of the question id; their construct
names the product. Price sensitivity meter (Van Westendorp): four ids ending in ``too_cheap``,
``bargain``, ``expensive`` and ``too_expensive``, the answer is a price. Purchase at a price (Gabor &
Granger): one id for each price, ending in ``buy_at_<price>`` (``chair_buy_at_149``), the answer is 1
or 0, or a likelihood of which the top of the scale counts as a purchase.
"""

from __future__ import annotations

from playbook.tables.definition import (
    Table,
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

__all__ = ["VOICE"]

VOICE: dict[str, Table] = {
    "survey_questions": Table(
        "one question of a survey",
        {
            "question_id": identifier("question", True),
            "survey": text("survey", True),
            "text": text("wording"),
            "construct": text("construct the question measures"),
            "kind": one_of(
                "kind of question",
                "nps csat ces importance rating psychographic brand price wallet kano open",
                True,
            ),
            "scale_min": number("lowest answer of the scale", "points"),
            "scale_max": number("highest answer of the scale", "points"),
            "touchpoint": text("touchpoint the question is about"),
            "brand": text("brand the question is about"),
        },
        ("survey", "question_id"),
    ),
    "survey_invitations": Table(
        "one invited person in a wave",
        {
            "customer_id": identifier("customer", True),
            "survey": text("survey", True),
            "wave": text("wave", True),
            "invited_at": time("when invited", True),
        },
        ("customer_id", "survey", "wave"),
        "invited_at",
        links={"customer_id": "customers"},
    ),
    "survey_answers": Table(
        "one answer to one question",
        {
            "response_id": identifier("completed questionnaire", True),
            "customer_id": identifier("customer; none when anonymous"),
            "survey": text("survey", True),
            "wave": text("wave", True),
            "answered_at": time("when answered", True),
            "question_id": identifier("question", True),
            "value": number("numeric answer on the question's scale", "points"),
            "text": text("open answer or chosen label"),
        },
        ("response_id", "question_id"),
        "answered_at",
        links={"customer_id": "customers"},
    ),
    "choice_tasks": Table(
        "one alternative shown in one choice task",
        {
            "respondent_id": identifier("respondent", True),
            "customer_id": identifier("customer, where known"),
            "task": whole("number of the task", "number", True),
            "alternative": whole("number of the alternative in the task", "number", True),
            "chosen": flag("whether it was chosen", True),
            "is_none": flag("whether it is the option of choosing none"),
            "version": text("version of the design"),
            "is_holdout": flag("whether the task is held out for validation"),
            "answered_at": time("when answered"),
        },
        ("respondent_id", "task", "alternative"),
        "answered_at",
        attributes=True,
    ),
    "offers": Table(
        "one competing offer in the market",
        {
            "offer_id": identifier("offer", True),
            "brand": text("brand", True),
            "is_ours": flag("whether it is ours", True),
            "price": money("price", True, 0),
            "unit_cost": money("our cost of one unit", low=0),
        },
        ("offer_id",),
        attributes=True,
    ),
    "reviews": Table(
        "one public review",
        {
            "review_id": identifier("review", True),
            "customer_id": identifier("customer, where known"),
            "product_id": identifier("product"),
            "created_at": time("when written", True),
            "source": text("site"),
            "language": text("language, ISO 639 code"),
            "rating": number("stars", "1 to 5", low=1, high=5),
            "title": text("title"),
            "text": text("text"),
        },
        ("review_id",),
        "created_at",
    ),
    "focus_group_quotes": Table(
        "one coded quote of a focus group",
        {
            "session": text("focus group", True),
            "participant": identifier("participant (pseudonym)", True),
            "group": text("kind of participants"),
            "theme": text("coded theme", True),
            "sentiment": one_of("sentiment", "negative neutral positive", True),
            "quote": text("quote", True),
        },
    ),
    "employee_survey": Table(
        "one answer of one employee",
        {
            "department": text("department", True),
            "role": text("role"),
            "capability": text("customer-management capability asked about", True),
            "score": number("score", "1 to 5", True, 1, 5),
            "answered_at": time("when answered", True),
        },
        (),
        "answered_at",
    ),
    "market": Table(
        "one brand in one market segment and year",
        {
            "market_segment": text("segment of the market", True),
            "year": whole("year", "year", True),
            "market_revenue": money("revenue of all brands in the segment", True, 0),
            "our_revenue": money("our revenue in the segment", low=0),
            "customers_in_market": whole("customers in the segment", "customers", low=0),
            "brand": text("brand", True),
            "brand_share": share("share of the brand in the segment's revenue"),
        },
        ("market_segment", "year", "brand"),
        "year",
    ),
    "switching": Table(
        "one observed move between brands",
        {
            "customer_id": identifier("customer"),
            "moved_at": time("when", True),
            "from_brand": text("brand left", True),
            "to_brand": text("brand chosen", True),
            "reason": text("stated reason"),
        },
        (),
        "moved_at",
    ),
}
