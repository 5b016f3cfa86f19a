"""Methods section: data, model and fit in prose, from the settings they were run with."""

from collections.abc import Mapping
from typing import Any

from undertow.report.page import decimal, plain, plural
from undertow.report.record import RunRecord
from undertow.report.scores import has_interval

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
BASELINES = {
    "smoothing": "The baseline smoothed spikes with a Gaussian and predicted held-out neurons from "
    "them by Poisson "
    "regression, width and penalty chosen within the training trials.",
}


def methods_paragraph(record: RunRecord) -> str:
    """Write the methods as plain text: data, split, model and settings, fit, scores, software."""
    parts = (_data, _heldout, _split, _model, _fit, _scores, _software)
    return " ".join(words for part in parts if (words := part(record)))


def _data(record: RunRecord) -> str:
    trials = record.prediction.trials
    start, stop = trials.start_s, trials.start_s + trials.n_time * trials.bin_s
    when = (
        f"from {start:g} to {stop:g} s relative to"
        if trials.times is None
        else "at irregular times after"
    )
    words = (
        f"Spikes of {trials.n_neurons} neurons were counted in bins of {1e3 * trials.bin_s:g} ms, "
        f"{when} {trials.event}."
    )
    if silent := int(trials.silent.sum()):
        words += (
            f" Neurons without a spike in the test trials ({silent}) were left out of the scores."
        )
    return words


def _heldout(record: RunRecord) -> str:
    trials, words = record.prediction.trials, ""
    if n := int(trials.heldout.sum()):
        seed = "" if record.split_seed is None else f" (split seed {record.split_seed})"
        words = (
            f"{n} neurons were held out{seed}: their spikes were predicted and never given to the "
            "encoder."
        )
    if trials.forward_bins:
        seconds = trials.forward_bins * trials.bin_s
        words += (
            f" The same holds for all neurons in the last {seconds:g} s of each trial (forward "
            "prediction)."
        )
    return words.strip()


def _split(record: RunRecord) -> str:
    n_test = record.prediction.trials.n_trials
    if record.train_prediction is None:
        return f"Scores are of {plural(n_test, 'test trial')}."
    n_train = record.train_prediction.trials.n_trials
    scored = f"scored on {plural(n_test, 'test trial')}"
    n_chosen = int(record.data_description.get("validation trials", 0))
    if not 0 < n_chosen < n_train:
        return f"The model was fitted on {plural(n_train, 'trial')} and {scored}."
    return (
        f"The model learned from {plural(n_train - n_chosen, 'trial')}, chose on {n_chosen} more "
        f"and was {scored}."
    )


def _model(record: RunRecord) -> str:
    baselines = [BASELINES[name] for name in record.baseline_names if name in BASELINES]
    return " ".join([describe_model(record.model_name, record.settings), *baselines])


def _fit(record: RunRecord) -> str:
    words = []
    if record.seed is not None:
        words.append(f"Weights, noise and batches used seed {record.seed}.")
    if record.history:
        took = f" ({record.seconds['fit']:.0f} s)" if "fit" in record.seconds else ""
        last = record.history[-1].get("epoch", len(record.history))
        words.append(f"Training ended after epoch {plain(last)}{took}.")
    return " ".join(words)


def _scores(record: RunRecord) -> str:
    scores = record.scores[record.model_name]
    listed, intervals = [], False
    for name, score in scores.items():
        unit = "" if score.unit == "R²" else f" {score.unit}"
        words = f"{name} {decimal(score.value)}{unit}"
        if has_interval(score):
            intervals = True
            words += (
                f" ({100 * score.level:g} % interval {decimal(score.low)} to {decimal(score.high)})"
            )
        listed.append(words)
    if not listed:
        return ""
    how = (
        " Intervals are bootstraps over test trials, drawn within conditions." if intervals else ""
    )
    if record.prediction.trials.condition is None:
        how = how.replace(", drawn within conditions", "")
    return f"Test scores: {'; '.join(listed)}.{how}"


def _software(record: RunRecord) -> str:
    listed = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    return f"Software: {listed}." if listed else ""


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
    elif name == "gp-slds":
        templates = GP_SLDS
    elif name in ("ndt", "stndt"):
        templates = (NDT if name == "ndt" else STNDT) + MASKED_TRANSFORMER
    unset = {key for key in ("training.epochs", "training.steps") if settings.get(key) is None}
    values = {key: plain(value) for key, value in settings.items() if key not in unset}
    if "dropout" in settings and settings["dropout"] is None:
        values["dropout"] = "by the number of training bins"
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
