"""Individual part-worths by hierarchical Bayes: each respondent borrows from the group and from all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from playbook.choice.tasks import Tasks, maximise, read_tasks, standardise

__all__ = ["IndividualResult", "individual_part_worths"]

RIDGE = 0.04
"""Prior precision of the first guess, N(0, 5^2) on standardised columns: keeps it finite."""
WITHIN, BETWEEN = 0.25, 0.5
"""Prior mean variance of tastes within a group, and prior scale (sd) between groups; standardised."""
HEAVY = 1.1
"""How much wider aimed moves are drawn than the normal law they aim at, so that tails are reached."""
RANDOM, SHIFT, TUNE, ANCHOR = 4, 2, 24, 100
"""Rounds from one random step of respondents to the next, between shifts of groups, and between tunings (burn-in only)."""
ROUNDS, BURN, KEPT = 1800, 500, 400


@dataclass(frozen=True)
class IndividualResult:
    """Draws from the posterior law of everybody's part-worths.

    Attributes
    ----------
    draws
        Part-worths, draw by respondent by column.
    means
        Part-worths of the mean member of each group, draw by group by column.
    within
        Covariance of tastes within a group, draw by column by column.
    people, groups, columns
        Names of respondents, groups and design columns, in the order of the arrays.
    acceptance
        Share of respondents' moves accepted, random and aimed ones; 0.2 to 0.5 is sound.
    """

    draws: np.ndarray
    means: np.ndarray
    within: np.ndarray
    people: pd.Index
    groups: list[str]
    columns: list[str]
    acceptance: float

    @property
    def individual(self) -> pd.DataFrame:
        """Posterior mean part-worths of each respondent, by design column."""
        return pd.DataFrame(self.draws.mean(axis=0), index=self.people, columns=self.columns)

    def members(self, group: str, count: int, seed: int = 0) -> np.ndarray:
        """Draw members of a group nobody of whom needs to have answered (draw by member by column)."""
        place = self.groups.index(group)
        normal = np.random.default_rng(seed).standard_normal((count, len(self.columns)))
        roots = np.linalg.cholesky(self.within)
        return self.means[:, place, None] + np.einsum("dkl,nl->dnk", roots, normal)

    def shares(
        self, design: np.ndarray, people: pd.Index | None = None, rule: str = "logit"
    ) -> np.ndarray:
        """Return the share of each offer of ``design`` (draw by offer), averaged over respondents.

        Each respondent chooses by an own taste, so an offer takes most from the offers that the
        same people like (no independence of irrelevant alternatives). ``rule`` is ``logit`` or
        ``first`` choice.
        """
        at = np.arange(len(self.people)) if people is None else self.people.get_indexer(people)
        if (at < 0).any() or not len(at):
            raise ValueError(f"{int((at < 0).sum())} of {len(at)} people are not in the model")
        utility = self.draws[:, at] @ np.asarray(design, float).T
        utility -= utility.max(axis=2, keepdims=True)
        if rule == "first":
            best = utility >= -1e-12
            return (best / best.sum(axis=2, keepdims=True)).mean(axis=1)
        if rule != "logit":
            raise ValueError(f"rule must be 'logit' or 'first'; got {rule!r}")
        weight = np.exp(utility)
        return (weight / weight.sum(axis=2, keepdims=True)).mean(axis=1)

    def probabilities(self, frame: pd.DataFrame, design: pd.DataFrame) -> pd.Series:
        """Return the predicted probability of each alternative, over the draws of its respondent.

        Respondents whom the model has not seen count as the average over all it has.
        """
        found = pd.Series(np.nan, index=frame.index, name="probability")
        place = self.people.get_indexer(frame["respondent_id"])
        parts = frame.assign(at=np.arange(len(frame)), person=place).groupby(
            ["respondent_id", "task"], sort=True
        )
        x = design[self.columns].to_numpy(float)
        for _, part in parts:
            rows, person = part["at"].to_numpy(), int(part["person"].iloc[0])
            taste = self.draws[:, person] if person >= 0 else self.draws.mean(axis=1)
            utility = taste @ x[rows].T
            weight = np.exp(utility - utility.max(axis=1, keepdims=True))
            found.iloc[rows] = (weight / weight.sum(axis=1, keepdims=True)).mean(axis=0)
        return found


def individual_part_worths(
    frame: pd.DataFrame,
    design: pd.DataFrame,
    chances: pd.DataFrame | None = None,
    seed: int = 0,
    rounds: int = ROUNDS,
    burn: int = BURN,
    kept: int = KEPT,
    weights: str | None = None,
) -> IndividualResult:
    """Draw everybody's part-worths from their posterior law.

    Parameters
    ----------
    frame, design
        As for `conditional_logit`.
    chances
        Chance of each group (columns) for each respondent (index), such as segments; one group
        when absent. Unknown respondents may belong to any group.
    seed
        Seed of the chain.
    rounds, burn, kept
        Rounds in all, rounds left out at the start, and draws kept of the rest.
    weights
        Column of positive weights, equal within a task: a half counts an answer half as much, such
        as one of an earlier year (power prior of Ibrahim & Chen, 2000, Statistical Science 15).

    Returns
    -------
    IndividualResult

    Notes
    -----
    Hierarchical multinomial logit: tastes are normal around the mean of the respondent's group
    with one covariance for all groups; means of groups are normal around everybody's, with a spread
    of its own for each column (half-Cauchy prior). Metropolis-Hastings steps for respondents, three
    of four aimed at each one's posterior by its Laplace approximation and one at random, shifts of
    whole groups, Gibbs steps for the rest, all respondents at once. Tastes of one chain err by half as
    much as with random steps alone at the same cost.

    References
    ----------
    Rossi, P., Allenby, G. & McCulloch, R. (2005). Bayesian Statistics and Marketing, ch. 5.
    Gelman, A. (2006). Prior distributions for variance parameters. Bayesian Analysis 1.
    """
    tasks, scale = standardise(read_tasks(frame, design, weights))
    groups, prior = _prior_chances(tasks.people, chances)
    chain = _Chain(tasks, np.log(np.clip(prior, 1e-6, None)), np.random.default_rng(seed))
    wanted = np.unique(np.linspace(burn, rounds - 1, kept).astype(int))
    draws = np.empty((len(wanted), *chain.beta.shape))
    means = np.empty((len(wanted), *chain.mean.shape))
    within = np.empty((len(wanted), *chain.within.shape))
    place, accepted, passed = 0, 0.0, np.zeros_like(chain.beta)
    for number in range(rounds):
        share = chain.step()
        if number < burn and number % TUNE == TUNE - 1:  # after a round of random steps
            chain.tune(share)
        passed += chain.beta
        if number < burn and number % ANCHOR == ANCHOR - 1:
            chain.anchor(passed / ANCHOR)
            passed = np.zeros_like(passed)
        accepted += share * (number >= burn)
        if place < len(wanted) and number == wanted[place]:
            draws[place], means[place], within[place] = chain.beta, chain.mean, chain.within
            place += 1
    columns = tasks.columns
    return IndividualResult(
        draws=draws / scale,
        means=means / scale,
        within=within / np.outer(scale, scale),
        people=tasks.people,
        groups=groups,
        columns=columns,
        acceptance=float(accepted / max(rounds - burn, 1)),
    )


def _prior_chances(people: pd.Index, chances: pd.DataFrame | None) -> tuple[list[str], np.ndarray]:
    if chances is None:
        return ["all"], np.ones((len(people), 1))
    wide = chances[sorted(chances.columns)]
    known = wide.reindex(people)
    share = (wide.mean() / wide.mean().sum()).fillna(1 / wide.shape[1])  # nobody placed: any group
    return [str(name) for name in wide.columns], known.fillna(share).to_numpy(float)


def _outer_sums(values: np.ndarray, weight: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return sums of weighted outer products of rows, over the runs that begin at ``start``."""
    k = values.shape[1]
    flat = (weight * values)[:, :, None] * values[:, None, :]
    return np.add.reduceat(flat.reshape(-1, k * k), start).reshape(-1, k, k)


def _each(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Return the product of each matrix with its vector."""
    return np.matmul(matrices, vectors[:, :, None])[:, :, 0]


class _Chain:
    """State of the chain on standardised columns, and one round of it."""

    def __init__(self, tasks: Tasks, log_prior: np.ndarray, rng: np.random.Generator) -> None:
        self.tasks, self.log_prior, self.rng = tasks, log_prior, rng
        first = maximise(tasks, tasks.weight, np.zeros(tasks.x.shape[1]), RIDGE)[0]
        self.people, self.k = len(tasks.people), len(first)
        self.told = tasks.likelihood(first, tasks.weight)[2] / self.people
        self.row_person = tasks.person[tasks.task]
        self.rows = np.flatnonzero(np.r_[True, np.diff(self.row_person) != 0])
        self.against = tasks.x - tasks.x[np.flatnonzero(tasks.chosen == 1)][tasks.task]
        rows = np.bincount(self.row_person)
        self.alike = bool((rows == rows[0]).all())
        if self.alike:
            self.against = self.against.reshape(self.people, rows[0], self.k)
        self.beta = np.tile(first, (self.people, 1))
        self.log_lik = self._likelihood(self.beta)
        self.mean = np.tile(first, (log_prior.shape[1], 1))
        self.center = first
        self.between = np.full(self.k, BETWEEN**2)
        self.within = WITHIN * np.eye(self.k)
        self.group = log_prior.argmax(axis=1)
        self.turn = 0
        self.reach = 2.4 / np.sqrt(self.k)
        self.tune(0.3)
        self.anchor(self.beta)

    def tune(self, accepted: float) -> None:
        """Fit the size and shape of proposed moves to the acceptance and the tastes' spread."""
        self.reach *= float(np.exp(np.clip(accepted - 0.3, -0.3, 0.3)))
        self.root = np.linalg.cholesky(np.linalg.inv(np.linalg.inv(self.within) + self.told))

    def anchor(self, point: np.ndarray) -> None:
        """Prepare moves straight to each respondent's posterior: normal, by the curvature at a point of each (Laplace)."""
        tasks, against = self.tasks, self.against.reshape(-1, self.k)
        weight = np.exp(np.minimum(np.einsum("rk,rk->r", against, point[self.row_person]), 500.0))
        chance = weight / np.add.reduceat(weight, tasks.start)[tasks.task]
        middle = np.add.reduceat(chance[:, None] * against, tasks.start)
        first = np.flatnonzero(np.r_[True, np.diff(tasks.person) != 0])
        counted = (tasks.weight[tasks.task] * chance)[:, None]
        slope = -np.add.reduceat(tasks.weight[:, None] * middle, first)
        bend = _outer_sums(against, counted, self.rows) - _outer_sums(middle, tasks.weight[:, None], first)  # fmt: skip
        inverse = np.linalg.inv(self.within)
        self.bend, self.sharp = bend, bend + inverse
        cov = np.linalg.inv(self.sharp)
        self.jump = np.linalg.cholesky((cov + cov.transpose(0, 2, 1)) / 2)
        self.told_own = _each(cov, _each(bend, point) + slope)
        self.pull = cov @ inverse

    def _aim(self) -> tuple[np.ndarray, np.ndarray]:
        """Propose a taste for each respondent near its posterior; and the log ratio of the chances to propose back and forth."""
        middle = self.told_own + _each(self.pull, self.mean[self.group])
        normal = self.rng.standard_normal(self.beta.shape)
        moved = middle + HEAVY * _each(self.jump, normal)
        gap = self.beta - middle
        back = (gap * _each(self.sharp, gap)).sum(axis=1) / HEAVY**2
        return moved, 0.5 * ((normal**2).sum(axis=1) - back)

    def _stray(self) -> tuple[np.ndarray, np.ndarray]:
        """Propose a step at random for each respondent: reaches what aimed moves rarely do."""
        normal = self.rng.standard_normal(self.beta.shape)
        return self.beta + self.reach * normal @ self.root.T, np.zeros(self.people)

    def _likelihood(self, beta: np.ndarray) -> np.ndarray:
        """Log-likelihood of each respondent at an own taste, each row against the one chosen."""
        tasks, utility = self.tasks, self._against(beta)
        log = tasks.weight * np.log(
            np.add.reduceat(np.exp(np.minimum(utility, 500.0)), tasks.start)
        )
        return -np.bincount(tasks.person, weights=log, minlength=self.people)

    def _against(self, beta: np.ndarray) -> np.ndarray:
        """Utility of each row less that of the one chosen."""
        if self.alike:  # as many rows for everybody: one product of stacked matrices
            return np.matmul(self.against, beta[:, :, None]).ravel()
        return np.einsum("rk,rk->r", self.against, beta[self.row_person])

    def step(self) -> float:
        """One round: respondents, groups, means, spreads; returns the share of moves accepted."""
        rng, inverse = self.rng, np.linalg.inv(self.within)
        self.turn += 1
        moved, odds = self._aim() if self.turn % RANDOM else self._stray()
        old, new = self.beta - self.mean[self.group], moved - self.mean[self.group]
        log_lik = self._likelihood(moved)
        prior = -0.5 * (np.einsum("nk,kl,nl->n", new, inverse, new)
                        - np.einsum("nk,kl,nl->n", old, inverse, old))  # fmt: skip
        accept = np.log(rng.random(self.people)) < log_lik - self.log_lik + prior + odds
        self.beta[accept], self.log_lik[accept] = moved[accept], log_lik[accept]
        if self.log_prior.shape[1] > 1:
            self._regroup(inverse)
        if self.turn % SHIFT == 0:
            self._shift()
        self._move_means(inverse)
        self._spread()
        return float(accept.mean())

    def _shift(self) -> None:
        """Move a whole group, its mean and all its members: answers of one tell little, of all a lot.

        Without such moves the chain creeps (Liu & Sabatti, 2000, Biometrika 87: generalised Gibbs). They aim at the
        group's posterior by its slope and curvature (Newton proposals of Qi & Minka, 2002).
        """
        groups, k = len(self.mean), self.k
        member = (self.group == np.arange(groups)[:, None]).astype(float)
        sharp = (member @ self.bend.reshape(-1, k * k)).reshape(groups, k, k) + 1e-9 * np.eye(k)
        pull = 1 / self.between if groups > 1 else np.zeros(k)
        sharp = sharp + np.diag(pull)
        cov = np.linalg.inv(sharp)
        root = np.linalg.cholesky((cov + cov.transpose(0, 2, 1)) / 2)
        slope = member @ self._slopes(self.beta) - pull * (self.mean - self.center)
        normal = self.rng.standard_normal(self.mean.shape)
        delta = _each(cov, slope) + _each(root, normal)
        moved = self.beta + delta[self.group]
        log_lik = self._likelihood(moved)
        after = member @ self._slopes(moved) - pull * (self.mean + delta - self.center)
        back = delta + _each(cov, after)
        gain = member @ (log_lik - self.log_lik)
        gain -= 0.5 * pull @ ((self.mean + delta - self.center) ** 2 - (self.mean - self.center) ** 2).T  # fmt: skip
        gain += 0.5 * ((normal**2).sum(axis=1) - (back * _each(sharp, back)).sum(axis=1))
        accept = np.log(self.rng.random(groups)) < gain
        self.mean[accept] += delta[accept]
        members = accept[self.group]
        self.beta[members], self.log_lik[members] = moved[members], log_lik[members]

    def _slopes(self, beta: np.ndarray) -> np.ndarray:
        """Slope of each respondent's log-likelihood."""
        tasks = self.tasks
        weight = np.exp(np.minimum(self._against(beta), 500.0))
        share = tasks.weight / np.add.reduceat(weight, tasks.start)
        each = (weight * share[tasks.task])[:, None] * self.against.reshape(-1, self.k)
        return -np.add.reduceat(each, self.rows)

    def _regroup(self, inverse: np.ndarray) -> None:
        """Draw each respondent's group from its chances and the distance to each mean."""
        half = np.linalg.cholesky(inverse)
        gaps = (self.beta @ half)[:, None] - (self.mean @ half)[None]
        log = self.log_prior - 0.5 * (gaps**2).sum(axis=2)
        self.group = (log + self.rng.gumbel(size=log.shape)).argmax(axis=1)

    def _move_means(self, inverse: np.ndarray) -> None:
        """Draw the means of groups, everybody's mean and the spread between groups."""
        rng, groups = self.rng, len(self.mean)
        if groups == 1:
            root = np.linalg.cholesky(self.within / self.people)
            self.mean = (self.beta.mean(axis=0) + root @ rng.standard_normal(self.k))[None]
            return
        count = np.bincount(self.group, minlength=groups)
        total = (self.group == np.arange(groups)[:, None]).astype(float) @ self.beta
        precision = np.diag(1 / self.between) + count[:, None, None] * inverse
        cov = np.linalg.inv(precision)
        aim = np.einsum("gkl,gl->gk", cov, self.center / self.between + total @ inverse)
        root = np.linalg.cholesky((cov + cov.transpose(0, 2, 1)) / 2)
        self.mean = aim + np.einsum("gkl,gl->gk", root, rng.standard_normal(self.mean.shape))
        middle = self.mean.mean(axis=0)
        self.center = middle + np.sqrt(self.between / groups) * rng.standard_normal(self.k)
        # half-Cauchy by an auxiliary inverse gamma
        helper = (1 / BETWEEN**2 + 1 / self.between) / rng.gamma(1.0, size=self.k)
        gaps = ((self.mean - self.center) ** 2).sum(axis=0)
        self.between = (1 / helper + gaps / 2) / rng.gamma((groups + 1) / 2, size=self.k)

    def _spread(self) -> None:
        """Draw the covariance of tastes within groups (inverse Wishart, by Bartlett's factors)."""
        rng, k = self.rng, self.k
        freedom = k + 3
        gaps = self.beta - self.mean[self.group]
        total = gaps.T @ gaps + 2 * WITHIN * np.eye(k)  # prior mean WITHIN at this freedom
        lower = np.linalg.cholesky(np.linalg.inv(total))
        factor = np.tril(rng.standard_normal((k, k)), -1)
        factor[np.diag_indices(k)] = np.sqrt(rng.chisquare(freedom + self.people - np.arange(k)))
        half = lower @ factor
        cov = np.linalg.inv(half @ half.T)
        self.within = (cov + cov.T) / 2
