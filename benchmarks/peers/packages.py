"""The two packages: installed in an environment of their own, asked by a script that runs there, answers kept in answers.csv."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.peers.answers import KEPT, Answer, read, write
from benchmarks.peers.market import Cluster
from benchmarks.peers.questions import Facts

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE.parents[1] / "build" / "peers-venv"
#: Package with the version that was looked into, and the script that asks it.
PACKAGES = {"ftuneai": ("0.4.1", "ask_ftuneai.py"), "train-in-silence": ("0.1.6", "ask_train_in_silence.py")}


def ask(asked: Sequence[Facts], clusters: Sequence[Cluster]) -> list[Answer]:
    """Install the packages where they are not, ask them every question, and keep what they answer."""
    python = _environment()
    found = [answer for name in PACKAGES for answer in _ask(python, name, asked, clusters)]
    KEPT.write_text(write(found), encoding="utf-8")
    return found


def kept(asked: Sequence[Facts]) -> list[Answer]:
    """The answers in answers.csv.

    Raises
    ------
    SystemExit
        If an answer to a question is missing.
    """
    found = read(KEPT.read_text(encoding="utf-8")) if KEPT.is_file() else []
    missing = {(name, facts.id) for name in PACKAGES for facts in asked} - {(a.tool, a.question) for a in found}
    if missing:
        raise SystemExit(f"{KEPT.name} has no answer to {len(missing)} questions, such as {min(missing)}; add --ask")
    return found


def _environment() -> Path:
    python = ENVIRONMENT / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    pinned = [f"{name}=={version}" for name, (version, _) in PACKAGES.items()]
    subprocess.run([str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *pinned], check=True)
    return python


def _ask(python: Path, name: str, asked: Sequence[Facts], clusters: Sequence[Cluster]) -> list[Answer]:
    message = json.dumps({"questions": [asdict(f) for f in asked], "clusters": [asdict(c) for c in clusters]})
    script = HERE / PACKAGES[name][1]
    done = subprocess.run([str(python), str(script)], input=message, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed: {done.stderr[-2000:]}")
    reply = json.loads(done.stdout)
    today = datetime.now(UTC).date().isoformat()
    return [
        Answer(
            tool=name,
            question=answer["question"],
            gpu=tuple(answer.get("gpu", ())),
            gpus=answer.get("gpus", 0),
            hours=answer.get("hours"),
            usd=answer.get("usd"),
            said=answer["said"],
            version=reply["version"],
            asked_on=today,
        )
        for answer in reply["answers"]
    ]
