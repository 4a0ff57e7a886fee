"""Every field of a job, once: its name in a job file (its flag with underscores), what it means, and an example.

The command line builds its flags from this list and the error messages take their examples from it, so neither can
drift. It imports nothing heavy, so that `gpuplan --help` stays instant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "many", "switch"]


@dataclass(frozen=True, slots=True)
class JobField:
    """One field of a job.

    Attributes
    ----------
    name
        Key in a job file; the flag is the same with hyphens.
    metavar
        Short form of what to write, for `--help`.
    help
        What it means, with examples and the default.
    group
        Heading in `--help`.
    kind
        "text" (a word or number), "many" (repeatable, or a list with commas) or "switch" (true or false).
    """

    name: str
    metavar: str
    help: str
    group: str
    kind: Kind = "text"

    @property
    def flag(self) -> str:
        """The flag on the command line."""
        return f"--{self.name.replace('_', '-')}"


JOB = "Model and method"
DATA = "Data and batch"
LIMITS = "Limits"
OFFERS = "What may be rented"
SEARCH = "Certainty and search"
PINS = "Given cluster and layout"

FIELDS: tuple[JobField, ...] = (
    JobField(
        "model",
        "NAME|FILE|ORG/NAME",
        "a catalogue name, the path of a config.json, or a model of the Hugging Face hub",
        JOB,
    ),
    JobField(
        "method",
        "NAME",
        "full, lora or qlora; several with commas, or any, give one proved plan for each [any]",
        JOB,
        "many",
    ),
    JobField("lora_rank", "N", "rank of the adapters, 1 to 512 [16]", JOB),
    JobField(
        "lora_targets",
        "WORDS",
        "all-linear, attention, all-linear-except-experts, or module names such as q_proj,v_proj [all-linear]",
        JOB,
        "many",
    ),
    JobField(
        "precision",
        "TYPE",
        "compute precision: bf16, fp16 or fp8; several, or any (bf16 and fp8), give one plan for each [bf16]",
        JOB,
        "many",
    ),
    JobField("weights", "TYPE", "stored precision of frozen weights: bf16, fp8, int8 or nf4 [of the method]", JOB),
    JobField("optimizer", "NAME", "adamw or adamw-8bit [adamw]", JOB),
    JobField(
        "framework",
        "NAME",
        "megatron, torch-fsdp, hf-peft, deepspeed, llama-factory, torchtune or unsloth [what the layout needs]",
        JOB,
    ),
    JobField("data", "SIZE|PATH", "training text: a size such as 1GB, or the path of a file or folder", DATA),
    JobField("tokens", "N", "training tokens of one epoch, such as 250M, in place of --data", DATA),
    JobField("samples", "N", "training samples of one epoch, one sequence each, in place of --data", DATA),
    JobField("epochs", "N", "passes over the data, such as 3 [1]", DATA),
    JobField("seq_len", "N", "tokens per sequence, such as 8192 [4096]", DATA),
    JobField("packing", "SHARE", "share of each sequence that is no padding, such as 0.95 or 95% [1]", DATA),
    JobField("bytes_per_token", "N", "bytes of text per token, such as 3.6 [4.0]", DATA),
    JobField("language", "NAME", "language of the text, for bytes per token: en, zh, code or mixed", DATA),
    JobField("tokenizer", "NAME|FILE", "a tokenizer family, or a tokenizer.json with which the data is sampled", DATA),
    JobField(
        "global_batch", "N|A:B", "sequences per optimizer step, fixed or a range such as 64:1024 [by data size]", DATA
    ),
    JobField("trials", "N", "runs of the job, such as 8 for a search of learning rates [1]", DATA),
    JobField("parallel", "N", "trials that run at the same time, each on a cluster of its own [1]", DATA),
    JobField("evaluation_share", "SHARE", "evaluation time as a share of the training time, such as 5% [0]", DATA),
    JobField(
        "keep_checkpoints",
        "TIME",
        "how long the last checkpoint and the result stay in object storage, such as 30d [0]",
        DATA,
    ),
    JobField(
        "egress", "SIZE|result", "what each trial takes out over the internet: a size, or its result [none]", DATA
    ),
    JobField("deadline", "TIME", "time until the last trial is done, such as 24h, 90m, 2d or 1d12h", LIMITS),
    JobField(
        "deadline_from", "order|start", "when the clock starts: at the order, or when the nodes are up [order]", LIMITS
    ),
    JobField("budget", "USD", "money for everything, such as $500 or 2k", LIMITS),
    JobField("contingency", "SHARE", "time and money put on top for what goes wrong, such as 20% [0]", LIMITS),
    JobField("max_gpus", "N", "GPUs at most, all trials that run together", LIMITS),
    JobField("max_nodes", "N", "nodes at most, all trials that run together", LIMITS),
    JobField("node_counts", "N,N", "numbers of nodes that a cluster may have, such as 1,2,4 [any]", LIMITS, "many"),
    JobField("max_tp", "N", "largest tensor-parallel degree", LIMITS),
    JobField("min_mfu", "SHARE", "least model FLOP utilisation of the rented GPUs, such as 30%", LIMITS),
    JobField("gpu", "NAME", "accelerators to consider, such as H100 or A100-80GB [all]", OFFERS, "many"),
    JobField("exclude_gpu", "NAME", "accelerators to leave out", OFFERS, "many"),
    JobField("provider", "NAME", "providers to consider, such as aws [all but marketplaces]", OFFERS, "many"),
    JobField("exclude_provider", "NAME", "providers to leave out", OFFERS, "many"),
    JobField("region", "NAME", "regions to consider, such as us-east-1 [all]", OFFERS, "many"),
    JobField("exclude_region", "NAME", "regions to leave out", OFFERS, "many"),
    JobField("nvswitch_only", "", "only nodes whose GPUs are all joined by NVSwitch", OFFERS, "switch"),
    JobField(
        "residency",
        "AREA",
        "where the data must stay: a country such as DE, or eu, eea, us, cn ... [any]",
        OFFERS,
        "many",
    ),
    JobField(
        "pricing",
        "KIND",
        "on-demand, spot, reserved-1y, reserved-3y, capacity-block or owned [on-demand]",
        OFFERS,
        "many",
    ),
    JobField(
        "quota",
        "WHAT=N",
        "GPUs that you may have at a time, such as H100=16, aws=64 or aws/H100@us-east-1=8",
        OFFERS,
        "many",
    ),
    JobField("discount", "SHARE", "off the list price: aws=12%, or 5% of every provider", OFFERS, "many"),
    JobField(
        "interruptions", "N", "times that a spot node is taken back per hour, such as 0.05 [the provider's]", OFFERS
    ),
    JobField("price", "USD", "your own price per GPU hour, such as 2.50, for the one --gpu", OFFERS),
    JobField("marketplace", "", "also consider marketplaces", OFFERS, "switch"),
    JobField("available_within", "TIME", "only what can be had in that time from the order, such as 2d [any]", OFFERS),
    JobField(
        "offers",
        "FILE.csv|WORD",
        "a price list of yours, or built-in, imported, or all (built-in and imported) [all]",
        OFFERS,
    ),
    JobField(
        "max_price_age", "TIME", "leave out offers whose price is older, such as 30d [any, with a warning]", OFFERS
    ),
    JobField("allow_unknown_host", "", "accept nodes whose CPU, RAM or disk nobody states", OFFERS, "switch"),
    JobField("confidence", "P|point", "chance with which every limit must hold, above 0.5 and below 1 [0.9]", SEARCH),
    JobField(
        "calibration", "FILE.toml", "constants corrected by your own runs, as gpuplan calibrate wrote them", SEARCH
    ),
    JobField(
        "minimize",
        "GOAL",
        "cost, gpus or time; or two, such as gpus,cost: the second decides among equals [cost]",
        SEARCH,
        "many",
    ),
    JobField("currency", "CODE[=RATE]", "say amounts also in this, such as CNY or CNY=7.10 (per USD) [USD]", SEARCH),
    JobField("alternatives", "N", "next-best plans to show, 0 to 20 [3]", SEARCH),
    JobField("alternatives_by", "WHAT", "what each alternative differs in: gpu, provider or layout [gpu]", SEARCH),
    JobField("time_limit", "TIME", "longest search, such as 60s [60s]", SEARCH),
    JobField("workers", "N", "threads of the search, 0 for every core [1]", SEARCH),
    JobField("seed", "N", "seed of the search [0]", SEARCH),
    JobField("offer", "ID", "offer, such as aws/p5.48xlarge/us-east-1/on-demand", PINS),
    JobField("nodes", "N", "nodes", PINS),
    JobField("gpus", "N", "GPUs in use", PINS),
    JobField("tp", "N", "tensor-parallel degree", PINS),
    JobField("pp", "N", "pipeline-parallel degree", PINS),
    JobField("dp", "N", "data-parallel degree", PINS),
    JobField("ep", "N", "expert-parallel degree", PINS),
    JobField("cp", "N", "context-parallel degree: ranks that share a sequence", PINS),
    JobField("vp", "N", "virtual stages per pipeline rank (interleaved 1F1B)", PINS),
    JobField("etp", "N", "tensor-parallel degree inside an expert, 1 or that of --tp", PINS),
    JobField("uneven", "WHICH", "end stages of the pipeline with one layer less: none, first, last or both", PINS),
    JobField("zero", "STAGE", "ZeRO stage, 0 to 3", PINS),
    JobField("micro_batch", "N", "sequences per micro-batch and GPU", PINS),
    JobField("recompute", "KIND", "none, selective or full", PINS),
    JobField("offload", "KIND", "what is kept on the host: none, optimizer or parameters", PINS),
)

BY_NAME = {field.name: field for field in FIELDS}
