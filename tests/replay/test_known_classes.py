"""Every class of `keras.callbacks` is known by its name: replayed, or refused with its own reason."""

from __future__ import annotations

import inspect

import pytest

from kcb_replay import SettingError
from kcb_replay.replay.callbacks import CALLBACKS, REFUSED
from kcb_replay.replay.settings_text import parse_callback


def _public_classes(library):
    """Return the names of the classes that `library.callbacks` and its sub-modules give to users."""
    callbacks = pytest.importorskip(library).callbacks
    modules = [callbacks, *(value for name, value in vars(callbacks).items() if name == "experimental")]
    return {
        name
        for module in modules
        for name in dir(module)
        if not name.startswith("_") and inspect.isclass(getattr(module, name))
    }


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_every_class_is_replayed_or_refused(library):
    """A class that a further version of Keras brings needs a callback of its own, or a line in `REFUSED`."""
    names = _public_classes(library)
    assert {"EarlyStopping", "TensorBoard"} <= names
    assert names - set(CALLBACKS) - set(REFUSED) == set()


def test_nothing_is_refused_that_is_no_class_of_keras():
    """Nor both replayed and refused."""
    names = _public_classes("keras") | _public_classes("tf_keras")
    assert set(REFUSED) <= names
    assert set(REFUSED).isdisjoint(CALLBACKS)


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_gives_the_reason_and_what_to_do(name, cli, tmp_path):
    """On the command line, with the name as scripts write it, with whatever arguments."""
    (tmp_path / "run.csv").write_text("epoch,loss,val_loss\n0,1.0,1.0\n1,0.5,0.5\n")
    for code in (f"{name}()", f'keras.callbacks.{name}("a", b=1)', f"tf.keras.callbacks.{name}"):
        result = cli("simulate", "run.csv", "-c", code)
        assert result.exit_code == 2
        assert f"{name} is not replayed: " in result.stderr
        assert "no callback that kcb-replay replays" not in result.stderr
    assert len(set(REFUSED.values())) == len(REFUSED)


def test_the_name_of_before_is_the_same_callback():
    """`experimental` was its place in tf.keras 2.3 to 2.7."""
    code = 'tf.keras.callbacks.experimental.BackupAndRestore("bk")'
    assert parse_callback(code) == parse_callback('BackupAndRestore("bk")')


@pytest.mark.parametrize("function", ["print", "lambda epoch, logs: print(epoch)", "my_module.hook", "make()"])
@pytest.mark.parametrize("name", ["on_epoch_end", "on_train_begin", "on_batch_end"])
def test_a_function_that_is_written_out_is_told_how_to_be_passed(name, function, cli, tmp_path):
    """By its place, under the name of its argument."""
    (tmp_path / "run.csv").write_text("epoch,loss,val_loss\n0,1.0,1.0\n")
    result = cli("simulate", "run.csv", "-c", f"LambdaCallback({name}={function})")
    assert result.exit_code == 2
    assert f'{name}="file.py:name"' in result.stderr


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("LambdaCallback(lambda epoch, logs: None)", 'on_epoch_begin="file.py:name"'),
        ('LambdaCallback(on_epoch_end="print")', 'on_epoch_end="file.py:name"'),
        ("LearningRateScheduler(lambda epoch: 0.1)", 'schedule="file.py:name"'),
        ('LearningRateScheduler("step_decay")', 'schedule="file.py:name"'),
        ('LambdaCallback(on_epoch_end="nowhere.py:hook")', "nowhere.py cannot be read"),
        ('LambdaCallback(on_epoch_end="builtins:prnt")', "Did you mean 'print'?"),
        ('LambdaCallback(on_epoch_end="no_such_module:hook")', "There is no module 'no_such_module'"),
        ("EarlyStopping(patience=steps)", "is not a literal"),
    ],
)
def test_a_wrong_place_is_told_what_is_wrong(code, remedy):
    """And what an argument that is no function wants stays a literal."""
    with pytest.raises(SettingError) as refused:
        parse_callback(code)
    assert remedy in str(refused.value)
    assert len(str(refused.value)) < 500


def test_a_function_by_its_place_is_called(cli, tmp_path):
    """As typed, without quotes or with them."""
    (tmp_path / "run.csv").write_text("epoch,loss,val_loss\n0,1.0,1.0\n1,0.5,0.5\n")
    (tmp_path / "hooks.py").write_text(
        "def note(epoch, logs):\n    with open('calls', 'a') as file:\n        file.write(f'{epoch} ')\n"
    )
    for code in ('LambdaCallback(on_epoch_end="hooks.py:note")', "LambdaCallback(on_epoch_end=hooks.py:note)"):
        assert cli("simulate", "run.csv", "-c", code).exit_code == 0
    assert (tmp_path / "calls").read_text() == "0 1 0 1 "
