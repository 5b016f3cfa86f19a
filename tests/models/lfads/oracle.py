"""LFADS in plain NumPy, from the weights of a network: the equations of the paper, bin by bin."""

from dataclasses import dataclass
from typing import Any

import numpy as np


def sigmoid(x: np.ndarray) -> np.ndarray:
    found: np.ndarray = 1 / (1 + np.exp(-x))
    return found


def gru(gates: np.ndarray, recurrent: np.ndarray, state: np.ndarray) -> np.ndarray:
    (a_r, a_u, a_n), (b_r, b_u, b_n) = np.split(gates, 3, -1), np.split(recurrent, 3, -1)
    update = sigmoid(a_u + b_u)
    return update * state + (1 - update) * np.tanh(a_n + sigmoid(a_r + b_r) * b_n)


@dataclass
class Oracle:
    """Forward pass for one trial at a time.

    Attributes:
        weights: the network's state dict, as arrays.
        bin_s: bin width in seconds.
        rate_floor_hz: of the observation.
    """

    weights: dict[str, np.ndarray]
    bin_s: float
    rate_floor_hz: float

    def linear(self, name: str, x: np.ndarray) -> np.ndarray:
        bias = self.weights.get(f"{name}.bias", 0.0)
        found: np.ndarray = x @ self.weights[f"{name}.weight"].T + bias
        return found

    def direction(self, name: str, inputs: np.ndarray) -> np.ndarray:
        """States of one GRU of an encoder, (bins, units)."""
        own = {part: self.weights[f"{name}.{part}_l0"] for part in
               ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}  # fmt: skip
        state, found = np.zeros(own["weight_hh"].shape[1]), []
        for x in inputs:
            gates, recurrent = x @ own["weight_ih"].T, state @ own["weight_hh"].T
            state = gru(gates + own["bias_ih"], recurrent + own["bias_hh"], state)
            found.append(state)
        return np.array(found)

    def encode(self, name: str, counts: np.ndarray, seen: np.ndarray) -> tuple[Any, Any]:
        """(context of every bin, features of both ends) of one trial, which has no padding."""
        inputs = np.where(seen[:, None], counts, self.weights[f"{name}.no_input"])
        forwards = self.direction(f"{name}.forwards", inputs)
        backwards = self.direction(f"{name}.backwards", inputs[::-1])[::-1]
        ends = np.concatenate([forwards[-1], backwards[0]])
        return np.concatenate([forwards, backwards], 1), ends

    def gaussian(self, name: str, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean, logvar = np.split(self.linear(name, x), 2, -1)
        return mean, np.exp(logvar / 2)

    def run(
        self,
        counts: np.ndarray,
        seen: np.ndarray,
        initial_noise: np.ndarray,
        noise: np.ndarray,
        stimulus: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Rates (spikes/s), latents and divergences of one trial.

        Args:
            counts: (bins, held-in neurons).
            seen: bins that were observed, (bins,).
            initial_noise, noise: standard normal, (initial_dim,) and (bins, inputs).
            stimulus: (bins, channels).
        """
        weights, controlled = self.weights, "controller.head.weight" in self.weights
        rows = weights["generator.factors.weight"]
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        mean, std = self.gaussian("initial.linear", self.encode("encoder", counts, seen)[1])
        state = self.linear("generator.initial", mean + std * initial_noise)
        kl_initial = self.kl(mean, std, weights["initial_prior.mean"],
                             np.exp(weights["initial_prior.log_std"]))  # fmt: skip
        if controlled:
            context, ends = self.encode("controller_encoder", counts, seen)
            controller = self.linear("controller.initial", ends)
            tau = np.exp(weights["controller.prior.log_timescale_s"])
            sigma, alpha = np.exp(weights["controller.prior.log_std"]), np.exp(-self.bin_s / tau)
        inputs, states, kl_inputs = np.zeros(noise.shape[1]), [], np.zeros(noise.shape[1])
        drawn = []
        for t in range(len(counts)):
            gates = weights["generator.gru.gate_bias"].copy()
            if stimulus is not None:
                gates += self.linear("generator.stimulus", stimulus[t])
            if controlled:
                read = self.linear("controller.context", context[t])
                read += self.linear("controller.feedback", rows @ state)
                recurrent = self.linear("controller.gru.recurrent", controller)
                controller = gru(read + weights["controller.gru.gate_bias"], recurrent, controller)
                mean, std = self.gaussian("controller.head", controller)
                prior_std = sigma if t == 0 else sigma * np.sqrt(1 - alpha**2)
                if seen[t]:
                    kl_inputs += self.kl(mean, std, alpha * inputs, prior_std)
                    inputs = mean + std * noise[t]
                else:
                    inputs = alpha * inputs + prior_std * noise[t]
                gates += self.linear("generator.inputs", inputs)
            state = gru(gates, self.linear("generator.gru.recurrent", state), state)
            states.append(state)
            drawn.append(inputs)
        factors = np.array(states) @ rows.T
        rates = np.exp(self.linear("observation.readout", factors)) + self.rate_floor_hz
        return {"rates": rates, "factors": factors, "generator": np.array(states),
                "inputs": np.array(drawn), "kl_initial": kl_initial,
                "kl_inputs": kl_inputs}  # fmt: skip

    @staticmethod
    def kl(mean: np.ndarray, std: np.ndarray, mean_p: np.ndarray, std_p: np.ndarray) -> np.ndarray:
        found: np.ndarray = (
            np.log(std_p / std) + (std**2 + (mean - mean_p) ** 2) / (2 * std_p**2) - 0.5
        )
        return found
