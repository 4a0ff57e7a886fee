"""The file of a fleet: what every part of it becomes, and every error with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from gpuplan.errors import InputError
from gpuplan.job import Job
from gpuplan.scheduling.calendar import Clock, Span, read_calendar
from gpuplan.scheduling.file import load_fleet
from gpuplan.scheduling.jobs import LIKE
from gpuplan.scheduling.types import Fleet, FleetJob, KnownWork
from gpuplan.units import parse_whole
from gpuplan_hardware import offers

P5 = "aws/p5.48xlarge/us-east-1/on-demand"
BOT: dict[str, Any] = {"name": "support-bot", "model": "llama-3.1-8b", "method": "lora", "data": "1GB"}
EVAL: dict[str, Any] = {"name": "eval", "after": "support-bot", "takes": "2h", "gpus": 8, "gpu": "H100"}
DGX: dict[str, Any] = {"name": "dgx", "node": "own/HGX-H100", "nodes": 4}
START = "2026-12-01 08:00"

WHOLE = f"""
start: {START}
minimize: tardiness, cost
budget: $50,000
confidence: 80%
time_limit: 90s
workers: 2
seed: 7
worth: no
rent: {{gpu: [H100, A100-80GB], exclude_gpu: H100-NVL, provider: aws}}
stock:
  - name: dgx
    node: OWN/hgx-h100
    nodes: 4
    price: $0.5
    calendar: [{{from: 2026-12-08, nodes: 6}}, {{from: 10 days, nodes: 2}}]
  - name: block
    offer: {P5}
    nodes: 16
    from: 2026-12-05
    until: 2026-12-12
quotas:
  - {{name: aws-h100, provider: aws, gpu: H100-SXM, region: us-east-1, gpus: 64, calendar: [{{from: 2026-12-10, gpus: 128}}]}}
defaults: {{method: lora, data: 1GB, priority: 2}}
jobs:
  - name: support-bot
    model: llama-3.1-8b
    tokens: 250M
    release: 24h
    deadline: 2026-12-03 18:00
    value: $4,000
  - name: second
    model: llama-3.1-8b
    gpu: A100-80GB-SXM, H200-SXM
    deadline: 1d12h
    late: false
    priority: 5
    after: [support-bot]
  - name: eval
    after: second, support-bot
    takes: 2h
    gpus: 8
    gpu: H100
"""


def fleet(**words: Any) -> Fleet:
    whole = {"stock": [DGX], "jobs": [BOT, EVAL], **words}
    return load_fleet({name: value for name, value in whole.items() if value is not None})


def job(**words: Any) -> FleetJob:
    return fleet(jobs=[{**BOT, **words}]).jobs[0]


def training(found: FleetJob) -> Job:
    assert isinstance(found.work, Job)
    return found.work


def known(found: FleetJob) -> KnownWork:
    assert isinstance(found.work, KnownWork)
    return found.work


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    path = tmp_path_factory.mktemp("fleet") / "fleet.yaml"
    path.write_text(WHOLE, encoding="utf-8")
    return load_fleet(path)


def test_the_words_of_the_whole(whole: Fleet) -> None:
    assert whole.start == datetime(2026, 12, 1, 8)
    assert (whole.objectives, whole.budget_usd, whole.confidence) == (("tardiness", "cost"), 50_000, 0.8)
    assert (whole.time_limit_seconds, whole.workers, whole.seed, whole.worth, whole.rent) == (90, 2, 7, False, True)
    assert any("local time" in note for note in whole.notes)
    assert any("may be missed" in note for note in whole.notes)


def test_stock_is_owned_at_its_price_and_changes_over_time(whole: Fleet) -> None:
    dgx, block = whole.stocks
    # 1 December 08:00 to 8 December 00:00 is 6 days and 16 hours: 9,600 minutes. 10 days are 14,400.
    assert dgx.nodes == ((0, 4), (9_600, 6), (14_400, 2))
    assert (dgx.kind, dgx.offer.id, dgx.offer.pricing, dgx.offer.node.name) == (
        "owned",
        "stock/dgx",
        "owned",
        "HGX-H100",
    )
    assert (dgx.offer.price_usd_per_hour, dgx.offer.max_nodes, dgx.offer.host_open) == (8 * 0.5, 6, True)
    assert (dgx.offer.lead_time, dgx.offer.lead_time_seconds, dgx.offer.region) == ("instant", 0.0, "any")
    # From 5 December 00:00 (3 days 16 hours) to 12 December 00:00 (10 days 16 hours).
    assert block.nodes == ((0, 0), (5_280, 16), (15_360, 0))
    assert (block.kind, block.offer.price_usd_per_hour, block.offer.max_nodes) == ("reserved", 0.0, 16)
    assert (block.offer.node.name, block.offer.provider.name, block.offer.region) == ("p5.48xlarge", "aws", "us-east-1")


def test_a_quota_counts_the_offers_it_names(whole: Fleet) -> None:
    (quota,) = whole.quotas
    assert quota.gpus == ((0, 64), (12_480, 128))
    p5 = next(offer for offer in offers() if offer.id == P5)
    assert quota.counts(p5)
    assert not quota.counts(replace(p5, region="us-west-2"))
    assert not quota.counts(whole.stocks[0].offer)


def test_jobs_have_their_calendar_and_the_words_of_all(whole: Fleet) -> None:
    first, second, last = whole.jobs
    assert (first.release, first.deadline, first.may_be_late, first.priority) == (1_440, 3_480, True, 2)
    assert (first.value_usd, first.after, first.stock_gpus) == (4_000, (), None)
    assert training(first).limits.deadline_seconds is None
    assert training(first).confidence == 0.8
    assert training(first).tokens.tokens == 250e6  # in place of the data of the defaults
    assert (second.deadline, second.may_be_late, second.priority, second.after) == (2_160, False, 5, ("support-bot",))
    assert training(second).tokens.data_bytes == 1e9
    assert (last.priority, last.after, known(last).minutes, known(last).gpus) == (1, ("second", "support-bot"), 120, 8)


def test_a_job_rents_what_both_it_and_the_fleet_name_and_the_stock_goes_by_its_own_words(whole: Fleet) -> None:
    first, second, last = whole.jobs
    eighty = ("A100-80GB-PCIe", "A100-80GB-SXM")
    assert training(first).limits.gpus == ("H100-PCIe", "H100-SXM", *eighty)
    assert training(first).limits.providers == ("aws",)
    assert (training(second).limits.gpus, second.stock_gpus) == (("A100-80GB-SXM",), ("A100-80GB-SXM", "H200-SXM"))
    assert known(last).like.limits.gpus == ("H100-PCIe", "H100-SXM")
    assert last.stock_gpus == ("H100-NVL", "H100-PCIe", "H100-SXM")


def test_defaults_of_a_fleet() -> None:
    found = fleet()
    assert (found.objectives, found.confidence, found.time_limit_seconds, found.workers) == (("cost",), 0.9, 60, 0)
    assert (found.start, found.budget_usd, found.quotas, found.rent, found.worth) == (None, None, (), True, True)
    assert (found.jobs[0].release, found.jobs[0].deadline, found.jobs[0].may_be_late) == (0, None, False)
    assert training(found.jobs[0]).limits.needs_lead_time
    assert training(found.jobs[0]).limits.pricing == ("on-demand",)
    assert not fleet(rent="false").rent
    assert not fleet(rent=False).rent


def test_flags_win_over_the_file() -> None:
    words = {"stock": [DGX], "jobs": [BOT], "budget": "$1", "seed": 1, "confidence": "80%"}
    flags = {"budget": "2k", "seed": None, "confidence": "point", "worth": False, "minimize": "makespan,cost"}
    found = load_fleet(words, overrides=flags)
    assert (found.budget_usd, found.seed, found.confidence, found.worth) == (2_000, 1, None, False)
    assert found.objectives == ("makespan", "cost")
    assert training(found.jobs[0]).confidence is None


def test_offers_of_the_caller_are_those_whose_names_count() -> None:
    one = replace(next(offer for offer in offers() if offer.id == P5), id="mine/p5", region="moon")
    words = {
        "stock": [{"name": "b", "offer": "MINE/P5", "nodes": 1}],
        "quotas": [{"name": "q", "region": "moon", "gpus": 8}],
    }
    found = load_fleet({**words, "jobs": [BOT]}, [one])
    assert (found.stocks[0].offer.region, found.quotas[0].region) == ("moon", "moon")
    with pytest.raises(InputError, match=r"quotas\[1\] q: region: 'mars' is not one of moon"):
        load_fleet({**words, "quotas": [{"name": "q", "region": "mars", "gpus": 8}], "jobs": [BOT]}, [one])


def test_nothing_is_rented_for_a_job_that_names_other_gpus_than_the_fleet() -> None:
    found = fleet(rent={"gpu": "H100-SXM", "price": 2}, jobs=[{**BOT, "gpu": "MI300X"}, {**BOT, "name": "b"}])
    first, second = (training(one) for one in found.jobs)
    assert (first.limits.gpus, first.catalogue.price_usd_per_gpu_hour) == ((), None)
    assert (second.limits.gpus, second.catalogue.price_usd_per_gpu_hour) == (("H100-SXM",), 2)
    assert found.jobs[0].stock_gpus == ("MI300X",)


def test_gpus_that_nobody_lets_may_be_in_the_stock() -> None:
    found = fleet(
        stock=[{"name": "b", "node": "own/HGX-A800-80GB", "nodes": 3}], jobs=[{**BOT, "gpu": "A800-80GB-SXM"}]
    )
    assert training(found.jobs[0]).limits.pricing == ("on-demand",)
    assert found.stocks[0].offer.max_nodes == 1  # its network is unknown
    assert found.stocks[0].nodes == ((0, 3),)
    assert "so a job takes one of them" in found.notes[0]


@pytest.mark.parametrize(
    ("words", "shape"),
    [
        ({"gpu": "H100"}, "own/HGX-H100"),
        ({"gpu": "A100-80GB"}, "own/HGX-A100-80GB"),
        ({"gpu": "A10G"}, "aws/g5.48xlarge"),  # the only one with 8 of them
        ({"gpu": "A10G", "gpus_per_node": 4}, None),
        ({"gpu": "RTX-4090", "gpus_per_node": 1}, "own/1x-RTX-4090"),
        ({"gpu": "H200"}, None),  # with NVLink or as PCIe cards
        ({"node": "hgx-h100"}, "own/HGX-H100"),
    ],
)
def test_gpus_alone_stand_for_the_one_plain_shape(words: dict[str, Any], shape: str | None) -> None:
    stock = {"name": "s", "nodes": 1, **words}
    if shape is None:
        with pytest.raises(InputError, match=r"stock\[1\] s: gpu: .* is in \d+ node shapes; give node: one of "):
            fleet(stock=[stock])
        return
    node = fleet(stock=[stock]).stocks[0].offer.node
    assert f"{node.provider}/{node.name}" == shape


@pytest.mark.parametrize(
    ("value", "after", "before"),
    [
        ("36h", 2_160, 2_160),
        ("3 days", 4_320, 4_320),
        ("0h", 0, 0),
        ("0.7d", 1_008, 1_008),  # 0.7 x 86,400 is a little less than 60,480 seconds in binary
        ("90s", 2, 1),
        ("61s", 2, 1),
        (START, 0, 0),
        ("2026-12-01T09:00:30", 61, 60),
        ("2026-12-02", 960, 960),
        ("2026-11-30", 0, -1_920),
        (datetime(2026, 12, 1, 8, 5), 5, 5),
    ],
)
def test_times_are_whole_minutes_on_the_safe_side(value: object, after: int, before: int) -> None:
    clock = Clock(datetime(2026, 12, 1, 8))
    assert clock.after("release", value) == after
    assert clock.before("deadline", value) == before


def test_times_with_time_zones() -> None:
    clock = Clock(datetime(2026, 12, 1, 8, tzinfo=timezone(timedelta(hours=1))))
    assert clock.after("release", "2026-12-01T08:00Z") == 60
    assert clock.date(90) == datetime(2026, 12, 1, 8, 30, tzinfo=timezone.utc)  # noqa: UP017  UTC is meant as a zone here
    assert Clock().date(90) is None


@pytest.mark.parametrize(
    ("changes", "span", "expected"),
    [
        ([], Span(), ((0, 4),)),
        ([("90s", 6), ("150s", 5)], Span(), ((0, 4), (2, 5))),  # more from minute 2 on, less from minute 2 on
        ([("10m", 4)], Span(), ((0, 4),)),
        ([("10m", 0), ("20m", 3)], Span(5, 30), ((0, 0), (5, 4), (10, 0), (20, 3), (30, 0))),
        ([("10m", 6)], Span(20), ((0, 0), (20, 6))),
        ([("10m", 6)], Span(0, 10), ((0, 4), (10, 0))),
    ],
)
def test_units_over_time(changes: list[tuple[str, int]], span: Span, expected: object) -> None:
    words = [{"from": since, "nodes": str(units)} for since, units in changes] or None
    count = parse_whole
    assert read_calendar(words, "nodes", 4, Clock(), lambda name, value: count(name, value, 0), span) == expected


def test_known_work_takes_whole_minutes() -> None:
    found = fleet(jobs=[{**EVAL, "after": None, "takes": "61s", "gpu": "V100-32GB", "region": "us-east-1"}]).jobs[0]
    assert known(found).minutes == 2
    assert known(found).like.limits.regions == ("us-east-1",)
    assert known(found).like.precision == "fp16"  # what the GPU computes in: nothing is trained
    assert LIKE["model"] in known(found).like.architecture.name


def _jobs(**words: Any) -> dict[str, Any]:
    return {"jobs": [{**BOT, **words}]}


def _eval(**words: Any) -> dict[str, Any]:
    return {"jobs": [BOT, {**EVAL, **words}]}


def _stock(**words: Any) -> dict[str, Any]:
    return {"stock": [{**DGX, **words}]}


WRONG: list[tuple[Mapping[str, Any], str, str]] = [
    # The whole
    ({"job": []}, "job", "there is no such field in a fleet. Did you mean jobs?"),
    ({"jobs": None}, "jobs", "jobs: is missing"),
    ({"jobs": []}, "jobs", "is an empty list"),
    ({"jobs": "all"}, "jobs", "is no list"),
    ({"start": "tomorrow"}, "start", "'tomorrow' is no date; write for example 2026-12-01 08:00"),
    ({"start": "36h"}, "start", "is no date"),
    ({"minimize": "costs"}, "minimize", "Did you mean cost?"),
    ({"minimize": "cost,cost"}, "minimize", "twice"),
    ({"minimize": " , "}, "minimize", "is empty"),
    ({"minimize": {"cost": 1}}, "minimize", "is no list of words"),
    ({"minimize": "tardiness"}, "minimize", "no job has a deadline that it may miss"),
    ({"minimize": "value"}, "minimize", "no job may be left out"),
    ({"budget": "-5"}, "budget", "must be above zero"),
    ({"budget": "nan"}, "budget", "is not an amount"),
    ({"confidence": "30%"}, "confidence", "must be above 0.5"),
    ({"time_limit": "60"}, "time_limit", "has no unit"),
    ({"workers": -1}, "workers", "whole number"),
    ({"worth": "maybe"}, "worth", "is not one of true, yes, false, no"),
    ({"rent": "some"}, "rent", "is neither true nor false, nor fields"),
    ({"rent": False, "stock": None}, "rent", "there is no stock and nothing may be rented"),
    ({"rent": {"gpus": "H100"}}, "rent: gpus", "Did you mean gpu?"),
    ({"rent": {"gpu": "H1000"}}, "rent: gpu", "Did you mean"),
    ({"rent": {"provider": "awz"}}, "rent: provider", "Did you mean aws?"),
    ({"rent": {"price": 2}}, "rent: price", "name it: 'gpu: H100-SXM'"),
    ({"rent": {"offers": "none.csv"}}, "rent: offers", "does not exist"),
    ({"rent": {"quota": "H100=8"}}, "rent: quota", "under 'quotas:'"),
    ({"defaults": {"model": ["a", "b"]}}, "defaults: model", "cannot use"),
    ({"defaults": {"after": "support-bot"}}, "defaults: after", "there is no such field"),
    ({"defaults": "lora"}, "defaults: the defaults of training jobs", "has no fields"),
    # Stock and quotas
    ({"stock": {}}, "stock", "is no list"),
    ({"stock": [{"nodes": 4}]}, "stock[1]: name", "is missing"),
    ({"stock": [DGX, {**DGX, "name": "DGX"}]}, "stock[2]: name", "is there already"),
    (_stock(name="a\nb"), "stock[1]: name", "is no name"),
    (_stock(node=None), "stock[1] dgx: node", "by one of node"),
    (_stock(gpu="H100"), "stock[1] dgx: gpu", "by one of node"),
    (_stock(node="own/HGX-H10"), "stock[1] dgx: node", "Did you mean own/HGX-H100"),
    (_stock(node="HGX-H10"), "stock[1] dgx: node", "Did you mean own/HGX-H100"),
    (_stock(node=None, offer="aws/p5.48xlarge/us-east-1/on-deman"), "stock[1] dgx: offer", f"Did you mean {P5}"),
    (_stock(gpus_per_node=8), "stock[1] dgx: gpus_per_node", "goes with gpu"),
    (_stock(node=None, gpu="H100-SXM", gpus_per_node=3), "stock[1] dgx: gpus_per_node", "have 1, 2, 4, 8 of them"),
    (_stock(nodes=None), "stock[1] dgx: nodes", "is missing"),
    (_stock(nodes=-1), "stock[1] dgx: nodes", "whole number"),
    (_stock(nodes="2.5"), "stock[1] dgx: nodes", "whole number"),
    (_stock(nodes=0), "stock[1] dgx: nodes", "none of them at any time"),
    (_stock(price=-1), "stock[1] dgx: price", "above zero"),
    (_stock(price="nan"), "stock[1] dgx: price", "amount of US dollars"),
    (_stock(until="0h"), "stock[1] dgx: until", "not after the start"),
    (_stock(**{"from": "2d", "until": "1d"}), "stock[1] dgx: until", "not after from"),
    (_stock(**{"from": "2026-12-05"}), "stock[1] dgx: from", "is a date, and the calendar has none"),
    (_stock(calendar=[{"nodes": 5}]), "stock[1] dgx: calendar[1]: from", "is missing"),
    (_stock(calendar=[{"from": "2d", "node": 5}]), "stock[1] dgx: calendar[1]: node", "Did you mean nodes?"),
    (
        _stock(calendar=[{"from": "2d", "nodes": 5}, {"from": "1d", "nodes": 6}]),
        "stock[1] dgx: calendar[2]: from",
        "'1d' is not after the change before it",
    ),
    ({"quotas": [{"name": "dgx", "gpus": 8}]}, "quotas[1]: name", "is there already"),
    ({"quotas": [{"name": "q"}]}, "quotas[1] q: gpus", "is missing"),
    ({"quotas": [{"name": "q", "gpus": 8, "region": "us-east1"}]}, "quotas[1] q: region", "Did you mean us-east-1"),
    # Jobs
    ({"jobs": [{"model": "llama-3.1-8b"}]}, "jobs[1]: name", "is missing"),
    ({"jobs": ["support-bot"]}, "jobs[1]: name", "is missing"),
    ({"jobs": [BOT, BOT]}, "jobs[2]: name", "'support-bot' is there already"),
    (_jobs(modle="x"), "jobs[1] support-bot: modle", "Did you mean model"),
    (_jobs(model="llama-3.1-80b"), "jobs[1] support-bot: model", "Did you mean"),
    (_jobs(model=None), "jobs[1] support-bot: model", "is missing"),
    (
        _jobs(method=None),
        "jobs[1] support-bot: method",
        "a fleet needs one for each job, and this may be full or lora or qlora",
    ),
    (_jobs(method="any"), "jobs[1] support-bot: method", "name one of them"),
    (_jobs(precision="any"), "jobs[1] support-bot: precision", "this may be bf16 or fp8"),
    (_jobs(seed=1), "jobs[1] support-bot: seed", "at the top of the file"),
    (_jobs(minimize="gpus"), "jobs[1] support-bot: minimize", "at the top of the file"),
    (_jobs(deadline_from="start"), "jobs[1] support-bot: deadline_from", "leave it out"),
    (_jobs(release="-2h"), "jobs[1] support-bot: release", "is no time; write 36h or 3 days from the start"),
    (_jobs(deadline="24"), "jobs[1] support-bot: deadline", "has no unit"),
    (_jobs(deadline="soon"), "jobs[1] support-bot: deadline", "is no time"),
    (_jobs(deadline="2026-12-03"), "jobs[1] support-bot: deadline", "is a date, and the calendar has none"),
    (_jobs(deadline="2026-13-03"), "jobs[1] support-bot: deadline", "is no date"),
    (_jobs(deadline="20y"), "jobs[1] support-bot: deadline", "is no time"),
    (_jobs(deadline="1000 weeks"), "jobs[1] support-bot: deadline", "more than ten years"),
    (_jobs(deadline="30s"), "jobs[1] support-bot: deadline", "not after the start of the calendar"),
    (_jobs(release="2d", deadline="36h"), "jobs[1] support-bot: deadline", "'36h' is not after the release, '2d'"),
    ({"start": START, **_jobs(deadline="2026-11-01")}, "jobs[1] support-bot: deadline", "not after the start"),
    ({"start": START, **_jobs(deadline="2026-12-03T08:00Z")}, "jobs[1] support-bot: deadline", "the start has none"),
    ({"start": f"{START}+01:00", **_jobs(deadline="2026-12-03")}, "jobs[1] support-bot: deadline", "this one has none"),
    (_jobs(late="true"), "jobs[1] support-bot: late", "no effect without a deadline"),
    (_jobs(deadline="2d", late="perhaps"), "jobs[1] support-bot: late", "is not one of true"),
    (_jobs(priority=0), "jobs[1] support-bot: priority", "from 1 to 1,000"),
    (_jobs(value="0"), "jobs[1] support-bot: value", "above zero"),
    (_eval(after="support"), "jobs[2] eval: after", "there is no job 'support'. Did you mean support-bot?"),
    (_eval(after="eval"), "jobs[2] eval: after", "cannot come after itself"),
    (_eval(after=3), "jobs[2] eval: after", "is no list of words"),
    ({"jobs": [{**BOT, "after": "eval"}, EVAL]}, "after", "wait for each other: eval after support-bot after eval"),
    (_eval(takes="0h"), "jobs[2] eval: takes", "above zero"),
    (_eval(takes="2000 weeks"), "jobs[2] eval: takes", "more than ten years"),
    (_eval(gpus=None), "jobs[2] eval: gpus", "is missing"),
    (_eval(gpu=None), "jobs[2] eval: gpu", "is missing"),
    (_eval(gpu="H1000"), "jobs[2] eval: gpu", "Did you mean"),
    (_eval(data="1GB"), "jobs[2] eval: data", "there is no such field in work with 'takes'"),
]


@pytest.mark.parametrize(
    ("words", "field", "message"), WRONG, ids=[f"{field}: {text[:20]}" for _, field, text in WRONG]
)
def test_errors_say_where_and_what(words: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        fleet(**words)
    assert caught.value.field == field
    assert message in caught.value.message
    assert caught.value.message.startswith(field)
    assert caught.value.message.count("Did you mean") <= 1


@pytest.mark.parametrize(
    ("content", "field", "message"),
    [
        ("jobs: []\njobs: []", "jobs", "stands twice in the fleet file (again in line 2)"),
        ("jobs: [", "fleet", "is not YAML in line 1"),
        ("- a", "fleet", "holds no fields; give start, minimize"),
        ("", "fleet", "holds no fields"),
    ],
)
def test_files_that_are_no_fleets(tmp_path: Path, content: str, field: str, message: str) -> None:
    (tmp_path / "fleet.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_fleet(tmp_path / "fleet.yaml")
    assert caught.value.field == field
    assert message in caught.value.message


def test_no_file_and_no_mapping(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        load_fleet(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="is a folder; give a YAML file with jobs"):
        load_fleet(tmp_path)
    with pytest.raises(InputError, match="give a path, a mapping or a Fleet"):
        load_fleet(3)  # type: ignore[arg-type]
