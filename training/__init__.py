"""How the bundled emotion weights were made: data, training, evaluation, export."""
