"""The command line: reads names from arguments or the environment, calls one function, gives an exit code."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from playbook.engagement import Folder, open_folder
from playbook.errors import PlaybookError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (0 done, 1 failed, 2 usage, 3 data, 4 consent, 75 locked)."""
    options = _parser().parse_args(arguments)
    try:
        return options.function(options) or 0
    except PlaybookError as error:
        print(f"playbook: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("playbook: stopped; what was finished stays, run again to go on", file=sys.stderr)
        sys.stderr.flush()
        os._exit(130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="playbook", description="Customer strategy, one client at a time."
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, function: Any, text: str, client: bool = True) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(function=function)
        if client:
            command.add_argument(
                "engagement", nargs="?", default=os.environ.get("ENGAGEMENT") or "demo"
            )
            command.add_argument("--period", default=os.environ.get("PERIOD") or "")
        return command

    _client_commands(add)
    _project_commands(add)
    return parser


def _client_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the commands that work on one client's folder."""
    run = add("run", _run, "run all steps of a period (or of all periods) that are not up to date")
    run.add_argument("--step", default="report", help="run this step and what it needs")
    run.add_argument("--all-periods", action="store_true", help="run every period that has a plan")
    review = add(
        "review", _review, "run a period, compare it with last year's run, and decide what to keep"
    )
    forced = os.environ.get("FORCE") or None
    review.add_argument("--force", default=forced, metavar="REASON", help="review before 12 months are over; the reason is recorded")  # fmt: skip
    new = add("new", _new, "make the folder of a new engagement, with commented files")
    client, currency = os.environ.get("CLIENT") or "", os.environ.get("CURRENCY") or "EUR"
    new.add_argument("--client", default=client, help="the client's name (default: the folder's)")
    new.add_argument("--currency", default=currency, help="of all money (default: EUR)")
    for name, function, text in (
        ("check", _check, "read the inbox only and say what was found and what to ask the client"),
        ("metrics", _metrics, "print the key figures of a run"),
        ("coverage", _coverage, "list every part of the method and whether it has output"),
    ):
        add(name, function, text).add_argument("--json", action="store_true")


def _project_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the commands that work on the playbook itself."""
    for name, function, text in (
        ("validate", _validate, "compare the models with published results"),
        ("bench", _bench, "time a demo period, a run with nothing to do and bare papermill"),
    ):
        add(name, function, text, client=False).add_argument("--json", action="store_true")
    text = "compare estimates with the planted truth of drawn worlds"
    _truth_options(add("truth", _truth, text, client=False))
    text = "let the playbook and the usual alternatives play drawn markets for two years"
    _arena_options(add("arena", _arena, text, client=False))
    text = "write the simulated demo client's inbox"
    _world_options(add("simulate", _simulate, text, client=False))
    add("docs", _docs, "write the generated pages of docs/", client=False)
    text = "copy the demo's executed notebooks back to notebooks/"
    add("notebooks", _notebooks, text, client=False)


def _truth_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--step", default="", help="rows of one step only, such as 03")
    command.add_argument("--seeds", type=int, default=10, help="number of worlds")
    command.add_argument("--seed-base", type=int, default=None, help="seed of the first world")
    command.add_argument("--customers", type=int, default=None, help="customers of each world")
    command.add_argument("--json", action="store_true")


def _arena_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--seeds", type=int, default=20, help="number of worlds")
    command.add_argument("--seed-base", type=int, default=None, help="seed of the first world")
    command.add_argument("--customers", type=int, default=None, help="customers of each world")
    command.add_argument(
        "--chances",
        type=int,
        default=1,
        help="times each policy lives the two years, with other luck",
    )
    command.add_argument("--processes", type=int, default=2, help="worlds played at a time")
    command.add_argument(
        "--strategy",
        default=os.environ.get("STRATEGY") or "",
        help="your own strategy, a YAML file (docs/arena.md)",
    )
    command.add_argument("--figure", default="", help="draw the result to this PNG file")
    command.add_argument("--page", default="", help="put the tables in this page (docs/arena.md)")
    command.add_argument("--json", action="store_true", help="print every world, policy and year")


def _world_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--customers", type=int, default=6000)
    command.add_argument(
        "--years", type=int, default=None, help="write a world of so many years as Parquet"
    )
    command.add_argument("--seed", type=int, default=2025)
    command.add_argument("--to", default="", help="folder to write to (default: the demo's inbox)")


def _folder_and_period(options: argparse.Namespace) -> tuple[Folder, str]:
    folder = open_folder(options.engagement)
    if options.period:
        return folder, options.period
    return folder, next(reversed(folder.periods_by_day()), "")


def _run(options: argparse.Namespace) -> None:
    from playbook.runner.run_steps import run_periods

    folder, period = _folder_and_period(options)
    run_periods(folder, folder.periods_by_day() if options.all_periods else [period], options.step)


def _review(options: argparse.Namespace) -> None:
    from playbook.runner.review import review

    print("\n".join(review(*_folder_and_period(options), options.force)))


def _check(options: argparse.Namespace) -> int:
    from playbook.check import check

    return check(*_folder_and_period(options), options.json)


def _new(options: argparse.Namespace) -> None:
    from playbook.scaffold import scaffold

    print(scaffold(options.engagement, options.period, options.client, options.currency))


def _print_rows(rows: list[dict], as_json: bool) -> int:
    """Print rows that each hold ``id`` and ``ok``; return 1 when one is not ok."""
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False, default=str))
    else:
        import pandas as pd

        print(
            pd.DataFrame(rows).to_string(index=False, na_rep="", float_format=lambda v: f"{v:,.6g}")
        )
    return int(not all(row["ok"] for row in rows))


def _metrics(options: argparse.Namespace) -> int:
    from playbook.results import load_metrics

    folder, period = _folder_and_period(options)
    frame = load_metrics(folder.run(period) / "results")
    if frame.empty:
        raise PlaybookError(
            f"no key figures yet: run 'make run ENGAGEMENT={folder.name} PERIOD={period}' first"
        )
    frame = frame.astype(object).where(frame.notna(), None)
    return _print_rows(
        [row | {"ok": row["value"] is not None} for row in frame.to_dict("records")], options.json
    )


def _coverage(options: argparse.Namespace) -> int:
    from playbook.coverage import coverage

    folder, period = _folder_and_period(options)
    return _print_rows(coverage(folder, period), options.json)


def _validate(options: argparse.Namespace) -> int:
    from pathlib import Path

    from playbook.validation import all_checks

    real_data = os.environ.get("PLAYBOOK_REAL_DATA")
    if not real_data:
        print(
            "PLAYBOOK_REAL_DATA is not set (folder of the public data sets): the checks on ModeCanada, Complete Journey "
            "and Online Retail, and the prior of a year's error, are left out",
            file=sys.stderr,
        )
    rows = [
        {"id": c.id, "quantity": c.quantity, "published": c.published, "ours": c.ours, "difference": c.difference,
         "tolerance": c.tolerance, "source": c.source, "ok": c.ok}
        for c in all_checks(Path(real_data) if real_data else None)
    ]  # fmt: skip
    return _print_rows(rows, options.json)


def _truth(options: argparse.Namespace) -> int:
    from playbook import truth

    step = truth.known_step(options.step)
    base = truth.SEED_BASE if options.seed_base is None else options.seed_base
    lines = truth.run(
        step,
        options.seeds,
        base,
        options.customers or truth.CUSTOMERS,
        tell=lambda text: print(text, file=sys.stderr),
    )
    print(truth.as_json(lines) if options.json else truth.as_text(lines))
    return int(any(line.passed is False for line in lines))


def _arena(options: argparse.Namespace) -> int:
    from playbook import arena

    return arena.command(
        options.seeds,
        options.seed_base,
        options.customers,
        options.processes,
        chances=options.chances,
        strategy=options.strategy,
        figure=options.figure,
        page=options.page,
        json=options.json,
    )


def _simulate(options: argparse.Namespace) -> None:
    from pathlib import Path

    from playbook.engagement import ROOT
    from playbook.market import SHARD, write_demo, write_parquet

    if options.customers > SHARD or options.years is not None:
        target = Path(options.to) if options.to else ROOT / "data" / "world"
        written = write_parquet(target, options.customers, options.years or 3, options.seed)
        print(
            f"{sum(written.rows.values()):,} rows of {len(written.rows)} tables written to "
            f"{target.name}/ in {written.seconds:.0f} s, peak memory "
            f"{written.peak_bytes / 2**30:.1f} GB"
        )
        return
    target = Path(options.to) if options.to else ROOT / "data" / "demo" / "inbox"
    write_demo(target, options.customers, options.seed)
    print(f"{len(list(target.iterdir()))} files written to {target.name}/")


def _docs(options: argparse.Namespace) -> None:
    from playbook.docs import write_docs

    for path in write_docs():
        print(f"wrote {path.name}")


def _notebooks(options: argparse.Namespace) -> None:
    from playbook.notebooks import copy_back

    changed = copy_back(open_folder("demo"), "2025")
    print(f"{len(changed)} notebooks changed" + (f": {', '.join(changed)}" if changed else ""))


def _bench(options: argparse.Namespace) -> int:
    from playbook.bench import bench

    return _print_rows(bench(), options.json)
