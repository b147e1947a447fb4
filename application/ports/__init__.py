"""One port a file: what the use cases ask of the outside. Each docstring is the contract."""
