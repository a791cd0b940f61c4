"""Optimizers, schedules, callbacks and what surrounds a call of `fit`."""

import importlib
from typing import Any

from tfzoo.training.averaging import averaged_weights
from tfzoo.training.best_preset import BestPreset
from tfzoo.training.checkpoints import Checkpoints
from tfzoo.training.contrastive import RankingLoss, RetrievalAccuracy, SimilarityLoss
from tfzoo.training.distiller import Distiller
from tfzoo.training.optimizers import (
    Adafactor,
    AdamW,
    Lamb,
    fine_tuning_optimizer,
    make_optimizer,
)
from tfzoo.training.precision import choose_precision
from tfzoo.training.progress import Progress
from tfzoo.training.retrieval import retrieval_scores
from tfzoo.training.schedules import WarmupDecay, plan_schedule
from tfzoo.training.shrink import shrink
from tfzoo.training.squad_scores import squad_scores
from tfzoo.training.tracing import quick_start, trace_predict

# These need TensorFlow, which is not imported before one of them is used.
_WITH_TENSORFLOW = {"MetricsLog": "metrics_log", "get_strategy": "strategies"}

__all__ = [
    "Adafactor",
    "AdamW",
    "BestPreset",
    "Checkpoints",
    "Distiller",
    "Lamb",
    "MetricsLog",
    "Progress",
    "RankingLoss",
    "RetrievalAccuracy",
    "SimilarityLoss",
    "WarmupDecay",
    "averaged_weights",
    "choose_precision",
    "fine_tuning_optimizer",
    "get_strategy",
    "make_optimizer",
    "plan_schedule",
    "quick_start",
    "retrieval_scores",
    "shrink",
    "squad_scores",
    "trace_predict",
]


def __getattr__(name: str) -> Any:
    if name in _WITH_TENSORFLOW:
        return getattr(importlib.import_module(f"{__name__}.{_WITH_TENSORFLOW[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
