"""Bad input on the command line: one clear error with the field, the value and the way out, exit code 2, no traceback."""

from __future__ import annotations

import json
import os
import resource
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gpuplan.cli import cli, commands
from gpuplan.errors import InputError

JOB = "--model deepseek-r1-distill-qwen-7b --method lora --data 1GB"
MODEL = "--model deepseek-r1-distill-qwen-7b"

# command line, field, value as it is shown, and words of the message: what is wrong or the way out
BAD_INPUTS = [
    ("slove", "command", "slove", "Did you mean solve"),
    ("solve --modle x", "--modle", "--modle", "Did you mean --model"),
    ("solve --format xml", "format", "xml", "'text', 'json'"),
    ("solve --model", "model", "", "requires an argument"),
    ("solve extra", "command", "", "unexpected extra argument (extra)"),
    ("solve --marketplace=3", "marketplace", "", "does not take a value"),
    ("solve", "model", "", "give --model"),
    (f"solve {MODEL}", "data", "", "--data (1K, 1MB"),
    (f"check {MODEL} --data 1GB", "method", "", "full, lora or qlora"),
    (f"check {MODEL} --data 1GB --method any", "method", "any", "give one of full, lora, qlora"),
    (f"check {JOB} --precision bf16,fp8", "precision", "bf16,fp8", "give one of bf16, fp8"),
    (f"solve {MODEL} --data 1GB --method lora,qlra", "method", "qlra", "Did you mean qlora"),
    (f"solve {MODEL} --data 1GB --method ','", "method", "", "name at least one"),
    (f"solve {MODEL} --method lora", "data", "", "--data (1K, 1MB"),
    (
        "solve --model deepseek-r1-distil-qwen-7b --method lora --data 1GB",
        "model",
        "deepseek-r1-distil-qwen-7b",
        "Did you",
    ),
    ("solve --model ./none/config.json --method lora --data 1GB", "model", "none/config.json", "none/config.json"),
    (f"solve {MODEL} --method lorra --data 1GB", "method", "lorra", "Did you mean lora"),
    (f"solve {MODEL} --method lora --data 1XB", "data", "1XB", "neither a size nor an existing path"),
    (f"solve {MODEL} --method lora --data -1GB", "data", "-1GB", "above zero"),
    (f"solve {MODEL} --method lora --data 0", "data", "0", "above zero"),
    (f"solve {MODEL} --method lora --data nan", "data", "nan", "1GB"),
    (f"solve {MODEL} --method lora --data 1e999", "data", "1e999", "too large"),
    (f"solve {MODEL} --method lora --data 1", "data", "1", "Did you mean 1KB or 1MB or 1GB"),
    (f"solve {MODEL} --method lora --data 1Gb", "data", "1Gb", "may mean bits; write 1GB"),
    (f"solve {MODEL} --method lora --data 101PB", "data", "101PB", "at most 100 PB"),
    (f"solve {MODEL} --method lora --tokens 1e30", "tokens", "1e30", "at most 1e+16"),
    (f"solve {MODEL} --method lora --samples 1e15", "samples", "1e15", "at most 1e+16"),
    (f"solve {MODEL} --method lora --tokens 1e16 --epochs 10000", "epochs", "10000", "1e+17 at most"),
    (f"solve {MODEL} --method lora --tokens 1e13 --trials 100000", "trials", "100000", "1e+17 at most"),
    ("solve --model deepseek-r1 --method qlora --data 1GB", "framework", "", "; add --framework unsloth"),
    (f"solve {JOB} --gpus-max 8", "--gpus-max", "--gpus-max", "Did you mean --max-gpus"),
    (f"solve {JOB} --provider 'Google Cloud'", "provider", "Google Cloud", "Did you mean gcp"),
    (f"solve {JOB} --provider alibaba", "provider", "alibaba", "no offer of it has a price"),
    (f"solve {JOB} --gpu Foo", "gpu", "Foo", "gpuplan hardware list"),
    (f"check {JOB} --gpu H100-SXM --gpus 8 --ep 3", "ep", "3", "must divide the number of GPUs, 8"),
    (f"check {JOB} --gpu H100-SXM --gpus 8 --ep 4 --pp 4", "ep", "4", "of a pipeline stage, 2"),
    (f"solve {MODEL} --method lora --data ''", "data", "", "1GB"),
    (f"solve {JOB} --tokens 5M", "tokens", "5M", "give one"),
    (f"solve {MODEL} --method lora --tokens inf", "tokens", "inf", "250M"),
    (f"solve {JOB} --deadline 24", "deadline", "24", "24h"),
    (f"solve {JOB} --deadline 0h", "deadline", "0h", "above zero"),
    (f"solve {JOB} --deadline tomorrow", "deadline", "tomorrow", "90m, 24h"),
    (f"solve {JOB} --deadline-from now", "deadline_from", "now", "order, start"),
    (f"solve {JOB} --budget 0", "budget", "0", "above zero"),
    (f"solve {JOB} --budget '500 EUR'", "budget", "500 EUR", "US dollars"),
    (f"solve {JOB} --contingency 20", "contingency", "20", "Did you mean 20%"),
    (f"solve {JOB} --confidence 0.5", "confidence", "0.5", "or the word point"),
    (f"solve {JOB} --confidence 1", "confidence", "1", "below 1"),
    (f"solve {JOB} --epochs 0", "epochs", "0", "above 0"),
    (f"solve {JOB} --seq-len 1000000", "seq_len", "1000000", "give at most 131072"),
    (f"solve {JOB} --packing 0", "packing", "0", "from 0.01 to 1"),
    (f"solve {JOB} --bytes-per-token 0", "bytes_per_token", "0", "above 0"),
    (f"solve {JOB} --language klingon", "language", "klingon", "en, zh, code, mixed"),
    (f"solve {JOB} --tokenizer qwen9", "tokenizer", "qwen9", "Did you mean qwen2"),
    (f"solve {JOB} --tokenizer ./tokenizer.json", "tokenizer", "tokenizer.json", "there is no file"),
    (f"solve {JOB} --global-batch 1024:64", "global_batch", "1024:64", "Did you mean 64:1024"),
    (f"solve {JOB} --global-batch 6.5", "global_batch", "6.5", "whole number"),
    (f"solve {JOB} --lora-rank 513", "lora_rank", "513", "from 1 to 512"),
    (f"solve {JOB} --lora-targets q_prj", "lora_targets", "q_prj", "Did you mean q_proj"),
    (f"solve {JOB} --precision fp4", "precision", "fp4", "bf16, fp16, fp8"),
    (f"solve {JOB} --weights nf4", "weights", "nf4", "method qlora"),
    (f"solve {JOB} --optimizer sgd", "optimizer", "sgd", "adamw, adamw-8bit"),
    (f"solve {JOB} --framework megatrn", "framework", "megatrn", "Did you mean megatron"),
    (f"solve {JOB} --framework hf-peft --precision fp8", "framework", "hf-peft", "Did you mean megatron"),
    (f"solve {JOB} --gpu H1000", "gpu", "H1000", "H100"),
    (f"solve {JOB} --gpu A100 --price 2", "price", "2", "A100-80GB-SXM"),
    (f"solve {JOB} --provider amazon", "provider", "amazon", "Did you mean aws"),
    (f"solve {JOB} --region us-eest-1", "region", "us-eest-1", "Did you mean us-east-1"),
    (f"solve {JOB} --pricing spott", "pricing", "spott", "Did you mean spot"),
    (f"solve {JOB} --max-gpus 0", "max_gpus", "0", "from 1"),
    (f"solve {JOB} --max-nodes many", "max_nodes", "many", "whole number"),
    (f"solve {JOB} --trials 2 --parallel 4", "parallel", "4", "at most 2"),
    (f"solve {JOB} --minimize money", "minimize", "money", "cost, gpus, time"),
    (f"solve {JOB} --alternatives 99", "alternatives", "99", "from 0 to 20"),
    (f"solve {JOB} --time-limit 60", "time_limit", "60", "60s"),
    (f"solve {JOB} --offers ./none.csv", "offers", "./none.csv", "does not exist"),
    (f"solve {JOB} --job ./none.yaml", "job", "none.yaml", "there is no file"),
    (f"solve {JOB} --out .", "out", ".", "is a folder"),
    (f"solve {JOB} --out none/plan.txt", "out", "none/plan.txt", "does not exist"),
    (f"check {JOB} --offer aws/p5.48xlarg", "offer", "aws/p5.48xlarg", "Did you mean aws/p5.48xlarge"),
    (f"check {JOB} --gpus 12 --cp 3", "cp", "3", "a sequence length that 6 divides, and seq_len is 4,096"),
    (f"check {JOB} --gpus 16 --cp 3 --tp 2", "gpus", "16", "tp 2 x cp 3 = 6"),
    (f"check {JOB} --vp 4 --pp 1", "vp", "4", "pp above 1"),
    (f"solve {JOB} --vp 5 --pp 4", "vp", "5", "must divide the 28 layers"),
    (f"solve {JOB} --vp 2 --uneven last", "uneven", "last", "does not go with vp 2"),
    (f"solve {JOB} --uneven both --pp 2", "uneven", "both", "needs pp 3 or more"),
    (f"solve {JOB} --uneven lats", "uneven", "lats", "Did you mean last"),
    (f"solve {JOB} --etp 2", "etp", "2", "needs a mixture of experts"),
    ("solve --model mixtral-8x7b --method lora --data 1GB --tp 4 --etp 2", "etp", "2", "Did you mean 1 or 4"),
    (f"solve {JOB} --offload optimiser", "offload", "optimiser", "Did you mean optimizer"),
    (f"solve {JOB} --offload optimizer --zero 3", "offload", "optimizer", "Did you mean parameters"),
    (f"solve {JOB} --offload parameters --zero 1", "offload", "parameters", "needs zero 3"),
    (f"solve {JOB} --framework torchtune --cp 2", "cp", "2", "framework megatron"),
    (f"solve {JOB} --framework hf-peft --uneven last", "uneven", "last", "does not go with framework hf-peft"),
    (f"solve {JOB} --framework megatron --offload parameters", "offload", "parameters", "it has none, optimizer"),
    (f"solve {JOB} --max-tp 2 --tp 4", "tp", "4", "more than max_tp, 2"),
    (f"solve {JOB} --node-counts 1,2 --nodes 3", "nodes", "3", "not among node_counts, 1, 2"),
    (f"solve {JOB} --node-counts 1,two", "node_counts", "two", "whole number"),
    (f"solve {JOB} --min-mfu 40", "min_mfu", "40", "Did you mean 40%"),
    (f"solve {JOB} --min-mfu 0", "min_mfu", "0", "above 0 and below 1"),
    (f"solve {JOB} --exclude-provider amazon", "exclude_provider", "amazon", "Did you mean aws"),
    (f"solve {JOB} --provider aws --exclude-provider aws", "exclude_provider", "aws", "leaves none of aws"),
    (f"solve {JOB} --exclude-region us-eest-1", "exclude_region", "us-eest-1", "Did you mean us-east-1"),
    (f"solve {JOB} --alternatives-by vendor", "alternatives_by", "vendor", "gpu, provider, layout"),
    (f"solve {JOB} --minimize gpus,gpus", "minimize", "gpus,gpus", "names gpus twice"),
    (f"solve {JOB} --minimize gpus,cost,time", "minimize", "gpus,cost,time", "Did you mean gpus,cost"),
    (f"solve {JOB} --available-within soon", "available_within", "soon", "90m, 24h"),
    (f"check {JOB} --gpus 16 --tp 16 --dp 2", "gpus", "16", "tp 16 x dp 2 = 32"),
    (f"check {JOB} --zero 4", "zero", "4", "from 0 to 3"),
    (f"check {JOB} --recompute some", "recompute", "some", "none, selective, full"),
    (f"check {JOB} --framework hf-peft --tp 2", "tp", "2", "framework megatron"),
]


def run(line: str) -> Result:
    return CliRunner().invoke(cli, shlex.split(line))


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("line", "field", "value", "words"), BAD_INPUTS)
def test_one_line_on_stderr(line: str, field: str, value: str, words: str) -> None:
    result = run(line)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert words in result.stderr
    assert field.replace("--", "") in result.stderr
    assert value in result.stderr


@pytest.mark.parametrize(
    ("line", "field", "value", "words"), [case for case in BAD_INPUTS if "--format xml" not in case[0]]
)
def test_json_on_stderr(line: str, field: str, value: str, words: str) -> None:
    verb, _, rest = line.partition(" ")
    result = run(f"{verb} --format json {rest}" if verb in cli.commands else f"{line} --format json")
    error = json.loads(result.stderr)["error"]
    assert (result.exit_code, result.stdout) == (2, "")
    assert sorted(error) == ["field", "message", "suggestions", "value"]
    assert (error["field"], error["value"]) == (field, value)
    assert words in error["message"]
    if "Did you mean" in error["message"]:
        assert error["suggestions"]


def test_what_is_not_close_is_not_offered() -> None:
    assert "Did you mean" not in run(f"solve {JOB} --foobar 3").stderr
    assert "Did you mean" not in run(f"solve {JOB} --provider alibaba").stderr


def test_an_unknown_gpu_gets_few_names() -> None:
    for line in (f"solve {JOB} --gpu JetsonOrin", "hardware show JetsonOrin", "offers list --gpu JetsonOrin"):
        found = run(line).stderr
        assert "gpuplan hardware list" in found
        assert found.count(" or ") == 2
        assert "A100" not in found


def test_an_unknown_key_of_a_job_file(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("model: mixtral-8x7b\nmethod: lora\ndeta: 1GB\n")
    assert "Did you mean data" in run("solve --job job.yaml").stderr


def test_offers_with_a_bad_row(tmp_path: Path) -> None:
    (tmp_path / "offers.csv").write_text("provider,gpuu\nme,H100\n")
    result = run(f"solve {JOB} --offers offers.csv --format json")
    error = json.loads(result.stderr)["error"]
    assert (result.exit_code, error["field"]) == (2, "offers")
    assert "gpuu" in error["message"]


def test_an_internal_error_is_one_line_unless_debugging(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(verb: str, jobs: object) -> None:
        raise ZeroDivisionError("a mistake\nof the program")

    monkeypatch.setattr(commands, "_run", broken)
    monkeypatch.delenv("GPUPLAN_DEBUG", raising=False)
    result = run(f"solve {JOB}")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: internal error: ZeroDivisionError: a mistake; please report")
    assert result.stderr.count("\n") == 1
    assert json.loads(run(f"solve {JOB} --format json").stderr)["error"]["field"] is None
    monkeypatch.setenv("GPUPLAN_DEBUG", "1")
    assert "Traceback" in run(f"solve {JOB}").stderr


def test_an_interrupt_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(verb: str, jobs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "_run", interrupted)
    result = run(f"solve {JOB}")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.strip() == "interrupted"


def test_without_a_command_the_help_is_shown() -> None:
    result = run("")
    assert result.exit_code == 2
    assert "Usage: gpuplan" in result.stderr
    assert "solve" in result.stderr


def test_a_message_from_elsewhere_is_not_given_its_field_twice() -> None:
    error = InputError("gpu", "H1000", "gpu is 'H1000': no such GPU.", ("H100",))
    assert str(error) == "gpu is 'H1000': no such GPU. Did you mean H100?"


def subprocess_run(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    code = "from gpuplan.cli import main; main()"
    command = [sys.executable, "-c", code, *shlex.split(line)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={**os.environ, **environment}, check=False
    )


@pytest.mark.parametrize(
    ("line", "start"),
    [
        (f"solve {JOB} --deadline 24", "error: deadline: '24' has no unit"),
        ("solve --modle x --format json", '{"error": {'),
        ("check --job none.yaml", "error: job: there is no file"),
        ("slove", "error: command: no such command 'slove'"),
    ],
)
def test_as_a_process(line: str, start: str) -> None:
    found = subprocess_run(line)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith(start)
    assert "Traceback" not in found.stderr


def test_help_is_instant() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = subprocess_run("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert found.returncode == 0
    assert "the cheapest cluster and layout for a job, with proof" in found.stdout
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.4


def test_help_imports_nothing_heavy() -> None:
    heavy = "{'numpy', 'ortools', 'pydantic', 'yaml', 'rich', 'gpuplan_models', 'gpuplan_hardware'}"
    code = f"import sys, gpuplan.cli; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
