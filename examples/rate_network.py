# %% [markdown]
# # A noisy rate network
#
# Three populations under a sinusoidal input, with noise in their dynamics: does a model with noise
# generate their spikes better than the same model without? A small version of
# [the full measurement](../docs/research/latent-sde-experiments.md).

# %% [markdown]
# ## Simulate
#
# Every trial has an input of random frequency and phase, and noise of its own.

# %%
import matplotlib.pyplot as plt

from undertow import LatentSDE, plots, simulate_rate_network
from undertow.data import split_trials
from undertow.dynamics import NeuralSDE
from undertow.training import Training

trials = simulate_rate_network(noise=2.0, n_trials=250, n_neurons=40, bins=50, bin_s=0.02)
train, validation, test = split_trials(trials)

# %% [markdown]
# ## Two models that differ in one argument

# %%
training = Training(epochs=50, batch_size=32, learning_rate=4e-3)
models = {
    "SDE": LatentSDE(dynamics=NeuralSDE(3), training=training),
    "ODE": LatentSDE(dynamics=NeuralSDE(3, noise=False), training=training),
}
for name, model in models.items():
    model.fit(train, validation)
    print(name, model.score(test, train)["generated bps"])

# %% [markdown]
# ## Infer and generate
#
# Inferred from the whole trial ("smooth"), the stochastic model follows what the noise did; a path
# that its start determines cannot. Generated from the first 0.1 s, neither knows the noise to come.
# Rates of one neuron in one trial:

# %%
neuron = int(test.truth.std((0, 1)).argmax())
trial = int(test.truth[:, :, neuron].std(1).argmax())
figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True, layout="constrained")
for axis, mode in zip(axes, ("smooth", "generate"), strict=True):
    axis.plot(test.time_s, test.truth[trial, :, neuron], "k", label="true")
    for name, model in models.items():
        rates = model.predict(test, mode=mode).rates
        axis.plot(test.time_s, rates[trial, :, neuron], label=name)
    axis.set(xlabel="time (s)", title=f'mode="{mode}"')
axes[0].set_ylabel("rate (spikes/s)")
axes[0].legend(frameon=False)
plt.show()

# %% [markdown]
# ## The learned flow
#
# The drift of the stochastic model, in the plane in which its paths vary most.

# %%
plots.phase_portrait(models["SDE"], test)
plt.show()
