"""Ask every tool the same questions and judge what they name: ``python -m benchmarks.peers [--ask] [--out FOLDER]``.

Writes peers.md and peers.csv beside this file, or into FOLDER. The answers of the two packages are those kept in answers.csv; --ask
installs them into build/peers-venv and asks anew.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.peers import guide, sheet
from benchmarks.peers.answers import Answer
from benchmarks.peers.judge import Ours, Verdict, judge, ours
from benchmarks.peers.market import market
from benchmarks.peers.packages import ask, kept
from benchmarks.peers.questions import Question, facts, questions
from benchmarks.peers.render import OWN, csv_text, headline, markdown

HERE = Path(__file__).resolve().parent


@click.command()
@click.option("--ask", "anew", is_flag=True, help="ask the two packages anew")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=HERE, help="folder of the results")
def main(anew: bool, out: Path) -> None:
    """Ask, judge and write it down."""
    asked = questions()
    answers = _peers(asked, anew)
    own: dict[str, Ours] = {}
    verdicts: list[Verdict] = []
    for question in asked:
        own[question.id] = found = ours(question)
        given = [_own_answer(found), *(answer for answer in answers if answer.question == question.id)]
        verdicts += [judge(question, answer) for answer in given]
        print(f"{question.id} {found.result.status}", file=sys.stderr)
    out.mkdir(parents=True, exist_ok=True)
    (out / "peers.md").write_text(markdown(own, verdicts), encoding="utf-8")
    (out / "peers.csv").write_text(csv_text(own, verdicts), encoding="utf-8")
    print(headline(own, verdicts))


def _peers(asked: Sequence[Question], anew: bool) -> list[Answer]:
    told, clusters = [facts(question) for question in asked], market()
    table = guide.rows(guide.TABLE.read_text(encoding="utf-8"))
    packages = ask(told, clusters) if anew else kept(told)
    return [
        *packages,
        *(sheet.answer(one, clusters) for one in told),
        *(guide.answer(question, table) for question in asked),
    ]


def _own_answer(found: Ours) -> Answer:
    plan = found.plan
    if plan is None:
        limits = ", ".join(found.result.conflict)
        return Answer(OWN, found.question.id, said=f"proved: none; conflict: {limits}")
    p = plan.prediction
    return Answer(OWN, found.question.id, (plan.offer.gpu,), plan.gpus, p.total_hours, p.cost_usd, found.result.status)


if __name__ == "__main__":
    main()
