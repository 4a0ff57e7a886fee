"""A GPU, a node, a price, a model and a framework are added by the files that the README shows, and a job is planned with them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

import gpuplan
import gpuplan_hardware
import gpuplan_models

README = Path(__file__).parents[1] / "README.md"
EXAMPLES = re.compile(r"```(?:toml|csv)\n(.*?)```", flags=re.DOTALL)
#: Where the examples belong, in the order in which the README shows them.
FILES = (
    "gpuplan_hardware/data/accelerators/gx-1.toml",
    "gpuplan_hardware/data/nodes/aws-gx1.8xlarge.toml",
    "gpuplan_hardware/data/offers/gx1.csv",
    "gpuplan_models/data/architectures/smollm2-1.7b.toml",
    "gpuplan_models/data/frameworks/my-trainer.toml",
)


@pytest.fixture(scope="module")
def examples() -> dict[str, str]:
    found = EXAMPLES.findall(README.read_text(encoding="utf-8"))
    assert len(found) == len(FILES)
    return dict(zip(FILES, found, strict=True))


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory, examples: dict[str, str]) -> Path:
    """A copy of the packages with the examples' files in it; no file that was there is changed."""
    folder = tmp_path_factory.mktemp("packages")
    for package in (gpuplan, gpuplan_models, gpuplan_hardware):
        source = Path(str(package.__file__)).parent
        copytree(source, folder / source.name, ignore=ignore_patterns("__pycache__"))
    for name, text in examples.items():
        assert not (folder / name).exists()
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def run(packages: Path, *words: str) -> dict[str, object]:
    program = "import sys; from gpuplan.cli import main; main()"
    environment = os.environ | {"PYTHONPATH": str(packages)}
    command = [sys.executable, "-c", program, *words, "--format", "json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


def test_each_takes_ten_lines_at_most(examples: dict[str, str]) -> None:
    assert max(len(text.strip().splitlines()) for text in examples.values()) <= 10


def test_a_job_is_planned_with_all_of_them(packages: Path) -> None:
    job = ["--model", "HuggingFaceTB/SmolLM2-1.7B", "--method", "full", "--data", "10MB", "--deadline", "1d"]
    answer = run(packages, "solve", *job, "--gpu", "gx", "--framework", "my-trainer")
    assert answer["status"] == "optimal"
    assert answer["model"] == "smollm2-1.7b"
    plan = answer["plan"]
    assert isinstance(plan, dict)
    assert plan["offer"]["id"] == "aws/gx1.8xlarge/us-east-1/on-demand"
    assert plan["offer"]["gpu"] == "GX-1"
    assert plan["layout"]["framework"] == "my-trainer"


def test_the_model_has_the_count_that_its_file_gives(packages: Path) -> None:
    answer = run(packages, "models", "show", "smollm2-1.7b")
    assert 1_711_376_384 in answer.values() or "1711376384" in json.dumps(answer)
