"""``slateloop doctor``: what this machine lacks, whether a service is well, whether its learning can be repeated.

In: the service's settings. Out: findings with cures as a table or JSON; exit code 1 if one is a failure.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from agent.connection import DatastoreError
from serve_app.commands.checkup import Finding, checkup
from serve_app.commands.output import Json, explained, out, print_json
from serve_app.commands.relearning import Relearned, RelearnError, compare, datastore_url
from serve_app.commands.serve import Config, DataDir, Host, Port, gathered

_COLOURS = {"ok": "green", "warning": "yellow", "failure": "red"}


def doctor(
    *,
    relearn: Annotated[
        str | None, typer.Option("--relearn", help="Learn this loop's log again and compare.", metavar="LOOP")
    ] = None,
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Check what a service needs, and how a running one is; or prove that a loop's learning can be repeated.

    With --relearn LOOP the log is learned again from its beginning, undisturbed, up to the newest checkpoint, and the
    bytes of the two training states are compared. The running service is not touched.

    Example: slateloop doctor --relearn default
    """
    settings = gathered(config, {"host": host, "port": port, "data_dir": data_dir})
    if relearn is not None:
        with explained(RelearnError, DatastoreError):
            found = compare(datastore_url(settings), relearn)
        _tell(found, as_json=as_json)
        raise typer.Exit(0 if found.is_equal else 1)
    findings = checkup(settings)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        _print_findings(findings)
    raise typer.Exit(1 if any(finding.state == "failure" for finding in findings) else 0)


def _tell(found: Relearned, *, as_json: bool) -> None:
    if as_json:
        print_json({**asdict(found), "is_equal": found.is_equal})
        return
    verdict = "the same bytes" if found.is_equal else "DIFFERENT bytes"
    out().print(
        f"loop {found.loop}, lineage {found.lineage}: {found.n_learned:,} experiences learned again up to {found.tail} "
        f"in {found.seconds:.1f} s: {verdict} ({found.n_bytes:,} bytes, SHA-256 {found.checkpoint_sha256[:16]}…)",
        style="green" if found.is_equal else "red",
        highlight=False,
    )


def _print_findings(findings: list[Finding]) -> None:
    console = out()
    for finding in findings:
        colour = _COLOURS[finding.state]
        console.print(f"[{colour}]{finding.state:8}[/] {finding.name:12} ", end="", highlight=False)
        console.print(finding.detail, markup=False, highlight=False)
        if finding.cure:
            console.print(f"{'':22}→ {finding.cure}", markup=False, highlight=False)
