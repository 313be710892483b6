"""Makes the folder of a new engagement: an inbox, an engagement file and a plan, each explained in comments."""

from __future__ import annotations

import json
import os
import re
from datetime import date
from pathlib import Path

from playbook.atomic import publish
from playbook.engagement import ROOT, Engagement, Plan, checked_name
from playbook.engagement.yaml_file import read_model
from playbook.errors import PlanError

__all__ = ["scaffold"]

ENGAGEMENT = """\
# What lasts from year to year. Only client, brand and currency are needed; `make check` says what is wrong.
client: {client}
brand: {client}   # as customers know it; our brand in surveys and market data
currency: {currency}   # of all money; one currency only
# data_until: 2025-12-31   # last day the files cover, when it is not the plan's as_of

# Which file holds which table. Leave it empty, drop the files into inbox/ and run `make check`: it proposes
# the entries to paste under this line. docs/data-dictionary.md lists the tables and columns.
inbox:
#  - files: "orders_*.csv"        # one entry for all files of one shape
#    table: orders
#    system: shop                 # where the customer numbers come from, when there is more than one
#    columns: {{order_id: Invoice No, revenue: Net}}   # our column: header; equal names and known words need none
#    join: {{ordered_at: [Day, Clock]}}       # our column: the headers that make it together
#    values: {{channel: {{Filiale: store}}}}               # our column: their word: our word
#    ignore: [Remarks]            # headers that are of no use
#    decimal: ","                 # only when the data do not decide it, and likewise:
#    dates: ["%d.%m.%Y"]
#    encoding: cp1252

# Accounts to leave out, by customer number, name or e-mail; * stands for any text.
test_accounts: []

# What the client stands for; step 1 shows how each objective serves it.
purpose: ""
mission: ""
vision: ""

# Who does the work: id, title, department and the days a month they have for it.
roles: []
#  - {{id: head-marketing, title: Head of marketing, department: Marketing, person_days_per_month: 10}}

# Rates and unit costs the value of a customer is counted with (the client's figures).
costs:
  discount_rate_year: 0.10   # a euro next year is worth this share less

# Limits that every target list and every intake keeps.
constraints:
  max_quarantined_share: 0.05   # stop when more of the customers or orders cannot be used

# CRM systems to write import files for: salesforce, hubspot, zoho, fxiaoke.
crm_systems: []
"""
PLAN = """\
# What is decided with the data up to as_of, for the year after. One line is enough to begin with;
# data/demo/plans/2025.yml is a complete example.
as_of: {as_of}   # last day of the data; nothing later can influence a figure

# Measurable goals; metric is a key figure of the playbook (python -m playbook metrics {name}).
objectives: []

# Pieces of work with dates, budget and people.
initiatives: []

# What could go wrong, scored 1 to 5 before and after what is done about it.
risks: []

# What can be done to one customer, its cost, and its believed effect with a range.
actions: []
"""


def scaffold(name: str, period: str, client: str = "", currency: str = "EUR") -> str:
    """Make ``data/<name>/`` and return what to do next.

    Parameters
    ----------
    period
        Year of the first plan, such as ``2025``; its data end on the last day of that year.
    client
        The client's name; made from the folder's name when empty.

    Raises
    ------
    PlanError
        When a name is not valid, no year is given or the folder exists already.
    """
    checked_name(name, "engagement")
    if not re.fullmatch(r"(?:19|20)\d\d", period):
        told = f"{period!r} is no year" if period else "no year was given"
        raise PlanError(f"{told}; name the last full year of the data, such as PERIOD=2025")
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise PlanError(f"currency {currency!r}: expected three capital letters, such as EUR")
    folder = Path(os.environ.get("PLAYBOOK_DATA") or ROOT / "data") / name
    if folder.exists() or folder.is_symlink():
        raise PlanError(
            f"data/{name} exists already and is left as it is; choose another name, or take the folder away"
        )
    shown = json.dumps(
        client or name.replace("-", " ").replace("_", " ").title(), ensure_ascii=False
    )
    as_of = date(int(period), 12, 31)
    (folder / "inbox").mkdir(parents=True)
    _write(folder / "engagement.yml", ENGAGEMENT.format(client=shown, currency=currency))
    _write(folder / "plans" / f"{period}.yml", PLAN.format(as_of=as_of, name=name))
    read_model(folder / "engagement.yml", Engagement)
    read_model(folder / "plans" / f"{period}.yml", Plan)
    return (
        f"made data/{name}/ with inbox/, engagement.yml and plans/{period}.yml. Next:\n"
        f"1. put the client's files into data/{name}/inbox/\n"
        f"2. make check ENGAGEMENT={name}: says what the files are and proposes their entries\n"
        f"3. paste the entries that are right under inbox in data/{name}/engagement.yml, and check again\n"
        "4. send the client the questions of the check, and settle what they answer\n"
        f"5. make run ENGAGEMENT={name} PERIOD={period}"
    )


def _write(path: Path, text: str) -> None:
    publish(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
