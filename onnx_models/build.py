"""Write the sample networks retinaface.onnx, ssd300.onnx and vgg16.onnx, the same bytes on every run.

    python onnx_models/build.py                       the samples beside this script
    python onnx_models/build.py --weights -o DIR      the same networks with random weights inside, for benchmarks

The samples carry no weights: a ConstantOfShape node makes each, so that a network of 138 million parameters is a file
of 11 KB and runs all the same. They are architectures only; what they compute means nothing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
from retinaface import retinaface
from ssd300 import ssd300
from vgg16 import vgg16

SEED = 0


def main() -> None:
    parser = argparse.ArgumentParser(description="Write retinaface.onnx, ssd300.onnx and vgg16.onnx.")
    parser.add_argument("--weights", action="store_true", help="put random weights into the files (660 MB in all)")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="where to (default: beside this script)")
    arguments = parser.parse_args()
    if arguments.weights and arguments.output is None:
        parser.error("--weights needs -o DIR: the samples beside this script stay small")
    folder = arguments.output or Path(__file__).parent
    folder.mkdir(parents=True, exist_ok=True)
    for network in (retinaface, ssd300, vgg16):
        rng = np.random.default_rng(SEED) if arguments.weights else None
        onnx.save(network(rng), folder / f"{network.__name__}.onnx")


if __name__ == "__main__":
    main()
