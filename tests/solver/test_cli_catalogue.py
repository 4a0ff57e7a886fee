"""What the catalogues hold, from the command line: filters, forms, what is known of one thing, errors."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from gpuplan.cli import cli
from gpuplan.listing import base, frameworks, hardware, models, nodes, offers
from gpuplan.report import catalogue
from gpuplan.result import Answer
from gpuplan_hardware import accelerators, read_offers, resolve_gpus
from gpuplan_hardware import offers as all_offers
from gpuplan_hardware.price_list import OPTIONAL_COLUMNS, REQUIRED_COLUMNS
from gpuplan_models import Architecture, architectures

LISTS = ["models list", "hardware list", "hardware list --nodes", "offers list", "frameworks list", "methods list"]
SHOWS = [
    "models show deepseek-r1",
    "hardware show H100-SXM",
    "hardware show AWS/p5.48xlarge",
    "offers show aws/p5.48xlarge/us-east-1/on-demand",
    "frameworks show megatron",
    "methods show qlora",
]
ROWS: dict[str, type[Answer]] = {
    "models": models.ModelEntry,
    "accelerators": hardware.AcceleratorEntry,
    "nodes": nodes.NodeEntry,
    "offers": offers.OfferEntry,
    "frameworks": frameworks.FrameworkEntry,
    "methods": frameworks.MethodEntry,
}

# command line, field, value as it is shown, and words of the message: what is wrong or the way out
BAD_INPUTS = [
    ("models list --family lama", "family", "lama", "Did you mean llama"),
    ("models list --family ''", "family", "", "they are"),
    ("models list --min-params many", "min_params", "many", "1.5B"),
    ("models list --min-params 8B --max-params 7B", "max_params", "7e+09", "below --min-params"),
    ("models list --moe --dense", "dense", "--dense", "one of the two"),
    ("models show lama-3.1-8b", "model", "lama-3.1-8b", "Did you mean llama-3.1-8b"),
    ("models show ./none.json", "model", "none.json", "does not exist"),
    ("models show", "model", "", "missing argument"),
    ("hardware list --vendor nvidea", "vendor", "nvidea", "Did you mean NVIDIA"),
    ("hardware list --family hoper", "family", "hoper", "no such GPU"),
    ("hardware list --min-memory 40XB", "min_memory", "40XB", "16GiB"),
    ("hardware list --min-memory 90", "min_memory", "90", "90GB"),
    ("hardware list --precision fp4", "precision", "fp4", "bf16, fp16, fp8"),
    ("hardware list --provider awss", "provider", "awss", "Did you mean aws"),
    ("hardware list --provider Amazon", "provider", "Amazon", "Did you mean aws"),
    ("offers list --provider alibaba", "provider", "alibaba", "no offer of it has a price"),
    ("hardware show H1000", "gpu", "H1000", "no such GPU"),
    ("hardware show A100", "gpu", "A100", "hardware list --family A100"),
    ("hardware show aws/p5.48xlarg", "node", "aws/p5.48xlarg", "Did you mean aws/p5.48xlarge"),
    ("offers list --gpu H1000", "gpu", "H1000", "no such GPU"),
    ("offers list --pricing spott", "pricing", "spott", "Did you mean spot"),
    ("offers list --region us-est-1", "region", "us-est-1", "Did you mean us-east-1"),
    ("offers list --max-price 2EUR", "max_price", "2EUR", "US dollars"),
    ("offers list --available-within 2", "available_within", "2", "2h"),
    ("offers list --offers none.csv", "offers", "none.csv", "no such file"),
    ("offers list --format xml", "format", "xml", "'csv'"),
    ("offers show aws/p5.48xlarge", "offer", "aws/p5.48xlarge", "Did you mean aws/p5.48xlarge/"),
    ("frameworks show megatrn", "framework", "megatrn", "Did you mean megatron"),
    ("frameworks list --method sft", "method", "sft", "known are full, lora, qlora"),
    ("methods show lorra", "method", "lorra", "Did you mean lora"),
    ("models lst", "command", "lst", "Did you mean list"),
    ("completion tcsh", "shell", "tcsh", "'bash', 'zsh', 'fish'"),
]


def run(line: str, **environment: str) -> Result:
    return CliRunner().invoke(cli, shlex.split(line), env=environment)


def as_json(line: str) -> dict[str, Any]:
    found = run(f"{line} --format json")
    assert (found.exit_code, found.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(found.stdout)
    return answer


def names(line: str, key: str = "name") -> list[str]:
    (rows,) = (value for name, value in as_json(line).items() if name in ROWS)
    return [row[key] for row in rows]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("line", LISTS)
def test_a_list_says_the_same_in_every_form(line: str) -> None:
    (key,) = (name for name in as_json(line) if name in ROWS)
    rows = as_json(line)[key]
    table = list(csv.reader(io.StringIO(run(f"{line} --format csv").stdout)))
    assert table[0] == list(ROWS[key].model_fields)
    assert len(table) - 1 == len(rows) > 0
    assert [cells[0] for cells in table[1:]] == [next(iter(row.values())) for row in rows]
    lines = run(line).stdout.splitlines()
    assert lines[2].split()[0].endswith(table[1][0])
    assert (
        max(index for index, text in enumerate(lines) if not text) >= len(rows) + 2
    )  # no row takes two lines in a pipe


@pytest.mark.parametrize("line", [*LISTS, *SHOWS])
def test_text_is_plain_and_json_has_the_type_of_its_schema(line: str) -> None:
    found = run(line)
    assert (found.exit_code, found.stderr) == (0, "")
    assert "\x1b" not in found.stdout
    assert not [text for text in found.stdout.splitlines() if text != text.rstrip()]
    assert None not in [value for name, value in as_json(line).items() if name in ("name", "id")]


def test_units_are_in_the_names_and_unknown_is_null() -> None:
    found = as_json("hardware show T4")
    assert found["fp8_flops_per_second"] is None
    assert found["tdp_watts"] == 70
    assert {figure["field"] for figure in found["figures"]} >= {"usable_memory_bytes", "tdp_watts"}
    assert all(figure["source"] and figure["as_of"] and figure["basis"] for figure in found["figures"])


def test_every_accelerator_says_how_it_can_be_planned_on() -> None:
    rows = {row["name"]: row for row in as_json("hardware list")["accelerators"]}
    assert sorted(rows) == sorted(accelerators())
    sold = {offer.node.accelerator.name for offer in all_offers()}
    for name, accelerator in accelerators().items():
        status = rows[name]["status"]
        assert (status == "refused") == (accelerator.refused is not None)
        assert status == "refused" or (status == "price needed") == (name not in sold)
        let = [one for one in all_offers() if one.node.accelerator.name == name and one.pricing != "owned"]
        markets = bool(let) and all(one.provider.marketplace for one in let)
        assert status == "refused" or (status == "marketplace") == markets
        text = run(f"hardware show {name}").stdout
        assert status == "owned" or f"status           {status}" in text
        assert accelerator.refused is None or accelerator.refused.split()[0] in text


@pytest.mark.parametrize(
    "text", ["--family llama", "--dense", "--moe", "--search qwen", "--min-params 7B --max-params 80B"]
)
def test_filters_of_models(text: str) -> None:
    known, found = architectures(), names(f"models list {text}")
    tests: dict[str, Callable[[Architecture], bool]] = {
        "--family llama": lambda one: one.model_type == "llama",
        "--dense": lambda one: one.routed_experts == 0,
        "--moe": lambda one: one.routed_experts > 0,
        "--search qwen": lambda one: any("qwen" in name.lower() for name in (one.name, *one.aliases)),
        "--min-params 7B --max-params 80B": lambda one: 7e9 <= one.parameters <= 80e9,
    }
    assert sorted(found) == sorted(name for name, one in known.items() if tests[text](one))
    assert 0 < len(found) < len(known)


def test_a_family_of_models_is_how_types_begin() -> None:
    types = {row["model_type"] for row in as_json("models list --family Qwen")["models"]}
    assert "qwen2" in types
    assert all(name.startswith("qwen") for name in types)


def test_models_are_sorted_by_type_and_size() -> None:
    rows = as_json("models list")["models"]
    assert rows == sorted(rows, key=lambda row: (row["model_type"], row["parameters"], row["name"]))


def test_a_model_in_detail() -> None:
    found = as_json("models show deepseek-r1")
    assert found["tensor_parallel_degrees"] == [1, 2, 4, 8, 16, 32, 64, 128]
    assert found["expert_parallel_degrees"] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    # Embedding and head of 129,280 x 7,168 and the final norm of 7,168 stay in 16 bit, all else takes a byte in fp8.
    ends = 2 * 129_280 * 7_168 + 7_168
    assert found["weights_bytes"]["bf16"] == 2 * 671_026_419_200
    assert found["weights_bytes"]["fp8"] == 671_026_419_200 - ends + 2 * ends
    assert found["mtp_parameters"] == 13_463_426_304
    assert "megatron" in found["frameworks"]


def test_a_model_of_a_config(tmp_path: Path) -> None:
    config = {"model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 8}
    config |= {"num_key_value_heads": 4, "num_hidden_layers": 2, "max_position_embeddings": 2048, "vocab_size": 1000}
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = as_json("models show ./config.json")
    assert (found["layers"], found["kv_heads"], found["tensor_parallel_degrees"]) == (2, 4, [1, 2, 4])


def test_filters_of_hardware() -> None:
    known = accelerators()
    assert set(names("hardware list --family A100-80GB")) == set(resolve_gpus("A100-80GB"))
    hopper = {one.name for one in known.values() if one.kernel_family == "hopper"}
    assert set(names("hardware list --family hopper --vendor nvidia")) == hopper
    assert set(names("hardware list --family hopper,T4")) == {*hopper, "T4"}
    large = {one.name for one in known.values() if one.usable_memory_bytes >= 100 * 2**30}
    assert set(names("hardware list --min-memory 100GiB")) == large
    assert set(names("hardware list --precision FP8")) == {
        one.name for one in known.values() if "fp8" in one.peak_flops
    }
    assert set(names("hardware list --nodes --provider aws,oci", "provider")) == {"aws", "oci"}
    assert "A10G" in names("hardware list --provider aws")
    assert "MI300X" not in names("hardware list --provider aws")
    assert "No accelerator passes these filters." in run("hardware list --vendor AMD --family T4").stdout


def test_offers_are_those_that_solve_takes_unless_told_otherwise() -> None:
    known = all_offers()
    usual = {one.id for one in known if one.pricing == "on-demand" and not one.provider.marketplace}
    assert set(names("offers list", "id")) == usual
    assert set(names("offers list --all", "id")) == {one.id for one in known}
    markets = {one.id for one in known if one.pricing == "on-demand"}
    assert set(names("offers list --marketplace", "id")) == markets
    assert as_json("offers list")["left_out_marketplaces"] == len(markets) - len(usual)
    assert f"{len(markets) - len(usual)} at marketplaces (--marketplace)" in run("offers list").stdout


def test_a_gpu_without_any_price_is_said() -> None:
    unpriced = next(row["name"] for row in as_json("hardware list")["accelerators"] if row["status"] == "price needed")
    assert as_json(f"offers list --gpu {unpriced},H100")["gpus_without_price"] == [unpriced]
    assert f"--gpu {unpriced} --price USD" in run(f"offers list --gpu {unpriced}").stdout


def test_offers_are_sorted_by_the_price_of_a_gpu() -> None:
    rows = as_json("offers list --all")["offers"]
    assert rows == sorted(rows, key=lambda row: (row["price_usd_per_gpu_hour"], row["id"]))
    assert all(row["price_usd_per_gpu_hour"] == row["price_usd_per_hour"] / row["gpus_per_node"] for row in rows)


def test_filters_of_offers() -> None:
    rows = as_json("offers list --gpu H100 --provider aws --region us-east-1 --max-price '$7'")["offers"]
    assert rows
    for row in rows:
        assert (row["provider"], row["region"]) == ("aws", "us-east-1")
        assert row["gpu"] in resolve_gpus("H100")
        assert row["price_usd_per_gpu_hour"] <= 7
    assert names("offers list --max-price 0.01", "id") == []


def test_a_price_list_of_ones_own(tmp_path: Path) -> None:
    header = "provider,region,pricing,node,gpu,gpus_per_node,max_nodes,price_usd_per_hour,as_of,vcpus,lead_time,lead_time_hours"
    rows = [
        "me,here,on-demand,now,H100-SXM,1,1,2,2026-11-20,16,instant,",
        "me,here,spot,queued,H100-SXM,1,1,1,2026-11-20,16,queue,36",
        "me,here,reserved-1y,someday,H100-SXM,1,1,0.5,2026-11-20,16,contract,",
    ]
    (tmp_path / "mine.csv").write_text("\n".join([header, *rows]))
    line = "offers list --offers mine.csv"
    assert names(line, "node") == ["someday", "queued", "now"]
    assert names(f"{line} --pricing spot", "node") == ["queued"]
    # 36 hours in the queue and ten minutes of provisioning; a lead time that nobody states is too long for any limit.
    assert names(f"{line} --available-within 36h", "node") == ["now"]
    assert names(f"{line} --available-within 36h10m", "node") == ["queued", "now"]
    assert "contract, time unknown" in run(line).stdout


def test_the_template_of_a_price_list_is_a_price_list(tmp_path: Path) -> None:
    printed = run("offers template")
    assert (printed.exit_code, run("offers template --out mine.csv").output) == (0, "")
    assert (tmp_path / "mine.csv").read_text() == printed.stdout
    rented, owned = read_offers(tmp_path / "mine.csv")
    assert (rented.pricing, rented.price_usd_per_hour, rented.max_nodes) == ("on-demand", 20.0, 4)
    assert (owned.pricing, owned.node.gpus_per_node) == ("owned", 4)
    # purchase and power of the whole node give a price per hour: far less than the purchase, more than nothing
    assert 0 < owned.price_usd_per_hour < 100
    assert set(printed.stdout.splitlines()[0].split(",")) == {*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS}
    assert len(names("offers list --offers mine.csv", "id")) == 2


def test_every_column_of_a_price_list_is_documented() -> None:
    text = (Path(__file__).parents[2] / "hardware" / "README.md").read_text()
    rows = [line.split("|")[1].strip(" `") for line in text.splitlines() if line.startswith("| `")]
    assert rows == [*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS]


def test_a_narrow_terminal_gets_fewer_columns_and_whole_names() -> None:
    buffer = io.StringIO()
    found = hardware.list_accelerators(families=["hopper"])
    catalogue.render(found, Console(file=buffer, width=60))
    lines = buffer.getvalue().splitlines()
    assert max(map(len, lines)) <= 60
    assert [text.split()[0] for text in lines[2 : 2 + len(found.rows())]] == [row.name for row in found.accelerators]
    assert "watts; --format csv has every column." in " ".join(lines)


def test_an_answer_in_a_file(tmp_path: Path) -> None:
    found = run("methods list --format csv --out methods.csv")
    assert (found.exit_code, found.output) == (0, "")
    rows = list(csv.DictReader((tmp_path / "methods.csv").read_text().splitlines()))
    assert [row["name"] for row in rows] == ["full", "lora", "qlora"]
    assert rows[2]["frozen_weights"] == "nf4"


def test_csv_of_nothing_has_a_header() -> None:
    found = offers.OfferList(offers=[], left_out_marketplaces=0, left_out_pricings={})
    assert found.as_csv() == ",".join(offers.OfferEntry.model_fields) + "\n"


def test_a_list_has_a_schema() -> None:
    for listing in base.Listing.__subclasses__():
        assert listing.model_json_schema()["properties"]


@pytest.mark.parametrize(("line", "field", "value", "words"), BAD_INPUTS)
def test_bad_input_is_one_line_on_stderr(line: str, field: str, value: str, words: str) -> None:
    found = run(line)
    assert (found.exit_code, found.stdout) == (2, "")
    assert found.stderr.startswith("error: ")
    assert found.stderr.count("\n") == 1
    assert words in found.stderr


@pytest.mark.parametrize(
    ("line", "field", "value", "words"), [case for case in BAD_INPUTS if case[1] not in ("format", "shell", "command")]
)
def test_bad_input_as_json(line: str, field: str, value: str, words: str) -> None:
    error = json.loads(run(f"{line} --format json").stderr)["error"]
    assert (error["field"], error["value"]) == (field, value)
    if "Did you mean" in words:
        assert error["suggestions"]


def process(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from gpuplan.cli import main; main()", *shlex.split(line)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={**os.environ, **environment}, check=False
    )


@pytest.mark.parametrize(
    ("line", "heavy"),
    [(line, {"numpy", "ortools", "huggingface_hub"}) for line in LISTS]
    + [
        ("offers list", {"gpuplan_models"}),
        ("hardware list", {"gpuplan_models"}),
        ("models list --format csv", {"rich.table"}),
    ],
)
def test_a_list_imports_nothing_heavy(line: str, heavy: set[str]) -> None:
    code = f"""
import sys
from gpuplan.cli import cli
cli.main({shlex.split(line)!r}, standalone_mode=False)
print(sorted({heavy!r} & set(sys.modules)), file=sys.stderr)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stderr.strip() == "[]"
