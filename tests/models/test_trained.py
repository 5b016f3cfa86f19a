"""`TrainedModel`: a model of a few lines has all that models have, and keeps the contract."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests import test_contracts as contracts
from tests.conftest import make_small_trials
from tests.models.small import GAPS, UNUSED, fitted, small
from tests.models.small_sde import TRIALS as SDE_TRIALS
from tests.models.small_sde import fitted as fitted_sde
from tests.models.small_sde import small as small_sde
from undertow.data import Prediction, TrialSet
from undertow.data.batches import Batch
from undertow.dynamics import GRU, CoupledOscillators, Dynamics, NeuralSDE, UnderdampedLangevin
from undertow.errors import ModelError
from undertow.inference import coordinated_dropout
from undertow.models import (
    Counts,
    GRUEncoding,
    HiddenSpikes,
    LangevinFlow,
    Population,
    TrainedModel,
)
from undertow.training import Training, Validate

pytestmark = [
    pytest.mark.filterwarnings(UNUSED),
    pytest.mark.filterwarnings("ignore::undertow.training.TrainingWarning"),
]


class Readout(nn.Module):
    """A GRU, and rates that are read off its state."""

    def __init__(self, encoding: GRUEncoding, counts: Counts, population: Population) -> None:
        super().__init__()
        self.encoder = encoding.build(population.n_heldin, 1, dropout=0.1)
        self.observation = counts.build(self.encoder.context_dim, population)

    def features(self, batch: Batch, inputs: Tensor) -> Tensor:
        """(trials, time, features)."""
        context, _ = self.encoder(inputs, batch.observed, batch.lengths)
        return context


class Reader(TrainedModel[Readout]):
    """Rates from a GRU alone: what a model of one's own has to say."""

    cli_name = "reader"

    def __init__(
        self,
        encoder: GRUEncoding = GRUEncoding(hidden_dim=6),  # noqa: B008 (frozen)
        observation: Counts = Counts(),  # noqa: B008 (frozen)
        *,
        seed: int = 0,
        device: str = "cpu",
        training: Training = Training(epochs=3, batch_size=16, validate_every=1),  # noqa: B008
    ) -> None:
        self.encoder, self.observation = encoder, observation
        self.seed, self.device, self.training = seed, device, training

    def build_network(self, population: Population) -> Readout:
        return Readout(self.encoder, self.observation, population)

    def objective(
        self, batch: Batch, generator: torch.Generator, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        inputs, _ = coordinated_dropout(batch.inputs, 0.3, generator)
        features = self.network_.features(batch, inputs)
        log_prob = self.network_.observation.log_prob(features, batch.targets)
        loss = -log_prob.sum() / len(batch)
        return loss, {"negative_log_likelihood": loss}

    def validator(self, trials: TrialSet, batch: Batch) -> Validate:
        hidden = HiddenSpikes.of(trials, batch, self.training.monitor, 0.3)
        return lambda network: hidden.score(self._counts(network, batch, hidden.inputs))

    def has_posterior(self) -> bool:
        return False

    def predict(self, trials: Any, samples: int | None = None, seed: int = 0) -> Prediction:
        self.refuse_samples(samples)
        trials = self.checked(trials)
        batch = self.read(trials)
        rates = self._counts(self.network_, batch, batch.inputs) / trials.bin_s
        return Prediction(np.where(trials.valid[..., None], rates, np.nan), trials)

    @staticmethod
    @torch.no_grad()
    def _counts(network: nn.Module, batch: Batch, inputs: Tensor) -> np.ndarray:
        assert isinstance(network, Readout)
        mean: Tensor = network.eval().observation.mean(network.features(batch, inputs))
        return mean.numpy()


def free_of_arguments() -> list[Callable[..., None]]:
    """The contract's tests that ask for a class alone."""
    tests = [each for name, each in vars(contracts).items() if name.startswith("test_")]
    return [t for t in tests if {"cls"} <= arguments(t) <= {"cls", "tmp_path"}]


def arguments(test: Callable[..., None]) -> set[str]:
    return set(inspect.signature(test).parameters)


@pytest.mark.parametrize("test", free_of_arguments(), ids=lambda test: test.__name__)
def test_it_keeps_the_contract(test: Callable[..., None], tmp_path: Path) -> None:
    test(Reader, **({"tmp_path": tmp_path} if "tmp_path" in arguments(test) else {}))


# --- fitting ----------------------------------------------------------------------------------


def same(a: Reader, b: Reader) -> bool:
    mine, theirs = a.network_.state_dict(), b.network_.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in mine.items())


def test_it_learns_and_keeps_its_best() -> None:
    waves = make_small_trials(n_trials=40).hold_out(2, seed=0)
    model = Reader().set_params(training__epochs=30, training__learning_rate=1e-2).fit(waves)
    scores = [row["validation_score"] for row in model.history_]
    assert model.validation_score_ == max(scores) > scores[0]
    rows = [row["negative_log_likelihood"] for row in model.history_]
    assert rows[-1] < rows[0]


def test_progress_is_reported() -> None:
    said: list[tuple[float, float]] = []
    Reader().fit(GAPS, progress=lambda row, share, _: said.append((row["epoch"], share)))
    assert said == [(1, pytest.approx(1 / 3)), (2, pytest.approx(2 / 3)), (3, 1.0)]


@pytest.mark.parametrize("refit", [False, True])
def test_it_resumes_bit_equal(refit: bool, tmp_path: Path) -> None:
    def stop(row: dict[str, float], share: float, left: float) -> None:
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    model = Reader().set_params(training__refit=refit)
    with pytest.raises(KeyboardInterrupt):
        model.fit(GAPS, checkpoint=tmp_path, progress=stop)
    resumed = model.copy().fit(GAPS, checkpoint=tmp_path, resume=True)
    assert same(resumed, model.copy().fit(GAPS))
    assert len(resumed.history_) == 3
    assert (tmp_path / "refit").is_dir() == refit


def test_refitting_is_on_all_trials() -> None:
    train, validation = GAPS[:18], GAPS[18:]
    other = validation.replace(spikes=np.array(validation.spikes)[:, ::-1])
    once = Reader().set_params(training__validate_every=3)
    plain, refitted = (
        [m.copy().fit(train, v) for v in (validation, other)]
        for m in (once, once.copy(training__refit=True))
    )
    assert same(*plain)
    assert not same(*refitted)


def test_samples_are_checked_before_anything_is_fitted() -> None:
    model = LangevinFlow(samples=0)
    with pytest.raises(ModelError, match="samples is 0: it must be a whole number, at least 1"):
        model.fit(GAPS)
    assert not hasattr(model, "network_")


# --- arrays, files and parts ------------------------------------------------------------------


def test_arrays_are_fitted_and_predicted_at_the_width_given() -> None:
    spikes = np.nan_to_num(GAPS.spikes)
    model = Reader().fit(spikes, spikes[:6], bin_s=0.02)
    assert model.predict(spikes[:5]).rates.shape == (5, *spikes.shape[1:])
    assert model.bin_s_ == 0.02


def test_its_file_holds_its_settings(tmp_path: Path) -> None:
    model = Reader(GRUEncoding(hidden_dim=5, reads="held"), Counts("negative-binomial")).fit(GAPS)
    loaded = Reader.load(model.save(tmp_path / "m.safetensors"), training__epochs=9)
    assert loaded.encoder == GRUEncoding(hidden_dim=5, reads="held")
    assert loaded.observation == Counts("negative-binomial")
    assert loaded.training == model.copy(training__epochs=9).training
    assert loaded.history_ == [
        {k: v for k, v in r.items() if k != "seconds"} for r in model.history_
    ]
    assert same(loaded, model)


def test_parts_that_are_not_named_are_not_counted() -> None:
    model = Reader().fit(GAPS)
    learned = sum(p.numel() for p in model.network_.parameters() if p.requires_grad)
    assert model.parameter_counts() == {"all": learned}


def test_fitted_dynamics_are_shown_where_there_are_any() -> None:
    assert isinstance(fitted().dynamics_, UnderdampedLangevin)
    assert isinstance(fitted_sde().dynamics_, CoupledOscillators)
    for model in (fitted(), fitted_sde()):
        counts, dynamics = model.parameter_counts(), model.dynamics_
        learned = sum(p.numel() for p in dynamics.parameters() if p.requires_grad)
        assert counts.keys() == {"all", "dynamics"}
        assert counts["all"] > counts["dynamics"] == learned > 0


def test_no_dynamics_are_shown_before_fitting_or_without_any() -> None:
    with pytest.raises(ModelError, match="not fitted"):
        small().dynamics_  # noqa: B018
    for model in (small(dynamics=None).fit(GAPS), Reader().fit(GAPS)):
        with pytest.raises(ModelError, match="has no latent dynamics"):
            model.dynamics_  # noqa: B018


def test_networks_in_the_dynamics_step_as_other_networks_do() -> None:
    found = {}
    kinds: tuple[Dynamics, ...] = GRU(4), NeuralSDE(4), CoupledOscillators(4)
    for dynamics in kinds:
        model = small_sde(dynamics=dynamics).fit(SDE_TRIALS, verbose=False)
        named = {id(w): name for name, w in model.network_.dynamics.named_parameters()}
        found[type(dynamics)] = {named[id(w)] for w in model.parameter_groups()["dynamics"]}
    assert found[GRU] == {"log_timescale"}
    assert found[NeuralSDE] == {"log_timescale", "diffusivity.raw"}
    assert {"log_omega", "alpha", "diffusivity.raw"} < found[CoupledOscillators]
