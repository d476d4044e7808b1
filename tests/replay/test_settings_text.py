"""Callbacks as people type them, and what is refused."""

from __future__ import annotations

import pytest

from kcb_replay import SettingError
from kcb_replay.replay.callbacks import LearningRateScheduler, ModelCheckpoint
from kcb_replay.replay.schedules import ExponentialDecay
from kcb_replay.replay.settings_text import parse_callback


@pytest.fixture
def schedules_file(tmp_path, monkeypatch):
    """Put a file with a schedule into the working directory, and return that."""
    monkeypatch.chdir(tmp_path)
    source = "def halve(epoch, lr):\n    return lr / 2\n\nrate = 3\n"
    (tmp_path / "my_schedules.py").write_text(source)
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        'LearningRateScheduler("my_schedules.py:halve")',
        "LearningRateScheduler(my_schedules.py:halve)",
        "LearningRateScheduler(schedule=my_schedules:halve, verbose=1)",
        'keras.callbacks.LearningRateScheduler("./my_schedules.py:halve")',
    ],
)
@pytest.mark.usefixtures("schedules_file")
def test_a_function_is_named_by_its_place(text):
    """A module or a file in the working directory, quoted or not."""
    assert parse_callback(text).schedule(3, 0.5) == 0.25


@pytest.mark.usefixtures("schedules_file")
def test_a_function_is_written_as_its_place():
    """The settings printed can be typed again."""
    text = str(parse_callback("LearningRateScheduler(my_schedules.py:halve)"))
    assert text == 'LearningRateScheduler(schedule="my_schedules.py:halve")'
    assert str(parse_callback(text)) == text


@pytest.mark.usefixtures("schedules_file")
def test_the_functions_of_a_lambda_callback_are_named_by_their_places():
    """Any function that a callback takes is written like a schedule."""
    callback = parse_callback("LambdaCallback(on_epoch_end=my_schedules.py:halve)")
    assert callback.on_epoch_end(1, 0.5) == 0.25
    assert str(callback) == 'LambdaCallback(on_epoch_end="my_schedules.py:halve")'


def test_a_schedule_of_keras_is_made_from_literals():
    """A schedule is read by its class and written as it is made."""
    callback = parse_callback("LearningRateScheduler(keras.optimizers.schedules.ExponentialDecay(0.01, 1000, 0.96))")
    assert callback == LearningRateScheduler(ExponentialDecay(0.01, 1000, 0.96))
    assert parse_callback(str(callback)) == callback


def test_a_checkpoint_needs_its_filepath():
    """The argument without a default is asked for."""
    assert parse_callback('ModelCheckpoint("w.keras")') == ModelCheckpoint("w.keras")
    with pytest.raises(SettingError, match="ModelCheckpoint needs the argument 'filepath'"):
        parse_callback("ModelCheckpoint(save_best_only=True)")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("LearningRateScheduler(my_schedules.py:halv)", "has nothing called halv. Did you mean 'halve'?"),
        ("LearningRateScheduler(my_schedules.py:rate)", "which cannot be called"),
        ("LearningRateScheduler(nowhere.py:halve)", "nowhere.py cannot be read: No such file or directory"),
        ("LearningRateScheduler(no_such_module:halve)", "There is no module 'no_such_module'"),
        ("LearningRateScheduler(lambda epoch: 0.1)", 'schedule="file.py:name"'),
        ("LearningRateScheduler(ExponentialDecay(0.1))", "ExponentialDecay needs the argument 'decay_steps'"),
        ("LearningRateScheduler(ExponentialDecay(0.1, 10, 0.9, bogus=1))", "has no argument 'bogus'"),
        ("LearningRateScheduler(0.1)", "schedule must be a function"),
    ],
)
@pytest.mark.usefixtures("schedules_file")
def test_what_is_no_schedule_is_refused_with_the_remedy(text, said):
    """Each error says what was found and what to write instead."""
    with pytest.raises(SettingError) as caught:
        parse_callback(text)
    assert said in str(caught.value)


def test_a_file_that_cannot_be_loaded_is_named_with_its_error(schedules_file):
    """What the user's code raises is said, not shown as a traceback."""
    (schedules_file / "broken.py").write_text("1 / 0")
    with pytest.raises(SettingError, match=r"broken\.py cannot be loaded: ZeroDivisionError"):
        parse_callback("LearningRateScheduler(broken.py:halve)")
