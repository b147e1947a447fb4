"""Where bytes come in: connections, what each may cost, and answers that arrive."""
