"""Models in prose for the methods paragraph, from the settings they were run with."""

from collections.abc import Mapping
from typing import Any

from undertow.report.page import plain

LANGEVIN_FLOW = (
    "The model was LangevinFlow (Song et al. 2025), a sequential variational autoencoder",
    "with a recurrent encoder of {hidden_dim} units,",
    "{latent_dim} latent positions and as many velocities that follow the underdamped Langevin equation",
    "in the potential '{potential}' ({groups} groups, {taps} taps),",
    "starting from mass {mass}, damping {gamma}, temperature {temperature} and timescale {timescale_s} s",
    "(learned from there: {learn}),",
    "posterior '{posterior}' with path prior '{path_prior}' and initial state from '{initial}',",
    "and a decoder '{decoder}' with {heads} attention heads that reads {decoder_inputs}.",
)
TRAINING = (
    "It was trained for at most {training.epochs} epochs in batches of {training.batch_size}",
    "at a peak learning rate of {training.learning_rate},",
    "with dropout {dropout}, coordinated dropout {coordinated_dropout} and KL weight {kl_weight};",
    "rates are means over {samples} posterior samples.",
)
NO_LATENTS = ("It was run without latents: its decoder reads the encoder alone.",)
BASELINES = {
    "smoothing": "The baseline smoothed spikes with a Gaussian and predicted held-out neurons from them by Poisson "
    "regression, width and penalty chosen within the training trials.",
}


def describe_model(name: str, settings: Mapping[str, Any]) -> str:
    """Sentences about the model; settings no sentence uses follow as a list, so none is left out."""
    templates: tuple[str, ...] = ()
    if name == "langevin-flow":
        templates = LANGEVIN_FLOW + TRAINING + (NO_LATENTS if settings.get("latents") is False else ())
    values = {key: plain(value) for key, value in settings.items()}
    used: set[str] = set()
    words = [filled for template in templates if (filled := _filled(template, values, used))]
    rest = ", ".join(f"{key} = {value}" for key, value in values.items() if key not in used)
    start = " ".join(words) or f"The model was {name}."
    return start + (
        f" Further settings: {rest}." if rest and words else f" Settings: {rest}." if rest else ""
    )


def _filled(template: str, values: Mapping[str, str], used: set[str]) -> str:
    """The template with its {names} replaced; empty when a name is missing."""
    names = [part.split("}")[0] for part in template.split("{")[1:]]
    if not all(name in values for name in names):
        return ""
    used.update(names)
    for name in names:
        template = template.replace("{" + name + "}", values[name])
    return template
