"""`gpuplan offers`: list and show them, import price catalogues, and see what changed."""

from __future__ import annotations

from typing import Any

import click

from gpuplan.cli.catalogue import flag_value, write_details, write_list
from gpuplan.cli.completion import values_of
from gpuplan.cli.options import output_options
from gpuplan.cli.owning import own, rent_or_buy

#: Lists of at most so many rows are shown whole; of longer ones, a text shows the first.
MOST_WHOLE, FIRST = 300, 40


@click.group(short_help="the offers: node shapes at a price")
def offers() -> None:
    """List offers, import price catalogues, see what changed, or price machines of your own."""


@offers.command("list")
@click.option(
    "--gpu", "gpus", multiple=True, metavar="NAME", help="such as H100 or A100-80GB", shell_complete=values_of("gpu")
)
@click.option(
    "--provider", "providers", multiple=True, metavar="NAME", help="such as aws", shell_complete=values_of("seller")
)
@click.option(
    "--region", "regions", multiple=True, metavar="NAME", help="such as us-east-1", shell_complete=values_of("region")
)
@click.option(
    "--pricing",
    multiple=True,
    metavar="KIND",
    help="on-demand, spot, reserved-1y, reserved-3y, capacity-block or owned [on-demand]",
    shell_complete=values_of("pricing"),
)
@click.option("--max-price", metavar="USD", help="price per GPU and hour at most, such as 2.50")
@click.option("--max-age", metavar="TIME", help="time since the day of the price at most, such as 30d")
@click.option("--origin", metavar="WHICH", help="built-in or imported offers alone", shell_complete=values_of("origin"))
@click.option("--available-within", metavar="TIME", help="only what can be had in that time from the order, such as 2d")
@click.option("--marketplace", is_flag=True, help="also marketplaces")
@click.option("--all", "everything", is_flag=True, help="every pricing, and marketplaces")
@click.option(
    "--offers",
    "path",
    metavar="FILE.csv",
    help="your own offers, in place of the catalogue",
    shell_complete=values_of("offers"),
)
@click.option(
    "--sort",
    metavar="BY",
    default="gpu-price",
    help="gpu-price, price, gpu, region, age or provider [gpu-price]",
    shell_complete=values_of("sort"),
)
@click.option("--all-rows", is_flag=True, help=f"as text, more than the first {FIRST} of over {MOST_WHOLE} offers")
@output_options("text", "json", "csv")
def list_offers(
    max_price: str | None, max_age: str | None, available_within: str | None, all_rows: bool, **words: Any
) -> int:
    """List offers, built in and imported: on demand and without marketplaces, as solve takes them."""
    from gpuplan.listing import offers as listing
    from gpuplan.units import parse_days, parse_duration, parse_money

    price = flag_value("max_price", max_price, parse_money)
    within = flag_value("available_within", available_within, parse_duration)
    days = flag_value("max_age", max_age, parse_days)
    whole = all_rows or words["output_format"] != "text"
    return write_list(
        words,
        lambda filters: listing.list_offers(
            max_price_usd_per_gpu_hour=price,
            available_within_seconds=within,
            max_age_days=days,
            most=None if whole else lambda number: number if number <= MOST_WHOLE else FIRST,
            **filters,
        ),
    )


@offers.command("show")
@click.argument("offer", metavar="ID", shell_complete=values_of("offer"))
@output_options("text", "json")
def show_offer(offer: str, **words: Any) -> int:
    """Show an offer by its id, such as aws/p5.48xlarge/us-east-1/on-demand."""
    from gpuplan.listing import offers as listing

    return write_details(words, lambda: listing.offer_details(offer))


@offers.command("import")
@click.argument("places", metavar="FILE|FOLDER|URL...", nargs=-1, required=True, shell_complete=values_of("offers"))
@click.option(
    "--provider",
    metavar="NAME",
    help="whose prices they are, where no file says so",
    shell_complete=values_of("provider"),
)
@click.option(
    "--as-of",
    metavar="DATE",
    help="the day of all prices whose rows carry none, also where the path has one, such as 2026-11-20",
)
@click.option("--replace", is_flag=True, help="in place of all that was imported before")
@click.option("--dry-run", is_flag=True, help="say what would change, and change nothing")
@output_options("text", "json", "csv")
def import_offers(places: tuple[str, ...], **words: Any) -> int:
    """Import price catalogues into your own: files, folders, archives or URLs.

    gpuplan offers import skypilot-catalog/ prices.csv https://example.com/vms.csv

    They are recognised by their content. The day of a price is that of its row, else that of --as-of, of the path, of the
    server, or of the file's last change, which gives way to a stated day of the same kind of catalogue. Of the same offer
    twice the newest price is kept, and solve takes imported offers as it takes the built-in ones. What cannot be understood is
    left out and listed.
    """
    from gpuplan.cli.output import UNLIMITED_WIDTH, Destination
    from gpuplan.listing import imports as listing

    destination = Destination(words["output_format"], words["out"], UNLIMITED_WIDTH)
    answer = listing.import_offers(
        places, provider=words["provider"], as_of=words["as_of"], replace=words["replace"], dry_run=words["dry_run"]
    )
    destination.write(answer)
    return 0


@offers.command("diff")
@click.argument("old", metavar="[FROM]", required=False)
@click.argument("new", metavar="[TO]", required=False)
@output_options("text", "json", "csv")
def diff_offers(old: str | None, new: str | None, **words: Any) -> int:
    """Say what changed between two imports: the last two, or FROM one TO another or to now.

    gpuplan offers diff 3 5

    FROM and TO are numbers of imports (gpuplan offers history), built-in, current, or files that could be imported.
    """
    from gpuplan.listing import offer_changes as listing

    words |= {"old": old, "new": new}
    return write_list(words, lambda names: listing.diff_offers(**names))


@offers.command("history")
@output_options("text", "json", "csv")
def history_of_offers(**words: Any) -> int:
    """List the imports that are kept: when, which files, how many offers."""
    from gpuplan.listing import offer_changes as listing

    return write_list(words, lambda _: listing.history())


@offers.command("template")
@click.option("--out", metavar="FILE.csv", help="write it to a file", shell_complete=values_of("out"))
def offers_template(out: str | None) -> int:
    """Print a price list to fill in, with a rented and an owned node as examples; solve --offers FILE.csv takes it."""
    from gpuplan.cli.output import Destination
    from gpuplan.listing.template import template

    Destination("csv", out).write_text(template())
    return 0


offers.add_command(own)
offers.add_command(rent_or_buy)
