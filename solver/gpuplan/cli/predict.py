"""The command that predicts runs from a CSV."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="step time and memory of runs described in a CSV")
@click.argument("runs", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="PRED.csv", help="Where the predictions go."
)
def predict(runs: Path, out: Path) -> int:
    """Predict step time and peak memory of every row of RUNS.csv, with 90 % bounds.

    The columns are those of solver/gpuplan/runs/rows.py; what was measured, by whom and where it was published is not read. A row that
    cannot be predicted gets empty cells and the reason in pred_note.

    gpuplan predict runs.csv --out predictions.csv
    """
    from gpuplan.runs import predict_rows, read_rows, write_answers

    answers = predict_rows(read_rows(runs))
    write_answers(answers, out)
    missing = sum(answer.step_seconds is None for answer in answers)
    click.echo(f"{len(answers) - missing} of {len(answers)} rows predicted: {out}", err=True)
    return 0
