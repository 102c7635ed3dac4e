"""How long `graphcost prototxt/det1.prototxt` takes, as a ratio to `import networkx, jinja2` alone."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

OURS = [sys.executable, "-m", "graphcost", "prototxt/det1.prototxt"]
BASE = [sys.executable, "-c", "import networkx, jinja2"]
ROUNDS = 21
ENV = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""As it is installed: with compiled files."""


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=ENV)
    return time.perf_counter() - start


def main() -> None:
    for command in (OURS, BASE):
        seconds(command)  # fill the caches
    pairs = [(seconds(OURS), seconds(BASE)) for _ in range(ROUNDS)]
    ours, base = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(
        f"graphcost det1.prototxt {ours * 1000:.0f} ms, import networkx, jinja2 {base * 1000:.0f} ms, ratio {ratio:.2f}"
    )


if __name__ == "__main__":
    main()
