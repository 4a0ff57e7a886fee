"""From break-even prices to what is drawn."""

from __future__ import annotations

from gpuplan.report import format as say
from gpuplan.report.sweep_plots import phrases
from gpuplan.report.sweep_plots.chart import Chart, Dumbbell
from gpuplan.report.sweep_plots.scales import axis
from gpuplan.sweeping.result import BreakEvenAnswer, SweepResult

#: Most offers in a picture; the nearest to winning come first.
MOST_OFFERS = 30
LONGEST_OFFER = 48


def dumbbell_chart(result: SweepResult) -> Chart:
    """What is drawn of break-even prices: a line for each offer, those that win or are nearest to it at the top."""
    ordered = sorted(result.break_even, key=_distance)
    shown = ordered[:MOST_OFFERS]
    values = [
        price for one in shown for price in (one.listed_usd_per_gpu_hour, one.break_even_usd_per_gpu_hour) if price
    ]
    gpus = list(dict.fromkeys(one.gpu for one in result.break_even))
    subtitle = [_rival(result), phrases.conditions(result)]
    if len(ordered) > len(shown):
        subtitle.append(f"{len(shown)} of {len(ordered)} offers: those that win, and the nearest to it")
    return Chart(
        title=f"{phrases.what_it_trains(result)}: at which price {' or '.join(gpus[:3]) or 'an offer'} wins",
        subtitle=tuple(line for line in subtitle if line),
        x=axis("price (USD per GPU and hour)", "usd_per_gpu_hour", values, right=0.22),
        y=None,
        styles={},
        dumbbells=tuple(_dumbbell(one) for one in shown),
    )


def _distance(one: BreakEvenAnswer) -> tuple[float, str]:
    """Order of the offers: by how far the price would have to fall; without a listed price, and without a break-even, last."""
    if one.break_even_usd_per_gpu_hour is None:
        return (2e9, one.offer)
    return (1e9 if one.change is None else -one.change, one.offer)


def _rival(result: SweepResult) -> str:
    if result.rival is None:
        return "there is no plan without it"
    cost = say.money(result.rival.prediction.cost_usd)
    return f"the best plan without it: {phrases.plan_label(result.rival)} for {cost}"


def _dumbbell(one: BreakEvenAnswer) -> Dumbbell:
    listed, even = one.listed_usd_per_gpu_hour, one.break_even_usd_per_gpu_hour
    if even is None:
        note = "no plan at any price"
    elif one.change is None:
        note = say.price(even)
    else:
        note = f"{say.price(even)} ({'+' if one.change >= 0 else '−'}{say.percent(abs(one.change))})"
    hover = [
        one.offer,
        f"listed {'nowhere' if listed is None else f'{say.price(listed)} per GPU and hour'}",
        "no plan on it keeps the limits at any price"
        if even is None
        else f"break-even {say.price(even)} per GPU and hour",
        *([] if one.plan is None else ["the best plan on it at that price:", *phrases.plan_lines(one.plan)]),
        "both sides proved" if one.proved else "not proved",
    ]
    return Dumbbell(phrases.short_middle(one.offer, LONGEST_OFFER), listed, even, one.wins_now, note, tuple(hover))
