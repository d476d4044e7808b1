"""What Keras would call the metrics of other writers, and what keeps its name."""

import pytest

from kcb_replay.ingest.metric_names import ROLE_OF, as_they_are, keras_name, name_in_role, names_of, split_role


@pytest.mark.parametrize(
    ("tags", "names"),
    [
        ("train_loss train_acc val_loss val_acc lr", "loss accuracy val_loss val_accuracy lr"),
        ("Loss/train Accuracy/train Loss/val Accuracy/val", "loss accuracy val_loss val_accuracy"),
        ("train/loss train/acc valid/loss valid/acc", "loss accuracy val_loss val_accuracy"),
        ("training_loss validation_loss", "loss val_loss"),
        ("trainLoss valLoss trainDice valDice", "loss val_loss Dice val_Dice"),
        ("loss_train loss_val acc-train acc-val", "loss val_loss accuracy val_accuracy"),
        ("Loss Accuracy LR", "loss accuracy lr"),
        ("train/box_loss val/box_loss metrics/mAP50(B)", "box_loss val_box_loss metrics/mAP50(B)"),
        # The data of a test are those of the validation where a training has no others.
        ("train_loss test_loss test_auc", "loss val_loss val_auc"),
        ("Loss/train Loss/test Loss/valid", "loss test_loss val_loss"),
        ("loss test_loss", "loss test_loss"),
    ],
)
def test_tags_of_other_writers_get_the_names_that_keras_would_give(tags, names):
    """Whole sets of tags are named together, as one table holds them."""
    assert list(names_of(tags.split()).values()) == names.split()


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("Train Loss", "loss"),
        ("Val. Loss", "val_loss"),
        ("Validation F1 Score", "val_f1_score"),
        ("loss (val)", "val_loss"),
        ("VAL_LOSS", "val_loss"),
    ],
)
def test_blanks_and_capitals_are_no_other_metric(tag, name):
    """Tables for people write names as they stand in a sentence."""
    assert names_of([tag]) == {tag: name}


@pytest.mark.parametrize(
    "tags", ["loss acc val_loss val_acc", "loss Accuracy val_loss val_Accuracy lr", "loss max_val"]
)
def test_names_of_kerass_own_stay(tags):
    """Where `loss` shows that Keras chose the names, none is changed, for settings were written with them."""
    assert names_of(tags.split()) == as_they_are(tags.split())


@pytest.mark.parametrize(("word", "name"), [("training", "loss"), ("valid", "val_loss"), ("test", "test_loss")])
def test_a_word_for_the_data_makes_a_name(word, name):
    """Folders, columns and keys say which data a metric is of."""
    assert name_in_role("loss", ROLE_OF[word]) == name


@pytest.mark.parametrize("tag", ["max_val", "valuation", "train", "trainable", "val", "test_", "a" * 300 + "_" * 9000])
def test_tags_without_a_certain_role_have_none(tag):
    """A word within a name is no role."""
    assert split_role(tag) is None
    assert keras_name(tag) == tag


@pytest.mark.parametrize("tags", [["loss", "train_loss"], ["train_loss", "train/loss"], ["acc", "val_acc", "Acc/val"]])
def test_tags_that_would_share_a_name_keep_their_own(tags):
    """No series replaces another one."""
    assert names_of(tags) == as_they_are(tags)
