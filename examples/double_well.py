# %% [markdown]
# # A potential of your own
#
# LangevinFlow's latents move in a potential. Any differentiable energy will do: here two wells per
# coordinate, beside the coupled oscillators that are the default.

# %% [markdown]
# ## Ten lines
#
# A potential is a class with an `energy`; its force comes from automatic differentiation.

# %%
import matplotlib.pyplot as plt
import torch

from undertow import Langevin, LangevinFlow, simulate_lorenz
from undertow.data import split_trials
from undertow.dynamics import Potential
from undertow.training import Training


class TwoWells(Potential):
    """U(z) = Σ √(1 + (z² − 1)²): wells at ±1, a barrier of height √2 − 1 between, a parabola far
    out."""

    def energy(self, z: torch.Tensor, x: torch.Tensor | None = None) -> torch.Tensor:
        return (1 + (z.square() - 1).square()).sqrt().sum(-1)


# %% [markdown]
# ## Its landscape

# %%
z = torch.linspace(-2, 2, 200)[:, None]
figure, axis = plt.subplots(figsize=(5, 2.5), layout="constrained")
axis.plot(z, TwoWells(1).energy(z))
axis.set(xlabel="position z", ylabel="energy U(z)")
plt.show()

# %% [markdown]
# ## Fit both
#
# A small Lorenz set with 8 of 30 neurons held out. Scores on test trials, each with its 95 %
# interval.

# %%
trials = simulate_lorenz(conditions=12, trials_per_condition=(8, 2, 3), bins=50).hold_out(8, seed=0)
train, validation, test = split_trials(trials)
training = Training(epochs=30, keep="last")
for name, potential in (("oscillators", "coupled-oscillators"), ("two wells", TwoWells)):
    dynamics = Langevin(potential=potential)
    model = LangevinFlow(16, dynamics, dropout=0.05, training=training).fit(train, validation)
    scores = model.score(test)
    print(f"{name}: {scores['co-bps']}; {scores['rate R2']}")
