"""What the parts of an answer are called in words; a name that has no words here is shown as it is."""

from __future__ import annotations

from gpuplan.fields import FIELDS, PINS
from gpuplan.report.format import (
    GLUE,
    count,
    decimal_bytes,
    gib,
    hours,
    limit_hours,
    limit_money,
    money,
    percent,
    plural,
)
from gpuplan.result import CurrencyAnswer, OfferAnswer, PlanAnswer, Result, RuleAnswer
from gpuplan_models import frameworks

STEP_PARTS = {
    "matmul": "matrix products",
    "elementwise": "element-wise operators",
    "quantise": "quantise, dequantise",
    "recompute": "recompute of activations",
    "tensor_parallel": "tensor-parallel traffic",
    "expert_parallel": "expert-parallel traffic",
    "launch": "kernel launches",
    "weight_gather": "gathering of weights",
    "head_and_loss": "output head and loss",
    "pipeline_bubble": "pipeline bubble",
    "pipeline_transfer": "traffic between stages",
    "gradient_exchange": "gradient exchange",
    "fixed": "fixed per step",
}
TIME_PARTS = {
    "download_weights": "download of weights",
    "load_and_warm_up": "loading and warm-up",
    "lost_to_failures": "lost to failures",
    "lost_to_interruptions": "lost to interruptions",
}
MEMORY_PARTS = {
    "optimizer": "optimizer states",
    "logits_and_loss": "logits and loss",
    "gathered_and_unpacked": "gathered and unpacked",
    "context_and_communicators": "CUDA, NCCL, framework",
}
METHODS = {"full": "full fine-tuning", "lora": "LoRA", "qlora": "QLoRA"}
LIMITS = {
    "max_gpus": "max GPUs",
    "max_nodes": "max nodes",
    "offer_nodes": "nodes of the offer",
    "deadline_from": "--deadline-from start",
    "allow_unknown_host": "--allow-unknown-host",
    "marketplace": "--marketplace",
    "available_within_seconds": "no --available-within",
    "providers": "no --provider",
    "regions": "no --region",
    "exclude_providers": "no --exclude-provider",
    "exclude_regions": "no --exclude-region",
    "residency": "no --residency",
    "quota": "quota",
    "nvswitch_only": "no --nvswitch-only",
    "node_counts": "node counts",
    "max_tp": "max TP",
    "min_mfu": "min MFU",
    "precision_bf16": "--precision bf16",
    "precision_fp16": "--precision fp16",
}
#: Decisions that the user can take, by their flags.
DECISIONS = {field.name: field.flag for field in FIELDS if field.group == PINS}
#: What each objective makes of the best plan.
BEST = {"cost": "cheapest", "gpus": "fewest GPUs", "time": "fastest"}
#: And of what decides among equals.
ORDER = {"cost": "the cheaper", "gpus": "the one with fewer GPUs", "time": "the faster"}
PRICINGS = {
    "on-demand": "on demand",
    "reserved-1y": "reserved for a year",
    "reserved-3y": "reserved for 3 years",
    "capacity-block": "capacity block",
}
COST_PARTS = {"nodes": "rent of nodes", "minimum_billing": "billed beyond what is used"}
#: What nodes cost that nobody lets.
OWNED_PARTS = {**COST_PARTS, "nodes": "share of owning the nodes"}
RULES = {
    "virtual CPUs of a node": "vCPUs of a node",
    "memory of a node": "RAM of a node",
    "nodes the offer has on one fabric": "nodes on one fabric",
}
#: Rules about time and money, or that the user sets; a plan that breaks another one does not fit.
USER_LIMITS = ("budget", "deadline", "max_gpus", "max_nodes", "max_tp", "min_mfu", "node_counts", "quota")


def words(names: dict[str, str], name: str) -> str:
    """The words for a name, or the name itself with spaces."""
    return names.get(name, name.replace("_", " "))


def amount(value: float, rule: RuleAnswer) -> str:
    """A quantity of a rule in the unit a person would use."""
    if rule.unit == "seconds":
        return hours(value / 3600)
    if rule.unit == "USD":
        return money(value)
    if rule.unit == "share":
        return percent(value)
    if rule.unit == "bytes":
        return decimal_bytes(value) if "storage" in rule.name else gib(value)
    unit = rule.unit.removesuffix("s") if value == 1 else rule.unit
    return count(value) if rule.unit == "count" else f"{count(value)}{GLUE}{unit}"


def available(rule: RuleAnswer) -> str:
    """What there is; a limit is told as its owner wrote it."""
    if rule.available is None:
        return "unknown"
    if rule.unit == "seconds":
        return limit_hours(rule.available / 3600)
    return limit_money(rule.available) if rule.unit == "USD" else amount(rule.available, rule)


def used(rule: RuleAnswer) -> str:
    """What a rule requires of what there is; a unit that both share is said once."""
    if rule.unit == "share":  # here more is better
        return f"{available(rule)}, {percent(rule.required)} asked"
    required, there = amount(rule.required, rule), available(rule)
    number, _, unit = required.partition(GLUE)
    same = unit.removesuffix("s") == there.partition(GLUE)[2].removesuffix("s")
    return f"{number if same else required} of {there}"


def shortfall(rule: RuleAnswer) -> str:
    """A broken rule in one phrase: what it needs, what there is, how much is missing."""
    if rule.available is None:
        return f"{words(RULES, rule.name)} not known; {amount(rule.required, rule)} needed"
    if rule.unit == "share":
        return f"{rule.name} {available(rule)}, but {percent(rule.required)} is asked"
    if rule.available == 0:  # a rule of structure: nothing of the kind may be there
        return rule.name
    needed, short = (amount(value, rule) for value in (rule.required, rule.required - rule.available))
    name = words(RULES, rule.name)
    if name.startswith(rule.unit):  # "GPUs rented 8", not "GPUs rented 8 GPUs"
        needed = count(rule.required)
    return f"{name} {needed}, but the limit is {available(rule)} ({short} too much)"


def clusters_at_once(result: Result) -> int:
    """Clusters that run at the same time: the trials that run together."""
    return result.parallel


def gpus(plan: PlanAnswer) -> str:
    """The GPUs of a plan: "8 x H100-SXM", or those of them that work: "4 of 8 x H100-SXM"."""
    used = "" if idle(plan) == 0 else f"{plan.layout.gpus_used}{GLUE}of{GLUE}"
    return f"{used}{plan.gpus}{GLUE}x{GLUE}{plan.offer.gpu}"


def idle(plan: PlanAnswer) -> int:
    """GPUs that are paid for and do not work."""
    return max(0, plan.gpus - plan.layout.gpus_used)


def own_price(offer: OfferAnswer) -> bool:
    """Whether the price is the user's own."""
    return offer.id.endswith("/own-price")


def plain_pricing(pricing: str) -> str:
    """A pricing as one says it."""
    return PRICINGS.get(pricing, pricing)


def cost_parts(offer: OfferAnswer) -> dict[str, str]:
    """What the parts of the cost are called: nodes of one's own are not rented."""
    return OWNED_PARTS if offer.pricing == "owned" else COST_PARTS


def lead_unknown(plan: PlanAnswer) -> bool:
    """Whether nobody states how long after the order the nodes can be had, so that times count from the moment they are granted."""
    return plan.offer.lead_time_hours is None


def in_currency(result: Result, usd: float) -> str:
    """An amount in the second currency, "CNY 273"; "" where none is asked for."""
    second = result.currency
    return "" if second is None else f"{second.code}{GLUE}{money(usd * second.per_usd).replace('$', '')}"


def exchange(currency: CurrencyAnswer) -> str:
    """The rate of the second currency: "at 6.80 per USD of 2026-05-08"."""
    rate = f"{currency.per_usd:,.2f}" if currency.per_usd >= 1 else f"{currency.per_usd:.3g}"
    return f"at{GLUE}{rate} per{GLUE}USD" + (", your rate" if currency.as_of is None else f" of {currency.as_of}")


def cluster(plan: PlanAnswer) -> str:
    """Nodes, provider, node shape and place of a plan, and what of it stays idle."""
    offer = plan.offer
    where = f"{offer.provider} {offer.node} in{GLUE}{offer.region}"
    if offer.pricing not in ("on-demand", "owned"):
        where += f", {plain_pricing(offer.pricing)}"
    if own_price(offer):
        where = f"{offer.node} at your price" if offer.provider == "own" else f"{where} at your price"
    unused = f", {idle(plan)}{GLUE}idle but paid" if idle(plan) else ""
    return f"{plan.nodes}{GLUE}x{GLUE}{where}{unused}"


def confidence(result: Result) -> str:
    """How sure limits are kept."""
    return "at the point estimate" if result.confidence is None else f"with {percent(result.confidence)} confidence"


def framework(name: str) -> str:
    """A framework by its title, with the name it has on the command line."""
    known = frameworks().get(name)
    return name if known is None else f"{known.title} ({name})"


def degrees(plan: PlanAnswer) -> str:
    """Parallelism degrees in short, those of 1 left out: "TP 2 x DP 4"."""
    layout = plan.layout
    named = {
        "TP": layout.tensor_parallel,
        "PP": layout.pipeline_parallel,
        "CP": layout.context_parallel,
        "DP": layout.data_parallel,
        "EP": layout.expert_parallel,
    }
    return " x ".join(f"{name}{GLUE}{degree}" for name, degree in named.items() if degree > 1) or "one GPU"


def layout_gpus(plan: PlanAnswer) -> str:
    """GPUs that work, and those that stay idle."""
    used = plural(plan.layout.gpus_used, "GPU")
    return used if idle(plan) == 0 else f"{used} ({idle(plan)} idle)"
