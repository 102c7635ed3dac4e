"""ai.onnx.ml: classical models. Shapes, and the cost where the attributes tell it."""

from __future__ import annotations

from collections.abc import Sequence

from ..dims import Extent
from ..graph import Tensor, TensorSequence, Unranked
from ..rules import GLOBAL, NO_WORK, Facts, Work, data_dependent, rule


def _rows(x: Tensor) -> Extent:
    """A vector is one row."""
    return x.shape[0] if x.rank > 1 else 1


def _labels(rows: Extent, strings: Sequence[str] | None) -> Tensor:
    return Tensor((rows,), "string" if strings else "int64")


def _same(kind: str, work: Work | None, dtype: str = "", harmless: tuple[str, ...] = ()) -> None:
    @rule(f"ai.onnx.ml.{kind}", harmless=harmless)
    def elementwise(x: Tensor) -> Facts:
        return Facts((Tensor(x.shape, dtype or x.dtype),), None if work is None else work * x.size)

    elementwise.__doc__ = f"{kind}: [*any] -> the same shape.  https://onnx.ai/onnx/operators/onnx_aionnxml_{kind}.html"


_same("Scaler", Work(adds=1, muls=1), "float32", ("offset", "scale"))
_same("Imputer", Work(compares=1), harmless=(
    "imputed_value_floats", "imputed_value_int64s", "replaced_value_float", "replaced_value_int64",
))  # fmt: skip
_same("Binarizer", Work(compares=1), harmless=("threshold",))
_same("Normalizer", Work(muls=1, adds=1, divs=1), "float32", ("norm",))


@rule("ai.onnx.ml.LabelEncoder", "ai.onnx.ml.CategoryMapper", harmless=(
    "keys_strings", "keys_int64s", "keys_floats", "keys_tensor", "cats_strings", "cats_int64s",
    "default_string", "default_int64", "default_float", "default_tensor",
))  # fmt: skip
def label_encoder(
    x: Tensor,
    *,
    values_strings: Sequence[str] | None = None,
    values_int64s: Sequence[int] | None = None,
    values_floats: Sequence[float] | None = None,
    classes_strings: Sequence[str] | None = None,
    values_tensor: Tensor | None = None,
) -> Facts:
    """[*any] -> the same shape, each element looked up.

    https://onnx.ai/onnx/operators/onnx_aionnxml_LabelEncoder.html
    """
    if values_tensor is not None:
        dtype = values_tensor.dtype
    elif values_floats:
        dtype = "float32"
    elif values_int64s or (classes_strings and x.dtype == "string"):
        dtype = "int64"
    else:
        dtype = "string"
    return Facts((Tensor(x.shape, dtype),), NO_WORK)


@rule("ai.onnx.ml.LinearRegressor", harmless=("post_transform",))
def linear_regressor(
    x: Tensor, *, coefficients: Sequence[float] = (), intercepts: Sequence[float] = (), targets: int = 1
) -> Facts:
    """[N, features] -> [N, targets].  https://onnx.ai/onnx/operators/onnx_aionnxml_LinearRegressor.html"""
    rows = _rows(x)
    work = Work(macs=rows * len(coefficients), adds=rows * targets if intercepts else 0)
    return Facts((Tensor((rows, targets)),), work, GLOBAL)


@rule("ai.onnx.ml.LinearClassifier", harmless=("multi_class", "post_transform"))
def linear_classifier(
    x: Tensor,
    *,
    coefficients: Sequence[float] = (),
    intercepts: Sequence[float] = (),
    classlabels_ints: Sequence[int] | None = None,
    classlabels_strings: Sequence[str] | None = None,
) -> Facts:
    """[N, features] -> labels [N], scores [N, classes].

    https://onnx.ai/onnx/operators/onnx_aionnxml_LinearClassifier.html
    """
    rows = _rows(x)
    classes = len(classlabels_ints or classlabels_strings or ()) or len(intercepts)
    scores = Tensor((rows, classes))
    work = Work(macs=rows * len(coefficients), adds=rows * len(intercepts), compares=scores.size)
    return Facts((_labels(rows, classlabels_strings), scores), work, GLOBAL)


TREES = (
    "nodes_falsenodeids", "nodes_featureids", "nodes_hitrates", "nodes_hitrates_as_tensor",
    "nodes_missing_value_tracks_true", "nodes_modes", "nodes_nodeids", "nodes_treeids", "nodes_truenodeids",
    "nodes_values", "nodes_values_as_tensor", "nodes_falseleafs", "nodes_trueleafs", "nodes_splits", "tree_roots",
    "leaf_targetids", "leaf_weights", "membership_values", "base_values", "base_values_as_tensor", "post_transform",
)  # fmt: skip
"""The nodes and leaves of the trees, of which a row meets as many as the data decides."""


@rule("ai.onnx.ml.TreeEnsembleClassifier", harmless=(
    *TREES, "class_ids", "class_nodeids", "class_treeids", "class_weights", "class_weights_as_tensor",
))  # fmt: skip
def tree_ensemble_classifier(
    x: Tensor,
    *,
    classlabels_int64s: Sequence[int] | None = None,
    classlabels_strings: Sequence[str] | None = None,
) -> Facts:
    """[N, features] -> labels [N], scores [N, classes]; how deep a row goes in each tree is decided by the data.

    https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleClassifier.html
    """
    rows = _rows(x)
    classes = len(classlabels_int64s or classlabels_strings or ())
    return Facts((_labels(rows, classlabels_strings), Tensor((rows, classes))), None, GLOBAL)


@rule("ai.onnx.ml.TreeEnsembleRegressor", "ai.onnx.ml.TreeEnsemble", harmless=(
    *TREES, "target_ids", "target_nodeids", "target_treeids", "target_weights", "target_weights_as_tensor",
    "aggregate_function",
))  # fmt: skip
def tree_ensemble_regressor(x: Tensor, *, n_targets: int = 1) -> Facts:
    """[N, features] -> [N, n_targets]; how deep a row goes in each tree is decided by the data.

    https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleRegressor.html
    """
    return Facts((Tensor((_rows(x), n_targets), "float32" if x.dtype != "float64" else x.dtype),), None, GLOBAL)


VECTORS = ("coefficients", "kernel_params", "kernel_type", "post_transform", "rho", "support_vectors")
"""The support vectors, and what is made of their products with a row."""


@rule("ai.onnx.ml.SVMClassifier", harmless=(*VECTORS, "prob_a", "prob_b", "vectors_per_class"))
def svm_classifier(
    x: Tensor,
    *,
    classlabels_ints: Sequence[int] | None = None,
    classlabels_strings: Sequence[str] | None = None,
) -> Facts:
    """[N, features] -> labels [N], scores [N, classes].

    https://onnx.ai/onnx/operators/onnx_aionnxml_SVMClassifier.html
    """
    rows = _rows(x)
    classes = len(classlabels_ints or classlabels_strings or ())
    return Facts((_labels(rows, classlabels_strings), Tensor((rows, classes))), None, GLOBAL)


@rule("ai.onnx.ml.SVMRegressor", harmless=(*VECTORS, "n_supports", "one_class"))
def svm_regressor(x: Tensor) -> Facts:
    """[N, features] -> [N, 1].  https://onnx.ai/onnx/operators/onnx_aionnxml_SVMRegressor.html"""
    return Facts((Tensor((_rows(x), 1)),), None, GLOBAL)


@rule("ai.onnx.ml.OneHotEncoder", harmless=("zeros",))
def one_hot_encoder(
    x: Tensor, *, cats_int64s: Sequence[int] | None = None, cats_strings: Sequence[str] | None = None
) -> Facts:
    """[*any] -> [*any, categories].  https://onnx.ai/onnx/operators/onnx_aionnxml_OneHotEncoder.html"""
    return Facts((Tensor((*x.shape, len(cats_int64s or cats_strings or ()))),), NO_WORK, GLOBAL)


@rule("ai.onnx.ml.ArrayFeatureExtractor")
def array_feature_extractor(x: Tensor, indices: Tensor) -> Facts:
    """[*rows, features] -> [*rows, chosen].  https://onnx.ai/onnx/operators/onnx_aionnxml_ArrayFeatureExtractor.html"""
    rows = x.shape[:-1] if x.rank > 1 else (1,)
    return Facts((Tensor((*rows, indices.size), x.dtype),), NO_WORK, GLOBAL)


@rule("ai.onnx.ml.FeatureVectorizer")
def feature_vectorizer(*parts: Tensor, inputdimensions: Sequence[int] = ()) -> Facts:
    """Vectors joined -> [N, sum].  https://onnx.ai/onnx/operators/onnx_aionnxml_FeatureVectorizer.html"""
    width: Extent = sum(inputdimensions) if inputdimensions else sum(part.shape[-1] for part in parts)
    return Facts((Tensor((_rows(parts[0]), width)),), NO_WORK, GLOBAL)


@rule("ai.onnx.ml.ZipMap", harmless=("classlabels_int64s", "classlabels_strings"))
def zip_map(x: Tensor) -> Facts:
    """Scores [N, classes] -> a sequence of N maps.  https://onnx.ai/onnx/operators/onnx_aionnxml_ZipMap.html"""
    return Facts((TensorSequence(Unranked("map(float32)")),), NO_WORK, GLOBAL)


@rule("ai.onnx.ml.CastMap")
def cast_map(x: Tensor, *, cast_to: str = "TO_FLOAT", map_form: str = "DENSE", max_map: int = 1) -> Facts:
    """A map -> [1, its entries], or [1, max_map] when it is sparse.

    https://onnx.ai/onnx/operators/onnx_aionnxml_CastMap.html
    """
    dtype = {"TO_STRING": "string", "TO_INT64": "int64"}.get(cast_to, "float32")
    return Facts((Tensor((1, max_map if map_form == "SPARSE" else data_dependent(1)), dtype),), NO_WORK, GLOBAL)


@rule("ai.onnx.ml.DictVectorizer")
def dict_vectorizer(
    x: Tensor,
    *,
    string_vocabulary: Sequence[str] | None = None,
    int64_vocabulary: Sequence[int] | None = None,
) -> Facts:
    """A map -> [1, vocabulary].  https://onnx.ai/onnx/operators/onnx_aionnxml_DictVectorizer.html"""
    return Facts((Tensor((1, len(string_vocabulary or int64_vocabulary or ()))),), NO_WORK, GLOBAL)
