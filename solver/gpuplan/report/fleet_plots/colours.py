"""Colours made of those of the GPUs."""

from __future__ import annotations

#: Luminance below which white letters are easier to read than black ones.
DARK = 0.23
#: Share of a bar's colour in its slack.
SLACK = 0.2


def letters_on(colour: str) -> str:
    """Letters that can be read on a colour: white on the dark ones (relative luminance of WCAG 2)."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _parts(colour))
    return "white" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < DARK else "black"


def pale(colour: str, share: float) -> str:
    """So much of a colour, the rest white."""
    return "#" + "".join(f"{round(255 * (share * part + 1 - share)):02x}" for part in _parts(colour))


def clear(colour: str, opacity: float) -> str:
    """A colour through which the lines behind it are seen, as CSS has it."""
    return f"rgba({','.join(str(round(255 * part)) for part in _parts(colour))},{opacity:g})"


def _parts(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue
