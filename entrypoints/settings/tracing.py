"""Settings of traces, with the names of OpenTelemetry."""

from __future__ import annotations

from urllib.parse import unquote

from pydantic import Field, SecretStr, field_validator

from entrypoints.settings.group import Group, WebAddress


class TracingSettings(Group):
    """Without an endpoint there are no traces."""

    otel_exporter_otlp_endpoint: WebAddress | None = None
    otel_exporter_otlp_headers: SecretStr | None = None
    otel_service_name: str = Field(default="emotion-api", min_length=1)
    otel_traces_sampler_arg: float = Field(default=1.0, ge=0, le=1)

    @field_validator("otel_exporter_otlp_headers")
    @classmethod
    def _check_headers(cls, headers: SecretStr | None) -> SecretStr | None:
        if headers is not None:
            for pair in headers.get_secret_value().split(","):
                if not pair.partition("=")[0].strip() or "=" not in pair:
                    raise ValueError("must be name=value, several separated by commas")
        return headers

    def not_chosen(self) -> dict[str, tuple[str, ...]]:
        """What only traces use."""
        endpoint = self.otel_exporter_otlp_endpoint
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": ("otel_",)} if endpoint is None else {}

    @property
    def otlp_headers(self) -> dict[str, str]:
        """The headers of requests to the collector."""
        if self.otel_exporter_otlp_headers is None:
            return {}
        pairs = self.otel_exporter_otlp_headers.get_secret_value().split(",")
        parts = (pair.partition("=") for pair in pairs)
        return {name.strip().lower(): unquote(value.strip()) for name, _, value in parts}
