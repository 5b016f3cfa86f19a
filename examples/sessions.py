# %% [markdown]
# # Three days, other neurons, one model
#
# Recordings of other neurons become one model: dynamics, encoder and decoder are shared, and each
# day has a read-in and a readout of its own. Then a third day is added, of which nothing but those
# is learned.

# %% [markdown]
# ## The days
#
# Made, not recorded: reaches to 8 targets, and other neurons every day.

# %%
import matplotlib.pyplot as plt
import numpy as np

from undertow import JointModel, LangevinFlow, Sessions
from undertow.data import split_trials
from undertow.evaluation import combine, transfer_statistic
from undertow.systems import simulate_maze_like
from undertow.training import Training

days = Sessions(
    {f"day {k}": simulate_maze_like(n_neurons=60, seed=k).hold_out(15, seed=0) for k in range(3)}
)
parts = {name: split_trials(trials, seed=0) for name, trials in days.items()}
first_two = ("day 0", "day 1")
train = {name: parts[name].train for name in first_two}
validation = {name: parts[name].validation for name in first_two}

# %% [markdown]
# ## One model of two days, and a third

# %%
model = JointModel(LangevinFlow(training=Training(epochs=100, refit=False)))
model.fit(train, validation)
model.adapt(parts["day 2"].train, parts["day 2"].validation, name="day 2")
for name, each in parts.items():
    print(name, model[name].score(each.test)["co-bps"])

# %% [markdown]
# ## The same latents every day
#
# Positions z of the test trials, averaged over the trials of each target, in the two directions in
# which those of the first day differ most.

# %%
predictions = {name: model[name].predict(each.test) for name, each in parts.items()}


def averages(name: str) -> np.ndarray:
    """Mean latents of each target, (targets, time, positions)."""
    found = predictions[name]
    return np.stack([found.latents["z"][found.trials.condition == k].mean(0) for k in range(8)])


first = averages("day 0")
centre = first.mean((0, 1))
directions = np.linalg.svd((first - centre).reshape(-1, first.shape[-1]), full_matrices=False)[2]
figure, axes = plt.subplots(1, 3, figsize=(8, 3.4), sharex=True, sharey=True, layout="constrained")
for axis, name in zip(axes, days, strict=True):
    paths = (averages(name) - centre) @ directions[:2].T
    for k, path in enumerate(paths):
        axis.plot(*path.T, color=plt.get_cmap("hsv")(k / 8))
        axis.plot(*path[-1], "o", color=plt.get_cmap("hsv")(k / 8), ms=4)
    axis.set(title=name, xlabel="first direction of z", aspect="equal")
axes[0].set(ylabel="second")
plt.show()

# %% [markdown]
# ## A decoder that transfers
#
# Velocity decoded from z, by a decoder of one day in another.

# %%
for learned in days:
    fitted_on = model[learned].predict(parts[learned].train)
    found = [
        combine([[{"R²": transfer_statistic(predictions[tested], fitted_on)}]])["R²"].value
        for tested in days
    ]
    print(f"decoder of {learned}:", ", ".join(f"{value:.2f}" for value in found))
