"""One port per file: what the use cases need from outside. Each docstring is the contract."""
