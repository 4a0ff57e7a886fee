"""Compute what five popular guides claim: ``python -m benchmarks.guides [guide_claims.csv] [--out DIR]``.

Writes guides.md and guides.csv beside this file, or into DIR.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.guides.answers import answer
from benchmarks.guides.claims import read_claims
from benchmarks.guides.render import csv_text, headline, markdown

HERE = Path(__file__).resolve().parent
DEFAULT = HERE.parents[2] / "shared" / "data" / "guide_claims.csv"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.guides", description="Compute the claims of five guides."
    )
    parser.add_argument("claims", nargs="?", type=Path, default=DEFAULT, help="the claims, a CSV file")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of guides.md and guides.csv")
    given = parser.parse_args(arguments)
    if not given.claims.is_file():
        raise SystemExit(f"there are no claims at {given.claims}; give the path of the file")
    answers = [answer(claim) for claim in read_claims(given.claims)]
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "guides.md").write_text(markdown(answers), encoding="utf-8")
    (given.out / "guides.csv").write_text(csv_text(answers), encoding="utf-8")
    print(headline(answers))


if __name__ == "__main__":
    main()
