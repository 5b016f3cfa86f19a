# %% [markdown]
# # How sure is it?
#
# Posterior samples give intervals of the rates. Those of fitted models are too narrow; spikes of
# held-out neurons tell by how much, and the intervals can be widened by that factor.

# %% [markdown]
# ## Fit with some neurons held out

# %%
import matplotlib.pyplot as plt
import numpy as np

from undertow import LatentSDE, simulate_rate_network
from undertow.data import split_trials
from undertow.dynamics import NeuralSDE
from undertow.evaluation import spread_factor, widened
from undertow.training import Training

trials = simulate_rate_network(n_trials=200, n_neurons=40, bins=50, bin_s=0.02).hold_out(10, seed=0)
train, validation, test = split_trials(trials)
training = Training(epochs=40, batch_size=32, learning_rate=4e-3)
model = LatentSDE(dynamics=NeuralSDE(3), training=training).fit(train, validation)

# %% [markdown]
# ## Intervals from 200 samples
#
# Here the true rates are known, so we can count how many lie inside.

# %%
prediction = model.predict(test, samples=200)


def share_inside(prediction):
    """Share of the true rates inside the 90 % intervals."""
    low, high = prediction.interval(0.9)
    return np.mean((low <= test.truth) & (test.truth <= high))


print(f"inside the 90 % intervals: {share_inside(prediction):.0%}")

# %% [markdown]
# ## Widen them
#
# The factor is read off the held-out spikes of the validation trials; no true rate is needed.

# %%
factor = spread_factor(model.predict(validation, samples=200))
wider = widened(prediction, max(factor.value, 1.0))
print(f"factor: {factor.value:.2f}, 95 % interval {factor.low:.2f} to {factor.high:.2f}")
print(f"inside the widened intervals: {share_inside(wider):.0%}")

# %% [markdown]
# ## One trial

# %%
neuron = int(np.flatnonzero(trials.heldout)[0])
figure, axis = plt.subplots(figsize=(7, 3), layout="constrained")
for shown, alpha, label in ((wider, 0.2, "90 %, widened"), (prediction, 0.4, "90 %")):
    low, high = (bound[0, :, neuron] for bound in shown.interval(0.9))
    axis.fill_between(test.time_s, low, high, color="C0", alpha=alpha, linewidth=0, label=label)
axis.plot(test.time_s, prediction.rates[0, :, neuron], "C0", label="inferred")
axis.plot(test.time_s, test.truth[0, :, neuron], "k", label="true")
axis.set(xlabel="time (s)", ylabel="rate (spikes/s)", title="a held-out neuron")
axis.legend(frameon=False, ncols=4, fontsize="small", loc="upper right")
axis.set_ylim(0, 1.3 * axis.get_ylim()[1])
plt.show()
