"""The command that corrects constants by a user's own runs."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="correct the constants by your own short runs")
@click.argument("runs", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="MY.toml", help="Where the constants go."
)
def calibrate(runs: Path, out: Path) -> int:
    """Correct the constants that your own runs can speak for, and write them for --calibration of solve, check and predict.

    RUNS.csv has the columns of `gpuplan predict`, and step_time_s (or tokens_per_sec_per_gpu), peak_mem_gib or both as you measured
    them. As few as one run of 50 steps helps; the fewer there are, the less they move.

    gpuplan calibrate myruns.csv --out my.toml
    """
    from gpuplan.answer import today
    from gpuplan.cli.output import Destination, refuse_overwrite
    from gpuplan.runs.calibrate import as_toml
    from gpuplan.runs.calibrate import calibrate as run_calibrate

    destination = Destination("text", str(out))
    refuse_overwrite(runs, out)
    found = run_calibrate(runs)
    destination.write_text(as_toml(found, today().isoformat(), runs.name))
    for change in found.changes:
        factor = change.after / change.before
        spoken = f"{change.runs} run{'' if change.runs == 1 else 's'}"
        click.echo(
            f"{change.name} {change.key}: {change.before:.4g} -> {change.after:.4g} ({factor - 1:+.1%}; {spoken})"
        )
    for fit in found.fitted:
        unit, by = ("s", 1.0) if fit.figure == "step" else ("GiB", 2.0**30)
        figures = f"{fit.before / by:.4g} -> {fit.after / by:.4g} {unit}, measured {fit.measured / by:.4g}"
        click.echo(f"{fit.id} {fit.figure}: {figures} ({fit.after / fit.measured - 1:+.1%})")
    for name, reason in found.unused:
        click.echo(f"{name}: not used, {reason}", err=True)
    return 0
