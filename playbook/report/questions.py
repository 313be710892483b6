"""Writes the questions to the client that a delivery leaves open, each as a sentence one can send."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from playbook.answer import format_value
from playbook.intake.propose import Proposal
from playbook.report.dependence import parts_of
from playbook.report.effects import NOT_DELIVERED, NOUNS, Problem, amount, counted
from playbook.tables import TABLES

__all__ = ["MOST", "Question", "as_text", "questions_of"]

MOST = 15
"""Most questions one sends at a time."""
OPENING = (
    "While reading the files you sent we came across the points below, the most important first in each area. "
    "Short answers are enough; each point says what we assume until we hear from you."
)
_WHOM = {
    "Online shop and orders": "customers orders order_lines products subscriptions",
    "CRM and sales": "customer_records customer_keys opportunities opportunity_history leads",
    "Customer service": "tickets interactions",
    "Surveys and market research": "survey_questions survey_invitations survey_answers choice_tasks offers reviews focus_group_quotes market switching",
    "Marketing": "campaigns campaign_members suppressions loyalty_events referrals",
    "Finance": "channel_spend",
    "Human resources": "employee_survey",
}  # fmt: skip
WHOM = {table: whom for whom, tables in _WHOM.items() for table in tables.split()}
PROJECT = "Project lead"
_SYSTEMS = {"salesforce", "hubspot", "zoho", "fxiaoke", "crm"}


@dataclass(frozen=True)
class Question:
    """One question: whom to ask, the text, and how much hangs on it."""

    whom: str
    text: str
    weight: float


def questions_of(
    problems: Sequence[Problem],
    proposals: Sequence[Proposal],
    delivered: set[str],
    systems: dict[str, str],
    currency: str,
) -> list[Question]:
    """Return the questions, the most important first, at most `MOST`.

    Parameters
    ----------
    delivered
        Standard tables that were delivered, usable or not.
    systems
        File to the system it comes from, where that is known.
    """
    found = []
    open_columns = {(p.table, p.column) for p in problems if p.kind == "empty"}
    open_systems = {(p.table, p.column) for p in problems if p.kind == "no system"}
    for problem in problems:
        if problem.kind == "orphan" and (problem.table, problem.column) in open_systems:
            continue
        if problem.kind == "nothing" and (problem.table, problem.column) in open_columns:
            continue
        text = _text(problem, currency)
        if text:
            whom = _whom(problem.table, systems.get(problem.file, ""))
            found.append(Question(whom, text, problem.score))
    found += _about_files(proposals)
    found += _about_tables(delivered | {p.table for p in proposals})
    unique = {question.text: question for question in found}
    return sorted(unique.values(), key=lambda q: -q.weight)[:MOST]


def _whom(table: str, system: str) -> str:
    if system.lower() in _SYSTEMS:
        return "CRM and sales"
    return WHOM.get(table, PROJECT)


def as_text(questions: Sequence[Question], markdown: bool) -> str:
    """Return the questions as the body of an e-mail, grouped by whom to ask, without greeting."""
    lines: list[str] = []
    number = 0
    for whom in dict.fromkeys(q.whom for q in questions):
        lines += [f"## {whom}" if markdown else whom.upper(), ""]
        for question in [q for q in questions if q.whom == whom]:
            number += 1
            text = (
                re.sub(r"([*_`<\\\[\]#|])", r"\\\1", question.text) if markdown else question.text
            )
            lines += [f"{number}. {text}", ""]
    if not lines:
        return "We have no questions: the delivery can be used as it is.\n"
    return f"{OPENING}\n\n" + "\n".join(lines).rstrip() + "\n"


def _files(problem: Problem) -> str:
    if len(problem.files) > 3:
        return f"{', '.join(problem.files[:2])} and {len(problem.files) - 2} further files"
    files = tuple("the order lines" if file in NOT_DELIVERED else file for file in problem.files)
    *before, last = files or ("the delivery",)
    return f"{', '.join(before)} and {last}" if before else last


def _header(problem: Problem) -> str:
    return " and ".join(f"“{h}”" for h in problem.headers) or f"“{problem.column}”"


def _size(problem: Problem, currency: str) -> str:
    """Return the share and the money of a problem in brackets."""
    share = format_value(problem.count / problem.rows, "%") if problem.rows else ""
    if share == "0.0 %":
        share = "less than 0.1 %"
    money = f", worth {amount(abs(problem.money), currency)}" if problem.money else ""
    return f" ({share}{money})" if share else ""


def _text(problem: Problem, currency: str) -> str:
    """Return the question a problem raises; empty when it raises none."""
    if problem.kind == "undecided":
        return _open_reading(problem)
    if problem.kind in _WORDS:
        one = problem.count == 1
        values = {
            "files": _files(problem), "header": _header(problem), "count": counted(problem.count, problem.table),
            "size": _size(problem, currency), "noun": _noun(problem.table),
            "example": problem.example, "other": _noun(problem.other) if problem.other in TABLES else problem.other,
            "has": "has" if one else "have", "is": "is" if one else "are", "first": _place(problem),
            "like": _like(problem.example), "message": _plain(problem), "allowed": problem.other.replace(", ", " / "),
            "broken": "a damaged line" if one else "damaged lines",
            "column": problem.other.rpartition(".")[2].replace("_", " "), "meaning": _meaning(problem),
            "until": f"Until we know, {'it is' if one else 'they are'} left out of the analysis",
        }  # fmt: skip
        return _WORDS[problem.kind].format(**values)
    return ""


def _like(example: str) -> str:
    """Return an example: the value, or the form of one that is not shown (x for letters, 9 for digits)."""
    if not example:
        return ""
    form = bool(re.search(r"(?<![^\W\d_])x(?![^\W\d_])|@", example))
    return f", {'written like' if form else 'for example'} “{example}”"


def _place(problem: Problem) -> str:
    """Return where a problem was first seen, in brackets."""
    if not problem.row:
        return ""
    of = f" of {problem.file}" if len(problem.files) > 1 else ""
    return f" (first: row {problem.row:,}{of})"


def _noun(table: str) -> str:
    return NOUNS.get(table, table.replace("_", " "))


def _meaning(problem: Problem) -> str:
    table, _, column = problem.other.rpartition(".")
    definition = TABLES[table].columns.get(column) if table in TABLES else None
    if definition is None:
        return ""
    told = [] if definition.meaning == column else [definition.meaning]
    told += [" or ".join(definition.allowed)] if definition.allowed else []
    return f" ({': '.join(told)})" if told else ""


def _plain(problem: Problem) -> str:
    """Return a finding's message in words a client uses."""
    text = problem.message
    for file in problem.files:
        text = text.removeprefix(f"{file}: ")
    text = re.sub(r"; (?:the )?rows? (?:is|are) kept.*$", "", text)
    return re.sub(r"\bquarantined?\b", "set aside", text).rstrip(".")


_WORDS = {
    "date": "In {files}, {count}{size} {has} an entry in the column {header} that we cannot read as a date{like}{first}. What are the right dates? Without one we cannot place a row in time. {until}.",
    "number": "In {files}, {count}{size} {has} an entry in the column {header} that is not a number, written like “{example}”{first}. Could you tell us the right amounts, or what these rows are? {until}.",
    "exponent": "In {files}, {count}{size} {has} a number in {header} that a spreadsheet shortened (such as 1.23E+15), so digits are lost{first}. Could you export this column as text? {until}.",
    "flag": "In {files}, {count}{size} {has} an entry in the column {header} that is neither yes nor no, written like “{example}”{first}. What does it stand for? {until}.",
    "word": "In {files}, {count}{size} {has} a word in the column {header} that we cannot place{like}{first}. Which of these does it correspond to: {allowed}? {until}.",
    "empty": "In {files}, {count}{size} {has} no entry in the column {header}{first}. Can these be completed, or should the rows not be there? {until}.",
    "conflict": "In {files}, {count}{size} stand more than once under the same number in {header} but with different content{first}. Which version is the right one, or are these separate {noun}? {until}, as we do not want to choose one by chance.",
    "orphan": "In {files}, {count}{size} refer through {header} to {other} that are not among those we can use{first}. Could you send the missing {other}, or tell us why they are not in the export? (Those we had to leave out for another reason count here, too.) {until}.",
    "unlinked": "In {files}, {count}{size} name a customer in {header} who is not in the customer data you sent{first}. Were these customers deleted, or is the customer export incomplete? Until we know, we count them in all totals but they belong to no customer and no segment.",
    "no system": "Which system do the customer numbers in {files} come from (column {header})? This concerns {count}{size}, and the same number can mean different people in two systems. Until we know, these rows belong to no customer.",
    "future": "In {files}, {count}{size} {is} dated more than a year after the end of the data in {header}{like}{first}. Are these typing errors, and what are the right dates? {until}.",
    "early": "In {files}, {count}{size} {has} a date in {header} that lies implausibly far back{like}{first}. Does it stand for “unknown”, and what are the right dates? {until}.",
    "later": "In {files}, {count}{size} {is} dated after the last day of the data{first}. Are these advance bookings or typing errors? Until we know, we keep them and leave them out of every figure up to that day.",
    "range": "In {files}, {count}{size} {has} a value in {header} outside the range we know for it{like}{first}. Which scale is used there? {until}.",
    "looks test": "In {files}, {count}{size} look like test accounts by their name or e-mail address{first}. Which accounts are tests? Until we know, we treat them as real customers, with their orders.",
    "no column": "{files} has no column that tells the {column}{meaning}. Could you add it, or tell us one value that holds for all rows? Until then we cannot use this file.",
    "refunds": "In {files}, {count}{size} belong to customers who were refunded more than they ever bought{first}. Did they buy before the first day of this export? Until we know, we keep the rows as they are, so these customers show negative revenue.",
    "free": "In {files}, {count}{size} {has} a price of zero{first}. Are these gifts, samples or corrections? Until we know, we count them as sales without revenue.",
    "negative price": "In {files}, {count}{size} {has} a negative price{first}. Are these corrections or returns? Until we know, we subtract them from revenue.",
    "mixed dates": "In {files}, dates in the column {header} are written in more than one way{first}. Did a spreadsheet convert some of them? Until we know, we read each form by what its values prove.",
    "characters": "In {files}, special letters such as umlauts came damaged{first}. Could you export the file again from the source system, as Unicode text? Until then names stay as they are, and the same person may count twice.",
    "broken": "In {files}, {count}{size} came as {broken} that we cannot take apart{first}. Was the export cut off or edited by hand, and could you export the file again? {until}.",
    "refused": "We could not use {files}: {message}. Could you send it again? Until then nothing of it is in the analysis.",
    "other": "In {files}, we noticed{first}: {message} ({count}). Is this as it should be? Until we know, we go on as the file stands.",
}  # fmt: skip


def _open_reading(problem: Problem) -> str:
    files, header, key = _files(problem), _header(problem), problem.ask.split(":")[0]
    like = f" (such as {_number_form(problem.example)})" if problem.example else ""
    wait = "We do not want to guess, so the analysis waits for this answer."
    if key == "decimal":
        return f"In {files}, is the point or comma in the values of the column {header}{like} a decimal mark or a thousands separator? All values of the column can be read both ways, which differ by a factor of a thousand. {wait}"
    if key == "dates":
        return f"In {files}, are the dates in the column {header}{_date_form(problem)} written with the day first or with the month first? Every value can be read both ways. {wait}"
    if key == "encoding":
        return f"With which program, and on Windows, Mac or another system, was {files} exported? Special letters such as umlauts can be read in more than one way, and names would come out wrong. {wait}"
    if key == "sheet":
        return f"Which sheet of the workbook {files} should we use ({problem.message})? {wait}"
    if key == "delimiter":
        return (
            f"Which character separates the columns of {files}? More than one is possible. {wait}"
        )
    return f"About {files}, {f'column {header}' if problem.column else 'as a whole'}: {_plain(problem)}. Which is right? {wait}"


def _number_form(form: str) -> str:
    """Return a form such as 9.999 as a number one can talk about: 1.234."""
    digits = iter("1234567890" * 4)
    return re.sub("9", lambda _: next(digits), form)


def _date_form(problem: Problem) -> str:
    form = problem.example.replace("9999", "2024").replace("99", "03", 1).replace("99", "04")
    return f" (such as {form})" if re.fullmatch(r"[\d./-]+", form) else ""


def _about_files(proposals: Sequence[Proposal]) -> list[Question]:
    """Ask what the files hold that no table was found for."""
    unknown = [p for p in proposals if not p.table]
    if not unknown:
        return []
    told = [
        f"{', '.join(p.names)}" + (f" (columns {', '.join(p.headers[:6])})" if p.headers else "")
        for p in unknown
    ]
    are = "are these files" if sum(len(p.names) for p in unknown) > 1 else "is this file"
    text = f"What {are} about, and should we use {'them' if 'these' in are else 'it'}: {'; '.join(told)}? Until we know, {'they are' if 'these' in are else 'it is'} left aside."
    return [Question(PROJECT, text, 0.3)]


def _about_tables(delivered: set[str]) -> list[Question]:
    """Ask for needed tables that are not there, and for the three absent ones that most parts use."""
    found = [
        Question(WHOM[name], f"We found no file with the {_noun(name)} ({TABLES[name].row} in each row). Could you send it? Without it the analysis cannot run.", 1000.0)
        for name, table in TABLES.items()
        if table.required and name not in delivered and not (name == "customers" and "customer_records" in delivered)
    ]  # fmt: skip
    absent = [n for n in TABLES if n not in delivered and not TABLES[n].required and n != "customer_keys"]  # fmt: skip
    if "customers" in delivered:
        absent = [n for n in absent if n != "customer_records"]
    best = sorted(absent, key=lambda n: -len(parts_of()[n]))[:3]
    if best:
        told = "; ".join(f"{_noun(n)} (in each row {TABLES[n].row})" for n in best)
        found.append(Question(PROJECT, f"Do you have any of the following, and could you send it: {told}? Each would let us answer questions that are open now; without them we leave those questions open and say so.", 0.2))  # fmt: skip
    return found
