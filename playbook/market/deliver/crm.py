"""The CRM's exports, with Salesforce's object and field names: CSV in UTF-8, times with Z, ids of 18 signs."""

from __future__ import annotations

import pandas as pd

from .delivery import Delivery, mark, of_none, utc_time
from .writing import csv_bytes, write_bytes, write_packed

__all__ = ["write_crm"]

STAGES = {"Won": "Closed Won", "Lost": "Closed Lost"}
ARMS = {"treated": "Treatment", "control": "Control"}
NOT_AVAILABLE = {"Phone": 120, "Education__c": 90}
"""Empty cells of the contacts that hold ``#N/A`` instead."""


def write_crm(delivery: Delivery) -> None:
    """Write accounts, contacts, opportunities with their history, leads, campaigns and their members."""
    records = delivery.records("crm").merge(
        delivery.extra["crm_contacts"], on="customer_id", how="left"
    )
    account = records["system_id"].str.startswith("001")
    _accounts(delivery, records[account])
    _contacts(delivery, records[~account], records[account])
    _opportunities(delivery)
    _leads(delivery)
    _campaigns(delivery)


def _write(delivery: Delivery, name: str, columns: dict[str, pd.Series]) -> None:
    frame = pd.DataFrame({label: of_none(values) for label, values in columns.items()})
    content = csv_bytes(frame)
    (write_packed if name.endswith(".gz") else write_bytes)(delivery.folder / name, content)


def _whole(values: pd.Series) -> pd.Series:
    return values.map("{:.0f}".format, na_action="ignore").astype("str")


def _accounts(delivery: Delivery, own: pd.DataFrame) -> None:
    columns = {
        "Id": own["system_id"],
        "Name": own["company"],
        "Primary_Contact__c": own["name"],
        "Email__c": own["email"],
        "Phone": own["phone"],
        "VAT_Number__c": own["tax_id"],
        "Industry": own["industry"],
        "NumberOfEmployees": _whole(own["employees"]),
        "BillingStreet": own["street"],
        "BillingCity": own["city"],
        "BillingState": own["region"],
        "BillingPostalCode": own["postcode"],
        "BillingCountry": own["country"],
        "AccountSource": own["acquisition_channel"],
        "Market_Segment__c": own["market_segment"],
        "Business_Closed__c": mark(own["is_deceased_or_closed"], "TRUE", "FALSE"),
        "Retention_Status__c": own["retention_status"],
        "CreatedDate": utc_time(own["acquired_at"]),
    }
    _write(delivery, "Account.csv", columns)


def _contacts(delivery: Delivery, own: pd.DataFrame, accounts: pd.DataFrame) -> None:
    company = accounts.drop_duplicates("customer_id").set_index("customer_id")["system_id"]
    columns = {
        "Id": own["system_id"],
        "AccountId": own["customer_id"].map(company),
        "Account.Name": own["company"],
        "Name": own["name"],
        "Email": own["email"],
        "Phone": own["phone"],
        "Birthdate": own["birth_date"].dt.strftime("%Y-%m-%d"),
        "MailingStreet": own["street"],
        "MailingCity": own["city"],
        "MailingState": own["region"],
        "MailingPostalCode": own["postcode"],
        "MailingCountry": own["country"],
        "LeadSource": own["acquisition_channel"],
        "Gender__c": own["gender"],
        "Household_Income__c": _whole(own["income"]),
        "Education__c": own["education"],
        "Household_Size__c": _whole(own["household"]),
        "Market_Segment__c": own["market_segment"],
        "HasOptedOutOfEmail": _opted_out(own["consent_email"]),
        "DoNotCall": _opted_out(own["consent_phone"]),
        "Deceased__c": mark(own["is_deceased_or_closed"], "TRUE", "FALSE"),
        "Retention_Status__c": own["retention_status"],
        "CreatedDate": utc_time(own["acquired_at"]),
    }
    for label, count in NOT_AVAILABLE.items():
        columns[label], planted = _not_available(delivery, columns[label], count)
        delivery.plant(f"#N/A in {label}", "Contact.csv.gz", planted)
    _write(delivery, "Contact.csv.gz", columns)


def _opted_out(consent: pd.Series) -> pd.Series:
    """Return the flag that somebody has opted out, which says nothing of others' consent."""
    out = (~consent.astype("boolean")).fillna(False)
    return out.map({True: "TRUE", False: "FALSE"})


def _not_available(delivery: Delivery, values: pd.Series, count: int) -> tuple[pd.Series, int]:
    """Return the values with ``#N/A`` in so many of the empty cells, and in how many."""
    empty = values.index[values.isna()]
    count = min(count, len(empty))
    chosen = delivery.rng.choice(empty.to_numpy(), count, replace=False)
    text = values.astype(object)
    text.loc[chosen] = "#N/A"
    return text, count


def _ids(prefix: str, values: pd.Series) -> pd.Series:
    """Return ids of 18 signs made of the digits in ours."""
    digits = values.str.replace(r"\D", "", regex=True).str.zfill(7)
    check = "EAA" if prefix == "00Q" else "AAA"
    return values.where(values.isna(), prefix + "5g000" + digits + check)


def _opportunities(delivery: Delivery) -> None:
    deals = delivery.tables["opportunities"]
    columns = {
        "Id": _ids("006", deals["opportunity_id"]),
        "AccountId": delivery.ids("crm", deals["customer_id"], deals["created_at"], "001"),
        "Owner.Name": deals["owner"],
        "Product__c": deals["product"],
        "LeadSource": deals["source"],
        "CreatedDate": utc_time(deals["created_at"]),
        "StageName": deals["stage"].replace(STAGES),
        "Amount": deals["amount"].map("{:.2f}".format, na_action="ignore"),
        "Probability": _whole(100 * deals["probability"]),
        "CloseDate": utc_time(deals["expected_close"]),
        "Closed_At__c": utc_time(deals["closed_at"]),
        "IsWon": mark(deals["is_won"], "TRUE", "FALSE"),
        "Loss_Reason__c": deals["loss_reason"],
        "Competitor__c": deals["competitor"],
    }
    _write(delivery, "Opportunity.csv", columns)
    moves = delivery.tables["opportunity_history"]
    columns = {
        "OpportunityId": _ids("006", moves["opportunity_id"]),
        "CreatedDate": utc_time(moves["changed_at"]),
        "OldValue": moves["from_stage"].replace(STAGES),
        "NewValue": moves["to_stage"].replace(STAGES),
    }
    _write(delivery, "OpportunityHistory.csv", columns)


def _leads(delivery: Delivery) -> None:
    leads = delivery.tables["leads"]
    columns = {
        "Id": _ids("00Q", leads["lead_id"]),
        "LeadSource": leads["source"],
        "CreatedDate": utc_time(leads["created_at"]),
        "Lead_Score__c": _whole(leads["score"]),
        "Status": leads["status"],
        "ConvertedDate": utc_time(leads["converted_at"]),
        "ConvertedAccountId": delivery.ids(
            "crm", leads["customer_id"], leads["converted_at"], "001"
        ),
    }
    _write(delivery, "Lead.csv", columns)


def _campaigns(delivery: Delivery) -> None:
    ran, members = delivery.tables["campaigns"], delivery.tables["campaign_members"]
    columns = {
        "Id": _ids("701", ran["campaign_id"]),
        "Campaign_Code__c": ran["campaign_id"],
        "Name": ran["name"],
        "Objective__c": ran["objective"],
        "Channel__c": ran["channel"],
        "StartDate": utc_time(ran["started_at"]),
        "EndDate": utc_time(ran["ended_at"]),
        "Offer__c": ran["offer"],
        "ActualCost": ran["fixed_cost"].map("{:.2f}".format, na_action="ignore"),
        "Cost_per_Contact__c": ran["unit_cost"].map("{:.2f}".format, na_action="ignore"),
    }
    _write(delivery, "Campaign.csv", columns)
    contact = delivery.ids("crm", members["customer_id"], members["assigned_at"], "003")
    delivery.plant("id of 15 signs", "CampaignMember.csv.gz", len(members))
    columns = {
        "Campaign_Code__c": members["campaign_id"],
        "ContactId": contact.str[:15],
        "CreatedDate": utc_time(members["assigned_at"]),
        "Test_Group__c": members["arm"].map(ARMS),
        "Assignment_Probability__c": members["assignment_probability"].map("{:.10g}".format, na_action="ignore"),
        "Stratum__c": members["stratum"],
        "Opened__c": mark(members["opened"], "TRUE", "FALSE"),
        "Clicked__c": mark(members["clicked"], "TRUE", "FALSE"),
        "FirstRespondedDate": utc_time(members["responded_at"]),
        "Unsubscribed__c": mark(members["unsubscribed"], "TRUE", "FALSE"),
    }  # fmt: skip
    _write(delivery, "CampaignMember.csv.gz", columns)
