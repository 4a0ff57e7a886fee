"""Shell completion: the scripts, and what they are offered."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def process(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from gpuplan.cli import main; main()", *shlex.split(line)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={**os.environ, **environment}, check=False
    )


def completions(line: str) -> list[str]:
    """What bash is offered for a command line; a last space begins a new word."""
    words = ["gpuplan", *line.split()]
    at = len(words) if line.endswith(" ") or not line else len(words) - 1
    environment = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(at), "_GPUPLAN_COMPLETE": "bash_complete"}
    found = process("", **environment)
    assert (found.returncode, found.stderr) == (0, "")
    return found.stdout.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("hard", "plain,hardware"),
        ("offers ", "plain,list"),
        ("solve --mod", "plain,--model"),
        ("solve --model deepseek-r1-distill-qwen-7", "plain,deepseek-r1-distill-qwen-7b"),
        ("solve --model ./conf", "file,./conf"),
        ("solve --gpu h100-s", "plain,H100-SXM"),
        ("solve --gpu T4,A100-4", "plain,T4,A100-40GB"),
        ("solve --provider aw", "plain,aws"),
        ("solve --framework meg", "plain,megatron"),
        ("solve --method q", "plain,qlora"),
        ("solve --method full,lo", "plain,full,lora"),
        ("solve --uneven la", "plain,last"),
        ("solve --offload p", "plain,parameters"),
        ("solve --exclude-provider aw", "plain,aws"),
        ("solve --alternatives-by l", "plain,layout"),
        ("solve --pricing sp", "plain,spot"),
        ("solve --region us-eas", "plain,us-east-1"),
        ("solve --job jo", "file,jo"),
        ("check --offer aws/p5.48xl", "plain,aws/p5.48xlarge/us-east-1/on-demand"),
        ("sweep --over max-g", "plain,max-gpus"),
        ("sweep --frontier cost,ti", "plain,cost,time"),
        ("sweep --maximize t", "plain,tokens"),
        ("sweep --break-even h200-s", "plain,H200-SXM"),
        ("sweep --of aw", "plain,aws"),
        ("sweep --plot curve", "file,curve"),
        ("batch jo", "file,jo"),
        ("batch jobs.csv --page plans", "file,plans"),
        ("fleet flee", "file,flee"),
        ("fleet fleet.yaml --minimize cost,tar", "plain,cost,tardiness"),
        ("fleet fleet.yaml --plot curve", "file,curve"),
        ("models show deepseek-r1-distill-llama-8", "plain,deepseek-r1-distill-llama-8b"),
        ("models list --family llam", "plain,llama"),
        ("hardware list --family hop", "plain,hopper"),
        ("hardware show aws/p5.48", "plain,aws/p5.48xlarge"),
        ("offers show aws/p5.48xl", "plain,aws/p5.48xlarge/us-east-1/on-demand"),
        ("frameworks show torch-f", "plain,torch-fsdp"),
        ("completion z", "plain,zsh"),
    ],
)
def test_a_shell_completes(line: str, expected: str) -> None:
    assert expected in completions(line)


def test_a_catalogue_that_cannot_be_read_completes_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "accelerators").mkdir()
    (tmp_path / "accelerators" / "broken.toml").write_text("name =")
    code = f"""
import gpuplan_hardware.catalogue, pathlib
gpuplan_hardware.catalogue.DATA = pathlib.Path({str(tmp_path)!r})
from gpuplan.cli import main
main()
"""
    environment = {"COMP_WORDS": "gpuplan solve --gpu H", "COMP_CWORD": "3", "_GPUPLAN_COMPLETE": "bash_complete"}
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )
    assert (found.returncode, found.stdout.strip(), found.stderr) == (0, "", "")


@pytest.mark.parametrize(("shell", "word"), [("bash", "complete -o"), ("zsh", "compdef"), ("fish", "complete --")])
def test_the_script_of_a_shell(shell: str, word: str) -> None:
    """`gpuplan completion` prints what click's own variable does, which names the function and the variable right."""
    found = process(f"completion {shell}")
    assert found.returncode == 0
    assert word in found.stdout
    assert f"_GPUPLAN_COMPLETE={shell}_complete" in found.stdout
    assert process("", _GPUPLAN_COMPLETE=f"{shell}_source").stdout.strip() == found.stdout.strip()
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n"], input=found.stdout, capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")


def test_the_help_has_a_line_for_each_shell() -> None:
    found = process("completion --help").stdout
    assert "\\b" not in found
    assert [line.split()[0] for line in found.splitlines() if "~/." in line] == ["bash", "zsh", "fish"]
