"""From plans and outcomes to the answer that is printed: every number recomputed in floating point."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime

from gpuplan.job import Job
from gpuplan.performance import interval
from gpuplan.performance.bill import capacity_block_seconds
from gpuplan.performance.clock import weight_file_bytes
from gpuplan.performance.spot import interruptions_per_node_hour
from gpuplan.performance.stages import stage_layer_counts
from gpuplan.plan import Plan, workload
from gpuplan.restrictions import restrictions
from gpuplan.result import (
    HostAnswer,
    Interval,
    LayoutAnswer,
    LimitsAnswer,
    MemoryAnswer,
    OfferAnswer,
    PlanAnswer,
    PredictionAnswer,
    RuleAnswer,
    TokensAnswer,
)
from gpuplan.rules import Quantity
from gpuplan_hardware import Offer
from gpuplan_hardware.ownership import Purchase, purchases

#: Confidence whose two-sided interval is 90 %: each side leaves 5 %.
SIDE = 0.95


#: From this share of a limit on, a rule is said to bind.
BINDING = 0.995
#: Rules that a plan meets exactly by construction; they say nothing about how near a limit is.
EXACT = ("step_time", "topology")
#: What is left of a least bill is no part of its own below a cent.
WORTH_SHOWING_USD = 0.01


def today() -> date:
    """The date that ages of prices are counted to."""
    return datetime.now(UTC).date()


def plan_answer(plan: Plan) -> PlanAnswer:
    """Write out a plan."""
    return PlanAnswer(
        offer=_offer(plan),
        nodes=plan.nodes,
        gpus=plan.gpus,
        layout=_layout(plan),
        prediction=_prediction(plan),
        host=_host(plan),
    )


def rule_answer(quantity: Quantity, holding_back: Collection[str] = ()) -> RuleAnswer:
    """Write out how near a rule is to binding; `holding_back` names rules without which there is a better plan."""
    return RuleAnswer(
        rule=quantity.rule,
        name=quantity.name,
        required=quantity.required,
        available=quantity.available,
        unit=quantity.unit,
        used_share=quantity.used_share,
        satisfied=quantity.satisfied,
        binding=_used_up(quantity) or quantity.rule in holding_back,
    )


def _used_up(quantity: Quantity) -> bool:
    """Whether a rule is met with nothing to spare, where that means something."""
    share = quantity.used_share
    exact = quantity.rule in EXACT or "storage" in quantity.name  # storage is rented as it is needed
    return quantity.satisfied and not exact and share is not None and share > BINDING


def tokens_answer(job: Job) -> TokensAnswer:
    """Write out how much there is to train on."""
    return TokensAnswer(
        tokens=job.tokens.tokens,
        low=job.tokens.low,
        high=job.tokens.high,
        basis=job.tokens.basis,
        epochs=job.epochs,
        sequences=job.sequences,
        sequence_length=job.sequence_length,
    )


def limits_answer(job: Job) -> LimitsAnswer:
    """Write out the user's limits."""
    limits, deadline = job.limits, job.limits.deadline_seconds
    return LimitsAnswer(
        deadline_hours=None if deadline is None else deadline / 3600,
        deadline_from=limits.deadline_from,
        budget_usd=limits.budget_usd,
        max_gpus=limits.max_gpus,
        max_nodes=limits.max_nodes,
        node_counts=None if limits.node_counts is None else list(limits.node_counts),
        max_tp=limits.max_tensor,
        min_mfu=limits.min_mfu,
        selection=restrictions(job),
    )


def _offer(plan: Plan) -> OfferAnswer:
    offer, node = plan.offer, plan.offer.node
    network = None
    if node.network is not None:
        network = f"{node.network.kind} {node.network.bytes_per_second_per_gpu / 1e9:.4g} GB/s per GPU"
    link = f"{node.intra_node.kind} {node.intra_node.bytes_per_second_per_gpu / 1e9:.4g} GB/s per GPU"
    return OfferAnswer(
        id=offer.id,
        provider=offer.provider.name,
        region=offer.region,
        pricing=offer.pricing,
        node=node.name,
        gpu=node.accelerator.name,
        gpus_per_node=node.gpus_per_node,
        price_usd_per_hour=offer.price_usd_per_hour,
        price_as_of=offer.as_of.isoformat(),
        price_age_days=max(0, (today() - offer.as_of).days),
        max_nodes=offer.max_nodes,
        lead_time=offer.lead_time,
        lead_time_hours=None if offer.lead_time_seconds is None else offer.lead_time_seconds / 3600,
        minimum_billing_seconds=_stated(offer, offer.provider.minimum_billing_seconds),
        billing_increment_seconds=_stated(offer, offer.provider.billing_increment_seconds),
        interruptions_per_node_hour=interruptions_per_node_hour(offer, plan.job.spot_interruptions_per_node_hour)
        if offer.pricing == "spot"
        else None,
        also_in=list(offer.also_in),
        intra_node=link if node.gpus_per_node > 1 else "single GPU",
        network=network,
        source=offer.source,
        purchase_usd_per_node=None if (bought := to_buy(offer)) is None else bought.purchase_usd,
    )


def to_buy(offer: Offer) -> Purchase | None:
    """The purchase behind the price of an owned node of the catalogue: nobody said that it is there; None where the user did."""
    bought = purchases().get((offer.provider.name, offer.node.name)) if offer.pricing == "owned" else None
    return None if bought is None or not offer.source.startswith(bought.source) else bought


def _stated(offer: Offer, seconds: float | None) -> float | None:
    """What is billed at least, or in steps: nothing of what is owned, blocks where they are sold, else what the provider says."""
    if offer.pricing == "owned":
        return 0.0
    return capacity_block_seconds(offer) if offer.pricing == "capacity-block" else seconds


def _layout(plan: Plan) -> LayoutAnswer:
    layout = plan.layout
    return LayoutAnswer(
        framework=layout.framework,
        tensor_parallel=layout.tensor,
        pipeline_parallel=layout.pipeline,
        data_parallel=layout.data,
        expert_parallel=layout.expert,
        zero_stage=layout.zero,
        micro_batch=layout.micro_batch,
        gradient_accumulation=layout.gradient_accumulation,
        global_batch=layout.global_batch,
        recompute=layout.recompute,
        gpus_used=layout.gpus,
        stage_layers=[n for n in _stage_layers(plan) if n],
        virtual_stages=layout.virtual,
        context_parallel=layout.context,
        expert_tensor_parallel=layout.expert_tensor,
        offload=layout.offload,
        lighter_stages=layout.lighter,
    )


def _stage_layers(plan: Plan) -> tuple[int, int, int]:
    layout = plan.layout
    return stage_layer_counts(plan.job.architecture.layer_count, layout.pipeline, layout.lighter)


def _prediction(plan: Plan) -> PredictionAnswer:
    p = plan.prediction
    low, high = 1 / interval.factor(p.step_width, SIDE), interval.factor(p.step_width, SIDE)
    luck = interval.deviations(SIDE)
    cases = ((1.0, 0.0), (low, -luck), (high, luck))
    hours = [plan.wall_seconds(*case) / 3600 for case in cases]
    cost = [plan.cost_usd(*case) for case in cases]
    return PredictionAnswer(
        step_seconds=p.step_seconds,
        step_seconds_interval=Interval(point=p.step_seconds, low=p.step_seconds * low, high=p.step_seconds * high),
        step_parts_seconds=p.step_parts,
        steps=plan.steps,
        total_hours=hours[0],
        total_hours_interval=Interval(point=hours[0], low=hours[1], high=hours[2]),
        time_parts_hours=_time_parts(plan),
        cost_usd=cost[0],
        cost_usd_interval=Interval(point=cost[0], low=cost[1], high=cost[2]),
        cost_parts_usd=_cost_parts(plan, cost[0]),
        on_time_probability=plan.on_time_probability(),
        tokens_per_second_per_gpu=p.tokens_per_step / p.step_seconds / plan.gpus,
        model_flops_utilisation=p.model_flops_utilisation,
        memory=MemoryAnswer(
            bytes=p.memory_bytes,
            bound_bytes=p.memory_bytes * interval.factor(p.memory_width, plan.job.confidence),
            usable_bytes=p.usable_memory_bytes,
            worst_stage=p.worst_stage,
            parts_bytes=p.memory_parts,
        ),
        coverage=p.coverage,
    )


def _time_parts(plan: Plan) -> dict[str, float]:
    """Hours by part; they sum to the wall clock. Trials that run one after the other are added up."""
    job, parts = plan.job, {name: float(value) for name, value in plan.clock.parts.items()}
    rounds = -(-job.trials // job.parallel)
    train = rounds * plan.training_seconds
    seconds = {
        "lead_time": parts["lead_time"],
        "provisioning": parts["provisioning"],
        "download_weights": parts["download_weights"],
        "load_and_warm_up": rounds * parts["load_and_warm_up"],
        "training": train,
        "evaluation": train * parts["evaluation_share"],
        "checkpoints": train * parts["checkpoint_share"],
        "lost_to_failures": train * parts["failure_share"],
        "lost_to_interruptions": train * parts["interruption_share"],
        "final_save": rounds * parts["final_save"],
    }
    trial = sum(seconds.values()) - parts["lead_time"] - parts["provisioning"] - parts["download_weights"]
    seconds["contingency"] = trial * job.contingency
    return {name: value / 3600 for name, value in seconds.items()}


def _cost_parts(plan: Plan, total: float) -> dict[str, float]:
    """USD by part: what is used of nodes and volumes, and the rest of the least that is billed."""
    hour = float(plan.host.price_usd_per_node_hour)  # nothing, where nodes are paid for and hold all the data
    volume = 1 - plan.offer.price_usd_per_hour / hour if hour else 0.0
    rent = total - sum(plan.after_usd.values())
    used = float(plan.clock.used_seconds(plan.training_seconds))
    paid = rent * used / float(plan.clock.billed_seconds(plan.training_seconds))
    unused = rent - paid if rent - paid >= WORTH_SHOWING_USD else 0.0
    return {
        "nodes": (rent - unused) * (1 - volume),
        "network_volume": (rent - unused) * volume,
        "minimum_billing": unused,
        **plan.after_usd,
    }


def _host(plan: Plan) -> HostAnswer:
    needs, host, network = plan.host, plan.offer.node.host, plan.offer.node.network
    return HostAnswer(
        required_vcpus=needs.vcpus,
        available_vcpus=host.vcpus,
        required_ram_bytes=needs.ram_bytes,
        available_ram_bytes=host.ram_bytes,
        required_storage_bytes=needs.storage_bytes,
        available_nvme_bytes=host.nvme_bytes,
        rented_volume_bytes=needs.volume_bytes,
        required_network_bytes_per_second=required_network(plan),
        available_network_bytes_per_second=None
        if network is None
        else network.bytes_per_second_per_gpu * plan.offer.node.gpus_per_node,
    )


#: Share of a step that traffic between nodes may take before the network counts as too slow.
NETWORK_SHARE = 0.1
#: No data centre sells less than 1 Gb/s.
LEAST_NETWORK = 1e9 / 8


def required_network(plan: Plan) -> float:
    """Bytes/s a node needs so that its traffic between nodes takes a tenth of a step, and the weights arrive during start-up."""
    traffic = plan.prediction.network_bytes_per_step_per_gpu * plan.offer.node.gpus_per_node
    during_steps = traffic / (NETWORK_SHARE * plan.prediction.step_seconds) if plan.nodes > 1 else 0.0
    download = weight_file_bytes(workload(plan.job)) / plan.job.startup_seconds if plan.job.startup_seconds else 0.0
    return max(during_steps, download, LEAST_NETWORK)
