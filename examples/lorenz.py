# %% [markdown]
# # Rates of a Lorenz system
#
# From spikes to firing rates, on synthetic data whose true rates are known: simulate, fit, score,
# compare with smoothing, draw. The picture on the start page had longer to learn:
# `EPOCHS=200 python examples/lorenz.py`.

# %% [markdown]
# ## Simulate
#
# A Lorenz system drives 30 Poisson neurons of 7 spikes/s through random weights. Each of the 20
# conditions is one start of the system; its trials share the true rates and differ in their spikes.

# %%
import os

import matplotlib.pyplot as plt

from undertow import LangevinFlow, Smoothing, simulate_lorenz
from undertow.data import split_trials
from undertow.training import Training

trials = simulate_lorenz(conditions=20)
train, validation, test = split_trials(trials)
print(trials)

# %% [markdown]
# ## Fit
#
# The weights kept are those of the epoch that scored best on the validation trials. The test trials
# choose nothing.

# %%
epochs = int(os.environ.get("EPOCHS", "30"))
training = Training(epochs=epochs, batch_size=16)
model = LangevinFlow(dropout=0.05, training=training).fit(train, validation)
baseline = Smoothing().fit(train, validation)

# %% [markdown]
# ## Score
#
# Every score stands with its unit and its 95 % interval over test trials.

# %%
for name, fitted in (("LangevinFlow", model), ("smoothing", baseline)):
    print(name, *fitted.score(test).values(), sep="\n  ")

# %% [markdown]
# ## Look
#
# Above: one test trial, a neuron a row, sorted by when it fires most: the spikes the model was
# given, the true rates, and the rates it inferred from those spikes alone, each as a share of the
# neuron's highest true rate. Below: rates of three neurons, averaged over a condition's test
# trials.

# %%
inferred, smoothed = model.predict(test), baseline.predict(test)
trial = int(test.truth.std(1).mean(1).argmax())  # one in which much happens
highest = test.truth[trial].max(0)
order = test.truth[trial].argmax(0).argsort()
pictures = {
    "spikes of one trial": test.spikes[trial] > 0,
    "true rates": test.truth[trial] / highest,
    "inferred rates": inferred.rates[trial] / highest,
}
figure, axes = plt.subplots(2, 3, figsize=(9, 5), sharex=True, layout="constrained")
span = (0, test.time_s[-1], 0, test.spikes.shape[2])
for axis, (title, values), cmap in zip(
    axes[0], pictures.items(), ("Greys", "viridis", "viridis"), strict=True
):
    image = axis.imshow(
        values[:, order].T, aspect="auto", extent=span, cmap=cmap, vmin=0, vmax=1, origin="lower"
    )
    axis.set_title(title, fontsize="medium")
figure.colorbar(image, ax=axes[0, 2], label="share of the highest rate")
axes[0, 0].set_ylabel("neuron")

same = test.condition == test.condition[trial]
most = test.truth[trial].std(0).argsort()[-3:]
for neuron, axis in zip(most, axes[1], strict=True):
    axis.plot(test.time_s, test.truth[same][0, :, neuron], "k", label="true")
    axis.plot(test.time_s, inferred.rates[same][:, :, neuron].mean(0), label="LangevinFlow")
    axis.plot(test.time_s, smoothed.rates[same][:, :, neuron].mean(0), label="smoothing")
    axis.set_xlabel("time (s)")
axes[1, 0].set_ylabel("rate (spikes/s)")
axes[1, 0].legend(frameon=False, fontsize="small")
plt.show()
