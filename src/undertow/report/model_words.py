"""What a report says of a model: sentences with the settings it was run with."""

from collections.abc import Mapping
from typing import Any

from undertow.report.page import plain

LANGEVIN_FLOW = (
    "The model was LangevinFlow (Song et al. 2025), a sequential variational autoencoder",
    "with an encoder '{encoder.name}' of {encoder.hidden_dim} units,",
)
LANGEVIN_LATENTS = (
    "{latent_dim} latent positions and as many velocities that follow the underdamped Langevin "
    "equation",
    "in the potential '{dynamics.potential}' ({dynamics.groups} groups, {dynamics.taps} taps),",
    "starting from mass {dynamics.mass}, damping {dynamics.gamma}, temperature "
    "{dynamics.temperature} and timescale {dynamics.timescale_s} s",
    "(learned from there: {dynamics.learn}),",
    "posterior '{posterior.kind}' with path prior '{posterior.path_prior}' and initial state from "
    "'{posterior.initial_s}',",
)
LANGEVIN_DECODER = (
    "and a decoder '{decoder.name}'",
    "with {decoder.heads} attention heads",
    "that reads {decoder.inputs}.",
)
BUDGET = (
    "It was trained for at most {training.epochs} epochs in batches of {training.batch_size}",
    "It was trained for {training.steps} steps at most, in batches of {training.batch_size}",
    "at a peak learning rate of {training.learning_rate},",
)
TRAINING = (
    *BUDGET,
    "with dropout {dropout}, coordinated dropout {coordinated_dropout} and KL weight {kl.peak};",
    "rates are means over {samples} posterior samples.",
)
NO_LATENTS = ("It was run without latents: its decoder reads the encoder alone.",)
LATENT_SDE = (
    "The model was a latent SDE (ElGazzar & van Gerven 2024), fitted by variational inference over "
    "paths,",
    "with dynamics '{dynamics}' of state dimension {latent_dim} (settings: {dynamics.*}),",
    "the initial state inferred from the first {posterior.initial_s} s,",
    "posterior '{posterior.kind}', context network '{encoder.context}' and {encoder.hidden_dim} "
    "hidden units,",
    "regions {regions}, time as an input {signals.time}, and {solver.bins_per_step} bins per step "
    "of the solver.",
    "Spike counts were '{observation.kind}' with link '{observation.link}';",
    "behaviour and labels had weights {signals.behavior_weight} and {signals.label_weight}.",
)
LATENT_SDE_TRAINING = (
    *BUDGET,
    "with dropout {dropout} and a '{kl.shape}' KL weight up to {kl.peak};",
    "predictions are means over {samples} paths. Parameters of the dynamics are not identifiable.",
)
GP_SLDS = (
    "The model was a Gaussian-process switching linear dynamical system (Hu et al. 2024), with a "
    "state of dimension {latent_dim} and {regimes} regimes read from it by a '{gate}' gate at "
    "temperature {temperature},",
    "inducing states {inducing}, stimulus {stimulus} and time {time} as inputs, behaviour "
    "{behavior}.",
    "Paths were inferred by natural gradients over Gaussian Markov laws (SING, Hu et al. 2025), "
    "the drift in closed form, in at most {em.iterations} iterations of variational "
    "expectation-maximisation;",
    "generated predictions are means over {samples} paths from the first {initial_s} s. Its "
    "coordinates are not identifiable.",
)
EM = (
    "with '{observed}' observations, fitted by expectation-maximisation in at most {em.iterations} "
    "iterations; readout of rates: {rates}.",
)
STATIC = (
    "of smoothed square roots of counts, of dimension {latent_dim};",
    "rates were read from it by Poisson regression, smoothing width and penalty chosen among "
    "{width_s} s and {penalty}.",
)
LFADS = (
    "The model was LFADS (Sussillo et al. 2016; Pandarinath et al. 2018), a sequential variational "
    "autoencoder with {latent_dim} factors of a generator, a GRU of {generator.hidden_dim} units,",
    "whose initial condition ({initial.dim} numbers, prior '{initial.prior}') was inferred by an "
    "encoder '{encoder.name}' of {encoder.hidden_dim} units, with stimulus {stimulus}.",
)
LFADS_INPUTS = (
    "Its {inputs} inferred inputs came from a controller of {controller.hidden_dim} units; their "
    "prior was an AR(1) process, first with an autocorrelation time of "
    "{controller.correlation_s} s and a standard deviation of {controller.prior_std}.",
)
NDT = ("The model was a Neural Data Transformer (Ye & Pandarinath 2021)",)
STNDT = (
    "The model was a spatiotemporal Neural Data Transformer (Le & Shlizerman 2022), which attends "
    "over neurons too, with weight {contrast.weight} on its contrastive term at temperature "
    "{contrast.temperature},",
)
MASKED_TRANSFORMER = (
    "of {encoder.layers} layers of {encoder.width} features and {encoder.heads} heads over the "
    "bins, with '{encoder.positions}' positions and '{encoder.norm}' normalisation.",
    *BUDGET,
    "with dropout {dropout},",
    "to predict held-in counts that were masked or hidden: coordinated dropout "
    "{coordinated_dropout} and masking of a share {masking.share} of the {masking.unit}. Nothing "
    "is drawn: it has no latent dynamics.",
)
MODELS: dict[str, tuple[str, ...]] = {
    "gp-slds": GP_SLDS,
    "ndt": NDT + MASKED_TRANSFORMER,
    "stndt": STNDT + MASKED_TRANSFORMER,
    "lds": ("The model was a linear dynamical system of {latent_dim} latents", *EM),
    "gpfa": (
        "The model was Gaussian-process factor analysis (Yu et al. 2009) of {latent_dim} latents "
        "whose timescales started at {timescale_s} s",
        *EM,
    ),
    "slds": (
        "The model was a switching linear dynamical system (Linderman et al. 2017) of {latent_dim} "
        "latents and {regimes} regimes (recurrent: {recurrent})",
        *EM,
    ),
    "factor-analysis": ("The model was a factor analysis", *STATIC),
    "pca": ("The model was a probabilistic principal component analysis", *STATIC),
    "mint": (
        "Trials were matched with a library of condition-averaged trajectories (MINT, Perkins et "
        "al. 2023; estimate '{estimate}'),",
        "smoothing width, window and jitter chosen among {width_s}, {window_s} and {jitter_s} s.",
    ),
    "condition-average": (
        "Each trial was predicted as the average of the training trials of its condition, "
        "smoothing width and shrinkage chosen among {width_s} s and {added_trials} trials.",
    ),
    "psth-gain": (
        "Each trial was predicted as the average of all training trials times its own gain, "
        "smoothing width and shrinkage chosen among {width_s} s and {added_spikes} spikes.",
    ),
    "ridge": (
        "Rates and behaviour were ridge regressions on square roots of counts smoothed by "
        "{width_s} s, of {lags} bins to each side.",
    ),
    "mean-rate": ("Each trial was predicted as each neuron's mean rate.",),
}
"""Model → sentences with its settings; those of other models depend on them."""


def describe_model(name: str, settings: Mapping[str, Any]) -> str:
    """Write sentences about the model.

    Settings that no sentence uses follow as a list, so that none is left out.
    """
    templates: tuple[str, ...] = ()
    if name == "langevin-flow":
        absent = settings.get("dynamics", "langevin") is None
        templates = LANGEVIN_FLOW + (() if absent else LANGEVIN_LATENTS)
        templates += LANGEVIN_DECODER + TRAINING + (NO_LATENTS if absent else ())
    elif name == "latent-sde":
        templates, settings = LATENT_SDE + LATENT_SDE_TRAINING, _with_dynamics(settings)
    elif name == "lfads":
        templates = LFADS + (LFADS_INPUTS if settings.get("inputs") else ()) + TRAINING
    else:
        templates = MODELS.get(name, ())
    unset = {key for key in ("training.epochs", "training.steps") if settings.get(key) is None}
    values = {key: plain(value) for key, value in settings.items() if key not in unset}
    if "dropout" in settings and settings["dropout"] is None:
        values["dropout"] = "by the number of training spikes"
    if len(unset) == 2 and "training.batch_size" in values:
        from undertow.training.settings import EPOCHS, FEWEST_EPOCHS  # it loads torch

        values["training.epochs"] = f"{FEWEST_EPOCHS} to {EPOCHS}"
    used: set[str] = set()
    words = [filled for template in templates if (filled := _filled(template, values, used))]
    rest = ", ".join(f"{key} = {value}" for key, value in values.items() if key not in used)
    start = " ".join(words) or f"The model was {name}."
    return start + (
        f" Further settings: {rest}." if rest and words else f" Settings: {rest}." if rest else ""
    )


def _with_dynamics(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the dynamics as one entry, beside their name."""
    own = {k.removeprefix("dynamics."): v for k, v in settings.items() if k.startswith("dynamics.")}
    rest = {k: v for k, v in settings.items() if not k.startswith("dynamics.")}
    name = own.pop("dynamics", rest.get("dynamics"))  # an object has its name among its settings
    for known in ("state_dim", "input_dim"):
        own.pop(known, None)  # as wide as the state and the stimulus, whatever they are
    listed = ", ".join(f"{k} = {plain(v)}" for k, v in own.items()) or "the defaults"
    return {**rest, "dynamics": name, "dynamics.*": listed}


def _filled(template: str, values: Mapping[str, str], used: set[str]) -> str:
    """Fill the {names} of a template; empty when a name is missing."""
    names = [part.split("}")[0] for part in template.split("{")[1:]]
    if not all(name in values for name in names):
        return ""
    used.update(names)
    for name in names:
        template = template.replace("{" + name + "}", values[name])
    return template
