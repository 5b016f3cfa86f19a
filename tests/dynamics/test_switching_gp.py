"""The switching kernel by its formula, and the drift's law against Gaussian-process algebra."""

import pytest
import torch

from tests.dynamics.variants import normal
from undertow.dynamics import SwitchingGP, SwitchingLinearKernel
from undertow.errors import ModelError

DIM, REGIMES = 2, 3


def kernel(gate: str = "linear") -> SwitchingLinearKernel:
    made = SwitchingLinearKernel(DIM, REGIMES, gate, 0.7).double()  # type: ignore[arg-type]
    with torch.no_grad():
        for k, parameter in enumerate(made.parameters()):
            parameter.copy_(normal(*parameter.shape, seed=k))
    return made


def gp(inducing: int | None = None, inputs: int = 0, seed: int = 0) -> SwitchingGP:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = SwitchingGP(DIM, REGIMES, inputs, inducing).double()
    return made


@pytest.mark.parametrize("gate", ["linear", "quadratic"])
def test_the_kernel_is_its_formula(gate: str) -> None:
    made, x, y = kernel(gate), normal(5, DIM, seed=10), normal(4, DIM, seed=11)
    scale, bias = made.log_scale.exp().square(), made.log_bias.exp().square()
    share_x, share_y = made.probabilities(x), made.probabilities(y)
    for i in range(5):
        for j in range(4):
            wanted = sum(
                share_x[i, k]
                * ((scale * (x[i] - centre) * (y[j] - centre)).sum() + bias)
                * share_y[j, k]
                for k, centre in enumerate(made.centres)
            )
            assert torch.allclose(made(x, y)[i, j], torch.as_tensor(wanted), atol=1e-12)
    assert torch.allclose(share_x.sum(-1), torch.ones(5).double())


def test_regimes_are_those_of_the_nearest_centre() -> None:
    made, x = kernel(), normal(200, DIM, seed=3)
    centres = normal(REGIMES, DIM, seed=4)
    made.place(centres)
    nearest = torch.cdist(x, centres).argmin(1)
    assert torch.equal(made.probabilities(x).argmax(1), nearest)
    shares = made.probabilities(x)
    logits = -torch.cdist(x, centres).square() / (2 * made.temperature)
    assert torch.allclose(shares, logits.softmax(-1), atol=1e-10)


def test_one_regime_has_no_gate() -> None:
    made = SwitchingLinearKernel(DIM, 1)
    assert made.gate is None
    assert torch.equal(made.probabilities(torch.randn(4, DIM)), torch.ones(4, 1))


@pytest.mark.parametrize("inducing", [4, REGIMES * (DIM + 1), 25])
def test_inducing_states_give_the_conditional_of_the_process(inducing: int) -> None:
    """Mean and variance given values u ~ N(m, S) at the inducing states, by textbook algebra."""
    made, x = gp(inducing), normal(6, DIM, seed=5)
    with torch.no_grad():
        made.var.copy_(normal(*made.var.shape, seed=6).square())
        turned = torch.linalg.qr(normal(*made.basis.shape, seed=7))[0]
        made.set_weights(made.mean, turned, made.var)
    assert made.locations is not None
    eye = torch.eye(inducing, dtype=torch.float64)
    prior = made.kernel(made.locations, made.locations)
    prior = prior + 1e-8 * prior.diagonal().mean() * eye
    cross, factor = made.kernel(x, made.locations), torch.linalg.cholesky(prior)
    solved = torch.linalg.solve(prior, cross.t()).t()
    for d in range(DIM):
        m = factor @ made.mean[d]
        s = factor @ (turned * made.var[d]) @ turned.t() @ factor.t()
        assert torch.allclose(made.drift(0.0, x)[:, d], solved @ m, atol=1e-6)
        rest = made.kernel(x, x).diagonal() - (solved * cross).sum(1)
        var = rest + (solved @ s * solved).sum(1)
        assert torch.allclose(made.drift_std(0.0, x)[:, d].square(), var, atol=1e-6)


def test_enough_inducing_states_leave_no_remainder_and_few_do() -> None:
    x = normal(50, DIM, seed=8)
    assert gp(25).weighted(x)[1].max() < 1e-5
    assert gp(4).weighted(x)[1].max() > 1e-2
    assert gp().weighted(x)[1].abs().max() == 0


def test_the_divergence_of_the_weights_is_that_of_gaussians() -> None:
    made = gp(inputs=1)
    turned = torch.linalg.qr(normal(*made.basis.shape, seed=2))[0]
    made.set_weights(
        normal(*made.mean.shape, seed=3), turned, normal(*made.var.shape, seed=4).square() + 0.1
    )
    wanted = 0.0
    for d in range(DIM):
        cov = (turned * made.var[d]) @ turned.t()
        law = torch.distributions.MultivariateNormal(made.mean[d].detach(), (cov + cov.t()) / 2)
        zero, eye = torch.zeros(len(cov)).double(), torch.eye(len(cov)).double()
        prior = torch.distributions.MultivariateNormal(zero, eye)
        wanted += float(torch.distributions.kl_divergence(law, prior))
    assert float(made.weights_kl().detach()) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("inducing", [None, 30])
def test_it_starts_as_stable_flows(inducing: int | None) -> None:
    """Around each centre the flow turns inwards: far out it points against the state."""
    made = gp(inducing)
    x = 50 * torch.nn.functional.normalize(normal(100, DIM, seed=9), dim=1)
    assert ((made.drift(0.0, x) * x).sum(1) < 0).all()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"regimes": 0}, "regimes is 0"),
        ({"temperature": 0.0}, "temperature is 0"),
        ({"gate": "cubic"}, "gate is 'cubic'"),
        ({"inducing": 0}, "inducing is 0"),
        ({"regimes": 4096}, "regimes × "),
    ],
)
def test_what_it_cannot_be_made_of_is_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        SwitchingGP(16, **wrong)  # type: ignore[arg-type]
