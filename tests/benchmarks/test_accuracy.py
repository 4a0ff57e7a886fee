"""The scorer of predictions: what is scored, and decisions worked out by hand."""

from __future__ import annotations

from collections import defaultdict

import pytest

from benchmarks.accuracy.decisions import decisions
from benchmarks.accuracy.selection import Prediction, Scored, gib_of, seconds_of
from benchmarks.accuracy.tables import Pair, quantiles

ROW = {
    "source_key": "lab",
    "hidden": "4096",
    "notes": "",
    "step_time_s": "",
    "global_batch_sequences": "8",
    "seq_len": "4096",
    "tokens_per_sec_per_gpu": "1024",
    "n_gpus": "8",
    "peak_mem_gib": "40",
}


def pair(predicted: float, measured: float, **cells: str) -> Pair:
    row = defaultdict(str, ROW | cells)
    prediction = Prediction(predicted, None, None, None, None, True, "")
    return Pair(Scored(row, prediction, measured, None), predicted, measured)


@pytest.mark.parametrize(
    ("cells", "seconds"),
    [
        ({}, 4.0),  # 8 x 4096 tokens at 1024 x 8 tokens/s
        ({"step_time_s": "3.5"}, 3.5),
        ({"notes": "TRAP: disagrees"}, None),
        ({"source_key": "peft"}, None),
        ({"hidden": ""}, None),
    ],
)
def test_the_target_of_time(cells: dict[str, str], seconds: float | None) -> None:
    assert seconds_of(ROW | cells) == seconds


def test_the_target_of_memory() -> None:
    assert gib_of(ROW) == 40.0
    assert gib_of(ROW | {"notes": "TRAP"}) is None


def test_errors_count_both_ways() -> None:
    median, p90 = quantiles([pair(1.1, 1.0), pair(0.9, 1.0), pair(1.0, 1.0)])
    # |errors| 10, 10 and 0 percent.
    assert [median, p90] == pytest.approx([10, 10])


def test_regret_of_the_layout_that_is_predicted_fastest() -> None:
    # Predicted fastest is the second, which takes 1.1 where the best takes 1.0: 10 % regret. Of the three pairs that differ,
    # (1.0, 1.1) is ordered wrong, (1.0, 1.5) and (1.1, 1.5) right.
    layouts = [pair(1.2, 1.0, tp="1"), pair(1.1, 1.1, tp="2"), pair(1.6, 1.5, tp="4")]
    text = decisions(layouts)
    assert "| 1 jobs | 10.0 / 10.0 % |" in text
    assert "| 3 | 67 % |" in text
