"""Analysis time of synthetic Caffe networks: chains of convolutions, and blocks that branch and join."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import graphcost

HEAD = 'input: "b0" input_shape { dim: 1 dim: 8 dim: 32 dim: 32 }\n'
CONV = (
    'layer {{ name: "{0}" type: "Convolution" bottom: "{1}" top: "{0}" '
    "convolution_param {{ num_output: 8 kernel_size: 3 pad: 1 }} }}\n"
)
ADD = 'layer {{ name: "{0}" type: "Eltwise" bottom: "{1}" bottom: "{2}" top: "{0}" }}\n'


def network(layers: int) -> str:
    """Residual blocks of two convolutions and an addition."""
    text = [HEAD]
    for block in range(layers // 3):
        text += [CONV.format(f"c{block}", f"b{block}"), CONV.format(f"d{block}", f"c{block}")]
        text.append(ADD.format(f"b{block + 1}", f"b{block}", f"d{block}"))
    return "".join(text)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.prototxt"
        for layers in (1_000, 10_000, 100_000):
            path.write_text(network(layers))
            start = time.perf_counter()
            model = graphcost.load(path)
            loaded = time.perf_counter()
            analysis = graphcost.analyze(model)
            assert analysis.complete
            inferred = time.perf_counter()
            report = analysis.report().render("md")
            done = time.perf_counter()
            thousands = len(analysis.rows) / 1000
            parts = [(loaded - start), (inferred - loaded), (done - inferred)]
            print(
                f"{len(analysis.rows):7,} layers: "
                + ", ".join(
                    f"{name} {1000 * part / thousands:.1f} ms"
                    for name, part in zip(("load", "analyse", "report"), parts, strict=True)
                )
                + f" per 1,000 layers; report {len(report) / 1e6:.1f} MB"
            )


if __name__ == "__main__":
    main()
