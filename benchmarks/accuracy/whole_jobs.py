"""Whole jobs: seconds of a run from its first step to its last, where the number of steps is stated beside the results."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from benchmarks.accuracy.selection import NO_TIME, Row, Scored

#: "1T tokens": how much text was trained, as a source states it.
TRAINED = re.compile(r"\b(\d+(?:\.\d+)?)\s?T tokens")
STEPS = re.compile(r"for (\d+) steps")
MLPERF = "ends when the model is good enough (MLPerf): the steps are a result"
LENGTHS = "steps stated, but the length only as a limit: the tokens are a result"
NO_STEPS = "neither steps nor trained tokens stated"


def whole_jobs(scored: Sequence[Scored]) -> str:
    """Predicted and measured times of whole jobs, and why other rows with a total time have none."""
    stated = [each for each in scored if each.row["total_time_s"]]
    reasons = Counter(reason for each in stated if (reason := _reason(each.row)))
    jobs = [each for each in stated if not _reason(each.row)]
    lines = [
        f"Of {len(stated)} rows with a total time the number of steps is known for {len(jobs)}; of the others:",
        "",
    ]
    lines += [f"- {count}: {reason}" for reason, count in sorted(reasons.items(), key=lambda item: -item[1])]
    if jobs:
        lines += ["", "| job | steps | predicted h | measured h | off by % |", "|---|---|---|---|---|"]
        lines += [_line(each) for each in jobs]
    return "\n".join(lines)


def steps_of(row: Row) -> float | None:
    """Steps of a whole job: stated trained tokens over tokens of a step; None where the row does not say."""
    trained = TRAINED.search(row["notes"])
    if trained is None or row["source_key"] in NO_TIME or not (row["global_batch_sequences"] and row["seq_len"]):
        return None
    return float(trained.group(1)) * 1e12 / (float(row["global_batch_sequences"]) * float(row["seq_len"]))


def _reason(row: Row) -> str:
    """Why the steps of a job are not known; empty where they are."""
    if steps_of(row) is not None:
        return ""
    if "MLPerf" in row["notes"]:
        return MLPERF
    return LENGTHS if STEPS.search(row["notes"]) else NO_STEPS


def _line(each: Scored) -> str:
    steps, measured = steps_of(each.row) or 0.0, float(each.row["total_time_s"])
    predicted = steps * (each.prediction.seconds or 0.0)
    name = f"{each.row['model']} on {each.row['n_gpus']} {each.row['gpu']} ({each.row['id']})"
    off = (predicted / measured - 1) * 100
    return f"| {name} | {steps:,.0f} | {predicted / 3600:.0f} | {measured / 3600:.0f} | {off:+.1f} |"
