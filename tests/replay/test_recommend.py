"""kcb.recommend: what is chosen, how it is judged, and when nothing is recommended."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from kcb_replay import EarlyStopping, SettingError, recommend, sweep
from kcb_replay.ingest.recording import Fit, Recording, Series
from kcb_replay.replay.recommend.choice import NONE, chosen, fewest_runs, most_failures, upper_bound
from kcb_replay.replay.recommend.evidence import MOST_GROUPS, Evidence, FitsSeen, evidence_in, folded, grouping
from kcb_replay.replay.verdicts.collect import collect
from kcb_replay.replay.verdicts.totals import Totals, front_of
from kcb_replay.report.choices_table import recommendation_text


def run_of(name, values):
    """Return a recording of one fit of val_loss."""
    numbers = np.asarray(values, np.float64)
    series = Series(numbers, np.ones(len(numbers), np.bool_), tag="val_loss", source="x")
    return Recording(name, (), (Fit(np.arange(len(numbers)), {"val_loss": series}),))


def overfitting(groups=8, seeds=3, epochs=80):
    """Return runs that fall, reach a noisy bottom and rise again."""
    noise, runs = np.random.default_rng(0), []
    for group in range(groups):
        bottom = noise.uniform(20, 40)
        for seed in range(seeds):
            epoch = np.arange(epochs)
            rise = 0.01 * np.maximum(0, epoch - bottom)
            values = np.exp(-epoch / 8) + rise + 0.01 * noise.standard_normal(epochs)
            runs.append(run_of(f"exp{group}/seed{seed}", values.astype(np.float32)))
    return runs


@pytest.mark.parametrize(("n", "percent"), [(10, 25.9), (30, 9.5), (59, 5.0)])
def test_the_bound_without_failures_is_the_known_one(n, percent):
    """1 - 0.05 ** (1 / n)."""
    assert round(100 * upper_bound(0, n), 1) == percent
    assert fewest_runs(upper_bound(0, n) + 1e-9) == n


@given(st.integers(0, 60), st.integers(1, 60))
def test_the_bound_is_that_of_clopper_and_pearson(k, n):
    """The 95 % quantile of the beta distribution with k + 1 and n - k."""
    stats = pytest.importorskip("scipy.stats")
    k = min(k, n)
    expected = 1.0 if k == n else stats.beta.ppf(0.95, k + 1, n - k)
    assert math.isclose(upper_bound(k, n), expected, rel_tol=1e-9)


@given(st.integers(1, 80), st.sampled_from([0.05, 0.1, 0.2, 0.5]))
def test_most_failures_is_the_last_number_whose_bound_is_allowed(n, share):
    """One more would be too many, and -1 says that none at all is still too many."""
    most = most_failures(n, share)
    assert most < 0 or upper_bound(most, n) <= share
    assert upper_bound(most + 1, n) > share


EVIDENCE = st.integers(0, 2**32 - 1).map(lambda seed: _random_evidence(np.random.default_rng(seed)))


def _random_evidence(random):
    groups, settings = int(random.integers(2, 7)), int(random.integers(1, 8))
    fits = random.integers(1, 6, groups).astype(float)
    saving = fits[:, np.newaxis] * random.random((groups, settings)).round(2)
    failures = np.minimum(random.integers(0, 3, (groups, settings)), fits[:, np.newaxis])
    nothing = np.zeros((groups, settings))
    return Evidence(tuple(map(str, range(groups))), fits, saving, nothing, failures, nothing)


def _choice_in_words(evidence, weights, preference, share):
    """Return what `chosen` returns for one row of weights, as the definition says it."""
    n = float(weights @ evidence.fits)
    settings = range(evidence.saving.shape[1])
    bounded = [s for s in settings if upper_bound(round(weights @ evidence.failures[:, s]), round(n)) <= share]
    if not bounded:
        return NONE
    saving = [float(weights @ evidence.saving[:, s]) / n for s in settings]
    best = max(bounded, key=lambda s: saving[s])
    as_good = []
    for s in bounded:
        behind = saving[best] - saving[s]
        residuals = evidence.saving[:, best] - evidence.saving[:, s] - behind * evidence.fits
        groups = weights.sum()
        error = math.sqrt(float(weights @ residuals**2) * groups / max(groups - 1, 1)) / n
        if behind <= error + 1e-9:
            as_good.append(s)
    return max(as_good, key=lambda s: preference[s])


@given(EVIDENCE, st.integers(0, 2**32 - 1), st.sampled_from([0.2, 0.5, 0.9]))
def test_the_choice_is_the_rule(evidence, seed, share):
    """Bounded failures, most saving, one standard error, largest patience: for any weighting of the groups."""
    random = np.random.default_rng(seed)
    groups, settings = evidence.saving.shape
    weights = random.multinomial(groups, np.full(groups, 1 / groups), 5).astype(float)
    preference = random.permutation(settings)
    found = chosen(evidence, weights, preference, max_failures=share)
    expected = [_choice_in_words(evidence, row, preference, share) for row in weights]
    # Where a difference is as large as its standard error but for rounding, either side is right.
    close = [one for one, two in zip(found.tolist(), expected, strict=True) if one != two]
    assert len(close) <= 1
    assert all(one != NONE for one in close)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_the_front_is_what_nothing_beats(points):
    """More saving at no more regret, or less regret at no less saving, beats; of equals one is enough."""
    saving, regret = (np.array(each, float) for each in zip(*points, strict=True))
    on_front = {points[place] for place in np.flatnonzero(front_of(saving, regret))}
    beaten = {(s, r) for s, r in points if any((a >= s and b <= r) and (a, b) != (s, r) for a, b in points)}
    assert on_front == set(points) - beaten


def test_a_recommendation_is_bounded_and_says_so():
    """No more failures than allowed, judged on groups that were left out, with intervals around what it saw."""
    answer = recommend(overfitting(), patience=range(1, 31))
    assert answer.setting is not None
    assert answer.failure_bound <= 0.2
    assert answer.in_sample.fits == answer.held_out.fits == 24
    assert answer.groups == 8
    low, high = answer.saving_interval
    assert low <= answer.in_sample.saving <= high
    assert 0 < answer.chosen_share <= 1
    text = recommendation_text(answer)
    assert text.startswith(f"Use patience={answer.setting.patience:g}: on these 24 runs it saves")
    assert f'keras.callbacks.EarlyStopping(monitor="val_loss", patience={answer.setting.patience:g}' in text


def test_leaving_out_a_group_judges_it_by_the_choice_of_the_others():
    """The sums over groups are those of a sweep of each group by what the others chose."""
    runs = overfitting(groups=6)
    answer = recommend(runs, patience=[2, 5, 10, 20], tolerance=0.02)
    saved = 0.0
    for group in range(6):
        inside = [run for run in runs if run.name.startswith(f"exp{group}/")]
        others = [run for run in runs if not run.name.startswith(f"exp{group}/")]
        patience = recommend(others, patience=[2, 5, 10, 20], tolerance=0.02).setting.patience
        (summary,) = sweep(inside, patience=patience, restore_best_weights=True).per_setting()
        saved += summary.saving * len(inside)
    assert math.isclose(answer.held_out.saving, saved / len(runs))


def test_the_setting_in_use_is_compared_run_by_run():
    """The difference is that of the two performances; what is in use is never what is recommended by accident."""
    current = EarlyStopping(patience=25)
    answer = recommend(overfitting(), current=current, patience=range(1, 16))
    difference = answer.current
    assert difference.setting == current
    assert math.isclose(difference.saving, answer.in_sample.saving - difference.performance.saving)
    assert answer.setting.patience <= 15
    assert "patience=25" in recommendation_text(answer)


@pytest.mark.parametrize(
    ("runs", "arguments", "said"),
    [
        (
            overfitting(groups=3),
            {},
            "9 runs cannot tell: even if none failed, up to 28% of all runs could. It takes 14",
        ),
        (overfitting(groups=3, seeds=6), {}, "of 3 groups, and what holds within one may not hold for the next"),
        (overfitting(), {"patience": [1], "tolerance": 0.0}, "too many runs give away more than the tolerance"),
        (overfitting(epochs=12), {"patience": [30]}, "100% of them end before the training would have been stopped"),
        ([], {}, "No run has the metric"),
    ],
)
def test_what_cannot_be_told_is_refused_with_the_reason(runs, arguments, said):
    """Too few runs, too few groups, no bounded setting, recordings that end too early, nothing at all."""
    answer = recommend(runs, **arguments)
    assert answer.setting is None
    assert said in answer.refusal
    assert str(answer).startswith("No setting can be recommended.")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"tolerance": -1.0}, "tolerance must not be below 0"),
        ({"max_failures": 1.0}, "max_failures must lie between 0 and 1"),
        ({"group_by": "("}, "neither 'run' nor 'folder' nor a regular expression"),
        ({"monitor": ["loss", "val_loss"]}, "different metrics cannot be compared"),
        ({"current": EarlyStopping(monitor="loss")}, "The setting in use watches loss"),
        ({"patienc": 3}, "has no argument 'patienc'"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, said):
    """Before anything is replayed."""
    with pytest.raises(SettingError, match=said.replace("(", r"\(")):
        recommend(overfitting(groups=1), **arguments)


def test_recordings_that_were_stopped_by_a_patience_are_noted():
    """Their best epochs lie equally far before their ends, so that no larger patience can be judged."""
    runs = [run_of(f"run{number}", [1.0, 0.5 - 0.01 * number, *[0.9] * 6]) for number in range(20)]
    answer = recommend(runs, patience=[1, 2, 3])
    assert any("20 of 20 recordings end 6 epochs after their best" in note for note in answer.notes)


def test_groups_are_folders_runs_or_what_a_pattern_finds():
    """seeds/seed0 and seeds/seed1 belong together; a name without a match is a group of its own."""
    by_folder, by_run, by_pattern = grouping("folder"), grouping("run"), grouping(r"^(\w+?)-seed\d+")
    assert (by_folder("seeds/seed0"), by_folder("alone")) == ("seeds", "alone")
    assert by_run("seeds/seed0") == "seeds/seed0"
    assert (by_pattern("vgg-seed3"), by_pattern("other")) == ("vgg", "other")


def test_many_groups_are_put_together():
    """Up to five hundred stand by themselves."""
    assert folded(MOST_GROUPS)("a") == "a"
    assert len({folded(MOST_GROUPS + 1)(f"group{number}") for number in range(20_000)}) == MOST_GROUPS


def test_the_evidence_sums_over_the_runs_of_a_group():
    """Shares saved and failures above the tolerance, by group."""
    runs = [run_of("a/1", [1.0, 2.0, 3.0, 0.5]), run_of("a/2", [1.0, 2.0, 3.0, 4.0]), run_of("b/1", [2.0, 1.0])]
    swept = sweep(runs, patience=[1])
    totals, fits = Totals(swept.settings), FitsSeen()
    collect([swept], [totals, fits])
    found = evidence_in(totals, fits, grouping("folder"), tolerance=0.6)
    assert found.groups == ("a", "b")
    assert found.fits.tolist() == [2.0, 1.0]
    assert found.saving.tolist() == [[1.0], [0.0]]
    assert found.failures.tolist() == [[2.0], [0.0]]
    assert found.undecided.tolist() == [[0.0], [1.0]]


def test_the_command_recommends_from_the_store(cli, tmp_path):
    """A sentence, a line of code, the tables; JSON under documented names; exit 1 where it refuses."""
    for recording in overfitting(groups=6):
        folder = tmp_path / "logs" / recording.name
        folder.mkdir(parents=True)
        values = recording.fits[0].metrics["val_loss"].values.tolist()
        rows = "".join(f"{epoch},{value!r}\r\n" for epoch, value in enumerate(values))
        (folder / "training.log").write_bytes(f"epoch,val_loss\r\n{rows}".encode())
    cli("ingest", tmp_path / "logs", "-q")
    result = cli("recommend", "--current", "EarlyStopping(patience=10)")
    assert (result.exit_code, result.stdout.split(":")[0].startswith("Use patience=")) == (0, True)
    document = json.loads(cli("recommend", "--json").stdout)
    assert (document["schema"], document["fits"], document["groups"]) == ("kcb-replay/recommend/1", 18, 6)
    assert document["setting"]["patience"] in [setting["patience"] for setting in document["front"]]
    refused = cli("recommend", "exp0/*")
    assert (refused.exit_code, refused.stdout.startswith("No setting can be recommended. 3 runs cannot tell")) == (
        1,
        True,
    )
    assert cli("recommend", "--current", "ModelCheckpoint('x')").exit_code == 2


def test_a_training_that_diverged_is_named(recording):
    """It keeps an epoch without a number with some settings, is not counted, and that is said."""
    nothing = float("nan")
    runs = [recording(f"g{n}/run", val_loss=[1.0, 0.5, 0.6, 0.7, 0.7, 0.7]) for n in range(20)]
    runs.append(recording("x/run", val_loss=[1.0, 0.5, 0.6, nothing, nothing, nothing]))
    answer = recommend(runs, patience=[1, 2], restore_best_weights=False)
    assert any("1 more recording keeps, with some setting, an epoch" in note for note in answer.notes)


@pytest.mark.parametrize(
    ("metric", "version", "written"),
    [
        ("val_pr_auc", "keras-3.15", ', mode="max"'),
        ("val_accuracy", "keras-3.15", ""),
        ("val_pr_auc", "tf_keras-2.21", ""),
    ],
)
def test_the_code_says_a_mode_that_was_taken_from_a_name(recording, metric, version, written):
    """Keras 3 raises where no metric of that name was compiled; pasted with its mode, the line does what was judged."""
    runs = [recording(f"g{n}/run", **{metric: [0.1, 0.5, 0.4, 0.4, 0.4, 0.4]}) for n in range(20)]
    answer = recommend(runs, monitor=metric, patience=[1, 2], semantics=version)
    assert answer.code is not None
    assert answer.code.count(", mode=") == bool(written)
    assert written in answer.code
