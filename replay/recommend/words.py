"""A recommendation in sentences: what to use, what it would have brought, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.directions import assumption
from kcb_replay.replay.recommend.evidence import MOST_GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kcb_replay.replay.recommend.result import Interval, Recommendation

__all__ = ["certainty", "sentence"]


def sentence(answer: Recommendation) -> str:
    """Return the answer, or the refusal, in one or two sentences."""
    if answer.setting is None or answer.in_sample is None or answer.saving_interval is None:
        return f"No setting can be recommended. {answer.refusal}"
    found = answer.in_sample
    return (
        f"Use patience={answer.setting.patience:g}{_min_delta(answer)}: on these {found.fits:,} runs it saves"
        f" {found.saving:.0%} of the epochs (95 % interval {_percents(answer.saving_interval)}), and"
        f" {_failed(found.failures, found.fits)} more than {_tolerance(answer)}; with 95 % confidence at most"
        f" {answer.failure_bound:.0%} of such runs do.{_assumed(answer)}"
    )


def _assumed(answer: Recommendation) -> str:
    return "".join(f" Hypothetical: {assumption(metric)}." for metric in answer.overall.assumed_metrics)


def certainty(answer: Recommendation) -> Iterator[str]:
    """Yield sentences on how far the answer can be believed."""
    found, held = answer.in_sample, answer.held_out
    if answer.setting is None or found is None or held is None:
        return
    yield (
        f"Chosen without the group it is judged on, it saves {held.saving:.0%}, and {_failed(held.failures, held.fits)}"
        f" more: choosing and judging on the same runs flatters by {100 * (found.saving - held.saving):+.1f} points of"
        f" saving, {held.regret - found.regret:+.2g} of regret and {held.failures - found.failures:+d} runs."
    )
    yield (
        f"Of {answer.resamples:,} resamplings of the {_groups(answer)} {answer.chosen_share:.0%} choose the same"
        f" setting, and nothing beats it in {answer.front_share:.0%}.{_patiences(answer)}"
    )
    if answer.refused_share:
        yield f"In {answer.refused_share:.0%} of them no setting would be recommended."
    if answer.alike:
        patiences = ", ".join(f"{setting.patience:g}" for setting in answer.alike[:8])
        more = " ..." if len(answer.alike) > 8 else ""
        yield f"On these runs {len(answer.alike)} other settings act just alike (patience {patiences}{more})."
    if found.undecided >= 0.005:
        yield f"{found.undecided:.0%} of the recordings end before it would have stopped them."


def _groups(answer: Recommendation) -> str:
    bundled = f" (in {MOST_GROUPS} bundles)" if answer.groups > MOST_GROUPS else ""
    return f"{answer.groups:,} groups{bundled}"


def _min_delta(answer: Recommendation) -> str:
    setting = answer.setting
    return f", min_delta={setting.min_delta:g}" if setting is not None and setting.min_delta else ""


def _tolerance(answer: Recommendation) -> str:
    monitor = answer.overall.settings[0].monitor
    source = ", its jump from one epoch to the next" if answer.tolerance_is_noise else ""
    return f"{answer.tolerance:.2g} of {monitor}{source}"


def _failed(failures: int, fits: int) -> str:
    if not failures:
        return "no run gives away"
    return f"{failures:,} of {fits:,} give away"


def _percents(interval: Interval) -> str:
    low, high = interval
    return f"{100 * low:.0f} to {100 * high:.0f} %"


def _patiences(answer: Recommendation) -> str:
    if answer.patience_interval is None:
        return ""
    low, high = answer.patience_interval
    return f" The patience they choose lies between {low:g} and {high:g} (95 %)."
