"""What `mode="auto"` of Keras 3 takes for a direction: real compiled models against the names that their logs have.

An answer may be exact only where the name leaves no doubt: then real Keras must take that direction.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

import kcb_replay as kcb
from kcb_replay.replay.directions import direction_of, is_assumed
from kcb_replay.report.drawing.strips import strips_info
from kcb_replay.report.explainer.page import explainer_html
from kcb_replay.report.report_page import contents_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def my_accuracy(targets, predictions):
    """Return something that Keras knows no direction of."""
    from keras import ops

    return ops.mean(targets * predictions)


def binary(keras):
    """Return metrics of a model with one sigmoid output."""
    metrics, losses = keras.metrics, keras.losses
    return [
        *("accuracy", "acc", "AUC", "mae", "MAE", "mse", "MSE", "mape", "MAPE", "msle", "MSLE", "bce", "BCE"),
        *("MeanAbsoluteError", "MeanSquaredError", "RootMeanSquaredError", "BinaryCrossentropy", "Precision", "Recall"),
        *("binary_accuracy", "binary_crossentropy", "hinge", "squared_hinge", "poisson", "kl_divergence", "r2_score"),
        *("mean_squared_logarithmic_error", "mean_absolute_percentage_error", "Hinge", "R2Score", "KLDivergence"),
        *(losses.mean_absolute_error, losses.mean_squared_error, losses.huber, losses.log_cosh),
        *(losses.binary_focal_crossentropy, losses.cosine_similarity, losses.dice, my_accuracy),
        *(metrics.AUC(), metrics.AUC(), metrics.AUC(name="pr_auc", curve="PR"), metrics.F1Score(threshold=0.5)),
        *(metrics.F1Score(name="f1", threshold=0.5), metrics.FBetaScore(threshold=0.5), metrics.BinaryIoU()),
        *(metrics.BinaryAccuracy(name="top5"), metrics.Precision(), metrics.Recall(), metrics.PrecisionAtRecall(0.5)),
        *(metrics.RecallAtPrecision(0.5), metrics.SensitivityAtSpecificity(0.5), metrics.MeanIoU(2)),
        *(metrics.SpecificityAtSensitivity(0.5), metrics.RootMeanSquaredError(), metrics.LogCoshError()),
        *(metrics.RootMeanSquaredError(name="rmse"), metrics.PearsonCorrelation(), metrics.ConcordanceCorrelation()),
        *(metrics.TruePositives(), metrics.FalseNegatives(), metrics.CosineSimilarity(name="cosine")),
        metrics.MeanMetricWrapper(my_accuracy, name="dice_coef"),
    ]


def categorical(keras):
    """Return metrics of a model with three classes."""
    metrics = keras.metrics
    return [
        *("categorical_accuracy", "CategoricalAccuracy", "categorical_crossentropy", "CategoricalCrossentropy"),
        *("top_k_categorical_accuracy", "TopKCategoricalAccuracy", "categorical_hinge", "CategoricalHinge"),
        *(metrics.OneHotMeanIoU(3), metrics.OneHotIoU(3, [0]), metrics.TopKCategoricalAccuracy(2, name="top_2")),
        *(metrics.CategoricalAccuracy(), keras.losses.categorical_focal_crossentropy, metrics.CosineSimilarity()),
    ]


def of_fit(keras, outputs, targets, metrics, *, loss="mse"):
    """Return the logs of a fit with validation, and the direction that real Keras takes for each of them."""
    inputs = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    entrance = keras.Input((4,))
    model = keras.Model(entrance, outputs(entrance))
    model.compile("sgd", loss=loss, metrics=metrics)
    history = model.fit(inputs, targets, validation_data=(inputs, targets), verbose=0).history
    logs = {name: values[0] for name, values in history.items()}
    return {name: direction_in(keras, model, name, logs) for name in logs}


def direction_in(keras, model, monitor, logs):
    """Return what a real EarlyStopping on a real model takes for the direction of a metric."""
    callback = keras.callbacks.EarlyStopping(monitor=monitor)
    callback.set_model(model)
    callback.on_train_begin()
    try:
        callback.on_epoch_end(0, logs)
    except ValueError:
        return "ValueError"
    return {"less": "min", "greater": "max"}[callback.monitor_op.__name__]


@pytest.fixture(scope="module")
def taken():
    """Return the direction that real Keras takes, by the name of the metric in the logs of five models."""
    keras = pytest.importorskip("keras")
    generator = np.random.default_rng(1)
    sign = (generator.random((8, 1)) > 0.5).astype("float32")
    classes = generator.integers(0, 3, 8)
    layers = keras.layers
    found = of_fit(keras, layers.Dense(1, "sigmoid"), sign, binary(keras))
    found |= of_fit(keras, layers.Dense(3, "softmax"), np.eye(3, dtype="float32")[classes], categorical(keras))
    sparse = ["sparse_categorical_accuracy", "sparse_categorical_crossentropy", "sparse_top_k_categorical_accuracy"]
    found |= of_fit(keras, layers.Dense(3, "softmax"), classes, sparse, loss="sparse_categorical_crossentropy")

    def two(entrance):
        return {name: layers.Dense(1, "sigmoid", name=name)(entrance) for name in ("a", "b")}

    metrics = {"a": ["accuracy", keras.metrics.AUC(name="auc")], "b": ["mae", my_accuracy]}
    return found | of_fit(keras, two, {"a": sign, "b": sign}, metrics, loss={"a": "mse", "b": "mse"})


@pytest.mark.keras
def test_a_direction_that_is_not_assumed_is_that_of_real_keras(taken):
    """For every name that Keras gives, with val_ and without."""
    assert len(taken) > 150
    certain = {name: direction_of(name) for name in taken if direction_of(name) and not is_assumed(name, taken)}
    assert certain == {name: taken[name] for name in certain}
    assert len(certain) > 120


@pytest.mark.keras
@pytest.mark.parametrize(
    ("name", "real", "suggested"),
    [
        ("val_pr_auc", "max", "max"),
        ("val_f1", "max", "max"),
        ("val_rmse", "min", "min"),
        ("val_cosine", "max", None),
        ("val_top5", "max", None),
        ("val_top_2", "max", None),
        ("val_cosine_similarity", "max", "max"),
        ("val_a_accuracy", "ValueError", "max"),
        ("val_a_auc", "ValueError", "max"),
        ("val_b_mae", "ValueError", "min"),
        ("val_a_loss", "ValueError", "min"),
        ("val_my_accuracy", "ValueError", "max"),
        ("val_b_my_accuracy", "ValueError", "max"),
        ("val_dice_coef", "ValueError", None),
        ("val_true_positives", "ValueError", None),
        ("val_dice", "min", None),
        ("val_categorical_accuracy_1", "ValueError", "max"),
    ],
)
def test_a_name_that_keras_does_not_give_is_at_most_a_suggestion(taken, name, real, suggested):
    """Real Keras takes the direction of the metric, or raises; the name alone tells neither."""
    assert (taken[name], direction_of(name)) == (real, suggested)
    assert is_assumed(name, taken) == (suggested is not None)


CURVE = [0.5, 0.6, 0.55, 0.5, 0.45, 0.4]


def test_an_assumed_direction_is_said_wherever_the_answer_is(recording):
    """A replay, a sweep, a comparison and a recommendation carry the label and the reason."""
    runs = [recording(name, val_pr_auc=CURVE) for name in "ab"]
    reason = "The direction of val_pr_auc (max) is taken from its name"
    answer = kcb.replay(runs[0], [kcb.EarlyStopping("val_pr_auc", patience=2)])
    assert (answer.validity.label, answer.stop_epoch, answer.validity.valid_through_index) == ("hypothetical", 4, None)
    assert reason in answer.to_dict()["reason"]
    swept = kcb.sweep(runs, kcb.EarlyStopping, monitor="val_pr_auc", patience=[1, 2, 9])
    assert {row["validity"] for row in swept.to_arrow().to_pylist()} == {"hypothetical"}
    reducing = kcb.sweep(runs, kcb.ReduceLROnPlateau, monitor="val_pr_auc", patience=[1, 9])
    assert {row["validity"] for row in reducing.to_arrow().to_pylist()} == {"hypothetical"}
    compared = kcb.compare_rules(runs, [kcb.EarlyStopping("val_pr_auc", patience=2)], monitor="val_pr_auc")
    assert {row["validity"] for row in compared.records()} == {"hypothetical"}
    assert reason[4:] in compared.to_dict()["assumed"][0]
    recommended = kcb.recommend(runs * 20, monitor="val_pr_auc")
    assert any(reason[4:] in note for note in recommended.notes)


@pytest.mark.parametrize(
    ("settings", "semantics"),
    [
        (kcb.EarlyStopping("val_pr_auc", mode="max", patience=2), "keras-3.15"),
        (kcb.EarlyStopping("val_pr_auc", patience=2), "tf_keras-2.21"),
        (kcb.EarlyStopping("val_auc_1", patience=2), "keras-3.15"),
        (kcb.ReduceLROnPlateau("val_pr_auc", patience=1), "keras-3.10"),
    ],
)
def test_nothing_is_assumed_where_the_mode_or_the_version_decides(recording, settings, semantics):
    """A given mode, a version that goes by the name, a name that Keras gives."""
    metrics = {settings.monitor: CURVE}
    answer = kcb.replay(recording(**metrics), [settings], semantics=semantics)
    assert not answer.assumed
    assert "taken from its name" not in json.dumps(answer.to_dict())


@pytest.mark.parametrize(
    "settings", [kcb.EarlyStopping, kcb.ReduceLROnPlateau, lambda m: kcb.ModelCheckpoint("w.keras", m)]
)
def test_where_the_name_says_nothing_the_mode_is_asked_for(recording, settings):
    """It is not claimed that Keras raises: a metric of that name may well have a direction."""
    with pytest.raises(kcb.DirectionUnknownError, match=r"whether val_top5 should fall or rise .* Give --mode min or"):
        kcb.replay(recording(val_top5=CURVE), [settings("val_top5")])
    assert kcb.replay(recording(val_top5=CURVE), [settings("val_top5")], semantics="keras-2.3").outcomes


def test_a_sweep_leaves_out_what_has_no_direction(recording):
    """With the same sentence."""
    found = kcb.sweep([recording(val_top5=CURVE)], kcb.EarlyStopping, monitor="val_top5", patience=[1])
    with pytest.raises(kcb.DirectionUnknownError) as caught:
        kcb.replay(recording(val_top5=CURVE), [kcb.EarlyStopping("val_top5")])
    assert [each.reason for each in found.left_out] == [caught.value.reason]


@pytest.mark.parametrize(("metrics", "label"), [(["val_auc_1"], "exact"), (["val_auc", "val_auc_1"], "hypothetical")])
def test_a_second_metric_of_a_name_may_have_been_compiled_under_another(recording, metrics, label):
    """Keras names a second AUC() of a process auc_1, and in the logs the second of two metrics that are both auc."""
    run = recording(**dict.fromkeys(metrics, CURVE))
    assert kcb.replay(run, [kcb.EarlyStopping("val_auc_1", patience=2)]).validity.label == label
    swept = kcb.sweep([run], kcb.EarlyStopping, monitor="val_auc_1", patience=[1, 2])
    assert {row["validity"] for row in swept.to_arrow().to_pylist()} == {label}


@pytest.mark.keras
def test_a_real_callback_is_labelled_as_ours_is(recording):
    """A class of Keras 3 asks the stand-in what nobody recorded: the direction is assumed, or asked for."""
    keras = pytest.importorskip("keras")

    class Stopper(keras.callbacks.EarlyStopping):
        """One of the user's own."""

    answer = kcb.replay(recording(val_pr_auc=CURVE), [Stopper("val_pr_auc", patience=2)])
    assert (answer.stop_epoch, answer.validity.label) == (4, "hypothetical")
    given = kcb.replay(recording(val_pr_auc=CURVE), [Stopper("val_pr_auc", patience=2, mode="max")])
    assert (given.stop_epoch, given.validity.label) == (4, "exact")
    with pytest.raises(kcb.DirectionUnknownError):
        kcb.replay(recording(val_top5=CURVE), [Stopper("val_top5", patience=2)])
    with pytest.raises(kcb.MonitorNotRecordedError, match="would raise ValueError") as caught:
        kcb.replay(recording(val_accuracy=CURVE), [Stopper("val_acc", patience=2)])
    assert "did you mean val_accuracy?" in str(caught.value)


def test_an_inference_says_which_directions_it_takes_from_names(recording):
    """Where a version asks the model, and no mode was given."""
    run = recording(val_pr_auc=CURVE, val_loss=CURVE)
    said = "The direction of val_pr_auc (max) is taken from its name"
    assert any(limit.startswith(said) for limit in kcb.infer(run).limits)
    assert not any(limit.startswith(said) for limit in kcb.infer(run, mode="max").limits)
    assert not any(limit.startswith(said) for limit in kcb.infer(run, semantics="tf_keras-2.21").limits)


def test_pages_and_figures_say_what_is_assumed(recording):
    """In the headline, in the box of limits, and in the reason of each row."""
    runs = [recording(name, val_pr_auc=CURVE) for name in "ab"]
    simulation = kcb.simulate(runs, [[kcb.EarlyStopping("val_pr_auc", patience=2)]])
    said = "the direction of val_pr_auc (max) is taken from its name"
    contents = contents_of(simulation)
    assert contents.answer.endswith(f"Hypothetical: {said}.")
    assert all(said[4:] in row.reason for row in contents.rows)
    assert any(said in sentence for sentence in contents.unanswered)
    assert said[4:] in explainer_html(runs[0], [kcb.EarlyStopping("val_pr_auc", patience=2)])
    assert any(said in note for note in strips_info(simulation.replays).notes)
