"""The training side: datasets, targets, networks, training, evaluation and export."""
