"""Latent-class conditional logit by the EM algorithm."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import logsumexp
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from playbook.choice.logit import LogitResult, normal_draws
from playbook.choice.tasks import Tasks, maximise, read_tasks, standardise

__all__ = ["LatentClassResult", "latent_class_logit"]

RIDGE = 0.04
"""Prior precision of standardised part-worths, N(0, 5^2): keeps small classes finite."""

SHORT_ROUNDS, MOST_ROUNDS = 15, 500
TOLERANCE = 1e-4
"""Gain of log-likelihood in one round below which the rounds end."""


@dataclass(frozen=True)
class LatentClassResult:
    """Estimates of a latent-class logit; classes are numbered from 1, largest first.

    Attributes
    ----------
    params, bse
        Part-worths and standard errors, design columns by class.
    shares, shares_se
        Size of each class.
    cov
        Covariance of all part-worths (class, column) and of the shares (class, ``share``), from
        respondents' scores.
    posterior
        P(class) of each respondent, indexed by ``respondent_id``.
    individual
        Posterior mean part-worths of each respondent, by design column.
    llf, llnull, bic, aic
        Log-likelihood, with equal shares for all alternatives, and information criteria (number of
        respondents as n).
    entropy
        1 when every respondent belongs to one class for sure, 0 when nothing is known.
    """

    params: pd.DataFrame
    shares: pd.Series
    cov: pd.DataFrame
    posterior: pd.DataFrame
    individual: pd.DataFrame
    llf: float
    llnull: float
    n_params: int
    nobs: int
    n_respondents: int
    converged: bool

    @property
    def bse(self) -> pd.DataFrame:
        """Standard errors of the part-worths, design columns by class."""
        errors = pd.Series(np.sqrt(np.diag(self.cov)), index=self.cov.index)
        columns = {c: errors.loc[c].loc[self.params.index] for c in self.params.columns}
        return pd.DataFrame(columns).rename_axis(columns="class")

    @property
    def shares_se(self) -> pd.Series:
        """Standard errors of the class sizes."""
        errors = pd.Series(np.sqrt(np.diag(self.cov)), index=self.cov.index)
        return errors.xs("share", level="column")

    @property
    def bic(self) -> float:
        """Bayes information criterion, on the number of respondents."""
        return -2 * self.llf + self.n_params * np.log(self.n_respondents)

    @property
    def aic(self) -> float:
        """Akaike's information criterion."""
        return -2 * self.llf + 2 * self.n_params

    @property
    def entropy(self) -> float:
        """Relative entropy of the classification (Ramaswamy et al., 1993)."""
        p = self.posterior.to_numpy()
        if p.shape[1] == 1:
            return 1.0
        lost = -(p * np.log(np.clip(p, 1e-300, None))).sum()
        return float(1 - lost / (len(p) * np.log(p.shape[1])))

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """Normal intervals: ``low`` and ``high`` by class and design column."""
        return self.summary(level)[["low", "high"]]

    def summary(self, level: float = 0.95) -> pd.DataFrame:
        """Table by class and column (shares last): ``coefficient``, ``se``, ``z``, ``p_value``, ``low``, ``high``, ``n``."""
        tables = []
        for number in self.params.columns:
            share = pd.DataFrame({"coefficient": [self.shares[number]], "se": [self.shares_se[number]]}, index=["share"])  # fmt: skip
            half = stats.norm.ppf((1 + level) / 2) * share["se"]
            share = share.assign(low=share["coefficient"] - half, high=share["coefficient"] + half)
            part = pd.concat([self.class_result(number).summary(level), share])
            tables.append(part.rename_axis("column"))
        keys = list(self.params.columns)
        return pd.concat(tables, keys=keys, names=["class"]).assign(n=self.nobs)

    def class_result(self, number: int) -> LogitResult:
        """One class as a conditional logit, for its willingness to pay or importance."""
        cov = self.cov.loc[number, number].loc[self.params.index, self.params.index]
        return LogitResult(
            params=self.params[number].rename(None),
            cov=cov,
            llf=self.llf,
            llnull=self.llnull,
            nobs=self.nobs,
            n_respondents=self.n_respondents,
            cov_type="scores",
        )

    def draws(self, seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Draws of part-worths (size, class, column) and class sizes (size, class)."""
        names = list(self.params.index)
        center = np.concatenate(
            [self.params.to_numpy().T.ravel(), self.shares.to_numpy()],
        )
        keys = [(c, n) for c in self.params.columns for n in names]
        keys += [(c, "share") for c in self.params.columns]
        drawn = normal_draws(center, self.cov.loc[keys, keys].to_numpy(), seed, size)
        split = self.params.size
        shares = np.clip(drawn[:, split:], 0, None)
        shares = shares / shares.sum(axis=1, keepdims=True)
        return drawn[:, :split].reshape(size, len(self.params.columns), len(names)), shares


def _logs(tasks: Tasks, betas: np.ndarray) -> np.ndarray:
    """Log-likelihood of each respondent's choices in each class."""
    return np.column_stack([tasks.by_person(tasks.log_chosen(beta)) for beta in betas])


def _newton_step(
    tasks: Tasks, weight: np.ndarray, beta: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """One damped Newton step of a class (generalised EM): part-worths, log probability of choices."""
    value, slope, bend = tasks.likelihood(beta, weight)
    before = value - 0.5 * RIDGE * beta @ beta
    step = np.linalg.solve(bend + RIDGE * np.eye(len(beta)), slope - RIDGE * beta)
    for _ in range(8):
        tried = beta + step
        logs = tasks.log_chosen(tried)
        if weight @ logs - 0.5 * RIDGE * tried @ tried >= before:
            return tried, logs
        step = step / 2
    return beta, tasks.log_chosen(beta)


@dataclass(frozen=True)
class _State:
    """Where the rounds stand: part-worths, shares, P(class) by respondent, objective."""

    betas: np.ndarray
    shares: np.ndarray
    posterior: np.ndarray
    value: float


def _state(w: np.ndarray, betas: np.ndarray, shares: np.ndarray, logs: np.ndarray) -> _State:
    """Expectation: who belongs where, from log-likelihoods by respondent and class."""
    joint = logs + np.log(shares)
    total = logsumexp(joint, axis=1)
    value = float(w @ total - 0.5 * RIDGE * (betas**2).sum())
    return _State(betas, shares, np.exp(joint - total[:, None]), value)


def _round(tasks: Tasks, w: np.ndarray, betas: np.ndarray, posterior: np.ndarray) -> _State:
    """Maximisation by one Newton step of each class, then expectation."""
    weights = (w[:, None] * posterior)[tasks.person]
    steps = [_newton_step(tasks, weights[:, k].copy(), b) for k, b in enumerate(betas)]
    shares = np.clip(w @ posterior / w.sum(), 1e-12, None)
    logs = tasks.by_person(np.column_stack([found for _, found in steps]))
    return _state(w, np.array([b for b, _ in steps]), shares, logs)


def _scores(
    tasks: Tasks, betas: np.ndarray, shares: np.ndarray, posterior: np.ndarray
) -> np.ndarray:
    """Gradient of each respondent's log-likelihood: part-worths, then shares but the last as logits."""
    parts = [posterior[:, [k]] * tasks.by_person(tasks.score(b)) for k, b in enumerate(betas)]
    return np.hstack([*parts, posterior[:, :-1] - shares[:-1]])


def _leap(tasks: Tasks, w: np.ndarray, state: _State) -> _State:
    """One step by the outer product of scores (Berndt et al., 1974); as before where it is no gain.

    The rounds creep where classes overlap; this step takes the whole likelihood at once.
    """
    k, p = state.betas.shape
    score = _scores(tasks, state.betas, state.shares, state.posterior)
    information = (score * w[:, None]).T @ score
    information[: k * p, : k * p] += RIDGE * np.eye(k * p)
    slope = w @ score
    slope[: k * p] -= RIDGE * state.betas.ravel()
    step = np.linalg.lstsq(information, slope)[0]
    for length in (1.0, 0.5, 0.25):
        betas = state.betas + length * step[: k * p].reshape(k, p)
        logits = np.log(state.shares) + np.append(length * step[k * p :], 0.0)
        shares = np.clip(np.exp(logits - logsumexp(logits)), 1e-12, None)
        tried = _state(w, betas, shares, _logs(tasks, betas))
        if tried.value > state.value:
            return tried
    return state


def _em(
    tasks: Tasks, w: np.ndarray, posterior: np.ndarray, betas: np.ndarray, rounds: int
) -> tuple[_State, bool]:
    """Rounds of expectation and maximisation, each with a leap after it; and whether they settled."""
    state, done = _round(tasks, w, betas, posterior), False
    for _ in range(rounds // 2):
        after = _round(tasks, w, state.betas, state.posterior)
        if len(betas) > 1:
            after = _leap(tasks, w, after)
        done = after.value - state.value < TOLERANCE
        state = after
        if done:
            break
    return state, done


def _start(tasks: Tasks, pooled: np.ndarray, classes: int, seed: int) -> np.ndarray:
    """First class memberships: clusters of one-step individual part-worths."""
    score = tasks.by_person(tasks.score(pooled))
    root = np.linalg.cholesky(np.linalg.inv(tasks.likelihood(pooled, tasks.weight)[2]))
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # fewer patterns of answers than classes
        label = KMeans(classes, n_init=1, random_state=seed).fit_predict(score @ root)
    return np.where(label[:, None] == np.arange(classes), 0.9, 0.1 / max(classes - 1, 1))


def _covariance(
    tasks: Tasks, betas: np.ndarray, shares: np.ndarray, posterior: np.ndarray, w: np.ndarray
) -> np.ndarray:
    """Inverse of the outer product of respondents' scores (part-worths, then all shares)."""
    k, p = betas.shape
    score = _scores(tasks, betas, shares, posterior) * w[:, None]
    information = score.T @ score
    information[: k * p, : k * p] += RIDGE * np.eye(k * p)
    free = np.linalg.pinv(information, hermitian=True)
    jump = np.zeros((k * p + k, k * p + k - 1))
    jump[: k * p, : k * p] = np.eye(k * p)
    jump[k * p :, k * p :] = (np.diag(shares) - np.outer(shares, shares))[:, :-1]
    return jump @ free @ jump.T


def latent_class_logit(
    frame: pd.DataFrame,
    design: pd.DataFrame,
    classes: int,
    seed: int = 0,
    starts: int = 5,
    weights: str | None = None,
) -> LatentClassResult:
    """Fit a latent-class conditional logit.

    Parameters
    ----------
    frame, design
        As for `conditional_logit`.
    classes
        Number of classes, from 1.
    seed
        Seed of the starts.
    starts
        Number of starts; each runs briefly, the best one to the end.
    weights
        Column of positive weights, equal for all tasks of a respondent.

    Returns
    -------
    LatentClassResult

    Raises
    ------
    ValueError
        As `conditional_logit`; fewer than 10 respondents a class; weights that differ within a
        respondent.

    References
    ----------
    Bhat, C. R. (1997). An endogenous segmentation mode choice model; Train, K. (2008). EM
    algorithms for nonparametric estimation of mixing distributions. Berndt, E. K., Hall, B. H.,
    Hall, R. E. & Hausman, J. A. (1974). Estimation and inference in nonlinear structural models.
    """
    tasks, scale = standardise(read_tasks(frame, design, weights))
    people = len(tasks.people)
    if classes < 1 or people < 10 * classes:
        raise ValueError(f"{classes} classes need at least 10 respondents each; got {people}")
    person_weight = tasks.weight[np.flatnonzero(np.r_[True, np.diff(tasks.person) != 0])]
    if (person_weight[tasks.person] != tasks.weight).any():
        raise ValueError(f"{weights}: weights must be equal for all tasks of a respondent")
    pooled = maximise(tasks, tasks.weight, np.zeros(len(scale)), RIDGE)[0]
    begin = np.tile(pooled, (classes, 1))
    runs = []
    for number in range(starts if classes > 1 else 1):
        posterior = _start(tasks, pooled, classes, seed + number)
        runs.append(_em(tasks, person_weight, posterior, begin, SHORT_ROUNDS))
    best = max((state for state, _ in runs), key=lambda state: state.value)
    state, done = _em(tasks, person_weight, best.posterior, best.betas, MOST_ROUNDS)
    betas, shares, posterior = state.betas, state.shares, state.posterior
    order = np.lexsort((betas[:, 0], -shares.round(9)))
    return _result(tasks, scale, betas[order], shares[order], posterior[:, order], done)


def _result(
    tasks: Tasks,
    scale: np.ndarray,
    betas: np.ndarray,
    shares: np.ndarray,
    posterior: np.ndarray,
    done: bool,
) -> LatentClassResult:
    w = tasks.weight[np.flatnonzero(np.r_[True, np.diff(tasks.person) != 0])]
    k, p = betas.shape
    numbers = pd.RangeIndex(1, k + 1, name="class")
    llf = float(w @ logsumexp(_logs(tasks, betas) + np.log(shares), axis=1))
    resize = np.concatenate([np.tile(1 / scale, k), np.ones(k)])
    cov = _covariance(tasks, betas, shares, posterior, w) * np.outer(resize, resize)
    keys = [(c, n) for c in numbers for n in tasks.columns] + [(c, "share") for c in numbers]
    index = pd.MultiIndex.from_tuples(keys, names=["class", "column"])
    people = pd.Index(tasks.people, name="respondent_id")
    params = pd.DataFrame((betas / scale).T, index=tasks.columns, columns=numbers)
    return LatentClassResult(
        params=params,
        shares=pd.Series(shares, index=numbers, name="share"),
        cov=pd.DataFrame(cov, index=index, columns=index),
        posterior=pd.DataFrame(posterior, index=people, columns=numbers),
        individual=pd.DataFrame(posterior @ (betas / scale), index=people, columns=tasks.columns),
        llf=llf,
        llnull=float(-(tasks.weight * np.log(tasks.size)).sum()),
        n_params=k * p + k - 1,
        nobs=len(tasks.start),
        n_respondents=len(people),
        converged=done,
    )
