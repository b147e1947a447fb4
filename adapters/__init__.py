"""One folder a technology; each class here fulfils a port of ``application.ports``."""
