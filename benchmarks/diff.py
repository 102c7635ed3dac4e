"""What a diff costs beside the two analyses that it needs: 10,000 layers, and the same with 20 of them edited."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from scale import network

import graphcost
from graphcost.analysis import TOTALS

EDITS = 20


def edited(text: str) -> str:
    """The network with 20 layers under another name."""
    for number in range(EDITS):
        text = text.replace(f'name: "d{150 * number}"', f'name: "edited{number}"')
    return text


def timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        old, new = Path(folder) / "old.prototxt", Path(folder) / "new.prototxt"
        old.write_text(network(10_000))
        new.write_text(edited(network(10_000)))

        def analyses() -> tuple[graphcost.Analysis, ...]:
            found = tuple(graphcost.analyze(graphcost.load(path)) for path in (old, new))
            for each in found:
                for quantity in TOTALS:
                    each.total(quantity)
            return found

        two = min(timed(analyses) for _ in range(3))
        a, b = analyses()
        alone = min(timed(lambda: graphcost.diff(a, b).to_dict()) for _ in range(3))
        print(f"two analyses {two:.2f} s, with their diff {(two + alone) / two:.2f} x that")
        print(graphcost.diff(a, b).counts)


if __name__ == "__main__":
    main()
