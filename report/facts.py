"""The few numbers under the answer of a page: decided by outcomes, written here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.report.columns.fits import extreme, lead_rule, reduces
from kcb_replay.report.several_replays import saved_epochs, stops
from kcb_replay.report.words import can_stop
from kcb_replay.text import NEVER, UNKNOWN, percent, short, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.outcomes import Outcome
    from kcb_replay.replay.result import Replay
    from kcb_replay.text import Decimals

__all__ = ["Fact", "facts"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One of the few numbers under the answer."""

    term: str
    value: str
    remark: str = ""


def facts(replays: Sequence[Replay], largest: str, decimals: Decimals, *, raised: int = 0) -> tuple[Fact, ...]:
    """Return the facts about one replay, or about several; rows come with the largest regret first.

    `largest` names the first of them, `raised` is the number of further fits that Keras ends with an exception.
    """
    if not replays:
        return ()
    if len(replays) == 1 and not raised:
        lead = lead_rule(replays[0])
        return _facts_of_one(replays[0], lead, decimals) if lead else _other_facts(replays[0])
    exact = sum(replay.validity.label == "exact" for replay in replays)
    facts = [Fact("Keras raises", whole(raised), f"of {whole(len(replays) + raised)}")] if raised else []
    facts += [Fact("Exact answers", whole(exact + raised), f"of {whole(len(replays) + raised)}")]
    stopping = [replay for replay in replays if stops(replay)]
    if not stopping:
        reductions = sum(len(replay.drops) for replay in replays)
        reduced = [Fact("Reductions", whole(reductions), f"in {whole(len(replays))} fits")]
        return (*(reduced if any(map(reduces, replays)) else ()), *facts)
    stopped = sum(replay.stop_epoch is not None for replay in stopping)
    saved, recorded = saved_epochs(stopping)
    facts = [
        Fact("Stopped", whole(stopped), f"of {whole(len(stopping) + raised)}"),
        Fact("Epochs saved", whole(saved), f"of {whole(recorded)} ({percent(saved / recorded)})"),
        *facts,
    ]
    # Rows come worst first, so the first has the largest regret.
    worst = lead_rule(replays[0])
    if worst and worst.regret is not None:
        given_up = f"Largest regret ({worst.monitor} given up)"
        facts.append(Fact(given_up, decimals.show(worst.regret), largest))
    return tuple(facts)


def _facts_of_one(replay: Replay, lead: Outcome, decimals: Decimals) -> tuple[Fact, ...]:
    monitor = lead.monitor
    kept = "none" if lead.kept_index is None else str(lead.kept_index + 1)
    kept_term = "Best epoch kept" if lead.kept_index == lead.best_index else "Last epoch kept"
    kept_value = f"{monitor} {decimals.show(lead.kept_value)}" if lead.kept_value is not None else f"no {monitor}"
    regret = UNKNOWN if lead.regret is None else decimals.show(lead.regret)
    lowest = "" if lead.lowest_index is None else f"{extreme(lead.mode)} was epoch {lead.lowest_index + 1}"
    return (
        _stop(replay),
        Fact(kept_term, kept, kept_value),
        Fact("Epochs saved", whole(lead.saved_epochs), f"of {replay.epochs}"),
        Fact(f"Regret ({monitor} given up)", regret, lowest),
    )


def _other_facts(replay: Replay) -> tuple[Fact, ...]:
    facts = [Fact("Reductions", whole(len(replay.drops)), f"in {replay.epochs} epochs")] if reduces(replay) else []
    saved = [outcome for outcome in replay.outcomes if outcome.settings.purpose == "saves"]
    facts += [Fact("Saves", whole(len(each.saves)), f"{whole(len(each.on_disk))} files left") for each in saved]
    if replay.saves and not saved:
        facts.append(Fact("Saves", whole(len(replay.saves)), f"in {replay.epochs} epochs"))
    if replay.changes_learning_rate:
        start = Fact("Initial lr", short(replay.initial_lr), replay.initial_lr_source)
        facts += [start, Fact("Final lr", UNKNOWN if replay.final_lr is None else short(replay.final_lr))]
    if can_stop(replay):
        facts.append(_stop(replay))
    return (*facts, Fact("Answer", replay.validity.label))


def _stop(replay: Replay) -> Fact:
    return Fact(
        "Stops after epoch", NEVER if replay.stop_epoch is None else str(replay.stop_epoch), f"of {replay.epochs}"
    )
