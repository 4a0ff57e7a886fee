"""Imports of price catalogues for people: what was taken, what was left out and why, what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from gpuplan.report import format as f
from gpuplan.report.blocks import Prose, Rows, bullets, columns, facts, section
from gpuplan_hardware.imports.base import WEAK_DAYS

if TYPE_CHECKING:
    from gpuplan.listing.imports import DifferenceEntry, OffersImport, ReadFile, SkippedThing
    from gpuplan.listing.offer_changes import ChangeEntry, OffersDiff, OffersHistory

#: Most rows of a kind that are shown; JSON has all.
MOST_ROWS = 20
#: Longest place of a file in a table, whose end says most.
LONGEST_NAME = 40
#: With more files, what was left out is told of all of them together.
MOST_FILES_APART = 10
#: Of each reason, how many things are named.
NAMED_THINGS = 3
CHANGES = {"dearer": "Dearer", "cheaper": "Cheaper", "new": "New", "gone": "Gone"}


def imported(found: OffersImport) -> list[RenderableType]:
    """An import."""
    return [
        Prose(_headline(found), "bold"),
        facts(_totals(found)),
        section("Files", Rows(FILE_HEADERS, [_file(one) for one in found.files[:MOST_ROWS]]), *_more(len(found.files))),
        *_undated(found.files),
        *_overridden(found.files),
        *_refused(found.files),
        *(_left_out(found.files) if len(found.files) <= MOST_FILES_APART else _left_out_of_all(found.files)),
        *_differences(found.differences),
        *_moved(found.moved),
    ]


FILE_HEADERS = ("file", ">offers", ">taken", ">left out", "as of", "provider", "format", "day from", ">prices")


def _headline(found: OffersImport) -> str:
    gave = sum(one.taken > 0 for one in found.files)
    offers = f"{found.taken:,} offer" + ("" if found.taken == 1 else "s")
    said = f"{offers} of {f.plural(gave, 'file')} {'would be imported' if found.dry_run else 'imported'}"
    none = len(found.files) - gave
    return "; ".join(
        [said, *([f"{f.plural(none, 'file')} gave none"] if none else []), *["nothing was changed"] * found.dry_run]
    )


def _totals(found: OffersImport) -> list[tuple[str, str | None]]:
    moved = f"{found.dearer:,} dearer, {found.cheaper:,} cheaper, {found.unchanged:,} unchanged"
    older = f"{found.older:,} known at a newer day, or dearer at the same; --replace begins afresh"
    built_in = f"{found.older_than_built_in:,} built in at a newer day"
    undated = f"{found.undated:,} known at a stated day, and theirs is only that of the file; --as-of DATE states it"
    kept = f"{found.imported_offers:,} imported offers"
    after = "would be there after it" if found.dry_run else f"in {found.folder}; solve and offers list take them"
    return [
        ("new", f"{found.new:,}"),
        ("known before", moved),
        ("not used", older if found.older else None),
        ("not used", undated if found.undated else None),
        ("not used", built_in if found.older_than_built_in else None),
        ("gone", f"{found.gone:,} that were imported before (--replace)" if found.gone else None),
        ("kept", f"{kept} {after}"),
        ("import", None if found.number is None else f"number {found.number}; gpuplan offers diff says what changed"),
    ]


def _file(one: ReadFile) -> tuple[str, ...]:
    counts = (one.offers, one.taken, one.skipped)
    return (
        _short(one.name),
        *(("refused", "", "") if one.refused else (f"{number:,}" for number in counts)),
        "" if one.refused else one.as_of,
        one.provider or ("" if one.refused else "several"),
        one.format or "unknown",
        "" if one.refused else one.as_of_basis,
        "" if one.refused else f"{one.rows:,}",
    )


def _undated(files: Sequence[ReadFile]) -> list[RenderableType]:
    """Files whose day is a guess: a copy or a download may be younger than its prices."""
    number = sum(one.as_of_basis in WEAK_DAYS and not one.refused for one in files)
    text = (
        f"Prices of {f.plural(number, 'file')} that carry no day of their own have that of the file's last change on the disk, or "
        "of its download, and give way to those of the same kind of catalogue whose day is stated; --as-of DATE states it."
    )
    return [Text(""), Prose(text)] if number else []


def _overridden(files: Sequence[ReadFile]) -> list[RenderableType]:
    """Files whose path says another day than the one that was given."""
    other = [one for one in files if one.as_of_in_path is not None and not one.refused]
    if not other:
        return []
    days = sorted({one.as_of_in_path for one in other if one.as_of_in_path is not None})
    told = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    text = (
        f"--as-of {other[0].as_of} stands in place of the day in the path of {f.plural(len(other), 'file')} ({told})."
    )
    return [Text(""), Prose(text)]


def _refused(files: Sequence[ReadFile]) -> list[RenderableType]:
    """Files of which nothing was read."""
    said = [f"{one.name}: {one.refused}" for one in files if one.refused]
    return [section("Refused", bullets(_first(said, "more files")))] if said else []


def _left_out(files: Sequence[ReadFile]) -> list[RenderableType]:
    """Prices that were not taken, by file and reason, with the most frequent things of each."""
    blocks: list[RenderableType] = []
    for one in files:
        if one.reasons:
            rows = [
                (f"{each.prices:,}", f"{each.reason} ({_things(each.things, each.more_things)})")
                for each in one.reasons
            ]
            blocks.append(section(f"Left out of {_short(one.name)}", columns(rows, right=(0,))))
    return blocks


def _things(things: Sequence[SkippedThing], more: int) -> str:
    """The first of many things, each with the line where it comes first."""
    said = [
        f"line {one.line}: {one.what}" + (f", {one.prices:,} prices" if one.prices > 1 else "")
        for one in things[:NAMED_THINGS]
    ]
    left = len(things) + more - len(said)
    return "; ".join([*said, *([f"and {left:,} more"] if left else [])])


def _left_out_of_all(files: Sequence[ReadFile]) -> list[RenderableType]:
    """Prices that were not taken of many files, by reason, with the most frequent things of all."""
    prices, places = Counter[str](), Counter[str]()
    things: dict[str, Counter[str]] = {}
    for one in files:
        for each in one.reasons:
            prices[each.reason] += each.prices
            places[each.reason] += 1
            things.setdefault(each.reason, Counter()).update({thing.what: thing.prices for thing in each.things})
    rows = []
    for reason, number in prices.most_common():
        named = [f"{what}, {f.plural(count, 'price')}" for what, count in things[reason].most_common(NAMED_THINGS)]
        rows.append((f"{number:,}", f"{reason} ({f.plural(places[reason], 'file')}: {'; '.join(named)})"))
    note = "of all files; --format json has it file by file"
    return [section("Left out", columns(rows, right=(0,)), note=note)] if rows else []


def _differences(found: Sequence[DifferenceEntry]) -> list[RenderableType]:
    """Prices of one offer that are far apart."""
    said = [
        f"{one.id}: {f.price(one.kept_usd_per_hour)} stands ({one.kept_as_of}, {one.kept_source}), "
        f"not {f.price(one.other_usd_per_hour)} ({one.other_as_of}, {one.other_source}), {_signed(one.share)}"
        for one in found
    ]
    note = "two prices of one offer that differ by over 20%"
    return [section("Differences", bullets(_first(said, "more")), note=note)] if said else []


def _moved(found: Sequence[ChangeEntry]) -> list[RenderableType]:
    """Prices that are far from what they were."""
    rows = Rows(CHANGE_HEADERS, [_change(one) for one in found[:MOST_ROWS]])
    note = "prices that moved by over 20% against what was known"
    return [section("Moved", rows, *_more(len(found)), note=note)] if found else []


CHANGE_HEADERS = ("offer", ">change", ">was $/h", ">is $/h", "was of", "is of")


def diff(found: OffersDiff) -> list[RenderableType]:
    """What changed between two states of the offers."""
    counts = {kind: sum(one.change == kind for one in found.changes) for kind in CHANGES}
    told = ", ".join(f"{number:,} {kind}" for kind, number in counts.items())
    blocks: list[RenderableType] = [
        Prose(f"From {found.old} to {found.new}", "bold"),
        Prose(f"{told}, {found.unchanged:,} unchanged."),
    ]
    for kind, title in CHANGES.items():
        some = [one for one in found.changes if one.change == kind]
        if some:
            rows = Rows(CHANGE_HEADERS, [_change(one) for one in some[:MOST_ROWS]])
            blocks.append(section(title, rows, *_more(len(some))))
    return blocks


def _change(one: ChangeEntry) -> tuple[str, ...]:
    return (
        one.id,
        one.change if one.share is None else _signed(one.share),
        "" if one.old_usd_per_hour is None else f"{one.old_usd_per_hour:,.2f}",
        "" if one.new_usd_per_hour is None else f"{one.new_usd_per_hour:,.2f}",
        one.old_as_of or "",
        one.new_as_of or "",
    )


def history(found: OffersHistory) -> list[RenderableType]:
    """The imports that are kept."""
    if not found.imports:
        where = "GPUPLAN_OFFERS_DIR is 'none'" if found.folder is None else found.folder
        return [Prose(f"Nothing has been imported ({where}); gpuplan offers import FILE does.")]
    headers = (">import", "time", ">offers", ">prices taken", ">left out", "files")
    rows = [
        (
            str(one.number),
            one.time,
            f"{one.offers:,}",
            f"{one.taken:,}",
            f"{one.skipped:,}",
            ", ".join(_short(name) for name in one.files[:3])
            + (f" and {len(one.files) - 3} more" if len(one.files) > 3 else "")
            + (" (in place of all before)" if one.replaced else ""),
        )
        for one in found.imports
    ]
    return [Rows(headers, rows), Text(""), Prose(f"Kept in {found.folder}.")]


def _signed(share: float) -> str:
    return f"{'+' if share > 0 else '-'}{f.percent(abs(share))}"


def _short(name: str) -> str:
    """A place, cut at its beginning."""
    return name if len(name) <= LONGEST_NAME else f"...{name[3 - LONGEST_NAME :]}"


def _first(said: Sequence[str], what: str) -> list[str]:
    """The first of many sentences, and how many more there are."""
    left = len(said) - MOST_ROWS
    return [*said[:MOST_ROWS], *([f"{left:,} {what}: --format json has all"] if left > 0 else [])]


def _more(number: int) -> list[RenderableType]:
    return [Prose(f"{number - MOST_ROWS:,} more: --format json or csv has all.")] if number > MOST_ROWS else []
