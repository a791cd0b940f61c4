"""Optimizers, schedules, callbacks and what surrounds a call of `fit`."""

from tfzoo.training.best_preset import BestPreset
from tfzoo.training.optimizers import AdamW, fine_tuning_optimizer
from tfzoo.training.precision import choose_precision
from tfzoo.training.progress import Progress
from tfzoo.training.schedules import WarmupDecay, plan_schedule
from tfzoo.training.squad_scores import squad_scores
from tfzoo.training.tracing import quick_start, trace_predict

__all__ = [
    "AdamW",
    "BestPreset",
    "Progress",
    "WarmupDecay",
    "choose_precision",
    "fine_tuning_optimizer",
    "plan_schedule",
    "quick_start",
    "squad_scores",
    "trace_predict",
]
