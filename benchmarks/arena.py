"""How near arenas come to what is alive at the peak, what better orders save, and the time that both take.

    python benchmarks/arena.py [FOLDER ...]

The folders are searched for .prototxt and .onnx files (default: the samples). Models that cannot be read, or whose
peak is not known, are left out; of networks with the same buffers one counts. Times are those of the processor.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from pathlib import Path

import graphcost
from graphcost.passes.arena import plan
from graphcost.passes.buffers import Buffer
from graphcost.passes.memory import Memory
from graphcost.passes.order import Order

ROOT = Path(__file__).resolve().parent.parent
MANY = 10_000


def memories(folders: list[Path]) -> dict[str, Memory]:
    """What is alive in each network, by its file."""
    found: dict[str, Memory] = {}
    seen = set()
    for folder in folders:
        for path in sorted((*folder.rglob("*.prototxt"), *folder.rglob("*.onnx"))):
            try:
                memory = graphcost.analyze(graphcost.load(path)).memory
            except graphcost.ModelError:
                continue
            shape = tuple((buffer.nbytes, buffer.birth, buffer.death) for buffer in memory.buffers)
            if memory.peak_bytes and shape not in seen:
                seen.add(shape)
                found[path.name] = memory
    return found


def arenas(found: dict[str, Memory], align: int) -> None:
    """Prints the ratios of arenas to their lower bounds."""
    start = time.process_time()
    plans = {name: memory.plan(align) for name, memory in found.items()}
    took = time.process_time() - start
    ratios = {name: plan.nbytes / plan.lower_bound for name, plan in plans.items()}
    worst = max(ratios, key=ratios.__getitem__)
    best = sum(ratio == 1 for ratio in ratios.values())
    within = sum(ratio <= 1.1 for ratio in ratios.values()) / len(ratios)
    print(
        f"arenas aligned to {align}: {best} of {len(ratios)} networks at the lower bound, median"
        f" {statistics.median(ratios.values()):.2f}, {within:.1%} within 1.10, worst {ratios[worst]:.3f} ({worst});"
        f" {took:.1f} s"
    )


def orders(found: dict[str, Memory]) -> None:
    """Prints what better orders save."""
    start = time.process_time()
    results: dict[str, Order] = {name: memory.reorder() for name, memory in found.items()}
    took = time.process_time() - start
    better = sorted((order.saving, name) for name, order in results.items() if order.saving)
    exact = sum(order.exact for order in results.values())
    print(f"orders: {len(better)} of {len(results)} networks improve, {exact} are proven best; {took:.1f} s")
    if better:
        print(f"  they save {statistics.median(saving for saving, _ in better):.1%} in the median; the most:")
    for saving, name in reversed(better[-10:]):
        order = results[name]
        change = f"{order.before_bytes:12,} -> {order.peak_bytes:12,}"
        print(f"  {saving:6.1%}  {change}  {len(order.schedule):5} operators  {name}")


def many(kind: str, lives: list[int]) -> None:
    """Prints the time of one plan of very many buffers; `lives` are how many steps each is alive."""
    rng = random.Random(0)
    births = [rng.randrange(MANY) for _ in lives]
    buffers = [
        Buffer([str(at)], 64 * rng.randrange(1, 1000), birth, min(birth + life, MANY - 1))
        for at, (birth, life) in enumerate(zip(births, lives, strict=True))
    ]
    start = time.process_time()
    found = plan(buffers, 64)
    took = time.process_time() - start
    print(f"{MANY:,} buffers, {kind}: {took:.2f} s, {found.nbytes / found.lower_bound:.3f} of the lower bound")


def main() -> None:
    rng = random.Random(1)
    short = [int(rng.expovariate(1 / 5)) for _ in range(MANY)]
    many("alive for 5 steps on average", short)
    many("3% of them alive for long", [life if rng.random() < 0.97 else rng.randrange(MANY) for life in short])
    many("alive for any time", [rng.randrange(MANY) for _ in range(MANY)])
    found = memories([Path(folder) for folder in sys.argv[1:]] or [ROOT / "prototxt", ROOT / "onnx_models"])
    for align in (1, 64):
        arenas(found, align)
    orders(found)


if __name__ == "__main__":
    main()
