"""A private PostgreSQL server for the tests: a cluster of its own in a short temporary folder, on a socket only."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

PASSWORD = "canary-9f3b"
"""The superuser's password: no message, log or file may hold it."""


def find_programs() -> Path | None:
    """Return the folder of initdb and postgres: as Debian installs them, else of what is on the PATH."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda f: float(f.parent.name), reverse=True
    )
    found = shutil.which("initdb")
    if found:
        folders.append(Path(found).resolve().parent)
    return next((f for f in folders if all((f / n).is_file() for n in ("initdb", "pg_ctl", "postgres"))), None)  # fmt: skip


def _owner() -> dict[str, object]:
    """Return how to start the server's programs: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def serve(programs: Path) -> Iterator[str]:
    """Yield the address of the superuser ``canary`` in a fresh server, which is stopped at the end."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    owner = _owner()
    if owner:
        os.chown(folder, owner["user"], owner["group"])  # type: ignore[arg-type]
    (folder / "password").write_text(PASSWORD, encoding="utf-8")
    (folder / "password").chmod(0o644)
    cluster = folder / "cluster"

    def call(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [programs / program, "-D", cluster, *arguments], cwd=folder, check=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, **owner, timeout=120,  # type: ignore[call-overload]
        )  # fmt: skip
        log = folder / "log"
        said = log.read_text(encoding="utf-8") if log.is_file() else ""
        assert done.returncode == 0, f"{program} failed ({done.returncode}): {said}"

    try:
        call("initdb", "--username=canary", f"--pwfile={folder / 'password'}", "--auth=scram-sha-256",
             "--encoding=UTF8", "--locale=C", "--no-sync")  # fmt: skip
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c timezone=Asia/Tokyo -c datestyle=German"
        try:
            call("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
            yield f"postgresql://canary:{PASSWORD}@/postgres?host={folder}"
        finally:
            if (cluster / "postmaster.pid").is_file():
                call("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
