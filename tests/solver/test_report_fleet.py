"""The text of a fleet: what the first sentence says, the tables, and that every line fits."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console

import fleet_samples as samples
from gpuplan.report.fleet import render
from gpuplan.report.fleet_words import conflict, date_of, slack, when
from gpuplan.report.format import GLUE
from gpuplan.scheduling.result import FleetResult

SAMPLES: list[Callable[[], FleetResult]] = [
    samples.small,
    samples.fleet,
    lambda: samples.fleet(100),
    lambda: samples.fleet(dated=False),
    samples.late,
    samples.left_out,
    samples.all_left_out,
    samples.changing,
    samples.infeasible,
    samples.unknown,
    lambda: samples.renamed(samples.small(), "[bold]x[/bold] " + "y" * 60),
]


def text(result: FleetResult, width: int = 100) -> str:
    """What is printed into a pipe of that width."""
    file = io.StringIO()
    render(result, Console(file=file, width=width))
    return file.getvalue()


def folded(result: FleetResult) -> str:
    return " ".join(text(result).split())


def lines_of(result: FleetResult, title: str) -> list[str]:
    """Lines of the section with that title, their spaces folded."""
    found = text(result).split("\n\n")
    part = next(part.splitlines() for part in found if part.splitlines()[0].startswith(title))
    return [" ".join(line.split()) for line in part[1:]]


@pytest.mark.parametrize("width", [100, 60, 200])
@pytest.mark.parametrize("sample", SAMPLES)
def test_every_line_fits_and_ends_where_it_ends(sample: Callable[[], FleetResult], width: int) -> None:
    lines = text(sample(), width).splitlines()
    assert max(map(len, lines)) <= min(100, width)
    assert not [line for line in lines if line != line.rstrip()]
    assert all(line.isascii() for line in lines)


def test_the_first_sentence_says_cost_end_deadlines_and_proof() -> None:
    assert folded(samples.small()).startswith(
        "4 jobs for $2,171 ($1,982 of it rent), done by 2 Dec 11:00 (27.0 h); every deadline kept; proved the lowest cost. Fleet"
    )
    assert folded(samples.small(dated=False)).startswith("4 jobs for $2,171 ($1,982 of it rent), done within 27.0 h;")
    assert folded(samples.left_out()).startswith(
        "1 of 5 jobs for $148, done by 2 Dec 02:30 (18.5 h); the deadline kept; 4 left out, worth $9,000; proved the most "
        "value, then the lowest cost."
    )
    assert folded(samples.all_left_out()).startswith("3 jobs, all left out; proved the lowest cost.")


def test_what_is_not_proved_says_how_far_off_it_may_be() -> None:
    said = folded(samples.late())
    assert said.startswith(
        "5 jobs for $800, done by 5 Dec 12:00 (4.2 days); 1 of 5 deadlines kept; not proved the least lateness, then the "
        "lowest cost (tardiness at most 10% off, cost without a bound): the time limit ended the search; not reproducible."
    )
    # 104 h late in all; the bound of the sample is a tenth below it.
    assert "tardiness 4.3 days, each job's times its priority, none below 3.9 days, at most 10% off" in said
    stopped = samples.late().solver.model_copy(update={"stopped": "interrupted"})
    assert "): interrupted; not reproducible." in folded(samples.late().model_copy(update={"solver": stopped}))


def test_the_schedule_is_a_row_a_job_by_start() -> None:
    head, rule, *rows = lines_of(samples.small(), "Schedule")
    assert head == "start end job where nodes x GPUs cost slack"
    assert set(rule.replace(" ", "")) == {"-"}
    assert rows == [
        "1 Dec 08:00 2 Dec 02:30 support-bot dgx 2 x 8 H100-SXM $148 17.5 h",
        "1 Dec 08:00 1 Dec 17:00 triage lab 3 x 4 A100-80GB-SXM $32.40",
        "1 Dec 14:00 2 Dec 11:00 legal-70b nebius 4 x 8 H100-SXM $1,982 1.0 h",
        "2 Dec 02:30 2 Dec 04:30 support-eval dgx 1 x 8 H100-SXM $8.00 19.5 h",
    ]
    assert lines_of(samples.small(dated=False), "Schedule  hours from the start")[2].startswith(
        "0.0 h 18.5 h support-bot"
    )
    assert lines_of(samples.late(), "Schedule")[3].endswith("$160 8.0 h late")


def test_every_planned_job_is_in_the_schedule() -> None:
    found = samples.fleet(100)
    rows = lines_of(found, "Schedule")[2:]
    planned = {job.name for job in found.jobs if job.status == "planned"}
    assert len(rows) == len(planned) == 94
    assert all(any(f" {name} " in row for row in rows) for name in planned)


def test_what_is_left_out_says_why() -> None:
    found = lines_of(samples.fleet(), "Left out")
    assert found[2] == "fraud-tagger $4,000 worth $4,000, and the cheapest place left for it costs $5,600"
    assert "Left out" not in text(samples.small())


def test_use_is_told_by_period() -> None:
    head, _, *rows = lines_of(samples.changing(), "Use")
    assert head == "from - until there are peak used"
    assert rows[0] == "block (H200-SXM) 1 Dec 08:00 - 2 Dec 08:00 2 nodes 2 98% ##############"
    assert rows[2] == "3 Dec 08:00 - 3 Dec 20:00 0 nodes"
    assert rows[5].startswith("aws-h200 (H200-SXM) 1 Dec 08:00 - 4 Dec 08:21 64 GPUs 64 60% ########")
    periods = samples.changing().resources[0].periods[:1] * 15
    many = samples.changing().resources[0].model_copy(update={"periods": periods})
    assert lines_of(samples.changing().model_copy(update={"resources": [many]}), "Use")[-1] == "and 3 more periods"


def test_what_shared_limits_cost() -> None:
    assert lines_of(samples.fleet(), "What a shared limit costs") == [
        "- 16 more H100-SXM of dgx until day 8 would save $4,100, and $4,350 at most",
        "- $5,000 more budget would save nothing",
    ]
    (one, *_) = samples.fleet().worth
    open_ = samples.small().model_copy(update={"worth": [one.model_copy(update={"saves_at_most": None})]})
    assert "would save $4,100; not proved that it is no more" in folded(open_)
    hours = one.model_copy(update={"objective_unit": "hours", "saves": 1.0, "saves_at_most": 2.5})
    assert "and 2.50 hours at most" in folded(samples.small().model_copy(update={"worth": [hours]}))


def test_what_must_be_rented_is_told_by_when_it_must_be_ordered() -> None:
    head, _, row = lines_of(samples.small(), "To rent")
    assert head == "order by nodes for 90% sure to cost at most"
    assert row == "1 Dec 13:00 4 x nebius/gpu-8/eu-north1/on-demand legal-70b $2,280"
    jobs = [job.model_copy(update={"order_by_hours": None}) for job in samples.small().jobs]
    assert lines_of(samples.small().model_copy(update={"jobs": jobs}), "To rent")[2].startswith("1 Dec 14:00 ")


def test_jobs_that_pay_for_others_are_named() -> None:
    rows = lines_of(samples.fleet(), "Dearer than alone")
    assert rows[2] == "legal-triage $1,163 $1,454"
    assert rows[-1].startswith("And 10 more jobs, by $")
    jobs = [job.model_copy(update={"alone_usd": job.cost_usd}) for job in samples.small().jobs]
    assert "Dearer than alone" not in text(samples.small().model_copy(update={"jobs": jobs}))


def test_no_schedule_says_what_conflicts_and_what_would_help() -> None:
    found = samples.infeasible()
    assert folded(found).startswith(
        "No schedule: the deadline of support-bot, the deadline of legal-70b, dgx and the budget cannot be kept together; proved."
    )
    assert lines_of(found, "What cannot be kept together")[0] == "- deadline of support-bot"
    rows = lines_of(found, "What would help")
    assert rows[2] == "deadline of legal-70b 12 h -> 19.3 h legal-70b by 2026-12-02 03:15 instead of 20:00"
    assert rows[3] == "dgx 4 -> 7 nodes 3 more nodes of dgx until day 8"
    assert rows[4] == "budget $50,000 -> $61,234 a budget of $61,234"
    assert "Less may be enough, which the time limit left open: budget." in folded(found)
    assert "not decided deadline of support-bot" in folded(found)
    assert "Schedule" not in text(found).splitlines() and "Use" not in text(found).splitlines()
    none = found.model_copy(update={"relaxations": [], "conflict": ["dgx"]})
    assert "dgx alone rules out every schedule; proved." in folded(none)
    assert "No change of a single limit was found to be enough." in folded(none)


def test_a_deadline_of_a_job_is_named_once() -> None:
    (first, *_) = samples.infeasible().relaxations
    short = first.model_copy(update={"limit": "deadline"})
    found = samples.infeasible().model_copy(update={"relaxations": [short]})
    assert lines_of(found, "What would help")[2].startswith("deadline of legal-70b 12 h -> 19.3 h")
    assert "This change is enough" in folded(found)


def test_nothing_found_in_time_is_no_proof() -> None:
    assert folded(samples.unknown()).startswith(
        "No schedule was found within the time limit, and it is not proved that there is none."
    )
    assert "cut short by the time limit; not reproducible" in folded(samples.unknown())


def test_warnings_come_first_and_what_is_assumed_near_the_end() -> None:
    said = text(samples.small().model_copy(update={"warnings": ["prices are old"]}))
    assert said.index("Warning: prices are old.") < said.index("Fleet")
    assert said.index("Schedule") < said.index("Assumed\n  - 4.0 bytes per token") < said.index("Proof")


def test_names_are_no_markup() -> None:
    assert "[bold]x[/bold]" in text(samples.renamed(samples.small(), "[bold]x[/bold]"))


def test_moments_and_lengths() -> None:
    from datetime import datetime

    start = datetime(2026, 12, 31, 22)
    assert when(start, 3.0) == f"1{GLUE}Jan{GLUE}01:00"
    assert when(None, 1234.5) == f"1,234.5{GLUE}h"
    assert date_of(start, 1 / 60 - 1e-9).minute == 1  # the nearest minute
    job = samples.small().jobs[0]
    assert slack(job.model_copy(update={"late_hours": 1e-5, "slack_hours": 0.0})) == f"0{GLUE}min"
    assert conflict([]) == "not all limits can be kept"
