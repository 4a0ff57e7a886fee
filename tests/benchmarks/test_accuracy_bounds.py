"""Bounds, whole jobs and plots of the scorer, worked out by hand."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from benchmarks.accuracy.cross_validation import by_source, that_counts
from benchmarks.accuracy.reliability import CONFIDENCES, MEMORY, TIME, kept, reliability
from benchmarks.accuracy.selection import Prediction, Scored
from benchmarks.accuracy.tables import in_order, size_of
from benchmarks.accuracy.whole_jobs import steps_of, whole_jobs


def scored(predicted: float, measured: float, **cells: str) -> Scored:
    """A run of a 90 % interval of a factor of 2 both ways, and as much memory (GiB) as time (s)."""
    row = defaultdict(str, {"source_key": "lab", "task": "lora"} | cells)
    prediction = Prediction(predicted, predicted / 2, predicted * 2, predicted, predicted * 2, True, "")
    return Scored(row, prediction, measured, measured)


def test_reliability_counts_runs_that_kept_what_holds_with_a_confidence() -> None:
    # Measured over predicted: 0.9 and 1.1 lie within the bound of 75 % (2^(0.674 / 1.645) = 1.33), 1.9 within that of 95 %, 3 in none.
    runs = [scored(1, ratio) for ratio in (0.9, 1.1, 1.9, 3.0)]
    shares = dict(zip(CONFIDENCES, kept(runs, TIME), strict=True))
    assert shares[0.5] == 0.25
    assert shares[0.75] == 0.5
    assert shares[0.95] == 0.75
    # The bound of memory is one-sided: 2 is what holds with 90 %.
    assert dict(zip(CONFIDENCES, kept(runs, MEMORY), strict=True))[0.9] == 0.75
    assert "| 75 % | 50 % |" in reliability({"here": runs})


def test_left_out_sources_take_the_widths_of_the_others() -> None:
    # Source b is off by 3: beyond its factor of 2. Scaled by a's small errors, its bound is narrower; a's, scaled by b's, holds everything.
    runs = [scored(1, 1.1, source_key="a"), scored(1, 3, source_key="b")]
    text = that_counts(runs, runs[:1], [])
    assert "| 90 % interval of the time covers | 2 | 50 % | 100 % |" in text
    assert "| needed more memory than the upper bound | 2 | 50 % | 0 % |" in text
    assert "| source: b | 1 | 66.7 |" in by_source(runs)


def test_steps_of_a_whole_job_come_from_stated_tokens_alone() -> None:
    job = {
        "notes": "1T tokens in 9.5 days",
        "global_batch_sequences": "1000",
        "seq_len": "2000",
        "total_time_s": "1000000",
    }
    assert steps_of(scored(1, 1, **job).row) == pytest.approx(500_000)
    assert steps_of(scored(1, 1, **job | {"seq_len": ""}).row) is None
    rows = [scored(1, 1, **job), scored(1, 1, notes="MLPerf Training v4.0", total_time_s="7")]
    text = whole_jobs(rows)
    assert "known for 1" in text
    assert "- 1: ends when the model is good enough" in text
    assert "| 139 | 278 | -50.0 |" in text  # 500,000 steps of 1 s


def test_sizes_are_classes_in_order() -> None:
    names = [size_of(scored(1, 1, params_total_b=stated)) for stated in ("405", "", "3", "2.9")]
    assert names == ["100B or more", "not stated", "3B to 10B", "under 3B"]
    assert in_order(names) == ["not stated", "under 3B", "3B to 10B", "100B or more"]


def test_plots_are_the_same_every_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from benchmarks.accuracy.plots import draw

    runs = [
        scored(predicted, 10, gpu=gpu, source_key=gpu, framework="megatron-bridge")
        for predicted, gpu in ((9, "H100-SXM-80GB"), (12, "B200"), (40, "B200"))
    ]
    drawn = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        drawn.append([path.read_bytes() for path in draw(tmp_path / name, runs, {"as shipped": runs})])
    assert len(drawn[0]) == 4
    assert drawn[0] == drawn[1]
