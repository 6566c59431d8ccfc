"""What holds for every room's tests."""

from hypothesis import HealthCheck, settings

# A property says nothing of time: on a machine that has other work, drawing examples may be slow.
settings.register_profile("savar", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("savar")
