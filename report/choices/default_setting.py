"""Which setting a page of a sweep shows first, and the rule by which it was chosen, in words.

The recommended one; where none is recommended, the one that saves most among those whose mean regret is small. Nothing
is recommended here that `kcb.recommend` refuses to: the second rule only chooses where to begin to look.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.errors import SettingError
from kcb_replay.text import decimals_for

if TYPE_CHECKING:
    from kcb_replay.language.catalogue import Catalogue
    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.recommend.survey import Survey

__all__ = ["DEFAULT_LIMIT", "Limit", "default_setting"]


@dataclass(frozen=True, slots=True)
class Limit:
    """The largest mean regret that the first setting may have: a share of the mean best value, or a regret itself."""

    share: float | None = None
    regret: float | None = None
    is_asked_for: bool = False

    @classmethod
    def from_text(cls, text: str) -> Limit:
        """Return what `1%` or `0.002` says. Raises `SettingError` for anything else."""
        try:
            number = float(text.removesuffix("%"))
        except ValueError:
            number = math.nan
        if not 0 <= number < math.inf:
            raise SettingError(f"{text!r} is no limit for the mean regret. Give a share as 1%, or a regret as 0.002.")
        if text.endswith("%"):
            return cls(share=number / 100, is_asked_for=True)
        return cls(regret=number, is_asked_for=True)


DEFAULT_LIMIT = Limit(share=0.01)


def default_setting(survey: Survey[EarlyStopping], limit: Limit, words: Catalogue) -> tuple[int, str]:
    """Return the number of the setting that is shown first, and why it is that."""
    recommended = survey.recommendation and survey.recommendation.setting
    if recommended is not None and not limit.is_asked_for:
        number = survey.summary.choices.index(recommended)
        return number, words.say("choices.first_recommended")
    summaries = survey.summary.summaries
    allowed, said = _allowed(survey, limit, words)
    within = [number for number in survey.summary.distinct if summaries[number].regret_mean <= allowed]
    if within:
        best = max(within, key=lambda number: (summaries[number].saving, -summaries[number].regret_mean))
        return best, words.say("choices.first_within", limit=said)
    known = [number for number in survey.summary.distinct if not math.isnan(summaries[number].regret_mean)]
    if not known:
        return 0, words.say("choices.first_unknown")
    least = min(known, key=lambda number: summaries[number].regret_mean)
    return least, words.say("choices.first_least", limit=said)


def _allowed(survey: Survey[EarlyStopping], limit: Limit, words: Catalogue) -> tuple[float, str]:
    if limit.regret is not None:
        return limit.regret, f"{limit.regret:g}"
    share = limit.share or 0.0
    allowed, monitor = share * abs(survey.lowest_mean), survey.summary.choices[0].monitor
    said = {"share": f"{100 * share:g}%", "monitor": monitor, "regret": decimals_for([]).show(allowed)}
    return allowed, words.say("choices.limit_share", **said)
