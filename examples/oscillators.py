# %% [markdown]
# # Frequencies of coupled oscillators
#
# A latent SDE whose dynamics are coupled oscillators says at which frequencies they turn. On data
# of known frequencies the answer can be checked.

# %% [markdown]
# ## Data of 2 and 4 Hz

# %%
import matplotlib.pyplot as plt

from undertow import LatentSDE, simulate_oscillators
from undertow.analysis import natural_frequencies
from undertow.data import split_trials
from undertow.dynamics import CoupledOscillators
from undertow.training import Training

true_hz = (2.0, 4.0)
trials = simulate_oscillators(true_hz, n_trials=150, n_neurons=40, bins=50, bin_s=0.02)
train, validation, test = split_trials(trials)

# %% [markdown]
# ## Two oscillators, four coordinates
#
# The frequencies move slowly in training, so they start in the band that matters: here between 1.5
# and 4.5 cycles per trial of 1 s. From a band of 1 to 5 they end at 1.74 and 4.34 Hz.

# %%
dynamics = CoupledOscillators(4, start_cycles=(1.5, 4.5))
training = Training(epochs=120, batch_size=32, learning_rate=1e-2)
model = LatentSDE(dynamics=dynamics, training=training).fit(train, validation)
found = natural_frequencies(model).hz[0]
print("true:", true_hz, "Hz; found:", found.round(2), "Hz")

# %% [markdown]
# ## Generate from the first 0.1 s
#
# The first bins set the state; from there the dynamics run on, without seeing a spike. Thin lines
# are true rates of one neuron in five trials, thick ones what the model generates.

# %%
generated = model.predict(test, mode="generate")
neuron = int(test.truth.std((0, 1)).argmax())
figure, axes = plt.subplots(5, 1, figsize=(7, 6), sharex=True, sharey=True, layout="constrained")
for trial, axis in enumerate(axes):
    axis.plot(test.time_s, test.truth[trial, :, neuron], "k", linewidth=1, label="true")
    axis.plot(test.time_s, generated.rates[trial, :, neuron], "C0", linewidth=2, label="generated")
    axis.axvspan(0, 0.1, color="0.9", label="seen")
figure.legend(
    *axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=3, frameon=False
)
axes[2].set_ylabel("rate (spikes/s)")
axes[-1].set_xlabel("time (s)")
plt.show()
