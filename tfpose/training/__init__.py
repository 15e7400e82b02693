"""Training: a recipe, its objective, the loop, checkpointed state, validation.

Batches come from `feeds`, weight updates from `update`; networks, losses and data have rooms of
their own.
"""
