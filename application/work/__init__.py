"""How work is admitted, put in order, kept within memory, and finished."""
