"""An import from end to end: find the files, recognise each, read it, and make offers of what they list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from gpuplan_hardware.errors import CatalogueError
from gpuplan_hardware.imports.base import Format, Head, ImportFileError, Listed, Source
from gpuplan_hardware.imports.formats import formats
from gpuplan_hardware.imports.report import FileReport, ImportReport
from gpuplan_hardware.imports.resolve import resolve
from gpuplan_hardware.imports.sources import find_sources, read_head, shown_place
from gpuplan_hardware.imports.text import printable

_MOST_NAMED = 5
_LONGEST_LINE, _LONGEST_EXAMPLE = 60, 300


def import_places(places: Sequence[str], provider: str | None = None, as_of: date | None = None) -> ImportReport:
    """Read price catalogues and make offers of them; nothing is kept.

    Parameters
    ----------
    places : sequence of str
        Files, folders, archives (.zip, .gz) and URLs (http, https).
    provider : str or None
        Whose prices all of them are; None takes what the paths and the files say.
    as_of : date or None
        The day of all prices whose rows carry none, also where the path has one; None takes what the paths, the servers or the
        files say.

    Returns
    -------
    ImportReport
        A file that cannot be read as a whole is `FileReport.refused`, and the others are read all the same.

    Raises
    ------
    CatalogueError
        A place is not there or cannot be fetched, or no file has a price that can be taken; the message says what each is.
    """
    with find_sources(places, provider, as_of) as sources:
        files = [_read(source) for source in sources]
    by_name = {file.source.name: file.report for file in files}
    resolved = resolve(
        ((file.source, row) for file in files for row in file.listed),
        {file.report.name: file.report.format for file in files if file.report.format is not None},
    )
    for file in files:
        file.report.taken = len(file.listed)
    for source, row in resolved.skipped:
        by_name[source.name].skip(row)
        by_name[source.name].taken -= row.rows
    for name, number in resolved.used.items():
        by_name[name].offers = number
    reports = [file.report for file in files]
    if not resolved.offers:
        raise _nothing(places, reports)
    differences = sorted(resolved.differences, key=lambda one: (-abs(one.share), one.key))
    return ImportReport(reports, resolved.offers, differences, resolved.origins)


@dataclass(slots=True)
class _File:
    """A file, what is to be said of it, and the prices it lists."""

    source: Source
    report: FileReport
    listed: list[Listed] = field(default_factory=list)


def _read(source: Source) -> _File:
    """Read a file to its end; one that breaks in the middle counts for nothing."""
    file = _File(source, FileReport.of(source))
    try:
        kind = _recognised(read_head(source))
        file.report.format = kind.name
        if kind.refused is not None:
            raise ImportFileError(kind.refused)
        for row in kind.read(source):
            if isinstance(row, Listed):
                file.listed.append(row)
                file.report.rows += 1
            else:
                file.report.skip(row)
                file.report.rows += row.rows
    except ImportFileError as error:
        kept = FileReport.of(source)
        kept.format, kept.refused = file.report.format, str(error)
        return _File(source, kept)
    file.report.date_by(file.listed)
    sellers = {row.provider for row in file.listed}
    if len(sellers) == 1:
        file.report.provider = sellers.pop()
    elif sellers:
        file.report.provider = None
    return file


def _recognised(head: Head) -> Format:
    """The one format of a file.

    Raises
    ------
    ImportFileError
        When it is of no known kind, or could be of several.
    """
    found = [kind for kind in formats() if kind.recognises(head)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ImportFileError(f"it could be of several kinds ({', '.join(kind.name for kind in found)})")
    known = ", ".join(kind.name for kind in formats() if kind.refused is None)
    first = next(iter(head.text.lstrip().splitlines()), "")
    for sign, signs in ((";", "semicolons"), ("\t", "tabs")):
        columns = tuple(cell.strip(' "') for cell in first.split(sign))
        if len(columns) > 1 and any(kind.recognises(replace(head, columns=columns)) for kind in formats()):
            raise ImportFileError(f"its columns are separated by {signs}; commas were expected")
    line = first if len(first) <= _LONGEST_LINE else f"{first[:_LONGEST_LINE]}..."
    raise ImportFileError(f"it is no price catalogue of a known kind (kinds: {known}); its first line is {line!r}")


def _nothing(places: Sequence[str], reports: Sequence[FileReport]) -> CatalogueError:
    """An error that says of each file why there is no price in it."""
    said = [*_said(reports[:_MOST_NAMED])]
    if len(reports) > _MOST_NAMED:
        said.append(f"and {len(reports) - _MOST_NAMED} more files")
    what = "; ".join(said) or "there is no file in it"
    given = ", ".join(map(shown_place, places))
    return CatalogueError("offers", given, f"No price can be taken from {given}: {what}.")


def _said(reports: Sequence[FileReport]) -> Iterator[str]:
    for report in reports:
        if report.refused is not None:
            yield f"{report.name}: {report.refused}"
        else:
            reasons = "; ".join(_counted(report, reason, number) for reason, number in report.skipped.most_common(3))
            yield (
                f"{report.name} ({report.format}): none of {report.rows:,} price{'s' * (report.rows != 1)} could be "
                f"taken ({reasons or 'it has none'})"
            )


def _counted(report: FileReport, reason: str, number: int) -> str:
    """A reason with the first row that it is given for."""
    first = next(iter(report.things[reason].values()))
    return f"{number:,}: {reason}, first in line {first.line}: {printable(first.what)[:_LONGEST_EXAMPLE].rstrip('.')}"
