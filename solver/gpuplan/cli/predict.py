"""The command that predicts runs from a CSV."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="step time and memory of runs described in a CSV")
@click.argument("runs", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="PRED.csv", help="Where the predictions go."
)
@click.option(
    "--calibration",
    type=click.Path(path_type=Path),
    metavar="MY.toml",
    help="Constants corrected by your own runs, as gpuplan calibrate wrote them.",
)
def predict(runs: Path, out: Path, calibration: Path | None) -> int:
    """Predict step time and peak memory of every row of RUNS.csv, with 90 % bounds.

    A row needs id, model (or its shape), gpu, n_gpus, global_batch_sequences and seq_len, and may say task (full, lora, qlora), precision,
    framework, tp, pp, dp, cp, ep, zero_stage_or_fsdp, micro_batch, recompute, lora_rank, lora_targets, memory_measure (allocated, active,
    reserved, nvidia-smi) and more: gpuplan.runs.INPUT_COLUMNS. What was
    measured, by whom and where it was published is not read. A row that
    cannot be predicted gets empty cells and the reason in pred_note.

    gpuplan predict runs.csv --out predictions.csv
    """
    from gpuplan.cli.output import Destination, refuse_overwrite
    from gpuplan.job.calibration import load_calibration
    from gpuplan.performance.constants import calibrated, use_constants
    from gpuplan.runs import as_csv, predict_rows, read_rows

    destination = Destination("text", str(out))
    refuse_overwrite(runs, out)
    own = () if calibration is None else load_calibration(calibration)[0]
    with use_constants(calibrated(own)):
        answers = predict_rows(read_rows(runs))
    destination.write_text(as_csv(answers))
    missing = sum(answer.step_seconds is None for answer in answers)
    click.echo(f"{len(answers) - missing} of {len(answers)} rows predicted: {out}", err=True)
    return 0
