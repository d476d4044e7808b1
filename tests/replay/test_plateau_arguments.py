"""The arguments of ReduceLROnPlateau, which differ between versions: epsilon, min_delta, and words that it has not."""

from __future__ import annotations

import pytest

from kcb_replay import KerasWouldRaiseError, ReduceLROnPlateau, SettingError, read, replay, sweep
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.settings_text import parse_callback

# Falls by 0.05 an epoch: an improvement by 0.01, none by 0.5.
LOSSES = [1.0, 0.95, 0.9, 0.85, 0.8, 0.75]
OLD, ALIAS, NEW = ("keras-2.0.8", "keras-2.1.5"), ("keras-2.1.6", "tf.keras-2.4", "tf_keras-2.21"), ("keras-3.15",)


@pytest.fixture
def log(tmp_path):
    """Return the path of a log."""
    path = tmp_path / "mon.csv"
    path.write_text("epoch,loss,val_loss\n" + "".join(f"{epoch},1.0,{loss}\n" for epoch, loss in enumerate(LOSSES)))
    return path


def drops(log, version, **settings):
    """Return how often a replay reduces."""
    one = replay(read(log)[0], [ReduceLROnPlateau(patience=2, **settings)], semantics=version, initial_lr=0.1)
    return len(one.outcomes[0].drops)


@pytest.mark.parametrize("version", [*OLD, *ALIAS])
def test_epsilon_is_min_delta_in_keras_2(log, version):
    """Under its first name, and later as another name for it, which wins over min_delta."""
    assert drops(log, version, epsilon=0.5) > 0
    assert drops(log, version, epsilon=0.01) == 0


@pytest.mark.parametrize("version", NEW)
def test_keras_3_ignores_epsilon(log, version):
    """It is dropped as any unknown argument is: the default of min_delta stands."""
    assert drops(log, version, epsilon=0.5) == drops(log, version) == 0


@pytest.mark.parametrize("version", OLD)
def test_min_delta_was_unknown_at_first(log, version):
    """A TypeError of the constructor, with the name that it has there."""
    with pytest.raises(KerasWouldRaiseError, match=r"TypeError in the constructor .* called epsilon there"):
        drops(log, version, min_delta=0.5)


@pytest.mark.parametrize("version", [*OLD, *ALIAS, *NEW])
def test_a_sweep_takes_the_argument_of_the_version(log, version):
    """In lanes and by the engine, as single replays do."""
    found = sweep(read(log), ReduceLROnPlateau, patience=[2], epsilon=[0.01, 0.5], semantics=version, initial_lr=0.1)
    records = found.to_arrow().to_pylist()
    assert [record["epsilon"] for record in records] == [0.01, 0.5]
    assert [record["drops"] for record in records] == [drops(log, version, epsilon=value) for value in (0.01, 0.5)]


@pytest.mark.parametrize("version", [*OLD, *ALIAS, *NEW])
def test_the_option_means_the_margin_in_every_version(cli, log, version):
    """--lr-min-delta is epsilon where the version has no other name for it, and the line of code says so."""
    result = cli("simulate", log, "--lr-patience", 2, "--lr-min-delta", 0.5, "--semantics", version)
    name = "epsilon" if version in OLD else "min_delta"
    assert (result.exit_code, f"{name}=0.5" in result.stdout) == (0, True)
    assert drops(log, version, **{name: 0.5}) > 0


def test_settings_in_the_words_of_a_version():
    """What is searched as min_delta is asked of an old version as epsilon."""
    given = ReduceLROnPlateau(min_delta=0.5)
    assert given.in_words_of(semantics("keras-2.0.8")) == ReduceLROnPlateau(epsilon=0.5)
    assert given.in_words_of(semantics("keras-3.15")) == given


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ReduceLROnPlateau(fector=0.3)", "Did you mean 'factor'.*would run with factor=0.1 and say nothing"),
        ("ReduceLROnPlateau(patiense=3)", "would run with patience=10 and say nothing"),
        ("ReduceLROnPlateau(qqqq=3)", "Keras from 2.1.6 on, Keras 3 too, would say nothing"),
    ],
)
def test_what_keras_does_with_an_unknown_word_is_said(text, said):
    """It takes it without a word, which is worse than an error."""
    with pytest.raises(SettingError, match=said):
        parse_callback(text)


def test_other_callbacks_refuse_unknown_words_in_keras_too():
    """EarlyStopping raises TypeError there, so nothing is said of it."""
    with pytest.raises(SettingError) as raised:
        parse_callback("EarlyStopping(patienc=3)")
    assert "say nothing" not in str(raised.value)


def test_epsilon_is_given_by_name_alone():
    """No version has it behind min_lr."""
    with pytest.raises(SettingError, match="takes 8 arguments"):
        parse_callback('ReduceLROnPlateau("val_loss", 0.1, 10, 0, "auto", 1e-4, 0, 0.0, 0.5)')


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("library", "taken"), [("keras", 1e-4), ("tf_keras", 0.5)])
def test_the_real_class_does_the_same(library, taken):
    """Keras 3 drops epsilon and any other word; tf_keras takes epsilon for min_delta, and drops the other."""
    keras = pytest.importorskip(library)
    real = keras.callbacks.ReduceLROnPlateau(epsilon=0.5, fector=0.3)
    assert (real.min_delta, real.factor) == (taken, 0.1)
