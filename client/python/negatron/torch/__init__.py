# SPDX-License-Identifier: Apache-2.0
"""Negatives for PyTorch: a sampler, a data set, losses, a pusher of embeddings, reports of outcomes.

    sampler = negatron.torch.NegativeSampler(client, "films", 8, policy=Uniform())
    for (users, items, times), negatives in sampler.over(
        loader, lambda batch: {"users": batch[0], "positives": batch[1], "as_of": batch[2]}
    ):
        scores = model(users, negatives.items)

Needs PyTorch 1.13 or later, which the rest of the package does not.
"""

from negatron.torch.feedback import OutcomeReporter
from negatron.torch.loading import NegativeBatches, TrainingBatch
from negatron.torch.losses import bpr_loss, margin_loss, sampled_softmax_loss
from negatron.torch.pushing import EmbeddingPusher
from negatron.torch.sampling import Negatives, NegativeSampler

__all__ = [
    "EmbeddingPusher",
    "NegativeBatches",
    "NegativeSampler",
    "Negatives",
    "OutcomeReporter",
    "TrainingBatch",
    "bpr_loss",
    "margin_loss",
    "sampled_softmax_loss",
]
