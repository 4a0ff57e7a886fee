"""What a server of one's own costs, as a guide has it and as it is: ``python -m benchmarks.ownership [--out FOLDER]``."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.ownership import cases
from benchmarks.ownership.render import headline, markdown

HERE = Path(__file__).resolve().parent


@click.command()
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="folder for ownership.md and ownership.png"
)
def main(out: Path | None) -> None:
    """Do the sums and write them down."""
    from benchmarks.ownership.plots import draw

    folder = out or HERE
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ownership.md").write_text(markdown(), encoding="utf-8")
    draw(folder / "ownership.png")
    print(headline(cases.steps(), cases.against(cases.a100(), cases.A100_GPUS)))


if __name__ == "__main__":
    main()
