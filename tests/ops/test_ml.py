"""Classical models: ai.onnx.ml: the shapes and the work that each states. Numbers show their factors."""

from __future__ import annotations

from graphcost import Work
from harness import Question, Stated, assert_open, assert_states, each, ints, t

CASES: list[Stated] = [
    ("ai.onnx.ml.Scaler", (t(2, 3),), {}, [(2, 3)], Work(adds=6, muls=6)),
    ("ai.onnx.ml.LabelEncoder", (t(2),), {"values_strings": ("a",)}, [(2,)], Work()),
    ("ai.onnx.ml.LinearRegressor", (t(2, 3),), {"coefficients": (1.0,) * 6, "targets": 2, "intercepts": (0.0, 0.0)}, [(2, 2)], Work(macs=12, adds=4)),
    ("ai.onnx.ml.LinearClassifier", (t(2, 3),), {"coefficients": (1.0,) * 9, "classlabels_ints": (0, 1, 2)}, [(2,), (2, 3)], None),
    ("ai.onnx.ml.TreeEnsembleClassifier", (t(2, 3),), {"classlabels_strings": ("a", "b")}, [(2,), (2, 2)], None),
    ("ai.onnx.ml.TreeEnsembleRegressor", (t(2, 3),), {"n_targets": 2}, [(2, 2)], None),
    ("ai.onnx.ml.SVMClassifier", (t(2, 3),), {"classlabels_ints": (0, 1)}, [(2,), (2, 2)], None),
    ("ai.onnx.ml.SVMRegressor", (t(2, 3),), {}, [(2, 1)], None),
    ("ai.onnx.ml.OneHotEncoder", (t(2, 1),), {"cats_int64s": (1, 2, 3)}, [(2, 1, 3)], Work()),
    ("ai.onnx.ml.ArrayFeatureExtractor", (t(2, 5), ints(0, 3)), {}, [(2, 2)], Work()),
    ("ai.onnx.ml.FeatureVectorizer", (t(2, 1), t(2, 3)), {"inputdimensions": (1, 3)}, [(2, 4)], Work()),
    ("ai.onnx.ml.CastMap", (t(1),), {"map_form": "SPARSE", "max_map": 7}, [(1, 7)], Work()),
    ("ai.onnx.ml.DictVectorizer", (t(1),), {"string_vocabulary": ("a", "b")}, [(1, 2)], Work()),
]  # fmt: skip


@each(CASES)
def test_an_operator_states_its_outputs_and_work(case: Stated) -> None:
    assert_states(case)


OPEN: list[Question] = [
    ("ai.onnx.ml.CastMap", (t(1),), {}),
]  # fmt: skip


@each(OPEN)
def test_an_extent_that_data_decides_is_left_open(case: Question) -> None:
    assert_open(case)
