"""Losses: on maps, against a teacher's maps (distillation), against its features (hints).

Which of them a run minimises is `tfpose.training.objective`.
"""
