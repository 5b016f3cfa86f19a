# %% [markdown]
# # Your own data, from arrays
#
# Counts in an array, or spike times in lists, become trials; a model is fitted; rates, latents and
# scores come back. The "recording" is made here, so that the example runs anywhere: put your arrays
# in its place.

# %% [markdown]
# ## Arrays in
#
# Counts are (trials, time, neurons). What was not observed is NaN: here the probe fails for a
# moment in trial 3.

# %%
import matplotlib.pyplot as plt
import numpy as np

from undertow import LangevinFlow, TrialSet, plots
from undertow.data import split_trials
from undertow.training import Training

rng = np.random.default_rng(0)
time_s = 0.02 * np.arange(50)
phase = rng.uniform(0, 2 * np.pi, (120, 1, 1))
preferred = rng.uniform(0, 2 * np.pi, 24)
true_rates = 15 * np.exp(np.cos(2 * np.pi * 2 * time_s[:, None] + phase - preferred))
counts = rng.poisson(0.02 * true_rates).astype(float)
counts[3, 20:30] = np.nan

trials = TrialSet(counts, bin_s=0.02, start_s=-0.2, event="go cue")
trials = trials.hold_out(6, seed=0)
print(trials)

# %% [markdown]
# ## Fit
#
# Six neurons are held out: in training the model learns to predict them, and it is never given
# their spikes.

# %%
train, validation, test = split_trials(trials, seed=0)
training = Training(epochs=60, batch_size=32)
model = LangevinFlow(latent_dim=16, dropout=0.1, training=training).fit(train, validation)
print(model.score(test)["co-bps"])

# %% [markdown]
# ## Arrays out
#
# Rates are spikes/s. `to_xarray` gives everything with names and coordinates, ready for NetCDF.

# %%
prediction = model.predict(test)
print(prediction.rates.shape, {name: z.shape for name, z in prediction.latents.items()})
print(prediction.to_xarray())

# %% [markdown]
# ## Figures
#
# Those of the report are functions of a prediction, one line each. They return matplotlib axes.

# %%
plots.rasters(prediction, trials=2)
plt.show()

# %% [markdown]
# Or draw your own: one trial of a neuron that was held out.

# %%
neuron = np.flatnonzero(trials.heldout)[0]
figure, axis = plt.subplots(figsize=(7, 3), layout="constrained")
axis.bar(test.time_s, test.spikes[0, :, neuron], width=0.018, color="0.8", label="spikes per bin")
axis.set(xlabel="time from go cue (s)", ylabel="spikes per bin")
right = axis.twinx()
right.plot(test.time_s, prediction.rates[0, :, neuron], "C0", label="predicted rate")
right.set_ylabel("rate (spikes/s)")
right.set_ylim(bottom=0)
figure.legend(loc="outside upper right", ncols=2, frameon=False)
plt.show()
