# %% [markdown]
# # Waves in latents
#
# LangevinFlow's latents are positions of oscillators, coupled to their neighbours in chains. Such a
# chain shows waves by itself, before it has seen any spike. So a wave in inferred latents is no
# finding yet: look at the model's prior beside it.

# %% [markdown]
# ## Fit a small population of oscillators
#
# Three Stuart-Landau oscillators of 2, 3.3 and 5.1 Hz drive 40 neurons.

# %%
import matplotlib.pyplot as plt
import numpy as np

from undertow import LangevinFlow, simulate_oscillators
from undertow.data import split_trials
from undertow.training import Training

trials = simulate_oscillators(n_trials=120, n_neurons=40, bins=50, bin_s=0.02).hold_out(8, seed=0)
train, validation, test = split_trials(trials)
training = Training(epochs=40, batch_size=32)
model = LangevinFlow(latent_dim=64, dropout=0.1, training=training).fit(train, validation)
print(model.score(test)["co-bps"])

# %% [markdown]
# ## One chain, in the prior and in a trial
#
# The 64 positions are four chains of 16. Each picture shows one chain: an oscillator a row, time
# to the right. Stripes that lean are waves. On the left the model saw no data.

# %%
bins = test.spikes.shape[1]
prior = model.sample_prior(1, bins, seed=1)["z"][0, :, :16]
inferred = model.predict(test).latents["z"][0, :, :16]

figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True, layout="constrained")
for axis, latent, title in zip(axes, (prior, inferred), ("prior", "inferred"), strict=True):
    most = np.abs(latent).max()
    extent = (0, bins * test.bin_s, 0, 16)
    image = axis.imshow(
        latent.T, aspect="auto", origin="lower", extent=extent, cmap="RdBu_r", vmin=-most, vmax=most
    )
    axis.set(xlabel="time (s)", title=title)
    figure.colorbar(image, ax=axis, label="position z")
axes[0].set_ylabel("oscillator of the chain")
plt.show()
