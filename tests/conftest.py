"""What holds for every test."""

from hypothesis import HealthCheck, settings

# A busy machine is no bug: properties are judged by what they find and never by how long it takes.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
