"""What validation measures: held-out neurons of the window, or held-in counts that were hidden;
nothing else."""

from dataclasses import replace as changed
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.small import GAPS, UNUSED, fitted, small
from undertow.data import TrialSet
from undertow.data.batches import Batch
from undertow.errors import ModelError
from undertow.evaluation import bits_per_spike
from undertow.models import HiddenSpikes, LangevinFlow
from undertow.models.langevin_flow.validation import VALIDATION_SAMPLES, mean_counts, validator
from undertow.randomness import path_generator
from undertow.training import TrainingWarning

pytestmark = pytest.mark.filterwarnings(UNUSED)


def score(monitor: str, share: float = 0.25, trials: TrialSet = GAPS) -> float:
    """Of the fitted model on these trials."""
    batch = Batch.from_trials(trials)
    return validator(HiddenSpikes.of(trials, batch, monitor, share), batch, trials)(
        fitted().network_
    )


def test_co_smoothing_is_bits_per_spike_of_held_out_neurons_in_the_window() -> None:
    batch, window = Batch.from_trials(GAPS), GAPS.n_time - GAPS.forward_bins
    (rates,) = mean_counts(fitted().network_, batch, batch.inputs, VALIDATION_SAMPLES)
    heldout = GAPS.heldout
    expected = bits_per_spike(rates[:, :window, heldout], GAPS.spikes[:, :window, heldout])
    assert score("auto") == score("co-bps", share=0.0) == expected


def test_likelihood_scores_only_what_the_encoder_was_not_shown() -> None:
    seen: list[torch.Tensor] = []
    spy = fitted().network_.encoder.register_forward_pre_hook(
        lambda _, given: seen.append(given[0])
    )
    found = score("likelihood")
    spy.remove()
    assert len(seen) == 1
    window = GAPS.n_time - GAPS.forward_bins
    shown = (seen[0] > 0)[:, :window].numpy()
    counts = np.array(GAPS.spikes[:, :window, ~GAPS.heldout])
    # a hidden count of zero looks like a shown one: only counts above zero tell
    assert not (shown & np.isnan(counts)).any()
    hidden_share = 1 - shown[counts > 0].mean()
    assert 0.1 < hidden_share < 0.4
    assert np.isfinite(found)
    assert score("likelihood") == found


def test_a_learned_step_that_became_unstable_is_rolled_back_and_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest, calls = LangevinFlow.objective, iter(range(100))

    def spoiling(self: LangevinFlow, *given: Any) -> Any:
        out = honest(self, *given)
        if next(calls) == 3:  # two steps an epoch: the last one of epoch 2
            self.dynamics_.log_mass.data.fill_(-20.0)
        return out

    monkeypatch.setattr(LangevinFlow, "objective", spoiling)
    with pytest.warns(
        TrainingWarning, match="epoch 2: the Langevin step is unstable.*rolled back, retrying"
    ):
        model = small(dynamics__learn=("mass",), epochs=4).fit(GAPS)
    assert [row["epoch"] for row in model.history_] == [1, 2, 3, 4]
    model.dynamics_.check_stable(GAPS.bin_s)


@pytest.mark.parametrize("monitor", ["co-bps", "likelihood"])
def test_validation_repeats_itself_and_leaves_forward_bins_out(monitor: str) -> None:
    spikes = np.array(GAPS.spikes)
    spikes[:, -GAPS.forward_bins :] = 30
    scores = [score(monitor, trials=t) for t in (GAPS, GAPS, GAPS.replace(spikes=spikes))]
    assert scores[0] == scores[1] == scores[2]


def test_validation_trials_without_a_spike_to_score_are_refused() -> None:
    spikes = np.array(GAPS.spikes)
    spikes[:, :, GAPS.heldout] = 0
    with pytest.raises(ModelError, match="the validation trials hold no spike to score"):
        score("co-bps", trials=GAPS.replace(spikes=spikes))


def test_mean_counts_average_rates_over_samples() -> None:
    batch = Batch.from_trials(GAPS)
    network = fitted().network_
    encoded = network.encode(batch, batch.inputs)
    with torch.no_grad():
        draws = [
            network.observation.mean(
                network.draw(
                    batch,
                    encoded,
                    path_generator(torch.device("cpu"), 0, k // 2),
                    signs=torch.full((len(batch),), 1.0 - 2.0 * (k % 2)),
                ).features
            )
            for k in range(4)
        ]
    (found,) = mean_counts(network, batch, batch.inputs, 4)
    assert np.allclose(found, torch.stack(draws).mean(0).numpy(), rtol=1e-5)


def test_a_batch_is_not_changed_by_validation() -> None:
    batch = Batch.from_trials(GAPS)
    copy = changed(batch, given=batch.inputs.clone())
    hidden = HiddenSpikes.of(GAPS, batch, "likelihood", 0.25)
    validator(hidden, batch, GAPS)(fitted().network_)
    assert torch.equal(batch.inputs, copy.inputs)
