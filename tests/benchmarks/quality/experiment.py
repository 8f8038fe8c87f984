# SPDX-License-Identifier: Apache-2.0
"""The order of the runs: tuning on validation, final runs on the test, ablations, transfers."""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, Iterator, Optional, Sequence

from quality import splits, tuning
from quality.arms import ABLATIONS, ARMS, SWEEP, Arm, Parameters, swept, usable
from quality.progress import Bar
from quality.serving_pool import ServingPool
from quality.splits import Pair, Split
from quality.store import Config, Result, Store
from quality.trainer import FACTORS, Run
from quality.world import World

DIMENSION = FACTORS + 1
_TUNING_SEED = 1000  # Not one of the final runs.
_SWEEP_SEEDS = 3
TRANSFERS: dict[str, Callable[[World], Split]] = {
    "transfer-period": splits.early_period, "transfer-category": splits.other_categories,
}
PAIRS: dict[str, Callable[[World], Pair]] = {
    "temporal": splits.temporal, "per-user": splits.per_user,
}


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is run."""

    arms: tuple[str, ...]
    budget: int  # Configurations that every arm tries.
    seeds: int  # Final runs of each arm.
    epochs: int
    patience: int  # Epochs without a new best that end a run of the tuning.
    batch: int
    transfers: tuple[str, ...] = ()
    ablations: bool = True
    sweep: bool = True  # Of the shares of `balanced`, if it is among the arms.


@dataclasses.dataclass(frozen=True)
class Chosen:
    """What the tuning of an arm came to."""

    parameters: Parameters
    stop: int  # Epochs.
    validation: float  # NDCG@20
    tried: list[tuple[Parameters, float]]  # Every configuration with its NDCG@20.


@dataclasses.dataclass
class Study:
    """All runs of one way to split, one model and one loss."""

    split: str
    model: str
    loss: str
    pair: Pair
    chosen: dict[str, Chosen] = dataclasses.field(default_factory=dict)  # By arm.
    finals: dict[str, list[Result]] = dataclasses.field(default_factory=dict)  # By arm; by seed.
    ablations: dict[str, list[Result]] = dataclasses.field(default_factory=dict)  # By name.
    transfers: dict[str, dict[str, list[Result]]] = dataclasses.field(default_factory=dict)
    # By shares (popularity, hard): the best NDCG@20 on the validation of each seed.
    sweep: dict[tuple[float, float], list[float]] = dataclasses.field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"{self.split}, {self.model}, {self.loss}"


class Experiment:
    """Runs what is not in the store yet. Confined to one thread."""

    def __init__(self, pool: ServingPool, world: World, store: Store, plan: Plan) -> None:
        self._pool, self._world, self._store, self._plan = pool, world, store, plan
        self._data = world.fingerprint()
        self._bar: Optional[Bar] = None

    def arms(self, loss: str) -> list[Arm]:
        """The arms of the plan that have what the loss and the data ask for."""
        exposures = self._world.exposures is not None
        return [ARMS[name] for name in self._plan.arms if usable(ARMS[name], loss, exposures)]

    def run(self, combinations: Sequence[tuple[str, str, str]]) -> Iterator[Study]:
        """Yields a study for each (split, model, loss), when all of its runs are finished."""
        self._bar = Bar(sum(self._count(*one) for one in combinations))
        pairs: dict[str, Pair] = {}
        for split, model, loss in combinations:
            if split not in pairs:
                pairs[split] = PAIRS[split](self._world)
            study = Study(split, model, loss, pairs[split])
            self._tune(study)
            self._finish(study)
            self._sweep(study)
            yield study

    def _count(self, split: str, model: str, loss: str) -> int:
        plan, arms = self._plan, self.arms(loss)
        finals = len(arms)
        if split == "temporal":
            finals += len(self._ablations(loss)) + len(plan.transfers) * len(arms)
        return (len(arms) * plan.budget + plan.seeds * finals
                + len(self._sweep_runs(split, loss)))

    def _sweep_runs(self, split: str, loss: str) -> list[tuple[tuple[float, float], int]]:
        """Shares and seeds."""
        if not self._plan.sweep or split != "temporal":
            return []
        if "balanced" not in {arm.name for arm in self.arms(loss)}:
            return []
        seeds = range(_TUNING_SEED, _TUNING_SEED + min(self._plan.seeds, _SWEEP_SEEDS))
        return [(shares, seed) for seed in seeds for shares in SWEEP]

    def _ablations(self, loss: str) -> list[Any]:
        names = {arm.name for arm in self.arms(loss)}
        return [one for one in ABLATIONS if self._plan.ablations and one.arm in names]

    def _config(self, study: Study, split: Split, arm: str, **more: Any) -> Config:
        plan = self._plan
        return Config(
            data=self._data, split=split.name, model=study.model, loss=study.loss, arm=arm,
            epochs=plan.epochs, batch=plan.batch, **more,
        )

    def _result(self, split: Split, config: Config, label: str) -> Result:
        """Loads the run, or makes it."""
        result = self._store.load(config)
        found = result is not None
        if result is None:
            result = Run(self._pool, self._world, split, config).train()
            self._store.save(config, result)
        if self._bar is not None:
            best = result.ndcg[-1] if config.patience is None else max(result.ndcg)
            self._bar.step(f"{label} NDCG@20 {best:.4f} ({result.seconds[-1]:.1f} s)", not found)
        return result

    def _tune(self, study: Study) -> None:
        plan = self._plan
        for arm in self.arms(study.loss):
            tried, best = [], None
            for number, parameters in enumerate(
                tuning.candidates(arm, study.loss, plan.budget), 1
            ):
                config = self._config(
                    study, study.pair.validation, arm.name, parameters=parameters,
                    seed=_TUNING_SEED, stop=plan.epochs, patience=plan.patience,
                )
                label = f"{study.title}: tuning {arm.name} {number}/{plan.budget}"
                result = self._result(study.pair.validation, config, label)
                value = max(result.ndcg)
                tried.append((parameters, value))
                if best is None or value > best[0]:
                    best = (value, parameters, result.best_epoch)
            assert best is not None
            study.chosen[arm.name] = Chosen(best[1], best[2], best[0], tried)

    def _finish(self, study: Study) -> None:
        """The final runs, seed by seed, so that what is cut off has fewer seeds of everything."""
        temporal = study.split == "temporal"
        names = [arm.name for arm in self.arms(study.loss)]
        for seed in range(self._plan.seeds):
            for arm in names:
                self._final(study, study.finals, arm, arm, study.pair.test, seed)
            if not temporal:
                continue
            for ablation in self._ablations(study.loss):
                self._final(study, study.ablations, ablation.name, ablation.arm,
                            study.pair.test, seed, ablation.changes)
        for name in self._plan.transfers if temporal else ():
            split = TRANSFERS[name](self._world)
            results: dict[str, list[Result]] = {}
            for seed in range(self._plan.seeds):
                for arm in names:
                    self._final(study, results, arm, arm, split, seed)
            study.transfers[name] = results

    def _sweep(self, study: Study) -> None:
        """Other shares for `balanced`, on the validation: the test has no part in the choice."""
        for shares, seed in self._sweep_runs(study.split, study.loss):
            parameters = {**study.chosen["balanced"].parameters, **swept(*shares)}
            config = self._config(
                study, study.pair.validation, "mix", parameters=parameters, seed=seed,
                stop=self._plan.epochs, patience=self._plan.patience,
            )
            label = f"{study.title}: shares {shares[0]:g} popularity, {shares[1]:g} hard,"
            result = self._result(study.pair.validation, config, label)
            study.sweep.setdefault(shares, []).append(max(result.ndcg))

    def _final(
        self, study: Study, into: dict[str, list[Result]], name: str, arm: str, split: Split,
        seed: int, changes: Optional[Parameters] = None,
    ) -> None:
        """One final run, with what the tuning chose for the arm."""
        chosen = study.chosen[arm]
        config = self._config(
            study, split, arm, parameters={**chosen.parameters, **(changes or {})}, seed=seed,
            stop=chosen.stop,
        )
        label = f"{study.title}: {split.name} {name}, seed {seed},"
        into.setdefault(name, []).append(self._result(split, config, label))
