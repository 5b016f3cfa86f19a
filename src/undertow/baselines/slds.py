"""Switching linear dynamical systems: linear dynamics that take turns."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from undertow import checks
from undertow.baselines.latents import Inferred, LatentBaseline, LatentNetwork, Observed
from undertow.baselines.latents.model import Rates
from undertow.baselines.latents.network import kept_rows, starting_rows
from undertow.baselines.latents.options import SPACE, SwitchingEM
from undertow.baselines.latents.regimes import starting_regimes
from undertow.inference import ChainLaw, LinearRegimes, RegimeLaw, Sites, infer_regimes, infer_sites
from undertow.inference.regime_moves import RegimeMoves
from undertow.models.em import Given, PathEM
from undertow.models.population import Population
from undertow.models.search_space import Choices, SearchSpace
from undertow.models.sizes import Size

MOST_REGIMES = 1000
SINGLE_ITERATIONS, SITE_STEPS = 15, 2
"""Iterations with a single regime before a fit begins; natural-gradient steps of the paths between
two inferences of the regimes."""
SETTLED = 1e-6
"""A trial has settled when its bound changes by less than this share of itself."""


class SLDSNetwork(LatentNetwork):
    """x_{t+1} = A_k x_t + b_k + N(0, Q_k) in regime k, and regimes that follow each other.

    Attributes:
        dynamics: of all regimes; a regime's dynamics lead to the state of its bin.
        moves: which regime follows which.
    """

    def __init__(
        self,
        dim: int,
        regimes: int,
        recurrent: bool,
        mean_counts: Tensor,
        bin_s: float,
        observed: Observed,
        restarts: int,
        seed: int,
    ) -> None:
        super().__init__(dim, mean_counts, bin_s, observed)
        self.dynamics, self.moves = (
            LinearRegimes(dim, regimes),
            RegimeMoves(dim, regimes, recurrent),
        )
        self.restarts, self.seed = restarts, seed
        self.double()

    def misfit(self) -> str:
        return super().misfit() or self.dynamics.misfit()

    # --- the two steps ---------------------------------------------------------------------------

    def begin(self, given: Given, paths: Tensor) -> None:
        """Let a single regime smooth the paths first: whose steps are noise show no regimes."""
        single, rows = LinearRegimes(self.dim).double(), None
        none = torch.zeros(*paths.shape, self.dim).to(paths)
        inside, moments = given.inside[:, 1:, None].to(paths), (paths, none, none[:, 1:])
        for _ in range(SINGLE_ITERATIONS):
            single.learn(*moments, inside, None)
            single.learn_initial(moments[0][:, 0], moments[1][:, 0])
            prior = single.prior(paths.shape[1], None, None)
            found = self.infer_under(prior, given, PathEM().path_steps, PathEM(), rows)
            assert isinstance(found.law, ChainLaw)
            rows, moments = found.rows, (found.mean, found.cov, found.law.lag)
            self.learn_readout(given, found.mean, found.cov, 2)
        start = moments[0], given.inside, self.restarts, self.seed
        starting_regimes(self.dynamics, self.moves, *start)

    def infer(
        self, given: Given, options: PathEM, steps: int, before: dict[str, Tensor] | None = None
    ) -> Inferred:
        """Infer paths given regimes, and regimes given paths, in turn."""
        found = self._turn(given, self._nothing(given, options) if before is None else before)
        settled = torch.zeros_like(found.elbo, dtype=torch.bool)
        for _ in range(-(-steps // SITE_STEPS) - 1):
            new = self._turn(given, found.rows)
            still = (new.elbo - found.elbo).abs() >= SETTLED * (found.elbo.abs() + 1)
            # a trial that has settled is left alone: what it is does not depend on the others
            found, settled = _replaced(found, ~settled, new), settled | ~still
            if bool(settled.all()):
                break
        return found

    def _nothing(self, given: Given, options: PathEM) -> dict[str, Tensor]:
        """Where inference starts: all regimes as likely as the moves alone have them."""
        n_trials, n_bins = given.inside.shape
        rows = starting_rows(given.counts, self.dim, options)
        like = rows["linear"]
        told = like.new_zeros(n_trials, n_bins, self.dynamics.regimes)
        centre, spread = like[:, :-1], torch.eye(self.dim).to(like)
        law = infer_regimes(self.moves.initial, self.moves.expected_logs(centre, spread), told)
        return {**rows, "share": law.share, "pair": law.pair}

    def _turn(self, given: Given, rows: dict[str, Tensor]) -> Inferred:
        """Paths given the regimes in `rows`, then regimes given these paths."""
        inside = given.inside[:, 1:]
        # past a trial's end the first regime holds: a law like any tells nothing of bins before
        first = torch.eye(self.dynamics.regimes).to(rows["share"])[0]
        shares = torch.where(inside[..., None], rows["share"][:, 1:], first)
        prior = self.dynamics.prior(given.inside.shape[1], shares, None)
        values, pair = self.values(given), rows["pair"] * inside[..., None, None]

        def expected(mean: Tensor, cov: Tensor) -> Tensor:
            told = self.readout.expected_log_prob(mean, cov, values, given.seen)
            if not self.moves.recurrent:
                return told
            moves = self.moves.expected_logs(mean[:, :-1], cov[:, :-1])
            return told + (pair * moves).sum((1, 2, 3))

        start = Sites(rows["linear"], rows["precision"])
        found = infer_sites(prior, expected, start, SITE_STEPS, rows["step_size"])
        law = found.law
        assert isinstance(law, ChainLaw)
        regimes, elbo = self._regimes(law, inside, self._told(law, values, given.seen))
        new = {"share": regimes.share, "pair": regimes.pair, "lag": law.lag}
        return Inferred(law.mean, law.cov, elbo, {**kept_rows(found), **new}, law)

    def _told(self, law: ChainLaw, values: Tensor, seen: Tensor) -> Tensor:
        """What of the bound does not depend on regimes, (trials,)."""
        likelihood = self.readout.expected_log_prob(law.mean, law.cov, values, seen)
        first = self.dynamics.expected_log_first(law.mean[:, 0], law.cov[:, 0])
        return likelihood + first + law.entropy

    @torch.no_grad()
    def _regimes(self, law: ChainLaw, inside: Tensor, rest: Tensor) -> tuple[RegimeLaw, Tensor]:
        """The law of the regimes given that of the paths, and the bound of both."""
        steps = self.dynamics.expected_log_steps(law.mean, law.cov, law.lag, None)
        steps = torch.where(inside[..., None], steps, steps[..., :1])
        told = pad(steps, (0, 0, 1, 0))  # which regime leads to the first state, nothing tells
        moves = self.moves.expected_logs(law.mean[:, :-1], law.cov[:, :-1])
        stateless = torch.log_softmax(self.moves.logits, -1)
        moves = torch.where(inside[..., None, None], moves, stateless)
        regimes = infer_regimes(self.moves.initial, moves, told)
        return regimes, rest + regimes.log_normaliser

    def learn_latents(self, given: Given, inferred: Inferred) -> None:
        mean, cov, rows = inferred.mean, inferred.cov, inferred.rows
        inside = given.inside[:, 1:]
        shares = rows["share"][:, 1:] * inside[..., None]
        self.dynamics.learn(mean, cov, rows["lag"], shares, None)
        self.dynamics.learn_initial(mean[:, 0], cov[:, 0])
        leaving = (mean[:, :-1][inside], cov[:, :-1][inside])
        self.moves.learn(*leaving, rows["pair"][inside], rows["share"][:, 0])

    # --- what is shown ---------------------------------------------------------------------------

    def further_latents(self, inferred: Inferred) -> dict[str, Tensor]:
        return {"regimes": inferred.rows["share"]}

    def draw(self, n: int, n_time: int, generator: torch.Generator) -> Tensor:
        def noise() -> Tensor:
            like = self.regression.new_empty(n, self.dim)
            return like.normal_(generator=generator)

        states = []
        factor = torch.linalg.cholesky(self.dynamics.initial_cov)
        x = self.dynamics.initial_mean + noise() @ factor.t()
        regime = torch.multinomial(self.moves.initial.exp(), n, True, generator=generator)
        for bin_ in range(n_time):
            if bin_:
                law = self.moves.probabilities(regime, x)
                regime = torch.multinomial(law, 1, generator=generator)[:, 0]
                x = self.dynamics.advanced(x, regime, None, noise())
            states.append(x)
        return torch.stack(states, 1)


def _replaced(found: Inferred, chosen: Tensor, new: Inferred) -> Inferred:
    """Trials of `new` where `chosen` (trials,), else those found before."""

    def pick(old: Tensor, other: Tensor) -> Tensor:
        return torch.where(chosen.view(-1, *[1] * (old.ndim - 1)), other, old)

    assert isinstance(found.law, ChainLaw)
    assert isinstance(new.law, ChainLaw)
    law = found.law.where(chosen, new.law)
    rows = {name: pick(found.rows[name], new.rows[name]) for name in found.rows}
    return Inferred(law.mean, law.cov, pick(found.elbo, new.elbo), rows, law)


class SLDS(LatentBaseline):
    """Switching linear dynamical system of single-trial rates: linear dynamics that take turns.

    In regime k latents follow x_{t+1} = A_k x_t + b_k + N(0, Q_k). Which regime comes next depends
    on the one before and, in the recurrent kind, on where the state is (Linderman et al. 2017). The
    laws of paths and regimes are inferred in turn, that of the paths as a Gaussian Markov law by
    natural gradients of the evidence bound, that of the regimes by the forward–backward recursion:
    the structured variational inference of Zoltowski et al. (2020), with the bound's own Gaussian
    in place of Laplace's. Counts are Poisson(exp(C x + d)), or √counts Gaussian. Held-out neurons
    and forward bins are predicted from the same latents. Only spikes are used.

    Args:
        latent_dim: number of latents.
        regimes: number of regimes.
        recurrent: whether the state has a say in which regime comes next.
        observed: 'poisson' counts or 'gaussian' square roots of counts.
        rates: how rates are read: by the 'model', by a Poisson 'regression' from inferred latents,
            or ('auto') by whichever predicts held-out neurons better on validation trials.
        seed: of where paths and regimes start.
        em: options of the fit.

    Predictions hold the probability of each regime in each bin as latents 'regimes'.
    """

    cli_name = "slds"
    seeded = True
    em: SwitchingEM
    search_space: ClassVar[SearchSpace] = {
        **SPACE,
        "regimes": Choices((2, 3, 4, 6, 8)),
        "recurrent": Choices((True, False)),
    }

    def __init__(
        self,
        latent_dim: int = 12,
        regimes: int = 3,
        recurrent: bool = True,
        *,
        observed: Observed = "poisson",
        rates: Rates = "auto",
        seed: int = 0,
        em: SwitchingEM = SwitchingEM(),  # noqa: B008 (frozen)
    ) -> None:
        self.latent_dim, self.regimes, self.recurrent = latent_dim, regimes, recurrent
        self.observed, self.rates, self.seed, self.em = observed, rates, seed, em

    def check_settings(self) -> None:
        super().check_settings()
        checks.whole("regimes", self.regimes, 1, MOST_REGIMES)

    def network_size(self, population: Population) -> Size:
        own = self.regimes * (2 * self.latent_dim**2 + self.regimes)
        return super().network_size(population) + Size(own, 0)

    def build_network(self, population: Population) -> SLDSNetwork:
        return SLDSNetwork(
            self.latent_dim,
            self.regimes,
            self.recurrent,
            self.mean_counts(population),
            population.bin_s,
            self.observed,
            self.em.restarts,
            self.seed,
        )
