"""`FittedGPSLDS`: what a fitted GP-SLDS predicts and answers."""

import copy
from typing import Literal, Self

import numpy as np

from undertow import checks
from undertow.data import Prediction, TrialSet
from undertow.data.arrays import TrialsLike
from undertow.dynamics import SwitchingGP
from undertow.models.base import Generated
from undertow.models.em import EMModel, Given
from undertow.models.gp_slds import prediction as predicting
from undertow.models.gp_slds.network import GPSLDSNetwork
from undertow.models.gp_slds.options import VariationalEM

LEAST_SAMPLES, MOST_SAMPLES = 5, 10**6


class FittedGPSLDS(EMModel[GPSLDSNetwork]):
    """What a GP-SLDS that is fitted answers: predictions, states, evidence, drift."""

    latent_dim: int
    initial_s: float
    samples: int
    em: VariationalEM

    def _given(self, trials: TrialSet, everything: bool = False) -> Given:
        return Given.of(self.read(trials), everything, self.network_.input_duration_s)

    def predict(
        self,
        trials: TrialsLike,
        samples: int | None = None,
        seed: int = 0,
        mode: Literal["smooth", "generate"] = "smooth",
    ) -> Prediction:
        """Predict rates (spikes/s), latents and behaviour.

        Args:
            trials: the model's neurons in its order, at its bin width; any number of bins.
            samples: keep this many paths' rates, latents and behaviour (200 or more for intervals).
            seed: seed of the paths.
            mode: 'smooth' infers the path from all observations, and needs no paths for its means;
                'generate' infers the state from the trial's first `initial_s` seconds, and lets the
                mean of the drift and the noise run on with the stimulus.

        Raises:
            ModelError: for another mode, other neurons, or trials without the stimulus it was
                fitted with.
        """
        trials = self.checked(trials)
        checks.one_of("mode", mode, ("smooth", "generate"))
        checks.seed("seed", seed)
        if samples is not None:
            checks.whole("samples", samples, 1, MOST_SAMPLES)
        asked = predicting.Asked(
            self.samples if samples is None else int(samples),
            samples is not None,
            seed,
            min(self._seen_bins, trials.n_time) if mode == "generate" else None,
        )
        found = predicting.predict(self.network_, self.read(trials), trials, self.em, asked)
        if found.behavior is None:
            return found
        names = tuple(self.population_.behavior_names)
        return Prediction(**{**vars(found), "behavior_names": names})

    @property
    def _seen_bins(self) -> int:
        """Bins that mode 'generate' is shown."""
        return max(1, round(self.initial_s / self.bin_s_))

    def predict_generated(
        self, trials: TrialSet, samples: int | None = None, seed: int = 0
    ) -> Generated:
        """Predict in mode 'generate', and say how many bins the model is shown."""
        return Generated(self.predict(trials, samples, seed, mode="generate"), self._seen_bins)

    def thinned(self, times: int) -> Self:
        """Return the fitted model with so many times fewer samples, at least 5."""
        few = copy.copy(self)
        few.samples = min(self.samples, max(LEAST_SAMPLES, self.samples // times))
        return few

    def inferred_states(self, trials: TrialSet) -> np.ndarray:
        """Infer the mean state, (trials, time, latent_dim); NaN past a trial's end."""
        return np.asarray(self.predict(trials).latents["x"])

    def encoded_inputs(self, trials: TrialSet) -> np.ndarray:
        """Return what drives the dynamics: u, (trials, time, inputs), NaN past a trial's end."""
        trials = self.checked(trials)
        inputs = self._given(trials).inputs
        if inputs is None:
            return np.zeros((*trials.valid.shape, 0))
        return np.where(trials.valid[..., None], inputs.cpu().numpy(), np.nan)

    def evidence(self, trials: TrialSet) -> dict[str, np.ndarray]:
        """Bound the log evidence of each trial's held-in counts, in nats: 'elbo', (trials,).

        Under the law of the drift that was fitted, whose own divergence is not counted.
        """
        trials = self.checked(trials)
        return {"elbo": predicting.evidence(self.network_, self.read(trials), self.em)}

    @property
    def dynamics_(self) -> SwitchingGP:
        """Fitted dynamics, a torch module in float64."""
        self._check_fitted()
        return self.network_.dynamics

    def parameter_counts(self) -> dict[str, int]:
        """Count learned numbers: 'all' and those of the 'dynamics', means of the drift included."""
        self._check_fitted()
        network, dim = self.network_, self.latent_dim
        dynamics = sum(p.numel() for p in network.dynamics.parameters() if p.requires_grad)
        rest = sum(p.numel() for p in (*network.readout.parameters(), network.behavior))
        return {"all": dynamics + rest + dim * (dim + 3) // 2, "dynamics": dynamics}
